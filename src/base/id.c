#include "base/id.h"
#include "base/err.h"
#include "base/le.h"

bool id_is_zero(const struct id *id)
{
	uint8_t any = 0;

	for (size_t i = 0; i < ID_SIZE; i++)
		any |= id->b[i];
	return any == 0;
}

/*
 * Eight digits at a time, a byte each of a word whose lowest byte comes first: a nightly run reads
 * and writes the ids of every unchanged file.
 */
#define EACH(byte) (0x0101010101010101u * (byte))

/* The digits of nibbles. */
static inline uint64_t to_digits(uint64_t nibbles)
{
	uint64_t letter = ((nibbles + EACH(6)) >> 4) & EACH(1);

	return nibbles + EACH('0') + letter * ('a' - '0' - 10);
}

void hex_encode(char *out, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (; n >= 4; n -= 4, b += 4, out += 8) {
		uint64_t v = le32_get(b);

		v = (v | v << 16) & 0x0000ffff0000ffffu;
		v = (v | v << 8) & 0x00ff00ff00ff00ffu;
		v = (v >> 4 | v << 8) & EACH(15);
		le64_put((uint8_t *)out, to_digits(v));
	}
	for (; n > 0; n--, b++) {
		*out++ = (char)to_digits(*b >> 4);
		*out++ = (char)to_digits(*b & 15);
	}
	*out = 0;
}

/* The nibbles of 8 digits of either case; false: they are not all digits. */
static inline bool from_digits(uint64_t s, uint64_t *nibbles)
{
	uint64_t lower = s | EACH(0x20), letter = (s >> 6) & EACH(1);

	*nibbles = (s & EACH(15)) + letter * 9;
	/* No other byte has one of these two bits and the same lower digit. */
	return ((s | s << 1) & EACH(0x40)) == EACH(0x40) && to_digits(*nibbles & EACH(15)) == lower;
}

int hex_decode(uint8_t *out, const char *s, size_t n)
{
	uint64_t v;

	if (n % 2)
		return ERR_INVALID;
	for (; n >= 8; n -= 8, s += 8, out += 4) {
		if (!from_digits(le64_get((const uint8_t *)s), &v))
			return ERR_INVALID;
		v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ffu;
		v = (v | v >> 8) & 0x0000ffff0000ffffu;
		le32_put(out, (uint32_t)(v | v >> 16));
	}
	for (; n > 0; n -= 2, s += 2) {
		uint64_t pair = (uint8_t)s[0] | (uint64_t)(uint8_t)s[1] << 8;

		if (!from_digits(EACH('0') << 16 | pair, &v))
			return ERR_INVALID;
		*out++ = (uint8_t)(v << 4 | v >> 8);
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
