#include "kern/scrypt_mix.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

/* The plain variant: right, unless one of these makes it wrong as a real one may be. */
static enum fault {
	NONE,
	LAST_BYTE,
	LAST_LANE,
	ALONE,
	PAIR,
	THREE,
	SWAPPED,
	REPEATED,
	NOTHING,
	FAULTS
} fault;

static void mix(const struct scrypt_work *w)
{
	const size_t n = 128 * w->r;
	uint8_t *last = w->b + n * (w->lanes - 1);

	if (fault == NOTHING)
		return;
	scrypt_plain.mix(w);
	if (fault == LAST_BYTE || (fault == LAST_LANE && w->lanes == 4) ||
		(fault == ALONE && w->lanes == 1) || (fault == PAIR && w->lanes == 2) ||
		(fault == THREE && w->lanes == 3))
		last[n - 1] ^= 1;
	if (fault == SWAPPED)
		for (size_t i = 0; i < n; i++) {
			uint8_t b = w->b[i];

			w->b[i] = last[i];
			last[i] = b;
		}
	if (fault == REPEATED && w->lanes > 1)
		memcpy(last, w->b, n);
}
static bool yes(void)
{
	return true;
}

TEST(selftest)
{
	struct scrypt_variant v = {.name = "test",
		.lanes = 4,
		.width = 1,
		.supported = yes,
		.mix = mix};

	CHECK(scrypt_selftest(&scrypt_plain));
	CHECK(scrypt_selftest(&v));
	for (int f = NONE + 1; f < FAULTS; f++) {
		fault = (enum fault)f;
		if (scrypt_selftest(&v))
			CHECK_EQ(f, -1);
	}
	fault = NONE;
	v.lanes = SCRYPT_LANES + 1;
	CHECK(!scrypt_selftest(&v));
	v.lanes = 0;
	CHECK(!scrypt_selftest(&v));
	v.lanes = 3;
	v.width = 2;
	CHECK(!scrypt_selftest(&v));
	v.width = 0;
	CHECK(!scrypt_selftest(&v));
}

/* Whatever was picked has a name and is right. */
TEST(picked)
{
	CHECK_STR(scrypt_variant(), scrypt_pick()->name);
	CHECK(scrypt_selftest(scrypt_pick()));
	CHECK(scrypt_pick() == scrypt_pick());
#if defined(__x86_64__)
	CHECK(scrypt_pick() == (scrypt_avx2.supported() ? &scrypt_avx2 : &scrypt_plain));
#else
	CHECK(scrypt_pick() == &scrypt_plain);
#endif
}

/* The kernel's view of this CPU, where it tells. */
TEST(supported)
{
#if defined(__x86_64__)
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool known = false, listed = false;

	while (f && !known && fgets(line, sizeof line, f)) {
		known = strncmp(line, "flags", 5) == 0;
		listed = known && strstr(line, " avx2");
	}
	if (f)
		fclose(f);
	if (!known)
		SKIP("no /proc/cpuinfo");
	CHECK_EQ(scrypt_avx2.supported(), listed);
#else
	SKIP("not an x86 CPU");
#endif
}
