/*
 * The chunker against restic's own state machine (docs/format.md 9.1), written down here once more,
 * byte by byte and with its own tables.
 */
#include "kern/chunker.h"
#include "base/mem.h"
#include "kern/chunker_scan.h"
#include "kern/hash.h"
#include "unit/check.h"
#include <stdlib.h>
#include <string.h>

#define POLY 0x3da3358b4dc173ull
#define KIB  ((size_t)1024)
#define MIB  (1024 * KIB)

static uint64_t seed = 88172645463325252ull;
static uint64_t noise(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void fill_noise(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x = noise();

		memcpy(p + i, &x, n - i < 8 ? n - i : 8);
	}
}

/* a * x^n mod the polynomial, a bit at a time. */
static uint64_t times_x(uint64_t a, int n, uint64_t poly)
{
	while (n--) {
		a <<= 1;
		if (a >> 53 & 1)
			a ^= poly;
	}
	return a;
}

struct oracle {
	uint64_t out[256], mod[256];
	/* What the negative controls change. */
	size_t min, max;
	bool keep_one; /* hashing begins a byte late, so that the artificial 1 is still in the
			  window */
};

static struct oracle oracle_of(uint64_t poly)
{
	struct oracle o = {.min = 512 * KIB, .max = 8 * MIB};

	for (uint64_t b = 0; b < 256; b++) {
		o.out[b] = times_x(b, 8 * 63, poly);
		o.mod[b] = times_x(b, 53, poly) | b << 53;
	}
	return o;
}

/* Cut lengths of n bytes; returns how many. */
static size_t oracle_cut(const struct oracle *o, const uint8_t *p, size_t n, size_t *len)
{
	size_t cuts = 0, at = 0;

	while (at < n) {
		uint8_t window[64] = {1};
		uint64_t d = 1;
		size_t count = o->min - 64 + o->keep_one, w = 1;

		if (n - at <= count) {
			len[cuts++] = n - at;
			break;
		}
		for (;;) {
			uint8_t b = p[at + count];

			d ^= o->out[window[w]];
			window[w] = b;
			w = (w + 1) & 63;
			d = (d << 8 | b) ^ o->mod[d >> 45];
			count++;
			if ((((d & 0xfffff) == 0 || count >= o->max) && count >= o->min) ||
				at + count == n)
				break;
		}
		len[cuts++] = count;
		at += count;
	}
	return cuts;
}

static size_t next_cut(const struct chunker_tables *t, const uint8_t *p, size_t n, size_t *len)
{
	struct chunker c;
	size_t cuts = 0;

	chunker_init(&c, t);
	while (n) {
		len[cuts] = chunker_next(&c, p, n, true);
		REQUIRE(len[cuts] > 0 && len[cuts] <= n);
		p += len[cuts];
		n -= len[cuts++];
	}
	CHECK_EQ(chunker_next(&c, p, 0, true), 0);
	return cuts;
}

/* As a reader does: pieces of any size arrive behind what is left over, which moves to the front of
 * another buffer after each cut. */
static size_t piecewise_cut(const struct chunker_tables *t, const uint8_t *p, size_t n, size_t *len)
{
	uint8_t *buf[2] = {mem_alloc(10 * MIB), mem_alloc(10 * MIB)};
	struct chunker c;
	size_t cuts = 0, have = 0, at = 0, side = 0;

	chunker_init(&c, t);
	while (have || at < n) {
		size_t piece = 1 + (size_t)(noise() % (noise() & 7 ? 300 * KIB : 200)), got;

		if (piece > n - at)
			piece = n - at;
		if (piece > 10 * MIB - have)
			piece = 10 * MIB - have;
		memcpy(buf[side] + have, p + at, piece);
		have += piece;
		at += piece;
		while ((got = chunker_next(&c, buf[side], have, at == n)) > 0) {
			len[cuts++] = got;
			have -= got;
			memcpy(buf[!side], buf[side] + got, have);
			memset(buf[side], 0xa5, have + got);
			side = !side;
			if (have == 0)
				break;
		}
		REQUIRE(have < CHUNKER_MAX);
	}
	mem_free(buf[0]);
	mem_free(buf[1]);
	return cuts;
}

