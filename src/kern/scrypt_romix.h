/*
 * scrypt_romix: scryptROMix (RFC 7914, 5) of several lanes in step; each variant includes it once and calls romix() with constants.
 *
 * The including file says what its compiler flags or TARGET allow: SCRYPT_WIDTH, the lanes in one register (128 bits each).
 *
 * Salsa20/8 is one chain: of its 4 x 8 steps each waits for the one before, about 130 cycles in all, and a lane leaves most of the CPU idle.
 * Two things fill it: lanes side by side in wide registers, and registers in turn.
 *
 * Inside, a Salsa20 matrix (words 0 … 15) is kept as its diagonals, so that a step is the same on all four words of a row:
 *     a = 0 5 10 15    b = 4 9 14 3    c = 8 13 2 7    d = 12 1 6 11
 * These are the columns of the column round.  The row round works on a = 0 5 10 15, d = 1 6 11 12, c = 2 7 8 13, b = 3 4 9 14: the same
 * rows, turned by one, two and three words.  ROMix only ever adds, xors and copies whole matrices, so the order stays until the end.
 */
#ifndef KERN_SCRYPT_ROMIX_H
#define KERN_SCRYPT_ROMIX_H
#include "base/le.h"
#include "kern/scrypt_mix.h"
#ifndef SCRYPT_WIDTH
#define SCRYPT_WIDTH 1
#endif
#ifndef TARGET
#define TARGET
#endif
#if SCRYPT_WIDTH == 2
#include <immintrin.h>
#endif

#define PART static inline __attribute__((always_inline)) TARGET
enum { WIDTH = SCRYPT_WIDTH, REGS = SCRYPT_LANES };

typedef uint32_t quad __attribute__((vector_size(16)));
typedef uint32_t row __attribute__((vector_size(16 * SCRYPT_WIDTH)));

/* One matrix of each lane in a register. */
struct matrix {
	row a, b, c, d;
};

/* turn(x, i, j, k, l): words i, j, k, l of each lane. */
#if SCRYPT_WIDTH == 2
#define INDICES(i, j, k, l) i, j, k, l, 4 + i, 4 + j, 4 + k, 4 + l
#else
#define INDICES(i, j, k, l) i, j, k, l
#endif
#if defined(__clang__)
#define turn(x, i, j, k, l) __builtin_shufflevector(x, x, INDICES(i, j, k, l))
#else
#define turn(x, i, j, k, l) __builtin_shuffle(x, (row){INDICES(i, j, k, l)})
#endif

/* For each register k < regs.  Unrolled, or the matrices leave the registers; every caller is inlined where `regs` is a constant. */
#define EACH_REGISTER(k) _Pragma("GCC unroll 4") for (int k = 0; k < regs; k++)

/* x ^= (y + z) <<< n */
#define STEP(x, y, z, n)                                                                                                                   \
	do {                                                                                                                               \
		row sum = (y) + (z);                                                                                                       \
		(x) ^= sum << (n);                                                                                                         \
		(x) ^= sum >> (32 - (n));                                                                                                  \
	} while (0)

/* RFC 7914, 3.  The steps of the registers alternate: while one waits for its sum, the others' are under way. */
PART void salsa20_8(struct matrix *m, const int regs)
{
	struct matrix old[REGS];

	EACH_REGISTER (k)
		old[k] = m[k];
	for (int i = 0; i < 8; i += 2) {
		EACH_REGISTER (k)
			STEP(m[k].b, m[k].a, m[k].d, 7);
		EACH_REGISTER (k)
			STEP(m[k].c, m[k].b, m[k].a, 9);
		EACH_REGISTER (k)
			STEP(m[k].d, m[k].c, m[k].b, 13);
		EACH_REGISTER (k) {
			STEP(m[k].a, m[k].d, m[k].c, 18);
			m[k].b = turn(m[k].b, 3, 0, 1, 2);
			m[k].c = turn(m[k].c, 2, 3, 0, 1);
			m[k].d = turn(m[k].d, 1, 2, 3, 0);
		}
		EACH_REGISTER (k)
			STEP(m[k].d, m[k].a, m[k].b, 7);
		EACH_REGISTER (k)
			STEP(m[k].c, m[k].d, m[k].a, 9);
		EACH_REGISTER (k)
			STEP(m[k].b, m[k].c, m[k].d, 13);
		EACH_REGISTER (k) {
			STEP(m[k].a, m[k].b, m[k].c, 18);
			m[k].b = turn(m[k].b, 1, 2, 3, 0);
			m[k].c = turn(m[k].c, 2, 3, 0, 1);
			m[k].d = turn(m[k].d, 3, 0, 1, 2);
		}
	}
	EACH_REGISTER (k) {
		m[k].a += old[k].a;
		m[k].b += old[k].b;
		m[k].c += old[k].c;
		m[k].d += old[k].d;
	}
}

/* V is kept lane by lane: in phase two each lane reads its own place, and lanes side by side in memory would cost each the others' lines. */
PART row join(quad *const *v, size_t at)
{
#if SCRYPT_WIDTH == 2
	return (row)_mm256_inserti128_si256(_mm256_castsi128_si256((__m128i)v[0][at]), (__m128i)v[1][at], 1);
#else
	return v[0][at];
#endif
}
PART void split(quad *const *v, size_t at, row x)
{
#if SCRYPT_WIDTH == 2
	v[0][at] = (quad)_mm256_castsi256_si128((__m256i)x);
	v[1][at] = (quad)_mm256_extracti128_si256((__m256i)x, 1);
#else
	v[0][at] = x;
#endif
}

