#include "format/base64.h"
#include "base/err.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, const void *p, size_t n)
{
	const uint8_t *in = p;
	uint8_t *out;

	if (!n)
		return;
	if (n > SIZE_MAX / 2) {
		b->overflow = true;
		return;
	}
	if (buf_reserve(b, (n + 2) / 3 * 4) < 0)
		return;
	out = b->p + b->len;
	for (; n >= 3; n -= 3, in += 3) {
		uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

		*out++ = (uint8_t)digits[v >> 18];
		*out++ = (uint8_t)digits[v >> 12 & 63];
		*out++ = (uint8_t)digits[v >> 6 & 63];
		*out++ = (uint8_t)digits[v & 63];
	}
	if (n) {
		uint32_t v = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);

		*out++ = (uint8_t)digits[v >> 18];
		*out++ = (uint8_t)digits[v >> 12 & 63];
		*out++ = n == 2 ? (uint8_t)digits[v >> 6 & 63] : '=';
		*out++ = '=';
	}
	b->len = (size_t)(out - b->p);
}

/* The value of a digit, or 64 and more. */
static uint32_t value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

int base64_get(const char *s, size_t n, uint8_t *out, size_t *out_n)
{
	uint8_t *start = out;

	if (n % 4)
		return ERR_INVALID;
	for (; n; n -= 4, s += 4) {
		/* Padding may only end the text. */
		int pad = n > 4 || s[3] != '=' ? 0 : s[2] != '=' ? 1 : 2;
		uint32_t a = value(s[0]), b = value(s[1]), c = pad == 2 ? 0 : value(s[2]),
			 d = pad ? 0 : value(s[3]);
		uint32_t v = a << 18 | b << 12 | c << 6 | d;

		if ((a | b | c | d) > 63)
			return ERR_INVALID;
		*out++ = (uint8_t)(v >> 16);
		if (pad < 2)
			*out++ = (uint8_t)(v >> 8);
		if (!pad)
			*out++ = (uint8_t)v;
	}
	*out_n = (size_t)(out - start);
	return 0;
}