/* As several ranks do: segments with any borders scanned by themselves, then one pass over all
 * candidates. */
static size_t segment_cut(const struct chunker_tables *t, const uint8_t *p, size_t n, size_t *len,
	bool hinted)
{
	struct chunker_runs runs = {0};
	size_t cuts = 0, hint = 0;
	uint64_t start = 0;

	for (size_t at = 0; at < n;) {
		size_t part = 1 + (size_t)(noise() % (noise() & 3 ? 2 * MIB : 300)),
		       back = at < CHUNKER_WINDOW ? at : CHUNKER_WINDOW;
		/* Copied, so that a byte read outside of what is promised is seen by the address
		 * sanitizer. */
		uint8_t *copy;

		if (part > n - at)
			part = n - at;
		copy = mem_dup(p + at - back, back + part);
		chunker_scan(t, copy + back, back, part, at, &runs);
		mem_free(copy);
		at += part;
	}
	while (start < n) {
		uint64_t end = chunker_cut(&runs, hinted ? &hint : NULL, start, n);

		REQUIRE(end > start && end <= n);
		len[cuts++] = (size_t)(end - start);
		start = end;
	}
	chunker_runs_release(&runs);
	return cuts;
}

#define MAX_CUTS 256

static bool equal_cuts(const size_t *a, size_t na, const size_t *b, size_t nb)
{
	return na == nb && memcmp(a, b, na * sizeof *a) == 0;
}

static void compare(const char *name, uint64_t poly, const uint8_t *p, size_t n)
{
	struct oracle o = oracle_of(poly);
	struct chunker_tables *t = chunker_tables_new(poly);
	size_t want[MAX_CUTS], got[MAX_CUTS], nw = oracle_cut(&o, p, n, want);
	int before = check_failures();

	CHECK(equal_cuts(want, nw, got, next_cut(t, p, n, got)));
	CHECK(equal_cuts(want, nw, got, piecewise_cut(t, p, n, got)));
	CHECK(equal_cuts(want, nw, got, segment_cut(t, p, n, got, false)));
	CHECK(equal_cuts(want, nw, got, segment_cut(t, p, n, got, true)));
	if (check_failures() != before)
		CHECK_STR(name, "cut as restic does");
	chunker_tables_free(t);
}

/* ---- vectors of docs/format.md, Appendix A */

TEST(tables)
{
	struct oracle o = oracle_of(POLY);
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t window[64];

	for (size_t i = 0; i < 64; i++)
		window[i] = (uint8_t)i;
	CHECK_EQ(chunker_digest(t, window), 0x44b76cac5cee3);
	CHECK_EQ(o.out[1], 0x17eb4232e19216);
	CHECK_EQ(o.out[255], 0xb80b98cecc39a);
	CHECK_EQ(t->mod[1], 0x3da3358b4dc173);
	CHECK_EQ(t->mod[255], 0x1ff7ac8a5af476a7);
	for (int b = 0; b < 256; b++) {
		CHECK_EQ(t->mod[b], o.mod[b]);
		CHECK_EQ(t->out[b], times_x(o.out[b], 8, POLY));
	}
	chunker_tables_free(t);
	chunker_tables_free(NULL);
}

TEST(xorshift_file)
{
	static const size_t want[] = {856758, 925606, 3202690, 2320089, 1213232, 3934002, 1548952,
		1311995, 1463892};
	const size_t n = 16 * MIB;
	uint8_t *p = mem_alloc(n);
	struct chunker_tables *t = chunker_tables_new(POLY);
	struct hash *h = hash_new();
	size_t got[MAX_CUTS];
	struct id id;
	uint64_t x = 1;

	for (size_t i = 0; i < n; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		for (size_t k = 0; k < 8; k++)
			p[i + k] = (uint8_t)(x >> 8 * k);
	}
	hash_once(h, p, n, &id);
	CHECK_STR(id_hex(&id).s,
		"44e74d146ed8c4015c8032d8d207dab95b083a78ad1cd85166a9c737fb3d1395");
	CHECK(equal_cuts(want, 9, got, next_cut(t, p, n, got)));
	hash_once(h, p, got[0], &id);
	CHECK_STR(id_hex(&id).s,
		"7c66c31c4ed764fd12b4f72bf2797dd8d19a4b62b44295782374447a2146c3cc");
	compare("xorshift", POLY, p, n);
	hash_free(h);
	chunker_tables_free(t);
	mem_free(p);
}

