/*
 * nodeedit: a node's JSON with some members changed and all others as they are, byte for byte: so
 * that nothing of what another program has written into it is lost or laid out anew.
 */
#ifndef FORMAT_NODEEDIT_H
#define FORMAT_NODEEDIT_H
#include "base/buf.h"
#include "base/id.h"

struct nodeedit {
	const struct id *subtree; /* NULL: as it is */
	bool content;             /* a file's contents and size: */
	const struct id *ids;     /* n_ids of them */
	size_t n_ids;
	uint64_t size;
};

/* nodeedit(json, n, e, out): behind what `out` holds.  json: an object that tree_in has read. */
void nodeedit(const uint8_t *json, size_t n, const struct nodeedit *e, struct buf *out);

#endif
