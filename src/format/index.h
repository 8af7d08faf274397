/* index: index files (docs/format.md 6), written and read as streams: an index of 20 million blobs
 * needs no document in memory. */
#ifndef FORMAT_INDEX_H
#define FORMAT_INDEX_H
#include "base/buf.h"
#include "base/json_in.h"
#include "format/blob.h"

/*
 * Writing: begin, packs, end.  The buffer's maximum bounds it; check out->overflow at the end.  A
 * writer that sets `drain` after index_begin is called now and then, even in the middle of a pack,
 * to take what is in `out` and reset it; the last bytes are left to it after index_end.
 */
#define INDEX_DRAIN ((size_t)256 << 10)
struct index_out {
	struct buf *out;
	size_t packs;
	void (*drain)(void *arg, struct buf *out);
	void *arg;
};
void index_begin(struct index_out *x, struct buf *out);
void index_pack(struct index_out *x, const struct id *pack, const struct blob *b, size_t n);
void index_end(struct index_out *x); /* with the final newline */

/*
 * index_read(j, fn, arg, err): calls fn once per pack with all its blobs (borrowed; at most
 * PACK_ENTRIES_MAX, sum of lengths < 4 GiB). `version` 1 refuses compressed entries.  Stops with
 * fn's non-zero return.  Unknown fields are skipped.  {} and null are indexes without packs.
 */
typedef int index_fn(void *arg, const struct id *pack, const struct blob *b, size_t n);
int index_read(struct json_in *j, unsigned version, index_fn *fn, void *arg, struct err *err);

#endif