TEST(zero_chunk)
{
	uint8_t *p = mem_zalloc(3 * MIB);
	struct chunker_tables *t = chunker_tables_new(POLY);
	struct hash *h = hash_new();
	size_t got[MAX_CUTS];
	struct id id;

	CHECK_EQ(next_cut(t, p, 3 * MIB, got), 6);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(got[i], 512 * KIB);
	hash_once(h, p, got[0], &id);
	CHECK_STR(id_hex(&id).s,
		"07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541");
	hash_free(h);
	chunker_tables_free(t);
	mem_free(p);
}

/* ---- against the state machine */

TEST(kinds_of_data)
{
	const size_t n = 18 * MIB + 12345;
	uint8_t *p = mem_alloc(n);

	fill_noise(p, n);
	compare("noise", POLY, p, n);
	compare("noise", 0x27e432a882855f, p, n);
	compare("noise", 0x20000000000047, p, n);
	memset(p, 0, n);
	compare("zeros", POLY, p, n);
	memset(p, 0xff, n);
	compare("0xff", POLY, p, n);
	memset(p, 1, n);
	compare("0x01", POLY, p, n);
	mem_free(p);
}

TEST(periods)
{
	static const size_t periods[] = {3, 64, 4096, 1000003};
	const size_t n = 9 * MIB + 77;
	uint8_t *p = mem_alloc(n);

	for (size_t k = 0; k < sizeof periods / sizeof *periods; k++) {
		fill_noise(p, periods[k]);
		for (size_t i = periods[k]; i < n; i++)
			p[i] = p[i - periods[k]];
		compare("periodic", POLY, p, n);
	}
	mem_free(p);
}

/* Noise and stretches of one byte in turns, and candidates as dense as they can be made: most cuts
 * are at or near the minimum. */
TEST(mixed)
{
	const size_t n = 12 * MIB;
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_alloc(n);

	fill_noise(p, n);
	for (size_t at = 0; at < n;) {
		size_t len = (size_t)(noise() % (noise() & 1 ? 300 * KIB : 200));

		if (len > n - at)
			len = n - at;
		if (noise() & 1)
			memset(p + at, noise() & 1 ? 0 : 7, len);
		at += len;
	}
	compare("noise and constants", POLY, p, n);
	fill_noise(p, n);
	for (size_t at = 0; at + 64 <= n; at += 64 + (size_t)(noise() % 3000))
		chunker_plant(t, p + at);
	compare("dense candidates", POLY, p, n);
	mem_free(p);
	chunker_tables_free(t);
}

TEST(lengths)
{
	static const size_t sizes[] = {1, 63, 64, 65, 524287, 524288, 524289, 524352, 8388607,
		8388608, 8388609};
	uint8_t *p = mem_alloc(8388609);

	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		fill_noise(p, sizes[k]);
		compare("noise", POLY, p, sizes[k]);
		memset(p, 0, sizes[k]);
		compare("zeros", POLY, p, sizes[k]);
	}
	mem_free(p);
}

/* 0x01 repeated has no candidate of its own; one is planted at and beside each bound. */
TEST(bounds)
{
	static const struct {
		size_t at, first;
	} cases[] = {{CHUNKER_MIN - 1, CHUNKER_MAX}, {CHUNKER_MIN, CHUNKER_MIN},
		{CHUNKER_MIN + 1, CHUNKER_MIN + 1}, {CHUNKER_MAX - 1, CHUNKER_MAX - 1},
		{CHUNKER_MAX, CHUNKER_MAX}, {CHUNKER_MAX + 1, CHUNKER_MAX}};
	const size_t n = 9 * MIB;
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_alloc(n);
	size_t got[MAX_CUTS];

	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		memset(p, 1, n);
		chunker_plant(t, p + cases[k].at - CHUNKER_WINDOW);
		next_cut(t, p, n, got);
		CHECK_EQ(got[0], cases[k].first);
		compare("a candidate at a bound", POLY, p, n);
	}
	mem_free(p);
	chunker_tables_free(t);
}

