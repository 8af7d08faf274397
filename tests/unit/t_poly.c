#include "kern/poly.h"
#include "base/le.h"
#include "unit/check.h"
#include <string.h>

static uint64_t seed = 88172645463325252ull;
static uint64_t noise(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

typedef unsigned __int128 wide;

/* School multiplication and division on twice the width. */
static uint64_t slow_mulmod(uint64_t a, uint64_t b, uint64_t m)
{
	wide p = 0;
	int d = poly_degree(m);

	for (int i = 0; i < 64; i++)
		if (b >> i & 1)
			p ^= (wide)a << i;
	for (int i = 127; i >= d; i--)
		if (p >> i & 1)
			p ^= (wide)m << (i - d);
	return (uint64_t)p;
}

TEST(degree)
{
	CHECK_EQ(poly_degree(0), -1);
	CHECK_EQ(poly_degree(1), 0);
	CHECK_EQ(poly_degree(0x3da3358b4dc173), 53);
	for (int i = 0; i < 64; i++)
		CHECK_EQ(poly_degree((uint64_t)1 << i | 1), i);
}

TEST(mod_and_mulmod)
{
	for (int i = 0; i < 20000; i++) {
		uint64_t a = noise() >> (noise() & 63), b = noise() >> (noise() & 63),
			 m = noise() >> (noise() & 63);

		if (m == 0)
			continue;
		CHECK_EQ(poly_mulmod(a, b, m), slow_mulmod(a, b, m));
		CHECK_EQ(poly_mod(a, m), slow_mulmod(a, 1, m));
	}
	CHECK_EQ(poly_mulmod(3, 3, 1ull << 63 | 1), 5); /* (x+1)^2 = x^2+1 */
	CHECK_EQ(poly_mulmod(1ull << 62, 2, 1ull << 63 | 3), 3);
	CHECK_EQ(poly_mod(5, 1), 0);
}

/* docs/format.md 8. */
TEST(irreducible_known)
{
	CHECK(poly_irreducible(0x3da3358b4dc173));
	CHECK(poly_irreducible(0x20000000000047));
	CHECK(poly_irreducible(0x27e432a882855f));
	CHECK(!poly_irreducible(0x3da3358b4dc171));
	for (uint64_t p = 0x20000000000000; p < 0x20000000000047; p++)
		CHECK(!poly_irreducible(p)); /* the one above is the smallest */
}

/* Trial division by everything up to half the degree, for all polynomials of degree <= 11. */
TEST(irreducible_all_small)
{
	int count = 0;

	for (uint64_t p = 0; p < 1 << 12; p++) {
		bool prime = poly_degree(p) >= 1;

		for (uint64_t q = 2; prime && 2 * poly_degree(q) <= poly_degree(p); q++)
			if (poly_mod(p, q) == 0)
				prime = false;
		CHECK_EQ(poly_irreducible(p), prime);
		count += prime;
	}
	CHECK_EQ(count, 2 + 1 + 2 + 3 + 6 + 9 + 18 + 30 + 56 + 99 + 186);
}

/* Products of two irreducible ones have no small factor: only the last round of the test finds
 * them. */
TEST(irreducible_products)
{
	static const uint64_t deg26 = 0x4000047; /* x^26+x^6+x^2+x+1 */

	REQUIRE(poly_irreducible(deg26));
	CHECK(!poly_irreducible(slow_mulmod(deg26, deg26, 1ull << 63)));
	CHECK(!poly_irreducible(slow_mulmod(deg26, 0x8000027, 1ull << 63)));
}

static void fixed(void *arg, void *p, size_t n)
{
	memset(p, 0, n);
	for (size_t i = 0; i < n && i < 8; i++)
		((uint8_t *)p)[i] = (uint8_t)(*(uint64_t *)arg >> 8 * i);
	*(uint64_t *)arg += 2;
}

TEST(random)
{
	uint64_t next =
		0xffc0000000000000; /* masked to 0 below x^53: the search walks up to ...47 */
	struct rnd rnd = {.fill = fixed, .arg = &next};
	uint64_t seen[8];

	CHECK_EQ(poly_random(&rnd), 0x20000000000047);
	for (int i = 0; i < 8; i++) {
		seen[i] = poly_random(rnd_real());
		CHECK_EQ(poly_degree(seen[i]), 53);
		CHECK(seen[i] & 1);
		CHECK(poly_irreducible(seen[i]));
		for (int k = 0; k < i; k++)
			CHECK(seen[k] != seen[i]);
	}
}
