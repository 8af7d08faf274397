/* utf8: one rune at a time, strict as Go's unicode/utf8: overlong forms, surrogates and runes above
 * U+10FFFF are invalid. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD 0xfffdu /* U+FFFD, what stands for each invalid byte */

/* utf8_get(p, n, rune): the bytes (1 … 4) of the rune at p, of which n can be read; 0 if none
 * begins there (n = 0 too).  `rune` may be NULL. */
static inline size_t utf8_get(const uint8_t *p, size_t n, uint32_t *rune)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t r;
	size_t len;

	if (n == 0)
		return 0;
	r = p[0];
	if (r < 0x80) {
		if (rune)
			*rune = r;
		return 1;
	}
	len = r >= 0xf0 ? 4 : r >= 0xe0 ? 3 : 2;
	if (r < 0xc2 || r > 0xf4 || len > n)
		return 0;
	r &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		r = r << 6 | (p[i] & 0x3f);
	}
	if (r < least[len] || r > 0x10ffff || (r >= 0xd800 && r < 0xe000))
		return 0;
	if (rune)
		*rune = r;
	return len;
}

/* utf8_put(out, rune): writes 1 … 4 bytes and returns how many.  What is no rune is written as
 * U+FFFD. */
static inline size_t utf8_put(uint8_t *out, uint32_t r)
{
	if (r < 0x80) {
		out[0] = (uint8_t)r;
		return 1;
	}
	if (r < 0x800) {
		out[0] = (uint8_t)(0xc0 | r >> 6);
		out[1] = (uint8_t)(0x80 | (r & 0x3f));
		return 2;
	}
	if (r > 0x10ffff || (r >= 0xd800 && r < 0xe000))
		r = UTF8_BAD;
	if (r < 0x10000) {
		out[0] = (uint8_t)(0xe0 | r >> 12);
		out[1] = (uint8_t)(0x80 | (r >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (r & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | r >> 18);
	out[1] = (uint8_t)(0x80 | (r >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (r >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (r & 0x3f));
	return 4;
}

/* utf8_space: Unicode's White_Space, which is what Go trims. */
static inline bool utf8_space(uint32_t r)
{
	if (r < 0x80)
		return r == ' ' || (r >= '\t' && r <= '\r');
	return r == 0x85 || r == 0xa0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200a) ||
	       r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000;
}

/* utf8_trim: narrows (s, n) by the white space at both ends. */
static inline void utf8_trim(const char **s, size_t *n)
{
	const uint8_t *p = (const uint8_t *)*s;
	uint32_t r = 0;
	size_t step;

	while ((step = utf8_get(p, *n, &r)) > 0 && utf8_space(r)) {
		p += step;
		*n -= step;
	}
	*s = (const char *)p;
	/* The longest of them takes three bytes. */
	for (step = 1; step <= 3 && step <= *n; step++) {
		if (utf8_get(p + *n - step, step, &r) == step && utf8_space(r)) {
			*n -= step;
			step = 0;
		}
	}
}

#endif
