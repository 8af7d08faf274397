/*
 * hash_pick: which variant of hash_many runs on this CPU.  A new one gets a file of its own and a
 * line in `variants`.
 */
#include "base/mem.h"
#include "kern/hash_lanes.h"
#include <pthread.h>
#include <string.h>

const struct hash_variant hash_openssl = {.name = "openssl"};

/* Fastest first; OpenSSL is the measure of the others. */
static const struct hash_variant *const variants[] = {
#if defined(__x86_64__)
	&hash_shani,
#endif
	&hash_openssl,
};

#define TEST_BYTES 4800

/* Messages of every kind of end, several blocks and none, all on other bytes at other alignments.
 */
static bool agrees(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	static const size_t size[] = {1000, 0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 129, 4096, 64,
		700, 2048, 3};
	struct hash_job job[sizeof size / sizeof *size];
	const size_t n = sizeof size / sizeof *size;
	struct id want;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		job[i] = (struct hash_job){.p = p + 37 * i, .n = size[i]};
	hash_many_by(v, h, job, n);
	for (size_t i = 0; i < n; i++) {
		hash_begin(h);
		hash_add(h, job[i].p, job[i].n);
		hash_end(h, &want);
		ok = ok && id_equal(&want, &job[i].out);
		/* Alone: one lane, for all its blocks. */
		hash_many_by(v, h, &job[i], 1);
		ok = ok && id_equal(&want, &job[i].out);
	}
	return ok;
}

bool hash_selftest(const struct hash_variant *v)
{
	struct hash *h;
	uint8_t *p;
	uint64_t x = 88172645463325252;
	bool ok;

	if (v->lanes > HASH_LANES)
		return false;
	for (size_t i = 0; i < v->lanes; i++)
		if (!v->blocks[i])
			return false;
	h = hash_new();
	p = mem_alloc(TEST_BYTES);
	for (size_t i = 0; i < TEST_BYTES; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)x;
	}
	ok = agrees(v, h, p);
	mem_free(p);
	hash_free(h);
	return ok;
}

static const struct hash_variant *picked = &hash_openssl;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pick(void)
{
	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
		const struct hash_variant *v = variants[i];

		if (v == &hash_openssl || (v->supported() && hash_selftest(v))) {
			picked = v;
			return;
		}
	}
}

const struct hash_variant *hash_pick(void)
{
	pthread_once(&once, pick);
	return picked;
}

const char *hash_variant(void)
{
	return hash_pick()->name;
}
