#include "kern/compress.h"
#include "base/mem.h"
#include "unit/check.h"
#include <malloc.h>
#include <string.h>
#include <zstd.h>

#define MIB ((size_t)1 << 20)

/* Text of a kind: compresses about four times, with noise between. */
static void fill(uint8_t *p, size_t n)
{
	uint64_t x = 88172645463325252ull;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = i % 100000 < 90000 ? (uint8_t)('a' + (x & 3)) : (uint8_t)x;
	}
}

struct kit {
	struct compress *c;
	uint8_t *plain, *packed, *back;
	size_t max, cap;
	struct err err;
};

static void kit_init(struct kit *k, size_t max)
{
	*k = (struct kit){.c = compress_new(), .max = max, .cap = compress_bound(max) + 4096};
	k->plain = mem_alloc(max);
	k->packed = mem_alloc(k->cap);
	k->back = mem_alloc(max + 1);
	fill(k->plain, max);
}

static void kit_release(struct kit *k)
{
	compress_free(k->c);
	mem_free(k->plain);
	mem_free(k->packed);
	mem_free(k->back);
}

static size_t put(struct kit *k, int level, const void *p, size_t n, uint8_t *out)
{
	size_t made = 0;

	REQUIRE(compress_put(k->c, level, p, n, out, compress_bound(n), &made, &k->err) == 0);
	return made;
}

/* All three ways to read n bytes must give these contents. */
static void expect(struct kit *k, const uint8_t *in, size_t n, const uint8_t *plain, size_t want)
{
	uint8_t *copy = mem_dup(in, n);
	const uint8_t *piece;
	size_t got, at = 0;
	struct buf all;

	err_clear(&k->err);
	memset(k->back, 0x55, want);
	CHECK_EQ(compress_get(k->c, copy, n, k->back, want, &k->err), 0);
	CHECK_MEM(k->back, plain, want);
	CHECK_EQ(compress_get(k->c, copy, n, k->back, want + 1, NULL), ERR_INVALID);
	if (want)
		CHECK_EQ(compress_get(k->c, copy, n, k->back, want - 1, NULL), ERR_INVALID);

	buf_init(&all, want + 3);
	buf_add(&all, "abc", 3);
	CHECK_EQ(compress_get_all(k->c, copy, n, &all, &k->err), 0);
	CHECK_EQ(all.len, want + 3);
	CHECK_MEM(all.p, "abc", 3);
	CHECK_MEM(all.p + 3, plain, want);
	buf_release(&all);
	if (want) {
		buf_init(&all, want - 1);
		CHECK_EQ(compress_get_all(k->c, copy, n, &all, NULL), ERR_NOMEM);
		buf_release(&all);
	}

	compress_begin(k->c, copy, n);
	while (compress_next(k->c, &piece, &got, &k->err) == 0 && got) {
		REQUIRE(got <= want - at);
		CHECK_MEM(piece, plain + at, got);
		at += got;
	}
	CHECK_EQ(k->err.code, 0);
	CHECK_EQ(at, want);
	CHECK_EQ(compress_next(k->c, &piece, &got, NULL), 0);
	CHECK_EQ(got, 0);
	mem_free(copy);
}

/* All three must refuse; the last one may have given some bytes before. */
static void expect_bad(struct kit *k, const uint8_t *in, size_t n, size_t want)
{
	uint8_t *copy = mem_dup(in, n);
	const uint8_t *piece;
	size_t got;
	struct buf all;
	int rc;

	CHECK_EQ(compress_get(k->c, copy, n, k->back, want, NULL), ERR_INVALID);
	buf_init(&all, k->max);
	CHECK_EQ(compress_get_all(k->c, copy, n, &all, NULL), ERR_INVALID);
	buf_release(&all);
	compress_begin(k->c, copy, n);
	while ((rc = compress_next(k->c, &piece, &got, NULL)) == 0 && got)
		;
	CHECK_EQ(rc, ERR_INVALID);
	CHECK_EQ(compress_next(k->c, &piece, &got, NULL), ERR_INVALID); /* it stays */
	mem_free(copy);
}

