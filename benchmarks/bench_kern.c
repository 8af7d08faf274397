/*
 * bench_kern: what one core does a second, for blobs of 1 MiB and of 2 KiB.  The best of a few
 * rounds is printed, since on a shared machine everything else that runs only makes it slower.
 *
 * One line each: operation, blob bytes, ns per blob, GB/s (10^9 bytes).  Then what opening a
 * repository costs: each variant of scrypt this CPU has, in turns, CPU seconds in user and in
 * system mode, page faults, and the CPU seconds beside OpenSSL's.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "kern/chunker.h"
#include "kern/compress.h"
#include "kern/crypto.h"
#include "kern/hash.h"
#include "kern/scrypt_mix.h"
#include "kern/seal.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define DATA   ((size_t)32 << 20)
#define ROUNDS 5
#define BATCH  ((size_t)8)

struct bench {
	uint8_t *noise, *text, *out; /* DATA bytes; out has room for a blob sealed or compressed */
	struct chunker_tables *tables;
	struct hash *hash;
	struct seal *seal;
	struct compress *compress;
	int level;
	size_t packed; /* bytes all blobs took */
};

/* One blob of n bytes at p. */
typedef void op_fn(struct bench *b, const uint8_t *p, size_t n);

static void op_scan(struct bench *b, const uint8_t *p, size_t n)
{
	struct chunker_runs runs = {0};

	chunker_scan(b->tables, p + CHUNKER_WINDOW, CHUNKER_WINDOW, n - CHUNKER_WINDOW, 0, &runs);
	chunker_runs_release(&runs);
}

static void op_hash(struct bench *b, const uint8_t *p, size_t n)
{
	struct id id;

	hash_once(b->hash, p, n, &id);
}

/* BATCH blobs in one call. */
static void op_hash_many(struct bench *b, const uint8_t *p, size_t n)
{
	struct hash_job job[BATCH];

	for (size_t i = 0; i < BATCH; i++)
		job[i] = (struct hash_job){.p = p + i * (n / BATCH), .n = n / BATCH};
	hash_many(b->hash, job, BATCH);
}

static void op_seal(struct bench *b, const uint8_t *p, size_t n)
{
	static const uint8_t iv[SEAL_IV] = {1};

	seal_put(b->seal, iv, p, n, b->out);
}

static void op_open(struct bench *b, const uint8_t *p, size_t n)
{
	/* The same sealed blob each time: op_seal made it. */
	(void)p;
	if (seal_open(b->seal, b->out, n + SEAL_OVERHEAD, b->out + n + SEAL_OVERHEAD))
		fprintf(stderr, "open failed\n");
}

static void op_compress(struct bench *b, const uint8_t *p, size_t n)
{
	size_t got = 0;

	if (compress_put(b->compress, b->level, p, n, b->out, compress_bound(n), &got, NULL))
		fprintf(stderr, "compress failed\n");
	b->packed += got;
}

static void op_decompress(struct bench *b, const uint8_t *p, size_t n)
{
	size_t got = b->packed; /* of the one blob in `out` */

	(void)p;
	if (compress_get(b->compress, b->out, got, b->out + compress_bound(n), n, NULL))
		fprintf(stderr, "decompress failed\n");
}

/* Cuts all data, as a reader would. */
static void op_cut(struct bench *b, const uint8_t *p, size_t n)
{
	struct chunker c;

	chunker_init(&c, b->tables);
	while (n) {
		size_t len = chunker_next(&c, p, n, true);

		p += len;
		n -= len;
	}
}

static void run(struct bench *b, const char *name, op_fn *fn, const uint8_t *data, size_t blob,
	size_t total)
{
	const struct clock *clock = clock_real();
	int64_t best = INT64_MAX;
	double ns;

	for (int r = 0; r < ROUNDS; r++) {
		int64_t start = clock_mono(clock), took;

		for (size_t at = 0; at + blob <= total; at += blob)
			fn(b, data + at, blob);
		took = clock_mono(clock) - start;
		if (took < best)
			best = took;
	}
	ns = (double)best / (double)(total / blob);
	printf("%-22s %9zu %12.0f %8.3f\n", name, blob, ns, (double)blob / ns);
}

static void fill(struct bench *b)
{
	static const char *const words[] = {"alpha ", "beta ", "gamma\n", "12345 ",
		"{\"name\":", "}, ", "temperature ", "0.0031 "};
	uint64_t x = 1;
	size_t at = 0;

	for (size_t i = 0; i + 8 <= DATA; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(b->noise + i, &x, 8);
	}
	while (at + 16 < DATA) {
		const char *w;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w = words[x & 7];
		memcpy(b->text + at, w, strlen(w));
		at += strlen(w);
		if ((x >> 8 & 3) == 0)
			b->text[at++] = (uint8_t)(x >> 20);
	}
}

struct spent {
	double user, system;
	long faults;
};

