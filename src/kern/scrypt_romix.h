/*
 * scrypt_romix: scryptROMix (RFC 7914, 5) of several lanes in step; each variant includes it once
 * and calls romix() with constants.
 *
 * The including file says what its compiler flags or TARGET allow: SCRYPT_WIDTH, the lanes in one
 * register (128 bits each).
 *
 * Salsa20/8 is one chain: of its 4 x 8 steps each waits for the one before, about 130 cycles in
 * all, and a lane leaves most of the CPU idle.
 * Two things fill it: lanes side by side in wide registers, and registers in turn.
 *
 * Inside, a Salsa20 matrix (words 0 … 15) is kept as its diagonals, so that a step is the same on
 * all four words of a row:
 *     a = 0 5 10 15    b = 4 9 14 3    c = 8 13 2 7    d = 12 1 6 11
 * These are the columns of the column round.  The row round works on a = 0 5 10 15, d = 1 6 11 12,
 * c = 2 7 8 13, b = 3 4 9 14: the same
 * rows, turned by one, two and three words.  ROMix only ever adds, xors and copies whole matrices,
 * so the order stays until the end.
 */
#ifndef KERN_SCRYPT_ROMIX_H
#define KERN_SCRYPT_ROMIX_H
#include "base/le.h"
#include "base/pages.h"
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
enum { WIDTH = SCRYPT_WIDTH, REGS = SCRYPT_LANES / SCRYPT_WIDTH, SLOTS = REGS * WIDTH };

typedef uint32_t quad __attribute__((vector_size(16)));
typedef uint32_t row __attribute__((vector_size(16 * SCRYPT_WIDTH)));

/* One matrix of each lane in a register. */
struct matrix {
	row a, b, c, d;
};

/* rotate(x, i, j, k, l): words i, j, k, l of each lane. */
#if SCRYPT_WIDTH == 2
#define INDICES(i, j, k, l) i, j, k, l, 4 + i, 4 + j, 4 + k, 4 + l
#else
#define INDICES(i, j, k, l) i, j, k, l
#endif
#if defined(__clang__)
#define rotate(x, i, j, k, l) __builtin_shufflevector(x, x, INDICES(i, j, k, l))
#else
#define rotate(x, i, j, k, l) __builtin_shuffle(x, (row){INDICES(i, j, k, l)})
#endif

/* For each register k < regs.  Unrolled, or the matrices leave the registers; every caller is
 * inlined where `regs` is a constant. */
#define EACH_REGISTER(k) _Pragma("GCC unroll 4") for (size_t k = 0; k < regs; k++)

/*
 * x ^= (y + z) <<< n.  In this order, which compilers like to change: the shift that is used last
 * may then be a cycle late, as it is when the CPU's two shifters have other work: an eighth of the
 * time of one register and of two.
 */
#if defined(__x86_64__)
#define KEEP_ORDER(x) __asm__("" : "+x"(x))
#else
#define KEEP_ORDER(x) (void)0
#endif
#define STEP(x, y, z, n)                                                                           \
	do {                                                                                       \
		row sum = (y) + (z);                                                               \
		(x) ^= sum << (n);                                                                 \
		KEEP_ORDER(x);                                                                     \
		(x) ^= sum >> (32 - (n));                                                          \
	} while (0)

/* RFC 7914, 3.  The steps of the registers alternate: while one waits for its sum, the others' are
 * under way. */
PART void salsa20_8(struct matrix *m, const size_t regs)
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
			m[k].b = rotate(m[k].b, 3, 0, 1, 2);
			m[k].c = rotate(m[k].c, 2, 3, 0, 1);
			m[k].d = rotate(m[k].d, 1, 2, 3, 0);
		}
		EACH_REGISTER (k)
			STEP(m[k].d, m[k].a, m[k].b, 7);
		EACH_REGISTER (k)
			STEP(m[k].c, m[k].d, m[k].a, 9);
		EACH_REGISTER (k)
			STEP(m[k].b, m[k].c, m[k].d, 13);
		EACH_REGISTER (k) {
			STEP(m[k].a, m[k].b, m[k].c, 18);
			m[k].b = rotate(m[k].b, 1, 2, 3, 0);
			m[k].c = rotate(m[k].c, 2, 3, 0, 1);
			m[k].d = rotate(m[k].d, 3, 0, 1, 2);
		}
	}
	EACH_REGISTER (k) {
		m[k].a += old[k].a;
		m[k].b += old[k].b;
		m[k].c += old[k].c;
		m[k].d += old[k].d;
	}
}