TEST(round_trips)
{
	static const size_t sizes[] = {0, 1, 2, 255, 256, 1024, 2048, 16384, 16385, 131071, 131072,
		131073, 1048576, 9437184};
	static const int levels[] = {COMPRESS_FASTEST, COMPRESS_AUTO, COMPRESS_BETTER,
		COMPRESS_MAX};
	struct kit k;

	kit_init(&k, 9437184);
	for (size_t l = 0; l < 4; l++) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes - l; i++) {
			size_t n = put(&k, levels[l], k.plain, sizes[i], k.packed);

			CHECK_EQ(ZSTD_getFrameContentSize(k.packed, n), sizes[i]);
			CHECK_EQ(k.packed[4] & 4, 0); /* no checksum */
			if (sizes[i] > 4096)
				CHECK(n < sizes[i] / 2);
			expect(&k, k.packed, n, k.plain, sizes[i]);
		}
	}
	kit_release(&k);
	compress_free(NULL);
}

/* A blob's frame depends on the blob and the level alone, not on what the context did before. */
TEST(same_each_time)
{
	struct kit k, fresh;
	size_t n, m;

	kit_init(&k, MIB);
	for (int round = 0; round < 3; round++) {
		static const size_t sizes[] = {2048, 300000, 77};

		for (int i = 0; i < 3; i++) {
			kit_init(&fresh, MIB);
			put(&k, round == 1 ? 7 : 1, k.plain + 5000, 40000, k.packed);
			n = put(&k, 3, k.plain, sizes[i], k.packed);
			m = put(&fresh, 3, k.plain, sizes[i], fresh.packed);
			CHECK_EQ(n, m);
			CHECK_MEM(k.packed, fresh.packed, n);
			kit_release(&fresh);
		}
	}
	kit_release(&k);
}

TEST(levels)
{
	struct kit k;
	size_t made = 0, n;
	unsigned exp;

	kit_init(&k, 9 * MIB);
	CHECK_EQ(compress_put(k.c, 0, k.plain, 10, k.packed, k.cap, &made, &k.err), ERR_USAGE);
	CHECK_EQ(compress_put(k.c, 99, k.plain, 10, k.packed, k.cap, &made, NULL), ERR_USAGE);
	CHECK_EQ(compress_put(k.c, -5, k.plain, 10, k.packed, k.cap, &made, NULL), ERR_USAGE);
	/* A level that would like 2^27 is held to 8 MiB.  Most of the input is one byte, or this
	 * would take long. */
	memset(k.plain, 0, 9 * MIB - 1000);
	n = put(&k, 22, k.plain, 9 * MIB, k.packed);
	CHECK_EQ(k.packed[4] & 0x20, 0);
	exp = k.packed[5] >> 3;
	CHECK_EQ(exp, 13);
	expect(&k, k.packed, n, k.plain, 9 * MIB);
	kit_release(&k);
}

/* Frames of other writers: without sizes, with checksums, flushed, one after another, with
 * skippable ones between. */
TEST(foreign_frames)
{
	static const uint8_t skip[] = {0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z'};
	/* The last ones have more content than is decoded at once, so that readers by pieces pass
	 * from frame to frame. */
	const int last = 32, more[] = {0, 6, 16, 26};
	struct kit k;
	ZSTD_CCtx *c = ZSTD_createCCtx();

	kit_init(&k, 18 * MIB);
	for (int i = 0; i < last + 4; i++) {
		int kind = i < last ? i : more[i - last];
		size_t part = i >= last ? 9 * MIB : kind & 1 ? 100 : 200000, n = 0, at = 0;

		for (int frame = 0; frame < 2; frame++, at += part) {
			ZSTD_inBuffer ib = {k.plain + at, part, 0};
			ZSTD_outBuffer ob = {k.packed + n, k.cap - n, 0};

			ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
			ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
			ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, kind >> 1 & 1);
			ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, kind >> 2 & 1);
			ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, kind & 8 ? 10 : 0);
			if (kind & 16) {
				ib.size = part / 3;
				REQUIRE(ZSTD_compressStream2(c, &ob, &ib, ZSTD_e_flush) == 0);
				ib.size = part;
			}
			REQUIRE(ZSTD_compressStream2(c, &ob, &ib, ZSTD_e_end) == 0);
			n += ob.pos;
			memcpy(k.packed + n, skip, sizeof skip);
			n += sizeof skip;
		}
		expect(&k, k.packed, n, k.plain, at);
		CHECK_EQ(k.err.code, 0);
		expect_bad(&k, k.packed, n - 1, at);
		k.packed[n] = 0;
		expect_bad(&k, k.packed, n + 1, at);
	}
	ZSTD_freeCCtx(c);
	kit_release(&k);
}

