#include "fs/letter.h"
#include <stdbool.h>

uint32_t letter_get(const char *s, size_t n, size_t *width)
{
	uint32_t c;
	size_t got = utf8_get((const uint8_t *)s, n, &c);

	*width = got ? got : 1;
	return got ? c : UTF8_BAD;
}

static uint32_t lower_char(uint32_t c)
{
	size_t lo = 0, hi = letter_folds;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c > letter_fold[mid].hi)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == letter_folds || c < letter_fold[lo].lo ||
		(c - letter_fold[lo].lo) % letter_fold[lo].step)
		return c;
	return c + (uint32_t)letter_fold[lo].delta;
}

void letter_lower(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint8_t out[4];
		size_t width;
		uint32_t c = letter_get(s + i, n - i, &width);

		i += width;
		if (c < 0x80)
			buf_addc(b, (int)(c >= 'A' && c <= 'Z' ? c + 32 : c));
		else
			buf_add(b, out, utf8_put(out, lower_char(c)));
	}
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

const char *letter_trim(const char *s, size_t *n)
{
	size_t width;

	while (*n && is_space(letter_get(s, *n, &width))) {
		s += width;
		*n -= width;
	}
	while (*n) {
		size_t back = 1;

		/* A character's first byte is the nearest one that is no continuation byte. */
		while (back < 4 && back < *n && ((uint8_t)s[*n - back] & 0xc0) == 0x80)
			back++;
		if (!is_space(letter_get(s + *n - back, back, &width)) || width != back)
			break;
		*n -= width;
	}
	return s;
}