static struct spent spent_now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (struct spent){
		.user = (double)u.ru_utime.tv_sec + 1e-6 * (double)u.ru_utime.tv_usec,
		.system = (double)u.ru_stime.tv_sec + 1e-6 * (double)u.ru_stime.tv_usec,
		.faults = u.ru_minflt,
	};
}

static struct spent derive(const struct scrypt_variant *v, uint32_t p)
{
	static const uint8_t salt[64] = {1};
	uint8_t key[64];
	const struct scrypt_job job = {
		.n = 32768,
		.r = 8,
		.p = p,
		.pass = "pw",
		.pass_n = 2,
		.salt = salt,
		.salt_n = sizeof salt,
		.key = key,
		.key_n = sizeof key,
	};
	struct spent a = spent_now(), b;

	if (scrypt_run_by(v, &job, NULL))
		fprintf(stderr, "scrypt failed\n");
	b = spent_now();
	return (struct spent){b.user - a.user, b.system - a.system, b.faults - a.faults};
}

static double total(const struct spent *s)
{
	return s->user + s->system;
}

static void run_scrypt(uint32_t p)
{
	const struct scrypt_variant *variant[] = {
		&scrypt_openssl,
		&scrypt_plain,
#if defined(__x86_64__)
		&scrypt_avx2,
#endif
	};
	struct spent best[sizeof variant / sizeof *variant] = {0};

	for (int r = 0; r < ROUNDS; r++)
		for (size_t i = 0; i < sizeof variant / sizeof *variant; i++) {
			struct spent s;

			if (variant[i]->supported && !variant[i]->supported())
				continue;
			s = derive(variant[i], p);
			if (r == 0 || total(&s) < total(&best[i]))
				best[i] = s;
		}
	printf("\nscrypt variant: %s\nN=32768 r=8 p=%-7u %9s %12s %8s %8s\n", scrypt_variant(),
		(unsigned)p, "user s", "system s", "faults", "ratio");
	for (size_t i = 0; i < sizeof variant / sizeof *variant; i++)
		if (total(&best[i]) > 0)
			printf("scrypt, %-14s %9.3f %12.3f %8ld %8.3f\n", variant[i]->name,
				best[i].user, best[i].system, best[i].faults,
				total(&best[i]) / total(&best[0]));
}

int main(void)
{
	static const size_t blobs[] = {1 << 20, 2048};
	static const int levels[] = {COMPRESS_FASTEST, COMPRESS_AUTO, COMPRESS_BETTER};
	struct seal_key key;
	struct bench b = {.noise = mem_alloc(DATA),
		.text = mem_zalloc(DATA),
		.out = mem_alloc(4 << 20)};

	memset(&key, 7, sizeof key);
	fill(&b);
	b.tables = chunker_tables_new(0x3da3358b4dc173);
	b.hash = hash_new();
	b.seal = seal_new(&key);
	b.compress = compress_new();
	printf("scan variant: %s, hash variant: %s\n%-22s %9s %12s %8s\n", chunker_variant(),
		hash_variant(), "operation", "bytes", "ns", "GB/s");
	run(&b, "cut a stream", op_cut, b.noise, DATA, DATA);
	for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
		size_t n = blobs[i], few = n > 4096 ? DATA : DATA / 8;

		run(&b, "scan", op_scan, b.noise, n, DATA);
		run(&b, "sha256", op_hash, b.noise, n, DATA);
		run(&b, "sha256, 8 at once", op_hash_many, b.noise, BATCH * n, DATA);
		run(&b, "seal", op_seal, b.noise, n, DATA);
		run(&b, "open", op_open, b.noise, n, DATA);
		run(&b, "compress noise, auto", op_compress, b.noise, n,
			(b.level = COMPRESS_AUTO, few));
		for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
			char name[32];

			b.level = levels[k];
			snprintf(name, sizeof name, "compress text, level %d", b.level);
			run(&b, name, op_compress, b.text, n, few / 4);
		}
		b.packed = 0;
		b.level = COMPRESS_AUTO;
		op_compress(&b, b.text, n);
		run(&b, "decompress text", op_decompress, b.text, n, few);
		b.packed = 0;
	}
	memset(b.noise, 0, DATA);
	run(&b, "scan zeros", op_scan, b.noise, 1 << 20, DATA);
	for (size_t i = 0; i < DATA; i += 2)
		memcpy(b.noise + i, "ab", 2);
	run(&b, "scan ababab", op_scan, b.noise, 1 << 20, DATA);
	compress_free(b.compress);
	seal_free(b.seal);
	hash_free(b.hash);
	chunker_tables_free(b.tables);
	mem_free(b.noise);
	mem_free(b.text);
	mem_free(b.out);
	/* What restic makes of slow and of fast CPUs. */
	run_scrypt(4);
	run_scrypt(10);
	return 0;
}
