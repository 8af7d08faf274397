#include "kern/poly.h"
#include "base/le.h"
#include "base/mem.h"

int poly_degree(uint64_t p)
{
	return p ? 63 - __builtin_clzll(p) : -1;
}

uint64_t poly_mod(uint64_t a, uint64_t m)
{
	int dm = poly_degree(m);

	for (int d = poly_degree(a); dm >= 0 && d >= dm; d = poly_degree(a))
		a ^= m << (d - dm);
	return a;
}

uint64_t poly_mulmod(uint64_t a, uint64_t b, uint64_t m)
{
	int dm = poly_degree(m);
	uint64_t top, sum = 0;

	if (dm <= 0)
		return 0; /* everything is a multiple of 1 */
	top = (uint64_t)1 << (dm - 1);
	a = poly_mod(a, m);
	for (; b; b >>= 1) {
		if (b & 1)
			sum ^= a;
		/* a * x mod m; a has degree < dm <= 63, so the shift loses nothing that the
		 * reduction would need */
		a = a & top ? a << 1 ^ m : a << 1;
	}
	return sum;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = poly_mod(a, b);

		a = b;
		b = r;
	}
	return a;
}

/*
 * Ben-Or: x^(2^i) - x is the product of all irreducible polynomials whose degree divides i.  A
 * reducible p has a factor of at most half its degree, which shows in the gcd.
 */
bool poly_irreducible(uint64_t p)
{
	int d = poly_degree(p);
	uint64_t t = 2;

	if (d < 1)
		return false;
	for (int i = 1; i <= d / 2; i++) {
		t = poly_mulmod(t, t, p);
		if (gcd(p, t ^ 2) != 1)
			return false;
	}
	return true;
}

uint64_t poly_random(const struct rnd *rnd)
{
	uint8_t b[8];
	uint64_t p;

	/* About one in 26 odd polynomials of degree 53 is irreducible. */
	do {
		rnd_fill(rnd, b, sizeof b);
		p = (le64_get(b) & (((uint64_t)1 << 54) - 1)) | (uint64_t)1 << 53 | 1;
	} while (!poly_irreducible(p));
	return p;
}
