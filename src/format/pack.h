/* pack: the plaintext of a pack's header (docs/format.md 4).  Sealing it and reading packs is
 * repo's. */
#ifndef FORMAT_PACK_H
#define FORMAT_PACK_H
#include "base/buf.h"
#include "base/err.h"
#include "format/blob.h"

#define PACK_OVERHEAD     36u              /* bytes of a pack besides blobs and header entries */
#define PACK_HEADER_MAX   (16777216u + 4u) /* with the length field */
#define PACK_ENTRIES_MAX  409199u
#define PACK_EAGER        651u /* bytes at the end that hold the header of up to 15 blobs */
#define PACK_SIZE_MIN     ((size_t)4 << 20)
#define PACK_SIZE_MAX     ((size_t)128 << 20)
#define PACK_SIZE_DEFAULT ((size_t)64 << 20)

static inline unsigned pack_entry_size(const struct blob *b)
{
	return b->plain ? 41 : 37;
}

/* pack_header_write: the entries of n blobs in pack order (their offsets must follow each other
 * from 0). */
void pack_header_write(const struct blob *b, size_t n, struct buf *out);

/*
 * pack_header_parse: entries to a heap array *out of *n blobs with offsets summed from 0.
 * `blobs_end` is where the blobs must end (the header's offset in the pack); a different sum is
 * ERR_INVALID.
 */
int pack_header_parse(const uint8_t *p, size_t len, uint64_t blobs_end, struct blob **out,
	size_t *n, struct err *err);

/* pack_header_span: given the pack's last 4 bytes and its size, the sealed header's offset and
 * length; ERR_INVALID as section 4 says. */
int pack_header_span(const uint8_t last4[4], uint64_t pack_size, uint64_t *offset, uint32_t *length,
	struct err *err);

#endif
