#include "kern/hash_lanes.h"
#include "unit/check.h"
#include <openssl/sha.h>
#include <stdio.h>

/* A variant by another library call, block by block: right, unless one of these makes it wrong as a
 * real one may be. */
static enum fault { NONE, LAST_BLOCK, SWAPPED, LAST_LANE, STUCK, ALONE, PAIR, OFTEN, FAULTS } fault;

/* One block more: SHA256_Transform is the only call that shows the state, and an old one. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void block(struct hash_lane *l)
{
	SHA256_CTX c = {0};

	for (size_t i = 0; i < 8; i++)
		c.h[i] = l->s[i];
	SHA256_Transform(&c, l->p);
	for (size_t i = 0; i < 8; i++)
		l->s[i] = c.h[i];
	l->p += HASH_BLOCK;
}

static void blocks(struct hash_lane *const lane[], size_t n, size_t lanes)
{
	for (size_t i = 0; i < lanes; i++) {
		size_t todo = n - (fault == LAST_BLOCK && n > 1);

		for (size_t k = 0; k < todo; k++) {
			block(lane[i]);
			if (fault == STUCK && k > 0)
				lane[i]->p -= HASH_BLOCK;
		}
	}
	if (fault == SWAPPED && lanes > 1) {
		struct hash_lane l = *lane[0];

		*lane[0] = *lane[1];
		*lane[1] = l;
	}
	if ((fault == LAST_LANE && lanes == HASH_LANES) || (fault == ALONE && lanes == 1) ||
		(fault == PAIR && lanes == 2) || (fault == OFTEN && n > 30))
		lane[lanes - 1]->s[7] ^= 1;
}
static void one(struct hash_lane *const lane[], size_t n)
{
	blocks(lane, n, 1);
}
static void two(struct hash_lane *const lane[], size_t n)
{
	blocks(lane, n, 2);
}
static void three(struct hash_lane *const lane[], size_t n)
{
	blocks(lane, n, 3);
}
static bool yes(void)
{
	return true;
}

TEST(selftest)
{
	struct hash_variant v = {.name = "test",
		.lanes = 3,
		.supported = yes,
		.blocks = {one, two, three}};

	CHECK(hash_selftest(&hash_openssl));
	for (v.lanes = 1; v.lanes <= 3; v.lanes++)
		CHECK(hash_selftest(&v));
	v.lanes = 3;
	for (int f = NONE + 1; f < FAULTS; f++) {
		fault = (enum fault)f;
		if (hash_selftest(&v))
			CHECK_EQ(f, -1);
	}
	fault = NONE;
	v.lanes = HASH_LANES + 1;
	CHECK(!hash_selftest(&v));
	v.lanes = 3;
	v.blocks[1] = NULL;
	CHECK(!hash_selftest(&v));
}

/* Whatever was picked has a name and is right. */
TEST(picked)
{
	CHECK_STR(hash_variant(), hash_pick()->name);
	CHECK(hash_selftest(hash_pick()));
	CHECK(hash_pick() == hash_pick());
#if defined(__x86_64__)
	CHECK(hash_pick() == (hash_shani.supported() ? &hash_shani : &hash_openssl));
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
		listed = known && strstr(line, " sha_ni");
	}
	if (f)
		fclose(f);
	if (!known)
		SKIP("no /proc/cpuinfo");
	CHECK_EQ(hash_shani.supported(), listed);
#else
	SKIP("not an x86 CPU");
#endif
}
