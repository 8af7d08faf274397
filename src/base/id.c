#include "base/id.h"
#include "base/err.h"

static const char digits[] = "0123456789abcdef";

bool id_is_zero(const struct id *id)
{
	uint8_t any = 0;

	for (size_t i = 0; i < ID_SIZE; i++)
		any |= id->b[i];
	return any == 0;
}

void hex_encode(char *out, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(uint8_t *out, const char *s, size_t n)
{
	if (n % 2)
		return ERR_INVALID;
	for (size_t i = 0; i < n; i += 2) {
		int hi = digit(s[i]), lo = digit(s[i + 1]);

		if (hi < 0 || lo < 0)
			return ERR_INVALID;
		*out++ = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

struct id_hex id_hex(const struct id *id)
{
	struct id_hex h;

	hex_encode(h.s, id->b, ID_SIZE);
	return h;
}

struct id_hex id_short(const struct id *id)
{
	struct id_hex h = {{0}};

	hex_encode(h.s, id->b, ID_SHORT_HEX / 2);
	return h;
}

int id_parse(struct id *id, const char *s, size_t n)
{
	/* Decoded aside, so that a failure leaves *id as it was. */
	struct id new;

	if (n != ID_HEX || hex_decode(new.b, s, n) < 0)
		return ERR_INVALID;
	*id = new;
	return 0;
}