/* More content than the window and than what is decoded at once: this is read by pieces. */
TEST(by_pieces)
{
	const size_t total = 20 * MIB;
	struct kit k;
	const uint8_t *p;
	size_t n, got, pieces = 0, most = 0, at = 0, half;

	kit_init(&k, total);
	n = put(&k, 1, k.plain, total, k.packed);
	expect(&k, k.packed, n, k.plain, total);
	half = put(&k, 3, k.plain, 5000, k.back);
	compress_begin(k.c, k.packed, n);
	while (compress_next(k.c, &p, &got, &k.err) == 0 && got) {
		static uint8_t other[5000];

		CHECK_MEM(p, k.plain + at, got);
		at += got;
		pieces++;
		if (got > most)
			most = got;
		/* Another frame read in between is no business of the reader. */
		if (pieces % 10 == 0)
			CHECK_EQ(compress_get(k.c, k.back, half, other, 5000, NULL), 0);
	}
	CHECK_EQ(at, total);
	CHECK(most <= 128 << 10);
	CHECK(pieces >= 160);
	expect_bad(&k, k.packed, n - 1, total);
	/* Given up in the middle: the next reader begins afresh, by pieces or not. */
	for (int i = 0; i < 2; i++) {
		compress_begin(k.c, k.packed, n);
		for (int piece = 0; piece < 5; piece++)
			CHECK_EQ(compress_next(k.c, &p, &got, NULL), 0);
		if (i == 0)
			expect(&k, k.packed, n, k.plain, total);
	}
	n = put(&k, 3, k.plain, 7000, k.packed);
	expect(&k, k.packed, n, k.plain, 7000);
	kit_release(&k);
}

/* What only the last bytes show (the checksum) is an error of the last piece, and of every call
 * after. */
TEST(damaged_far_in)
{
	const size_t total = 9 * MIB;
	struct kit k;
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	kit_init(&k, total);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, k.packed, k.cap, k.plain, total);
	REQUIRE(!ZSTD_isError(n));
	ZSTD_freeCCtx(c);
	k.packed[n - 1] ^= 1;
	expect_bad(&k, k.packed, n, total);
	k.packed[n - 1] ^= 1;
	expect(&k, k.packed, n, k.plain, total);
	kit_release(&k);
}

/* Every cut and every changed bit: an error or other contents, never a crash or more than asked
 * for. */
TEST(damaged)
{
	struct kit k;
	uint8_t good[600], bad[600];
	size_t n;

	kit_init(&k, 2000);
	for (int sum = 0; sum < 2; sum++) {
		ZSTD_CCtx *c = ZSTD_createCCtx();

		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, sum);
		n = ZSTD_compress2(c, good, sizeof good, k.plain, 1500);
		REQUIRE(!ZSTD_isError(n));
		ZSTD_freeCCtx(c);
		for (size_t cut = 1; cut < n; cut++)
			expect_bad(&k, good, cut, 1500);
		for (size_t i = 0; i < 8 * n; i++) {
			int rc;

			memcpy(bad, good, n);
			bad[i / 8] ^= (uint8_t)(1 << i % 8);
			rc = compress_get(k.c, bad, n, k.back, 1500, NULL);
			CHECK(rc == 0 || rc == ERR_INVALID);
			/* A bit may mean nothing, but with a checksum no other contents get through
			 * unless its own flag was turned off. */
			if (sum && rc == 0 && i / 8 != 4)
				CHECK_MEM(k.back, k.plain, 1500);
		}
		expect(&k, good, n, k.plain, 1500);
	}
	kit_release(&k);
}

