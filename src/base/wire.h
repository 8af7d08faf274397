/*
 * wire: typed fields in a byte message between ranks (little-endian; strings as length + bytes).
 *
 * Writers append to a struct buf.  A reader never reads past the message: after the first field
 * that does not fit, `bad` is set and every further field reads as zero or empty, so a caller
 * decodes everything and checks `bad` once.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H
#include "base/buf.h"
#include "base/id.h"

struct wire_in {
	const uint8_t *p, *end;
	bool bad;
};

void wire_put_u8(struct buf *b, uint8_t v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_id(struct buf *b, const struct id *id);
void wire_put_bytes(struct buf *b, const void *p, size_t n); /* u32 length + bytes */

void wire_in_init(struct wire_in *w, const void *p, size_t n);
uint8_t wire_u8(struct wire_in *w);
uint32_t wire_u32(struct wire_in *w);
uint64_t wire_u64(struct wire_in *w);
void wire_id(struct wire_in *w, struct id *id);
/* borrowed from the message; *n = 0 when bad */
const uint8_t *wire_bytes(struct wire_in *w, size_t *n);
/* wire_text: the same as a string of its own, for the caller to free; "" when bad */
char *wire_text(struct wire_in *w);
bool wire_done(const struct wire_in *w); /* everything read and nothing bad */

#endif
