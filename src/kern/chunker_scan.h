/*
 * chunker_scan: what the chunker and its scan variants (one file each) agree on.  Private to this
 * room and its tests.
 *
 * A digest is H = sum of byte[j] * x^(8 * (63 - j)) mod P over a window of 64 bytes, of which only
 * the low 20 bits decide.  When the window moves on by a byte b and loses the byte o, H becomes H *
 * x^8 + b - o * x^512 mod P; in GF(2) minus is xor.
 */
#ifndef KERN_CHUNKER_SCAN_H
#define KERN_CHUNKER_SCAN_H
#include "kern/chunker.h"

#define CHUNKER_DEGREE 53

/* What a scan reads at every byte lies together: 8 KiB, so that it stays in the first-level cache
 * beside the data. */
struct chunker_tables {
	uint64_t mod[256];  /* of the bits that a shift by 8 pushes above x^52: t * x^53 mod P, with
			       t << 53 to clear them */
	uint64_t out[256];  /* o * x^512 mod P */
	uint64_t mod8[256]; /* both again, shifted left by 8 (what leaves the 64 bits there is what
			       mod would have cleared) */
	uint64_t out8[256];
	uint64_t poly;
};

/* chunker_digest(t, p): of the 64 bytes that begin at p, from scratch. */
uint64_t chunker_digest(const struct chunker_tables *t, const uint8_t *p);

/* The most bytes a variant is ever asked to scan at once, and the marks for them: bit i for a
 * candidate right after byte i. */
#define CHUNKER_BLOCK ((size_t)64 * 1024)
struct chunker_marks {
	bool any; /* set with the first mark */
	uint64_t word[CHUNKER_BLOCK / 64];
};
static inline void chunker_mark(struct chunker_marks *m, size_t i)
{
	m->any = true;
	m->word[i / 64] |= (uint64_t)1 << (i & 63);
}

/*
 * A way to scan.  scan(t, p, n, m): mark the candidates right after each of the n <= CHUNKER_BLOCK
 * bytes at p; the 64 bytes before p are readable. `m` comes without marks.
 */
struct chunker_variant {
	const char *name;
	size_t block;            /* the n it likes best, a multiple of 64 */
	bool (*supported)(void); /* this CPU and kernel can run it */
	void (*scan)(const struct chunker_tables *t, const uint8_t *p, size_t n,
		struct chunker_marks *m);
};
extern const struct chunker_variant chunker_plain;

/* chunker_pick(): the first variant that is supported and passes chunker_selftest; decided once,
 * thread safe. */
const struct chunker_variant *chunker_pick(void);
bool chunker_selftest(const struct chunker_variant *v);

/* chunker_plant(t, p): change the last 3 of the 64 bytes at p so that the position behind them is a
 * candidate. */
void chunker_plant(const struct chunker_tables *t, uint8_t *p);

/* chunker_runs_add: start … start + count - 1 behind everything that is in `r`, joined with the
 * last run if possible. */
void chunker_runs_add(struct chunker_runs *r, uint64_t start, uint64_t count);

#endif
