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

/* 0x10 | the value of a hex digit; 0 for any other byte.  A nightly run decodes the ids of every
 * unchanged file. */
#define D(c, v) [c] = 0x10 | (v)
static const uint8_t digit[256] = {D('0', 0), D('1', 1), D('2', 2), D('3', 3), D('4', 4), D('5', 5),
	D('6', 6), D('7', 7), D('8', 8), D('9', 9), D('a', 10), D('b', 11), D('c', 12), D('d', 13),
	D('e', 14), D('f', 15), D('A', 10), D('B', 11), D('C', 12), D('D', 13), D('E', 14),
	D('F', 15)};
#undef D

int hex_decode(uint8_t *out, const char *s, size_t n)
{
	uint8_t all = 0x10;

	if (n % 2)
		return ERR_INVALID;
	for (size_t i = 0; i < n; i += 2) {
		uint8_t hi = digit[(uint8_t)s[i]], lo = digit[(uint8_t)s[i + 1]];

		all &= hi & lo;
		*out++ = (uint8_t)(hi << 4 | (lo & 15));
	}
	return all ? 0 : ERR_INVALID;
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
