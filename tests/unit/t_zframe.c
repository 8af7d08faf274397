#include "kern/zframe.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>
#include <zstd.h>

static int read_frame(struct zframe *f, const uint8_t *p, size_t n)
{
	/* Copied, so that the address sanitizer sees a look beyond the end. */
	uint8_t *copy = mem_dup(p, n);
	struct err err = {0};
	int rc = zframe_read(f, copy, n, &err);

	CHECK_EQ(rc, err.code);
	mem_free(copy);
	return rc;
}

/* libzstd's frames, of all kinds: the length must be the library's, and the bound never less than
 * the content. */
TEST(frames_of_libzstd)
{
	static const size_t sizes[] = {0, 1, 255, 256, 257, 1024, 65535, 65791, 65792, 131072,
		131073, 300000};
	const size_t max = 300000, cap = ZSTD_compressBound(max);
	uint8_t *in = mem_alloc(max), *out = mem_alloc(cap + 8);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	uint32_t x = 1;

	for (size_t i = 0; i < max; i++) {
		x = x * 1664525 + 1013904223;
		in[i] = (uint8_t)(i < 150000 ? x >> 24 : x >> 31);
	}
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		for (int kind = 0; kind < 32; kind++) {
			ZSTD_inBuffer ib = {in + (kind & 8 ? max - sizes[k] : 0), sizes[k], 0};
			ZSTD_outBuffer ob = {out, cap, 0};
			struct zframe f;
			size_t n;

			ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
			ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, kind & 1);
			ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, kind >> 1 & 1);
			ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, kind & 16 ? 10 : 0);
			if (kind & 4)
				ZSTD_compressStream2(c, &ob, &ib,
					ZSTD_e_flush); /* size unknown when the header is written */
			REQUIRE(ZSTD_compressStream2(c, &ob, &ib, ZSTD_e_end) == 0);
			n = ob.pos;
			memset(out + n, 0xff, 8);
			REQUIRE(read_frame(&f, out, n + 8) == 0);
			CHECK_EQ(f.size, n);
			CHECK_EQ(f.size, ZSTD_findFrameCompressedSize(out, n));
			CHECK(f.bound >= sizes[k]);
			CHECK(f.bound <= sizes[k] + (128 << 10));
			CHECK_EQ(f.exact,
				ZSTD_getFrameContentSize(out, n) != ZSTD_CONTENTSIZE_UNKNOWN);
			if (f.exact)
				CHECK_EQ(f.bound, sizes[k]);
			for (size_t cut = 0; cut < n; cut += cut < 40 || cut + 40 > n ? 1 : 997)
				CHECK_EQ(read_frame(&f, out, cut), ERR_INVALID);
		}
	}
	ZSTD_freeCCtx(c);
	mem_free(in);
	mem_free(out);
}

TEST(skippable)
{
	uint8_t p[20] = {0x50, 0x2a, 0x4d, 0x18, 12, 0, 0, 0};
	struct zframe f;

	for (unsigned low = 0x50; low <= 0x5f; low++) {
		p[0] = (uint8_t)low;
		CHECK_EQ(read_frame(&f, p, sizeof p), 0);
		CHECK_EQ(f.size, 20);
		CHECK_EQ(f.bound, 0);
		CHECK(f.exact);
		CHECK_EQ(read_frame(&f, p, 19), ERR_INVALID);
		CHECK_EQ(read_frame(&f, p, 7), ERR_INVALID);
	}
	memset(p + 4, 0xff, 4);
	CHECK_EQ(read_frame(&f, p, sizeof p), ERR_INVALID);
}

/* One raw block of 3 bytes behind headers made by hand. */
static int with_header(struct zframe *f, const uint8_t *head, size_t n)
{
	uint8_t p[40] = {0x28, 0xb5, 0x2f, 0xfd};

	memcpy(p + 4, head, n);
	memcpy(p + 4 + n, "\x19\0\0abc", 6);
	return read_frame(f, p, 4 + n + 6);
}

TEST(headers_by_hand)
{
	struct zframe f;

	CHECK_EQ(with_header(&f, (const uint8_t *)"\x00\x00", 2), 0); /* 1 KiB window, no size */
	CHECK_EQ(f.window, 1024);
	CHECK_EQ(f.bound, 3); /* a raw block says what it holds */
	CHECK(!f.exact);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x00\x48", 2), 0);
	CHECK_EQ(f.window, 512 << 10);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x00\x98", 2), 0); /* 2^29 */
	CHECK_EQ(f.window, ZFRAME_WINDOW_MAX);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x00\x99", 2), ERR_INVALID);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x00\xff", 2), ERR_INVALID);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x20\x03", 2), 0); /* single segment of 3 */
	CHECK_EQ(f.window, 3);
	CHECK(f.exact);
	/* a byte more than the block has */
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x20\x04", 2), ERR_INVALID);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x08\x00", 2), ERR_INVALID); /* reserved */
	/* unused: ignored */
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x10\x00", 2), 0);
	/* dictionary 0 is none */
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x01\x00\x00", 3), 0);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x01\x00\x07", 3), ERR_INVALID);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x03\x00\0\0\0\x01", 6), ERR_INVALID);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\xc0\x00\3\0\0\0\0\0\0\0", 10), 0);
	CHECK_EQ(f.bound, 3);
	CHECK_EQ(with_header(&f, (const uint8_t *)"\xc0\x00\0\0\0\0\0\0\0\x80", 10), ERR_INVALID);
	/* two bytes of size count from 256 */
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x40\x00\0\0", 4), ERR_INVALID);
	/* a checksum should follow */
	CHECK_EQ(with_header(&f, (const uint8_t *)"\x04\x00", 2), ERR_INVALID);
}

TEST(blocks_by_hand)
{
	const uint8_t rle[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x48, 0x02, 0x00, 0x10, 'x', 0x03,
		0x00, 0x10, 'y'};
	uint8_t p[sizeof rle];
	struct zframe f;

	/* Two blocks of 128 KiB, four bytes each. */
	CHECK_EQ(read_frame(&f, rle, sizeof rle), 0);
	CHECK_EQ(f.bound, 256 << 10);
	CHECK_EQ(read_frame(&f, (const uint8_t *)"\x28\xb5\x2f\xfd\x00\x48\x19\0\0abc", 12), 0);
	/* reserved type */
	CHECK_EQ(read_frame(&f, (const uint8_t *)"\x28\xb5\x2f\xfd\x00\x48\x1f\0\0abc", 12),
		ERR_INVALID);
	memcpy(p, rle, sizeof p);
	p[6] = 0x0a; /* one more than a block may have */
	CHECK_EQ(read_frame(&f, p, sizeof p), ERR_INVALID);
	memcpy(p, rle, sizeof p);
	p[10] = 0x02; /* no last block */
	CHECK_EQ(read_frame(&f, p, sizeof p), ERR_INVALID);
	memcpy(p, rle, sizeof p);
	p[0] = 0x27; /* a format before 0.8 */
	CHECK_EQ(read_frame(&f, p, sizeof p), ERR_INVALID);
	CHECK_EQ(read_frame(&f, p, 0), ERR_INVALID);
}
