#include "kern/hash_lanes.h"
#include "base/mem.h"
#include "unit/check.h"

#define BYTES   ((size_t)300 * 1024)
#define STREAMS 5

/* The measure: hash_begin, hash_add and hash_end are OpenSSL's. */
static struct id openssl(struct hash *h, const uint8_t *p, size_t n)
{
	struct id id;

	hash_begin(h);
	hash_add(h, p, n);
	hash_end(h, &id);
	return id;
}

static uint64_t seed;

static size_t rnd(size_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 11) % below;
}

static uint8_t *noise(void)
{
	uint8_t *p = mem_alloc(BYTES);

	seed = 0x9e3779b97f4a7c15;
	for (size_t i = 0; i < BYTES; i++)
		p[i] = (uint8_t)rnd(256);
	return p;
}

/* Calls fn with each variant that this CPU can run, whatever is picked. */
static void each_variant(void (*fn)(const struct hash_variant *v, struct hash *h, const uint8_t *p))
{
	struct hash *h = hash_new();
	uint8_t *p = noise();

	fn(&hash_openssl, h, p);
#if defined(__x86_64__)
	if (hash_shani.supported())
		fn(&hash_shani, h, p);
#endif
	mem_free(p);
	hash_free(h);
}

static void expect(const struct hash_variant *v, struct hash *h, struct hash_job *job, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		memset(&job[i].out, 0xee, sizeof job[i].out);
	hash_many_by(v, h, job, n);
	for (size_t i = 0; i < n; i++) {
		struct id want = openssl(h, job[i].p, job[i].n);

		wrong += !id_equal(&want, &job[i].out);
	}
	CHECK_EQ(wrong, 0);
}

static void sizes(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	struct hash_job job[301];

	/* All at once, in two orders, and each alone; unaligned except by chance. */
	for (size_t i = 0; i <= 300; i++)
		job[i] = (struct hash_job){.p = p + 3 * i, .n = i};
	expect(v, h, job, 301);
	for (size_t i = 0; i <= 300; i++)
		job[i] = (struct hash_job){.p = p + 5 * i + 1, .n = 300 - i};
	expect(v, h, job, 301);
	for (size_t i = 0; i <= 300; i++)
		expect(v, h, &job[i], 1);
}
TEST(small_sizes)
{
	each_variant(sizes);
}

static void borders(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	struct hash_job job[64];

	for (size_t blocks = 1; blocks < 600; blocks = blocks * 2 + 1) {
		size_t n = 0;

		for (size_t d = 0; d < 21; d++, n++)
			job[n] = (struct hash_job){.p = p + d, .n = blocks * HASH_BLOCK + d - 10};
		expect(v, h, job, n);
	}
	job[0] = (struct hash_job){.p = NULL, .n = 0};
	job[1] = (struct hash_job){.p = p, .n = 64};
	expect(v, h, job, 2);
}
TEST(block_borders)
{
	each_variant(borders);
}

static void counts(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	static const size_t count[] = {0, 1, 2, 3, 4, 5, 17, 100};
	struct hash_job job[101];

	for (int round = 0; round < 20; round++)
		for (size_t c = 0; c < sizeof count / sizeof *count; c++) {
			/* Long and short ones, so that each lane comes to outlive the others. */
			for (size_t i = 0; i < count[c]; i++) {
				job[i] = (struct hash_job){.n = rnd(8) ? rnd(600) : rnd(40000)};
				job[i].p = p + rnd(BYTES - job[i].n);
			}
			job[count[c]] = (struct hash_job){.p = p, .n = 10};
			memset(&job[count[c]].out, 0x55, ID_SIZE);
			expect(v, h, job, count[c]);
			CHECK_EQ(job[count[c]].out.b[0], 0x55);
		}
	hash_many_by(v, h, NULL, 0);
}
TEST(any_number)
{
	each_variant(counts);
}

/* Some calls, in each of which some of the streams get a piece among messages. */
static void feed(const struct hash_variant *v, struct hash *h, const uint8_t *p,
	struct hash_stream **s, const size_t *size, size_t most)
{
	size_t fed[STREAMS] = {0}, rest = 1;