/*
 * A block is 2 r matrices of one lane, each of four quads.  Blocks are apart, not side by side: in
 * phase two each lane reads a place of its own in V, and lanes side by side in memory would cost
 * each the others' lines.
 */
PART row join(const quad *q)
{
#if SCRYPT_WIDTH == 2
	return (row)_mm256_inserti128_si256(_mm256_castsi128_si256((__m128i)q[0]), (__m128i)q[1],
		1);
#else
	return q[0];
#endif
}
PART void split(quad *const *p, size_t at, row x)
{
#if SCRYPT_WIDTH == 2
	p[0][at] = (quad)_mm256_castsi256_si128((__m256i)x);
	p[1][at] = (quad)_mm256_extracti128_si256((__m256i)x, 1);
#else
	p[0][at] = x;
#endif
}

PART void keep(const struct matrix *m, quad *const *p, size_t i)
{
	split(p, 4 * i, m->a);
	split(p, 4 * i + 1, m->b);
	split(p, 4 * i + 2, m->c);
	split(p, 4 * i + 3, m->d);
}

enum phase { FILL, MIX };

/* What each lane does next: out = scryptBlockMix(in) in FILL, scryptBlockMix(in ^ add) in MIX; far
 * is the one of in and add that is in V. */
struct turn {
	const quad *in[SLOTS], *add[SLOTS], *far[SLOTS];
	quad *out[SLOTS];
};

/* The place that an odd number of lanes leaves over repeats the last one: it computes the same, and
 * reads and writes the same. */
PART const struct turn *whole(struct turn *t, size_t lanes)
{
	if (lanes % WIDTH) {
		t->in[lanes] = t->in[lanes - 1];
		t->add[lanes] = t->add[lanes - 1];
		t->far[lanes] = t->far[lanes - 1];
		t->out[lanes] = t->out[lanes - 1];
	}
	return t;
}

/*
 * V is too large for the caches, and where a lane reads next is known only when its block is done.
 * So matrix i is asked for AHEAD matrices early, and the first ones at once: asked for all together
 * they would be more than the CPU keeps in flight, and it would wait for them.
 */
#define AHEAD 4

PART void fetch(const struct turn *t, size_t l, size_t i)
{
	__builtin_prefetch(t->far[l] + 4 * i);
}

/* What the lanes of register k begin with: xored before they are joined, which is half of the
 * joins. */
PART row from(const struct turn *t, size_t k, size_t at, enum phase phase)
{
	quad q[WIDTH];

	for (size_t l = 0; l < WIDTH; l++) {
		q[l] = t->in[k * WIDTH + l][at];
		if (phase == MIX)
			q[l] ^= t->add[k * WIDTH + l][at];
	}
	return join(q);
}

PART void xor_turn(struct matrix *x, const struct turn *t, size_t i, enum phase phase,
	const size_t regs)
{
	EACH_REGISTER (k) {
		x[k].a ^= from(t, k, 4 * i, phase);
		x[k].b ^= from(t, k, 4 * i + 1, phase);
		x[k].c ^= from(t, k, 4 * i + 2, phase);
		x[k].d ^= from(t, k, 4 * i + 3, phase);
	}
}

/* scryptBlockMix (RFC 7914, 4). */
PART void block_mix(const struct turn *t, size_t r, enum phase phase, const size_t regs)
{
	const size_t last = 2 * r - 1;
	struct matrix x[REGS] = {0};

	xor_turn(x, t, last, phase, regs);
	for (size_t i = 0; i <= last; i++) {
		for (size_t l = 0; phase == MIX && i + AHEAD < last && l < regs * WIDTH; l++)
			fetch(t, l, i + AHEAD);
		xor_turn(x, t, i, phase, regs);
		salsa20_8(x, regs);
		/* First all results of even i, then those of odd i. */
		EACH_REGISTER (k)
			keep(&x[k], t->out + k * WIDTH, i / 2 + i % 2 * r);
	}
}

/* Where word i of each row stands in a matrix of bytes: the table of diagonals above. */
#define WORD(i, row_first) (4 * (((row_first) + 5 * (i)) & 15))