/* A cut at the minimum is found with exactly that many bytes, without waiting for more; the maximum
 * likewise. */
TEST(no_more_than_needed)
{
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_zalloc(CHUNKER_MAX);
	struct chunker c;

	chunker_init(&c, t);
	CHECK_EQ(chunker_next(&c, p, 0, false), 0);
	CHECK_EQ(chunker_next(&c, p, CHUNKER_MIN - 1, false), 0);
	CHECK_EQ(chunker_next(&c, p, CHUNKER_MIN, false), CHUNKER_MIN);
	CHECK_EQ(chunker_next(&c, p, 5, true), 5);
	memset(p, 1, CHUNKER_MAX);
	CHECK_EQ(chunker_next(&c, p, CHUNKER_MAX - 1, false), 0);
	CHECK_EQ(chunker_next(&c, p, CHUNKER_MAX, false), CHUNKER_MAX);
	mem_free(p);
	chunker_tables_free(t);
}

/* What is scanned already is not looked at again: bytes changed behind the chunker's back go
 * unseen. */
TEST(scans_once)
{
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_alloc(3 * MIB);
	struct chunker c;

	memset(p, 1, 3 * MIB);
	chunker_init(&c, t);
	CHECK_EQ(chunker_next(&c, p, 2 * MIB, false), 0);
	chunker_plant(t, p + MIB);
	CHECK_EQ(chunker_next(&c, p, 3 * MIB, true), 3 * MIB);
	CHECK_EQ(chunker_next(&c, p, 3 * MIB, true), MIB + 64);
	mem_free(p);
	chunker_tables_free(t);
}

/* Each way to be wrong by one must show in the data above, or that data proves nothing. */
TEST(negative_controls)
{
	const size_t n = 18 * MIB;
	uint8_t *p = mem_alloc(n);
	struct chunker_tables *t = chunker_tables_new(POLY);
	size_t want[MAX_CUTS], got[MAX_CUTS], nw;

	fill_noise(p, n / 2);
	memset(p + n / 2, 0, n / 4);
	memset(p + n / 4 * 3, 1, n / 4);
	for (size_t at = 2 * MIB; at + 64 < 5 * MIB; at += 64)
		chunker_plant(t, p + at);
	nw = next_cut(t, p, n, want);
	for (int k = 0; k < 5; k++) {
		struct oracle o = oracle_of(k == 4 ? 0x27e432a882855f : POLY);

		o.min += k == 1;
		o.min -= k == 2;
		o.keep_one = k == 3;
		CHECK_EQ(equal_cuts(want, nw, got, oracle_cut(&o, p, n, got)), k == 0);
	}
	memset(p, 1, n);
	nw = next_cut(t, p, n, want);
	for (int k = 0; k < 3; k++) {
		struct oracle o = oracle_of(POLY);

		o.max += k == 1;
		o.max -= k == 2;
		CHECK_EQ(equal_cuts(want, nw, got, oracle_cut(&o, p, n, got)), k == 0);
	}
	mem_free(p);
	chunker_tables_free(t);
}

/* ---- the list of candidates itself */

/* All candidates of p, from the definition. */
static size_t candidates(const struct chunker_tables *t, const uint8_t *p, size_t n, uint64_t *pos)
{
	size_t found = 0;

	for (size_t i = CHUNKER_WINDOW; i <= n; i++)
		if ((chunker_digest(t, p + i - CHUNKER_WINDOW) & CHUNKER_MASK) == 0)
			pos[found++] = i;
	return found;
}

static void check_runs(const struct chunker_runs *r, const uint64_t *pos, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < r->n; i++)
		for (uint64_t c = 0; c < r->run[i].count; c++, k++)
			if (k >= n || r->run[i].start + c * r->run[i].step != pos[k]) {
				CHECK_EQ(k, -1);
				return;
			}
	CHECK_EQ(k, n);
}