	while (rest) {
		struct hash_job job[STREAMS * 3];
		size_t n = 0, wrong = 0;

		rest = 0;
		for (size_t i = 0; i < STREAMS; i++) {
			size_t piece = rnd(4) ? rnd(most) : rnd(3) * HASH_BLOCK;

			if (piece > size[i] - fed[i])
				piece = size[i] - fed[i];
			if (rnd(3)) {
				job[n] = (struct hash_job){.p = piece ? p + i + fed[i] : NULL,
					.n = piece,
					.stream = s[i]};
				memset(&job[n++].out, 0x55, ID_SIZE);
				fed[i] += piece;
			}
			rest += size[i] - fed[i];
			for (size_t k = rnd(3); k > 0; k--)
				job[n++] = (struct hash_job){.p = p + rnd(1000), .n = rnd(most)};
		}
		hash_many_by(v, h, job, n);
		for (size_t i = 0; i < n; i++) {
			struct id want = openssl(h, job[i].p, job[i].n);

			wrong += job[i].stream ? job[i].out.b[7] != 0x55
					       : !id_equal(&want, &job[i].out);
		}
		CHECK_EQ(wrong, 0);
	}
}

static void streams(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	static const size_t most[] = {2, 70, 200, 5000};
	struct hash_stream *s[STREAMS];
	struct id id;

	for (size_t i = 0; i < STREAMS; i++)
		s[i] = hash_stream_new_by(v);
	for (size_t m = 0; m < sizeof most / sizeof *most; m++)
		for (int round = 0; round < 10; round++) {
			size_t size[STREAMS];

			for (size_t i = 0; i < STREAMS; i++)
				size[i] = round ? rnd(20 * most[m]) : i * HASH_BLOCK;
			feed(v, h, p, s, size, most[m]);
			for (size_t i = 0; i < STREAMS; i++) {
				struct id want = openssl(h, p + i, size[i]);

				hash_stream_end(s[i], &id);
				CHECK(id_equal(&want, &id));
				hash_stream_begin(s[i]);
			}
		}
	for (size_t i = 0; i < STREAMS; i++)
		hash_stream_free(s[i]);
	hash_stream_free(NULL);
}
TEST(streams_among_messages)
{
	each_variant(streams);
}

static void given_up(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	struct hash_stream *s = hash_stream_new_by(v);
	struct hash_job job = {.p = p, .n = 1000, .stream = s};
	struct id id, want = openssl(h, p, 77);

	hash_many_by(v, h, &job, 1);
	hash_stream_begin(s);
	job.n = 77;
	hash_many_by(v, h, &job, 1);
	hash_stream_end(s, &id);
	CHECK(id_equal(&want, &id));
	hash_stream_free(s);
}
TEST(stream_begun_again)
{
	each_variant(given_up);
}

/* More than 2^32 bits: the length has two words. */
static void long_stream(const struct hash_variant *v, struct hash *h, const uint8_t *p)
{
	struct hash_stream *s[2] = {hash_stream_new_by(v), hash_stream_new_by(v)};
	const size_t piece = 256 * 1024, pieces = ((size_t)1 << 29) / piece + 1;
	struct hash_job job[2] = {{.p = p, .n = piece, .stream = s[0]},
		{.p = p + 1, .n = piece, .stream = s[1]}};
	struct id want, id;

	if (!v->lanes)
		goto out;
	hash_begin(h);
	for (size_t i = 0; i < pieces; i++) {
		hash_many_by(v, h, job, 2);
		hash_add(h, p, piece);
	}
	hash_end(h, &want);
	hash_stream_end(s[0], &id);
	CHECK(id_equal(&want, &id));
out:
	hash_stream_free(s[0]);
	hash_stream_free(s[1]);
}
TEST(long_streams)
{
	each_variant(long_stream);
}

/* What users call, whichever variant that is. */
TEST(by_default)
{
	struct hash *h = hash_new();
	uint8_t *p = noise();
	struct hash_stream *s = hash_stream_new();
	struct hash_job job[3] = {{.p = p + 1, .n = 100}, {.p = p, .n = 1000, .stream = s},
		{.p = p + 9, .n = 5000}};
	struct id a = openssl(h, p + 1, 100), b = openssl(h, p, 1000), c = openssl(h, p + 9, 5000),
		  id;

	hash_many(h, job, 3);
	hash_stream_end(s, &id);
	CHECK(id_equal(&a, &job[0].out) && id_equal(&b, &id) && id_equal(&c, &job[2].out));
	hash_once(h, p, 1000, &id);
	CHECK(id_equal(&b, &id));
	hash_stream_free(s);
	mem_free(p);
	hash_free(h);
}
