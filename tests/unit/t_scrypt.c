#include "base/id.h"
#include "base/mem.h"
#include "kern/scrypt_mix.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/* Every variant that this CPU has. */
static void each_variant(void (*fn)(const struct scrypt_variant *v))
{
	fn(&scrypt_openssl);
	fn(&scrypt_plain);
#if defined(__x86_64__)
	if (scrypt_avx2.supported())
		fn(&scrypt_avx2);
#endif
}

static void expect(const struct scrypt_variant *v, struct scrypt_job *job, const char *want)
{
	uint8_t key[64] = {0};
	char hex[129];

	job->key = key;
	job->key_n = sizeof key;
	CHECK_EQ(scrypt_run_by(v, job, NULL), 0);
	hex_encode(hex, key, sizeof key);
	CHECK_STR(hex, want);
}

static struct scrypt_job job_of(const char *pass, const void *salt, size_t salt_n, uint64_t n,
	uint32_t r, uint32_t p)
{
	return (struct scrypt_job){.n = n,
		.r = r,
		.p = p,
		.pass = pass,
		.pass_n = strlen(pass),
		.salt = salt,
		.salt_n = salt_n};
}

static void vectors(const struct scrypt_variant *v)
{
	struct scrypt_job job[] = {
		/* RFC 7914, 12; its fourth takes a GiB. */
		job_of("", NULL, 0, 16, 1, 1),
		job_of("password", "NaCl", 4, 1024, 8, 16),
		job_of("pleaseletmein", "SodiumChloride", 14, 16384, 8, 1),
		/* docs/format.md, Appendix A. */
		job_of("pw", NULL, 64, 16384, 8, 1),
	};
	uint8_t salt[64];

	for (size_t i = 0; i < sizeof salt; i++)
		salt[i] = (uint8_t)i;
	job[3].salt = salt;
	expect(v, &job[0],
		"77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f832"
		"6a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38"
		"d18906");
	expect(v, &job[1],
		"fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886f"
		"f109279d9830dac727afb94a83ee6d8360cbdfa2"
		"cc0640");
	expect(v, &job[2],
		"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62"
		"d49705242a9af9e61e85dc0d651e40dfcf017b45"
		"575887");
	expect(v, &job[3],
		"3821435b411662e42c477023ee215919706a4d0f9c32e08ced9990eb62240685e108d871893fa05f4c"
		"c8a72c3861e6e45bc0a8bd604e85be3a6c385ea2"
		"0a492f");
}

TEST(vectors)
{
	each_variant(vectors);
}

