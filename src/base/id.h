/*
 * id: 32 bytes that name a thing by its SHA-256, and their lower-case hex form.
 */
#ifndef BASE_ID_H
#define BASE_ID_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ID_SIZE      32
#define ID_HEX       64 /* characters, without a final 0 */
#define ID_SHORT_HEX 8  /* restic's short form */

struct id {
	uint8_t b[ID_SIZE];
};

struct id_hex {
	char s[ID_HEX + 1];
};

static inline bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, ID_SIZE) == 0;
}
static inline int id_cmp(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, ID_SIZE);
}
bool id_is_zero(const struct id *id);

/* id_hex(id): printf("%s", id_hex(&id).s).  id_short: the first 8 digits. */
struct id_hex id_hex(const struct id *id);
struct id_hex id_short(const struct id *id);

/* id_parse(id, s, n): `s` of `n` bytes must be 64 hex digits (upper case too).  0 or ERR_INVALID.
 */
int id_parse(struct id *id, const char *s, size_t n);

/* hex_encode: 2*n characters and a 0 to `out`.  hex_decode: n hex digits (n even) to n/2 bytes; 0
 * or ERR_INVALID. */
void hex_encode(char *out, const void *p, size_t n);
int hex_decode(uint8_t *out, const char *s, size_t n);

#endif
