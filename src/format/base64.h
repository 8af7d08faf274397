/* base64: RFC 4648 section 4 (with + and /, padded) as Go's encoding/json writes and reads []byte.
 */
#ifndef FORMAT_BASE64_H
#define FORMAT_BASE64_H
#include "base/buf.h"

/* base64_put: appends the text of n bytes, without quotes. */
void base64_put(struct buf *b, const void *p, size_t n);

/* base64_room: the most bytes that n characters may stand for. */
static inline size_t base64_room(size_t n)
{
	return n / 4 * 3;
}

/* base64_get: n characters to at most base64_room(n) bytes at `out`, their number to *out_n.  0, or
 * ERR_INVALID (wrong characters or padding). */
int base64_get(const char *s, size_t n, uint8_t *out, size_t *out_n);

#endif