PART void load(quad *m, const uint8_t *p)
{
	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < 4; i++)
			m[k][i] = le32_get(p + WORD(i, 4 * k));
}
PART void store(const quad *m, uint8_t *p)
{
	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < 4; i++)
			le32_put(p + WORD(i, 4 * k), m[k][i]);
}

/*
 * Only the even entries of V are kept.  An odd one is made again when it is asked for, of the one
 * before: half of the memory, for half more turns in MIX.  Each lane takes them when it needs them,
 * so lanes are in step by turns, not by steps of ROMix.
 */
struct lane {
	quad *v, *there, *end; /* its V; how far its pages are there; where it ends */
	quad *x, *y, *odd;     /* blocks: its X; where the next X goes; an odd entry of V */
	size_t left;           /* steps of ROMix */
	bool made;             /* the entry of V that X asks for is in `odd` */
};

/* Entry 2 n of V, to be written for the first time: nothing of a page may be written before the
 * page is made. */
PART quad *entry(struct lane *a, size_t n, size_t block)
{
	while (a->there < a->v + (n + 1) * block)
		a->there = pages_make(a->there, a->end);
	return a->v + n * block;
}

PART void fill(const struct scrypt_work *w, struct lane *lane, const size_t regs)
{
	const size_t block = 8 * w->r; /* in quads */
	struct turn t = {0};

	for (size_t n = 0; n < w->n; n++) {
		for (size_t l = 0; l < w->lanes; l++) {
			quad *kept = n + 1 < w->n ? entry(&lane[l], (n + 1) / 2, block) : lane[l].x;

			t.in[l] = n % 2 == 0 ? kept : lane[l].odd;
			t.out[l] = n % 2 == 0 ? lane[l].odd : kept;
		}
		block_mix(whole(&t, w->lanes), w->r, FILL, regs);
	}
}

/* What lane l does next in phase two; true when that is its last step.  After it a lane does
 * something that changes nothing of its own. */
PART bool choose(const struct scrypt_work *w, struct lane *a, struct turn *t, size_t l)
{
	const size_t block = 8 * w->r;
	/* Integerify modulo N: N is below 2^31, so the first word of the last matrix tells. */
	size_t j = a->x[block - 4][0] & (w->n - 1);

	t->far[l] = a->v + j / 2 * block;
	fetch(t, l, 2 * w->r - 1);
	for (size_t i = 0; i < AHEAD && i < 2 * w->r - 1; i++)
		fetch(t, l, i);
	if (j % 2 && !a->made) {
		a->made = true;
		t->in[l] = t->far[l];
		t->add[l] = w->x; /* zero */
		t->out[l] = a->odd;
		return false;
	}
	t->in[l] = a->x;
	t->add[l] = a->made ? a->odd : t->far[l];
	t->out[l] = a->y;
	if (!a->left)
		return false;
	a->made = false;
	a->y = a->x;
	a->x = t->out[l];
	return --a->left == 0;
}

PART void romix(const struct scrypt_work *w, const size_t regs)
{
	const size_t block = 8 * w->r, all = block * (w->n / 2);
	struct lane lane[SCRYPT_LANES];
	struct turn t = {0};

	for (size_t l = 0; l < w->lanes; l++) {
		quad *v = (quad *)w->v + l * all, *x = (quad *)w->x + (1 + 3 * l) * block, *first;

		lane[l] = (struct lane){.v = v,
			.there = v,
			.end = v + all,
			.x = x,
			.y = x + block,
			.odd = x + 2 * block,
			.left = w->n};
		if (!w->fresh)
			lane[l].there = lane[l].end;
		first = entry(&lane[l], 0, block);
		for (size_t i = 0; i < 2 * w->r; i++)
			load(first + 4 * i, w->b + 128 * w->r * l + 64 * i);
	}
	fill(w, lane, regs);
	for (size_t through = 0; through < w->lanes;) {
		for (size_t l = 0; l < w->lanes; l++)
			through += choose(w, &lane[l], &t, l);
		block_mix(whole(&t, w->lanes), w->r, MIX, regs);
	}
	for (size_t l = 0; l < w->lanes; l++)
		for (size_t i = 0; i < 2 * w->r; i++)
			store(lane[l].x + 4 * i, w->b + 128 * w->r * l + 64 * i);
}
#endif