static uint64_t noise(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void same(const struct scrypt_variant *v, uint64_t n, uint32_t r, uint32_t p)
{
	uint8_t in[200], want[100], got[100];
	struct scrypt_job job = {.n = n,
		.r = r,
		.p = p,
		.pass = in,
		.pass_n = noise() % 100,
		.salt = in + 100,
		.salt_n = noise() % 100};

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(noise() >> 32);
	job.key_n = 1 + noise() % sizeof want;
	job.key = want;
	CHECK_EQ(scrypt_reference(&job, NULL), 0);
	job.key = got;
	memset(got, 0, sizeof got);
	CHECK_EQ(scrypt_run_by(v, &job, NULL), 0);
	if (!CHECK_MEM(got, want, job.key_n))
		fprintf(stderr, "%s: N = %llu, r = %u, p = %u\n", v->name, (unsigned long long)n, r,
			p);
}

static void as_openssl(const struct scrypt_variant *v)
{
	/* All numbers of lanes with all kinds of r: less than what is read ahead, odd, the usual
	 * one, more. */
	static const uint32_t some_r[] = {1, 2, 3, 8, 17};

	for (uint32_t p = 1; p <= 13; p++)
		for (size_t i = 0; i < sizeof some_r / sizeof *some_r; i++)
			same(v, 2u << (p + i) % 6, some_r[i], p);
	for (int i = 0; i < 50; i++)
		same(v, 2u << noise() % 8, 1 + (uint32_t)(noise() % 20),
			1 + (uint32_t)(noise() % 11));
	/* A block that is larger than V's usual size, and many lanes. */
	same(v, 2, 5000, 2);
	same(v, 4, 1, 3001);
}

TEST(as_openssl)
{
	each_variant(as_openssl);
}

TEST(picked)
{
	struct scrypt_job job = job_of("", NULL, 0, 16, 1, 1);
	uint8_t key[2];

	job.key = key;
	job.key_n = sizeof key;
	CHECK_EQ(scrypt_run(&job, NULL), 0);
	CHECK_MEM(key, "\x77\xd6", 2);
	CHECK_STR(scrypt_variant(), scrypt_pick()->name);
}

static void together(const struct scrypt_variant *v)
{
	for (uint64_t n = 2; n <= 1 << 23; n *= 2)
		for (uint32_t r = 1; n * r <= 1 << 24; r += 1 + r / 2)
			for (uint32_t p = 1; p < 9; p++) {
				struct scrypt_job job = {.n = n, .r = r, .p = p};
				size_t most = scrypt_most(v, &job);
				bool more = most < v->lanes && most < p;

				CHECK(most >= 1 && most <= v->lanes && most <= p);
				CHECK(most == 1 || most * 64 * r * n <= 128 * MIB);
				CHECK(!more || (most + 1) * 64 * r * n > 128 * MIB);
			}
}

/* Lanes go in step only as far as 128 MiB reach, but that far. */
TEST(together)
{
	each_variant(together);
}

static void steps(const struct scrypt_variant *v)
{
	for (size_t most = 1; most <= v->lanes; most++)
		for (size_t p = 1; p < 50; p++) {
			size_t left = p, n = 0;

			while (left && n < p) {
				size_t take = scrypt_next(v, most, left);

				REQUIRE(take >= 1 && take <= left && take <= most);
				left -= take;
				n++;
			}
			CHECK_EQ(left, 0);
			CHECK_EQ(n, (p + most - 1) / most);
		}
}

TEST(steps)
{
	const struct scrypt_variant narrow = {.lanes = 4, .width = 1},
				    wide = {.lanes = 6, .width = 2};
	static const size_t by_narrow[] = {4, 3, 3}, by_wide[] = {6, 4, 4};
	size_t left = 10;

	each_variant(steps);
	for (int i = 0; i < 3; left -= by_narrow[i++])
		CHECK_EQ(scrypt_next(&narrow, 4, left), by_narrow[i]);
	left = 14;
	for (int i = 0; i < 3; left -= by_wide[i++])
		CHECK_EQ(scrypt_next(&wide, 6, left), by_wide[i]);
	/* Only whole registers are worth filling: 4 + 4, not 5 + 3. */
	CHECK_EQ(scrypt_next(&wide, 6, 8), 4);
	CHECK_EQ(scrypt_next(&wide, 6, 7), 4);
	CHECK_EQ(scrypt_next(&wide, 6, 5), 5);
}

/* A child's peak, in MiB. */
static long peak_mib(const struct scrypt_variant *v, uint64_t n, uint32_t p)
{
	struct scrypt_job job = job_of("x", NULL, 0, n, 8, p);
	struct rusage use = {0};
	uint8_t key[1];
	int status = -1;
	pid_t child = fork();

	job.key = key;
	job.key_n = 1;
	if (child == 0)
		_exit(scrypt_run_by(v, &job, NULL) ? 1 : 0);
	CHECK(wait4(child, &status, 0, &use) == child && status == 0);
	return use.ru_maxrss / 1024;
}

/* Two lanes of 64 MiB in step, then the third. */
TEST(peak_memory)
{
	const struct scrypt_variant *v = scrypt_pick();
	long grown;

#if defined(__SANITIZE_THREAD__)
	SKIP("ThreadSanitizer takes memory of its own for what is used");
#endif
	if (!v->mix)
		SKIP("OpenSSL's memory is not ours");
	grown = peak_mib(v, 131072, 3) - peak_mib(v, 2, 1);
	/* The bytes are really used, or the test is blind. */
	CHECK(grown >= 126 && grown <= 130);
}

/* In a child that may take `more` bytes: the job's result, and whether its key is `want`. */
static int limited(const struct scrypt_variant *v, struct scrypt_job *job, size_t more,
	const uint8_t *want, const char *msg)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		struct rlimit as = {check_address_space() + more, RLIM_INFINITY};
		struct err err = {0};
		int rc;

		if (setrlimit(RLIMIT_AS, &(struct rlimit){as.rlim_cur, as.rlim_cur}))
			_exit(100);
		rc = scrypt_run_by(v, job, &err);
		if (rc)
			_exit(rc == ERR_NOMEM && err.code == ERR_NOMEM && strcmp(err.msg, msg) == 0
					? 1
					: 101);
		_exit(memcmp(job->key, want, job->key_n) == 0 ? 0 : 102);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void no_memory(const struct scrypt_variant *v)
{
	struct scrypt_job job = job_of("x", NULL, 0, 32768, 8, 4);
	uint8_t key[32], want[32];

	if (!v->mix)
		return;
	job.key = want;
	job.key_n = sizeof want;
	CHECK_EQ(scrypt_reference(&job, NULL), 0);
	job.key = key;
	/* A lane takes 16 MiB. */
	CHECK_EQ(limited(v, &job, 100 * MIB, want, ""), 0);
	CHECK_EQ(limited(v, &job, 40 * MIB, want, ""), 0);
	CHECK_EQ(limited(v, &job, 24 * MIB, want, ""), 0);
	CHECK_EQ(limited(v, &job, 10 * MIB, want, "key derivation needs 17 MiB of memory"), 1);
}

/* Little memory makes it slower, too little is an error. */
TEST(no_memory)
{
	if (!check_address_space())
		SKIP("no /proc/self/statm");
	each_variant(no_memory);
}
