#include "kern/chunker_scan.h"
#include "unit/check.h"
#include <string.h>

static bool yes(void)
{
	return true;
}

/* Variants that are wrong in ways a real one may be. */
static void lose_last(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	chunker_plain.scan(t, p, n - 1, m);
}
static void one_late(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	chunker_plain.scan(t, p, n, m);
	for (size_t i = (n + 63) / 64; i-- > 0;)
		m->word[i] = m->word[i] << 1 | (i ? m->word[i - 1] >> 63 : 0);
}
static void forget_any(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	chunker_plain.scan(t, p, n, m);
	m->any = false;
}
static void one_more(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	chunker_plain.scan(t, p, n, m);
	if (n > 60000)
		chunker_mark(m, n / 2);
}
static void fixed_poly(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	struct chunker_tables *mine = chunker_tables_new(0x3da3358b4dc173);

	(void)t;
	chunker_plain.scan(mine, p, n, m);
	chunker_tables_free(mine);
}
static void miss_zeros(const struct chunker_tables *t, const uint8_t *p, size_t n,
	struct chunker_marks *m)
{
	chunker_plain.scan(t, p, n, m);
	for (size_t i = 0; i < n / 64; i++)
		if (m->word[i] == ~(uint64_t)0)
			m->word[i] = 0;
}

TEST(selftest)
{
	void (*const bad[])(const struct chunker_tables *, const uint8_t *, size_t,
		struct chunker_marks *) = {lose_last, one_late, forget_any, one_more, fixed_poly,
		miss_zeros};
	struct chunker_variant v = {.name = "test",
		.block = 4096,
		.supported = yes,
		.scan = chunker_plain.scan};

	CHECK(chunker_selftest(&chunker_plain));
	CHECK(chunker_selftest(&v));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		v.scan = bad[i];
		CHECK(!chunker_selftest(&v));
	}
	v.scan = chunker_plain.scan;
	v.block = 100;
	CHECK(!chunker_selftest(&v));
	v.block = 2 * CHUNKER_BLOCK;
	CHECK(!chunker_selftest(&v));
}

/* Whatever was picked has a name and is right. */
TEST(picked)
{
	CHECK_STR(chunker_variant(), chunker_pick()->name);
	CHECK(chunker_selftest(chunker_pick()));
	CHECK(chunker_pick() == chunker_pick());
}

TEST(plant)
{
	struct chunker_tables *t = chunker_tables_new(0x27e432a882855f);
	uint8_t p[64];

	for (int i = 0; i < 1000; i++) {
		for (size_t k = 0; k < 64; k++)
			p[k] = (uint8_t)(k * 31 + (size_t)i * 7);
		chunker_plant(t, p);
		CHECK_EQ(chunker_digest(t, p) & CHUNKER_MASK, 0);
	}
	chunker_tables_free(t);
}