TEST(not_frames)
{
	static const uint8_t dict[] = {0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x00, 0x07, 0x19, 0, 0, 'a',
		'b', 'c'};
	static const uint8_t legacy[] = {0x27, 0xb5, 0x2f, 0xfd, 0x01, 0x00, 0x07, 0x19, 0, 0, 'a',
		'b', 'c'};
	/* Five bytes where its header says three. */
	static const uint8_t liar[] = {0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x00, 3, 0, 0, 0, 0, 0, 0, 0,
		0x29, 0, 0, 'a', 'b', 'c', 'd', 'e'};
	struct kit k;

	kit_init(&k, 100);
	expect_bad(&k, liar, sizeof liar, 3);
	expect_bad(&k, liar, sizeof liar, 5);
	expect_bad(&k, dict, sizeof dict, 3);
	expect_bad(&k, legacy, sizeof legacy, 3);
	expect_bad(&k, (const uint8_t *)"{\"a\":1}", 7, 7);
	/* Nothing is no content. */
	expect(&k, dict, 0, k.plain, 0);
	kit_release(&k);
}

static size_t heap_used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Headers that promise much cost nothing until there are blocks for it.  (Under a sanitizer the
 * heap cannot be asked, and only the result is seen.) */
TEST(hostile_headers)
{
	/* A window of 512 MiB around 3 bytes; and a content size of 2^62. */
	static const uint8_t window[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x98, 0x19, 0, 0, 'a', 'b',
		'c'};
	static const uint8_t size[] = {0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x98, 0, 0, 0, 0, 0, 0, 0,
		0x40, 0x19, 0, 0, 'a', 'b', 'c'};
	struct kit k;
	const uint8_t *p;
	size_t got, before;
	struct buf all;

	kit_init(&k, MIB);
	expect(&k, window, sizeof window, (const uint8_t *)"abc", 3);
	expect_bad(&k, size, sizeof size, 3);

	before = heap_used();
	compress_begin(k.c, window, sizeof window);
	CHECK_EQ(compress_next(k.c, &p, &got, NULL), 0);
	CHECK_EQ(got, 3);
	CHECK(heap_used() < before + MIB);
	buf_init(&all, (size_t)1 << 40);
	CHECK_EQ(compress_get_all(k.c, window, sizeof window, &all, NULL), 0);
	CHECK_EQ(all.len, 3);
	CHECK(all.cap < MIB);
	buf_release(&all);
	kit_release(&k);
}

/* The same window around 12.8 MiB: their size is what counts, and it is given back at the end. */
TEST(hostile_window)
{
	const size_t blocks = 100, n = 6 + 4 * blocks;
	struct kit k;
	const uint8_t *p;
	size_t got, before, total;
	uint8_t frame[6 + 4 * 100];

	kit_init(&k, MIB);
	for (int round = 0; round < 2; round++) {
		/* With 512 MiB, and with 32 MiB for which there is enough content. */
		size_t repeat = round ? 3 : 1;
		uint8_t *in = mem_alloc(n * repeat);

		memcpy(frame, round ? "\x28\xb5\x2f\xfd\x00\x78" : "\x28\xb5\x2f\xfd\x00\x98", 6);
		for (size_t i = 0; i < blocks; i++)
			memcpy(frame + 6 + 4 * i, "\x02\x00\x10x", 4);
		memcpy(in, frame, n);
		for (size_t i = 1; i < repeat; i++)
			memcpy(in + 6 + 4 * blocks * i, frame + 6, 4 * blocks);
		in[6 + 4 * (blocks * repeat - 1)] |= 1; /* the last block */
		before = heap_used();
		compress_begin(k.c, in, 6 + 4 * blocks * repeat);
		total = 0;
		while (compress_next(k.c, &p, &got, NULL) == 0 && got) {
			total += got;
			CHECK(heap_used() < before + (round ? 40 : 16) * MIB);
		}
		CHECK_EQ(total, repeat * blocks << 17);
		CHECK(heap_used() < before + 16 * MIB);
		mem_free(in);
	}
	/* A frame that is decoded at once into more than is kept. */
	{
		const size_t many = 200;
		uint8_t *in = mem_alloc(6 + 4 * many);

		memcpy(in, "\x28\xb5\x2f\xfd\x00\x98", 6);
		for (size_t i = 0; i < many; i++)
			memcpy(in + 6 + 4 * i, i + 1 < many ? "\x02\x00\x10x" : "\x03\x00\x10x", 4);
		before = heap_used();
		compress_begin(k.c, in, 6 + 4 * many);
		CHECK_EQ(compress_next(k.c, &p, &got, NULL), 0);
		CHECK_EQ(got, many << 17);
		CHECK_EQ(compress_next(k.c, &p, &got, NULL), 0);
		CHECK_EQ(got, 0);
		CHECK(heap_used() < before + MIB);
		mem_free(in);
	}
	kit_release(&k);
}

