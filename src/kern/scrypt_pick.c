/*
 * scrypt_pick: which variant of scrypt runs on this CPU.  A new one gets a file of its own and a line in `variants`.
 */
#include "kern/scrypt_mix.h"
#include <pthread.h>
#include <string.h>

/* Fastest first; OpenSSL is the measure of the others. */
static const struct scrypt_variant *const variants[] = {
#if defined(__x86_64__)
	&scrypt_avx2,
#endif
	&scrypt_plain,
	&scrypt_openssl,
};

bool scrypt_selftest(const struct scrypt_variant *v)
{
	if (v->lanes < 1 || v->lanes > SCRYPT_LANES || v->width < 1 || v->lanes % v->width != 0)
		return false;
	/* An odd r; lanes differ, so one in another's place shows.  Some tenths of a millisecond in all. */
	for (uint32_t p = 1; p <= v->lanes; p++) {
		uint8_t want[64] = {0}, got[64] = {1};
		struct scrypt_job job = {
			.n = 32, .r = 3, .p = p, .pass = "self", .pass_n = 4, .salt = (const uint8_t *)"test", .salt_n = 4};

		job.key = want;
		job.key_n = sizeof want;
		if (scrypt_reference(&job, NULL))
			return false;
		job.key = got;
		if (scrypt_run_by(v, &job, NULL) || memcmp(want, got, sizeof want) != 0)
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
