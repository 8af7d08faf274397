/*
 * chunker_plain: the scan in portable C.
 *
 * One digest is a chain of table look-ups, each waiting for the one before.  So a block is split
 * into lanes that are scanned in step, each
 * beginning with the digest of the 64 bytes before it: the look-ups of one lane fill the waits of
 * the others.  Eight lanes and their
 * temporaries just fit the registers of x86-64, provided that one pointer serves all: hence lane
 * lengths fixed at compile time.  Lengths
 * are not a power of two, which would put all lanes on the same cache sets.
 *
 * Two bytes a step: with d = H before them, the digest after the first byte, already shifted for
 * the second, is
 *     e = d << 16 ^ b0 << 8 ^ b1 ^ mod8[d >> 45] ^ out8[o0]
 * (61 bits: nothing is lost), whose low 20 bits lie at bit 8, and the digest after the second byte
 * is e ^ mod[e >> 53] ^ out[o1].
 */
#include "kern/chunker_scan.h"
#include <string.h>

#define LANES 8
#define LONG  ((size_t)8128)
#define SHORT ((size_t)512)

#define unlikely(x) __builtin_expect(!!(x), 0)

_Static_assert(CHUNKER_DEGREE == 53, "the shifts below");
_Static_assert(LONG <= CHUNKER_BLOCK / LANES, "a block of lanes is one call");

static inline uint64_t push(const struct chunker_tables *t, uint64_t d, uint8_t b)
{
	return (d << 8 | b) ^ t->mod[d >> 45];
}

uint64_t chunker_digest(const struct chunker_tables *t, const uint8_t *p)
{
	uint64_t d = 0;

	for (size_t i = 0; i < CHUNKER_WINDOW; i++)
		d = push(t, d, p[i]);
	return d;
}

/* The digest after the byte at p, given `d` before it. */
static inline uint64_t slide(const struct chunker_tables *t, uint64_t d, const uint8_t *p)
{
	return push(t, d, p[0]) ^ t->out[p[-CHUNKER_WINDOW]];
}

static inline uint64_t be16(const uint8_t *p)
{
	return (uint64_t)p[0] << 8 | p[1];
}

static void scan_one(const struct chunker_tables *t, const uint8_t *p, size_t from, size_t n,
	struct chunker_marks *m)
{
	uint64_t d = chunker_digest(t, p + from - CHUNKER_WINDOW);

	for (size_t i = from; i < n; i++) {
		d = slide(t, d, p + i);
		if (unlikely((d & CHUNKER_MASK) == 0))
			chunker_mark(m, i);
	}
}

/* LANES lanes of `len` bytes, an even number and a constant where this is inlined; marks begin at
 * `from`. */
static inline __attribute__((always_inline)) void scan_lanes(const struct chunker_tables *t,
	const uint8_t *p, size_t from, const size_t len, struct chunker_marks *m)
{
	uint64_t d[LANES] = {0};

	p += from;
	for (size_t i = 0; i < CHUNKER_WINDOW; i++) {
		const uint8_t *q = p - CHUNKER_WINDOW + i;

#pragma GCC unroll 8
		for (size_t k = 0; k < LANES; k++)
			d[k] = push(t, d[k], q[k * len]);
	}
	for (size_t i = 0; i < len; i += 2) {
		const uint8_t *q = p + i, *old = q - CHUNKER_WINDOW;

#pragma GCC unroll 8
		for (size_t k = 0; k < LANES; k++) {
			uint64_t e = d[k] << 16 ^ be16(q + k * len) ^ t->mod8[d[k] >> 45] ^
				     t->out8[old[k * len]];

			if (unlikely((e & (uint64_t)CHUNKER_MASK << 8) == 0))
				chunker_mark(m, from + k * len + i);
			d[k] = e ^ t->mod[e >> 53] ^ t->out[old[k * len + 1]];
			if (unlikely((d[k] & CHUNKER_MASK) == 0))
				chunker_mark(m, from + k * len + i + 1);
		}
	}
}

static void scan_plain(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	size_t at = 0;

	for (; n - at >= LANES * LONG; at += LANES * LONG)
		scan_lanes(t, p, at, LONG, m);
	for (; n - at >= LANES * SHORT; at += LANES * SHORT)
		scan_lanes(t, p, at, SHORT, m);
	if (at < n)
		scan_one(t, p, at, n, m);
}

static bool always(void)
{
	return true;
}

const struct chunker_variant chunker_plain = {
	.name = "plain",
	.block = LANES * LONG,
	.supported = always,
	.scan = scan_plain,
};
