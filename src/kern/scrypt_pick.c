/*
 * scrypt_pick: which variant of scrypt runs on this CPU.  A new one gets a file of its own and a
 * line in `variants`.
 */
#include "kern/scrypt_mix.h"
#include <pthread.h>

const struct scrypt_variant scrypt_openssl = {.name = "openssl", .lanes = 1, .width = 1};

/* Fastest first; the last one needs no test. */
static const struct scrypt_variant *const variants[] = {
#if defined(__x86_64__)
	&scrypt_avx2,
#endif
	&scrypt_plain,
	&scrypt_openssl,
};

/*
 * Blocks of the self-test, and the FNV-1a sums of what ROMix makes of them: known answers, as
 * OpenSSL would need longer than all of ours. t_scrypt compares each variant with OpenSSL; one that
 * is right passes only where these are right too.
 */
enum { TEST_N = 16, TEST_R = 3, TEST_BLOCK = 128 * TEST_R };
static const uint64_t answers[SCRYPT_LANES] = {
	0x39d9eeb30154304a,
	0xc4be6f4b7e106dc4,
	0x45044a94bb9da2d9,
	0x030923aced92b00f,
	0x34fdfcf1753fc453,
	0x96bd05d54d17ff5e,
};

static void test_block(uint8_t *p, size_t lane)
{
	for (size_t i = 0; i < TEST_BLOCK; i++)
		p[i] = (uint8_t)(i * i + 31 * lane);
}

static uint64_t sum_of(const uint8_t *p)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < TEST_BLOCK; i++)
		sum = (sum ^ p[i]) * 0x100000001b3;
	return sum;
}

/* An odd r; lanes differ, so one in another's place shows.  A tenth of a millisecond in all. */
bool scrypt_selftest(const struct scrypt_variant *v)
{
	_Alignas(64)
		uint8_t x[(1 + 3 * SCRYPT_LANES) * TEST_BLOCK] = {0},
						   memory[SCRYPT_LANES * TEST_BLOCK / 2 * TEST_N];
	uint8_t b[SCRYPT_LANES * TEST_BLOCK];

	if (v->lanes < 1 || v->lanes > SCRYPT_LANES || v->width < 1 || v->lanes % v->width != 0)
		return false;
	for (size_t lanes = 1; lanes <= v->lanes; lanes++) {
		for (size_t l = 0; l < lanes; l++)
			test_block(b + l * TEST_BLOCK, l);
		v->mix(&(struct scrypt_work){.n = TEST_N,
			.r = TEST_R,
			.lanes = lanes,
			.b = b,
			.v = memory,
			.x = x});
		for (size_t l = 0; l < lanes; l++)
			if (sum_of(b + l * TEST_BLOCK) != answers[l])
				return false;
	}
	return true;
}

static const struct scrypt_variant *picked = &scrypt_openssl;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pick(void)
{
	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
		const struct scrypt_variant *v = variants[i];

		if (v == &scrypt_openssl || (v->supported() && scrypt_selftest(v))) {
			picked = v;
			return;
		}
	}
}

const struct scrypt_variant *scrypt_pick(void)
{
	pthread_once(&once, pick);
	return picked;
}

const char *scrypt_variant(void)
{
	return scrypt_pick()->name;
}