TEST(scan_finds_all)
{
	const size_t n = 300 * KIB;
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_alloc(n);
	uint64_t *pos = mem_array(n, sizeof *pos);

	for (int round = 0; round < 8; round++) {
		size_t found;

		fill_noise(p, n);
		for (size_t at = 0; at + 64 <= n; at += 64 + (size_t)(noise() % 500))
			chunker_plant(t, p + at);
		if (round & 1)
			memset(p + n / 5, 0, (size_t)(noise() % 100000));
		if (round & 2)
			memset(p, 0, 200); /* candidates right from 64 on, none before */
		found = candidates(t, p, n, pos);
		CHECK(found > 900);
		for (int split = 0; split < 4; split++) {
			struct chunker_runs runs = {0};

			for (size_t at = 0; at < n;) {
				size_t part = 1 + (size_t)(noise() %
							   (split == 0          ? n
								   : split == 1 ? (size_t)100
										: (size_t)9000));
				size_t back = at < CHUNKER_WINDOW ? at : CHUNKER_WINDOW;

				if (part > n - at)
					part = n - at;
				chunker_scan(t, p + at, back, part, at, &runs);
				at += part;
			}
			check_runs(&runs, pos, found);
			chunker_runs_release(&runs);
		}
	}
	mem_free(pos);
	mem_free(p);
	chunker_tables_free(t);
}

/* Stretches of one byte around the length of a window, looked at from every place: what is constant
 * must not be decided a byte too early.
 */
TEST(scan_constants)
{
	const size_t n = 4000;
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_alloc(n);
	uint64_t *pos = mem_array(n, sizeof *pos);
	size_t at = 0, found;

	for (size_t len = 60; at < n; len++, at += len)
		memset(p + at, len & 1 ? 0 : 7, n - at);
	found = candidates(t, p, n, pos);
	CHECK(found > 100);
	for (size_t step = 1; step < 130; step++) {
		struct chunker_runs runs = {0};

		for (at = 0; at < n; at += step)
			chunker_scan(t, p + at, at < CHUNKER_WINDOW ? at : CHUNKER_WINDOW,
				n - at < step ? n - at : step, at, &runs);
		check_runs(&runs, pos, found);
		chunker_runs_release(&runs);
	}
	mem_free(pos);
	mem_free(p);
	chunker_tables_free(t);
}

/* Fewer bytes than a window have no candidate, whatever they are. */
TEST(scan_short)
{
	struct chunker_tables *t = chunker_tables_new(POLY);
	struct chunker_runs runs = {0};
	uint8_t p[200] = {0};

	for (size_t at = 0; at < 63; at++)
		chunker_scan(t, p + at, at, 1, at, &runs);
	chunker_scan(t, p + 63, 63, 0, 63, &runs);
	CHECK_EQ(runs.n, 0);
	chunker_scan(t, p + 63, 63, 1, 63, &runs);
	REQUIRE(runs.n == 1);
	CHECK_EQ(runs.run[0].start, 64);
	CHECK_EQ(runs.run[0].count, 1);
	chunker_scan(t, p + 64, 64, 100, 64, &runs);
	CHECK_EQ(runs.n, 1);
	CHECK_EQ(runs.run[0].count, 101);
	chunker_runs_release(&runs);
	chunker_runs_release(NULL);
	chunker_tables_free(t);
}

/* Constant and periodic data cost a few runs however long they are. */
TEST(runs_are_few)
{
	static const size_t periods[] = {64, 192, 4096};
	const size_t n = 8 * MIB;
	struct chunker_tables *t = chunker_tables_new(POLY);
	uint8_t *p = mem_zalloc(n);
	struct chunker_runs runs = {0};

	chunker_scan(t, p, 0, n, 0, &runs);
	REQUIRE(runs.n == 1);
	CHECK_EQ(runs.run[0].start, 64);
	CHECK_EQ(runs.run[0].count, n - 63);
	chunker_runs_release(&runs);
	for (size_t k = 0; k < sizeof periods / sizeof *periods; k++) {
		fill_noise(p, periods[k]);
		chunker_plant(t, p + periods[k] - 64);
		for (size_t i = periods[k]; i < n; i++)
			p[i] = p[i - periods[k]];
		chunker_scan(t, p, 0, n, 0, &runs);
		REQUIRE(runs.n == 1);
		CHECK_EQ(runs.run[0].start, periods[k]);
		CHECK_EQ(runs.run[0].step, periods[k]);
		CHECK_EQ(runs.run[0].count, n / periods[k]);
		chunker_runs_release(&runs);
	}
	mem_free(p);
	chunker_tables_free(t);
}
