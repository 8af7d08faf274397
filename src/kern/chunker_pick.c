/*
 * chunker_pick: which scan variant runs on this CPU.  A new one gets a file of its own and a line
 * in `variants`.
 */
#include "base/mem.h"
#include "kern/chunker_scan.h"
#include <pthread.h>
#include <string.h>

/* Fastest first; plain is the measure of the others and never tested itself. */
static const struct chunker_variant *const variants[] = {
	&chunker_plain,
};

void chunker_plant(const struct chunker_tables *t, uint8_t *p)
{
	uint64_t d;

	/* The last three bytes enter the digest unreduced, as its low 24 bits. */
	memset(p + CHUNKER_WINDOW - 3, 0, 3);
	d = chunker_digest(t, p);
	p[CHUNKER_WINDOW - 3] = (uint8_t)(d >> 16);
	p[CHUNKER_WINDOW - 2] = (uint8_t)(d >> 8);
	p[CHUNKER_WINDOW - 1] = (uint8_t)d;
}

/* Noise with a candidate every 64 to 191 bytes and a stretch of zeros, where every position is one.
 */
static void fill(const struct chunker_tables *t, uint8_t *p, size_t n)
{
	uint64_t x = t->poly;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)x;
	}
	memset(p + n / 3, 0, n / 16);
	for (size_t i = 0; i + CHUNKER_WINDOW <= n; i += CHUNKER_WINDOW + (p[i] & 127))
		if (i + CHUNKER_WINDOW < n / 3 || i > n / 3 + n / 16)
			chunker_plant(t, p + i);
}

static bool same(const struct chunker_variant *v, const struct chunker_tables *t, const uint8_t *p,
	size_t n)
{
	struct chunker_marks *m = mem_array(2, sizeof *m);
	bool ok;

	chunker_plain.scan(t, p, n, &m[0]);
	v->scan(t, p, n, &m[1]);
	ok = m[0].any == m[1].any && memcmp(m[0].word, m[1].word, sizeof m[0].word) == 0;
	mem_free(m);
	return ok;
}

bool chunker_selftest(const struct chunker_variant *v)
{
	static const uint64_t polys[] = {0x3da3358b4dc173, 0x20000000000047};
	const size_t size = CHUNKER_WINDOW + 64 + CHUNKER_BLOCK;
	uint8_t *p = mem_alloc(size);
	bool ok = v->block >= 64 && v->block <= CHUNKER_BLOCK && v->block % 64 == 0;

	for (size_t i = 0; ok && i < sizeof polys / sizeof *polys; i++) {
		struct chunker_tables *t = chunker_tables_new(polys[i]);
		/* Whole blocks, what does not fill one, and the alignments. */
		const size_t lengths[] = {CHUNKER_BLOCK, v->block, v->block - 1, v->block / 2 + 7,
			1, 2, 63, 64, 65, 511, 4095, 4097};

		fill(t, p, size);
		for (size_t k = 0; ok && k < sizeof lengths / sizeof *lengths; k++) {
			uint8_t *q = p + CHUNKER_WINDOW + 5 * k;

			/* The first and the last position are where variants go wrong. */
			chunker_plant(t, q + 1 - CHUNKER_WINDOW);
			chunker_plant(t, q + lengths[k] - CHUNKER_WINDOW);
			ok = same(v, t, q, lengths[k]);
		}
		chunker_tables_free(t);
	}
	mem_free(p);
	return ok;
}

static const struct chunker_variant *picked = &chunker_plain;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pick(void)
{
	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
		const struct chunker_variant *v = variants[i];

		if (v == &chunker_plain || (v->supported() && chunker_selftest(v))) {
			picked = v;
			return;
		}
	}
}

const struct chunker_variant *chunker_pick(void)
{
	pthread_once(&once, pick);
	return picked;
}

const char *chunker_variant(void)
{
	return chunker_pick()->name;
}