/* 16 KiB that become 512 MiB of one letter stop at the caller's limit. */
TEST(bomb)
{
	const size_t blocks = 4096, n = 6 + 4 * blocks;
	struct kit k;
	uint8_t *p;
	struct buf all;

	kit_init(&k, MIB);
	p = mem_alloc(n);
	memcpy(p, "\x28\xb5\x2f\xfd\x00\x48", 6);
	for (size_t i = 0; i < blocks; i++)
		memcpy(p + 6 + 4 * i, i + 1 < blocks ? "\x02\x00\x10x" : "\x03\x00\x10x", 4);
	buf_init(&all, 10 * MIB);
	CHECK_EQ(compress_get_all(k.c, p, n, &all, NULL), ERR_NOMEM);
	CHECK(all.cap <= 10 * MIB);
	buf_release(&all);
	CHECK_EQ(compress_get(k.c, p, n, k.back, MIB, NULL), ERR_INVALID);
	/* By pieces it is no danger: the window is 512 KiB. */
	{
		size_t before = heap_used(), got = 0, total = 0;
		const uint8_t *piece;

		compress_begin(k.c, p, n);
		while (compress_next(k.c, &piece, &got, NULL) == 0 && got)
			total += got;
		CHECK_EQ(total, blocks << 17);
		CHECK(heap_used() < before + 4 * MIB);
	}
	mem_free(p);
	kit_release(&k);
}

/* A window of 2^27, as `zstd --long` makes it, with a match that far back. */
TEST(long_window)
{
	const size_t total = 40 * MIB;
	struct kit k;
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	kit_init(&k, total);
	memset(k.plain + MIB, 0, total - 2 * MIB);
	memcpy(k.plain + total - MIB, k.plain, MIB);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(c, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 25);
	n = ZSTD_compress2(c, k.packed, k.cap, k.plain, total);
	REQUIRE(!ZSTD_isError(n));
	ZSTD_freeCCtx(c);
	expect(&k, k.packed, n, k.plain, total);
	kit_release(&k);
}

TEST(a_frame_written_piece_by_piece)
{
	static const size_t pieces[] = {1, 1000, (size_t)128 << 10, 3 * MIB};
	struct kit k;

	kit_init(&k, 20 * MIB);
	for (size_t i = 0; i < 4; i++) {
		size_t n = i ? k.max : 5000, step = pieces[i];
		struct buf out, none;

		buf_init(&out, k.cap);
		buf_add(&out, "head", 4);
		REQUIRE(compress_open(k.c, COMPRESS_AUTO, &k.err) == 0);
		for (size_t at = 0; at < n; at += step)
			REQUIRE(compress_add(k.c, k.plain + at, n - at < step ? n - at : step, &out,
					&k.err) == 0);
		REQUIRE(compress_close(k.c, &out, &k.err) == 0);
		CHECK(memcmp(out.p, "head", 4) == 0);
		CHECK(out.len < n / 2);
		expect(&k, out.p + 4, out.len - 4, k.plain, n);
		/* Closed is closed, and too little room is an error. */
		CHECK(compress_add(k.c, k.plain, 1, &out, &k.err) < 0);
		buf_init(&none, 1000);
		REQUIRE(compress_open(k.c, COMPRESS_AUTO, &k.err) == 0);
		CHECK_EQ(compress_add(k.c, k.plain, 5000, &none, &k.err), ERR_NOMEM);
		CHECK(compress_close(k.c, &none, &k.err) < 0);
		buf_release(&none);
		buf_release(&out);
	}
	CHECK_EQ(compress_open(k.c, 1000, &k.err), ERR_USAGE);
	kit_release(&k);
}
