/* blob: the two kinds of content, and where a blob lies (docs/format.md 4, 6). */
#ifndef FORMAT_BLOB_H
#define FORMAT_BLOB_H
#include "base/id.h"

enum blob_type { BLOB_DATA = 0, BLOB_TREE = 1 };
const char *blob_type_name(enum blob_type t); /* "data", "tree" */

/* One blob inside one pack. */
struct blob {
	struct id id; /* SHA-256 of the plaintext */
	enum blob_type type;
	uint32_t offset; /* in the pack */
	uint32_t length; /* stored bytes, with the 32 of the seal */
	uint32_t plain;  /* uncompressed_length; 0: stored uncompressed, length - 32 */
};
static inline uint32_t blob_plain_size(const struct blob *b)
{
	return b->plain ? b->plain : b->length - 32;
}

/* blob_digest: of everything above; the sum over a list says in 64 bits what the list does, in any
 * order.  Against mistakes, not against an enemy. */
uint64_t blob_digest(const struct blob *b);

#endif