PART void xor_from(struct matrix *m, quad *const *v, size_t at)
{
	m->a ^= join(v, at);
	m->b ^= join(v, at + 1);
	m->c ^= join(v, at + 2);
	m->d ^= join(v, at + 3);
}
PART void keep(const struct matrix *m, quad *const *v, size_t at)
{
	split(v, at, m->a);
	split(v, at + 1, m->b);
	split(v, at + 2, m->c);
	split(v, at + 3, m->d);
}

/*
 * V is too large for the caches, and where a lane reads next is known only when its block is done.  So matrix i is asked for AHEAD matrices
 * early, and the first ones at once: asked for all together they would be more than the CPU keeps in flight, and it would wait for them.
 */
#define AHEAD 4

PART void fetch(quad *const *v, size_t i, const int lanes)
{
	for (int l = 0; l < lanes; l++)
		__builtin_prefetch(v[l] + 4 * i);
}

enum phase { FILL, MIX };

/* One round of scryptBlockMix's loop, on matrix i: t is its X. */
PART void one(const struct matrix *from, struct matrix *to, struct matrix *t, quad *const *v, size_t i, enum phase phase, const int regs)
{
	EACH_REGISTER (k) {
		struct matrix m = from[k];

		if (phase == FILL)
			keep(&m, v + k * WIDTH, 4 * i);
		else
			xor_from(&m, v + k * WIDTH, 4 * i);
		t[k].a ^= m.a;
		t[k].b ^= m.b;
		t[k].c ^= m.c;
		t[k].d ^= m.d;
	}
	salsa20_8(t, regs);
	EACH_REGISTER (k)
		to[k] = t[k];
}

/*
 * scryptBlockMix (RFC 7914, 4) with the step of ROMix before it: FILL leaves the 2 r matrices of `from` in V, MIX xors those of V to them.
 * v: for each lane of the registers, its place in V.
 */
PART void block_mix(const struct matrix *from, struct matrix *to, quad *const *v, size_t r, enum phase phase, const int regs)
{
	const size_t last = 2 * r - 1, wide = (size_t)regs;
	struct matrix t[REGS];

	if (phase == MIX) {
		fetch(v, last, regs * WIDTH);
		for (size_t i = 0; i < AHEAD && i < last; i++)
			fetch(v, i, regs * WIDTH);
	}
	EACH_REGISTER (k) {
		t[k] = from[last * wide + (size_t)k];
		if (phase == MIX)
			xor_from(&t[k], v + k * WIDTH, 4 * last);
	}
	for (size_t i = 0; i < r; i++) {
		if (phase == MIX && 2 * i + AHEAD < last) {
			fetch(v, 2 * i + AHEAD, regs * WIDTH);
			fetch(v, 2 * i + AHEAD + 1, regs * WIDTH);
		}
		one(from + 2 * i * wide, to + i * wide, t, v, 2 * i, phase, regs);
		one(from + (2 * i + 1) * wide, to + (r + i) * wide, t, v, 2 * i + 1, phase, regs);
	}
}

/* Where word i of each row of lane l (of one register) stands in a block of bytes: the table of diagonals above. */
#define WORD(i, row_first) (4 * (((row_first) + 5 * (i)) & 15))

PART void load(struct matrix *m, size_t l, const uint8_t *p)
{
	for (size_t i = 0; i < 4; i++) {
		m->a[4 * l + i] = le32_get(p + WORD(i, 0));
		m->b[4 * l + i] = le32_get(p + WORD(i, 4));
		m->c[4 * l + i] = le32_get(p + WORD(i, 8));
		m->d[4 * l + i] = le32_get(p + WORD(i, 12));
	}
}
PART void store(const struct matrix *m, size_t l, uint8_t *p)
{
	for (size_t i = 0; i < 4; i++) {
		le32_put(p + WORD(i, 0), m->a[4 * l + i]);
		le32_put(p + WORD(i, 4), m->b[4 * l + i]);
		le32_put(p + WORD(i, 8), m->c[4 * l + i]);
		le32_put(p + WORD(i, 12), m->d[4 * l + i]);
	}
}

/*
 * regs registers for the lanes of w.  A place that is left over in the last register repeats the last lane: it computes the same, and reads
 * and writes the same of V.
 */
PART void romix(const struct scrypt_work *w, const int regs)
{
	const size_t block = 8 * w->r, wide = (size_t)regs; /* block: in quads */
	struct matrix *x = w->x, *y = x + 2 * w->r * wide, *swap;
	quad *lane[REGS * WIDTH], *at[REGS * WIDTH];

	for (size_t l = 0; l < wide * WIDTH; l++) {
		size_t from = l < w->lanes ? l : w->lanes - 1;

		lane[l] = at[l] = (quad *)w->v + from * block * w->n;
		for (size_t i = 0; i < 2 * w->r; i++)
			load(&x[i * wide + l / WIDTH], l % WIDTH, w->b + 128 * w->r * from + 64 * i);
	}
	for (size_t n = 0; n < w->n; n++) {
		block_mix(x, y, at, w->r, FILL, regs);
		for (size_t l = 0; l < wide * WIDTH; l++)
			at[l] += block;
		swap = x, x = y, y = swap;
	}
	for (size_t n = 0; n < w->n; n++) {
		/* Integerify modulo N: N is below 2^31, so the first word of the last matrix tells. */
		for (size_t l = 0; l < wide * WIDTH; l++)
			at[l] = lane[l] + block * (x[(2 * w->r - 1) * wide + l / WIDTH].a[4 * (l % WIDTH)] & (w->n - 1));
		block_mix(x, y, at, w->r, MIX, regs);
		swap = x, x = y, y = swap;
	}
	for (size_t l = 0; l < w->lanes; l++)
		for (size_t i = 0; i < 2 * w->r; i++)
			store(&x[i * wide + l / WIDTH], l % WIDTH, w->b + 128 * w->r * l + 64 * i);
}
#endif
