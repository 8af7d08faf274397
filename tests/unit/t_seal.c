#include "kern/seal.h"
#include "base/id.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

static struct seal_key test_key(void)
{
	struct seal_key k;

	for (size_t i = 0; i < 32; i++)
		k.encrypt[i] = (uint8_t)i;
	for (size_t i = 0; i < 16; i++) {
		k.mac_k[i] = (uint8_t)(0x20 + i);
		k.mac_r[i] = (uint8_t)(0x30 + i);
	}
	return k;
}

static void expect_hex(const uint8_t *p, size_t n, const char *hex)
{
	char got[256];

	hex_encode(got, p, n);
	CHECK_STR(got, hex);
}

/* docs/format.md, Appendix A. */
TEST(vector)
{
	struct seal_key k = test_key();
	struct seal *s = seal_new(&k);
	const char *plain = "restic test vector\n";
	size_t n = strlen(plain);
	uint8_t iv[SEAL_IV], out[64], back[64];

	for (size_t i = 0; i < SEAL_IV; i++)
		iv[i] = (uint8_t)(0x40 + i);
	seal_put(s, iv, (const uint8_t *)plain, n, out);
	expect_hex(out, n + SEAL_OVERHEAD,
		"404142434445464748494a4b4c4d4e4fd11bac4bfe399a9bf60816e7fb3ed223df0714626266db9a81"
		"96fe78b35d2a48b76e3f");
	CHECK_EQ(seal_open(s, out, n + SEAL_OVERHEAD, back), 0);
	CHECK_MEM(back, plain, n);
	seal_free(s);
	seal_free(NULL);
}

/* The counter is one number of 128 bits: its carry goes through the whole IV. */
TEST(counter_wraps)
{
	struct seal_key k = test_key();
	struct seal *s = seal_new(&k);
	uint8_t iv[SEAL_IV], zero[32] = {0}, out[64], back[32];

	memset(iv, 0xff, sizeof iv);
	seal_put(s, iv, zero, 32, out);
	expect_hex(out + SEAL_IV, 48,
		"e999e41d4ca770da5387117b5d8f57eef29000b62a499fd0a9f39a6add2e77808bfb1dea706a3e3b7a"
		"2f9728e5e9ea0d");
	CHECK_EQ(seal_open(s, out, 64, back), 0);
	CHECK_MEM(back, zero, 32);
	seal_free(s);
}

/* Newer restics store r as it was drawn: what the clamp clears must make no difference, all other
 * bits must. */
TEST(mac_r_is_clamped)
{
	const uint8_t cleared[16] = {0, 0, 0, 0xf0, 3, 0, 0, 0xf0, 3, 0, 0, 0xf0, 3, 0, 0, 0xf0};
	struct seal_key k = test_key();
	struct seal *s = seal_new(&k);
	uint8_t iv[SEAL_IV] = {1}, plain[40] = "some text", out[72], other[72];

	seal_put(s, iv, plain, sizeof plain, out);
	seal_free(s);
	for (int bit = 0; bit < 128; bit++) {
		struct seal_key x = k;
		bool same = cleared[bit / 8] >> bit % 8 & 1;

		x.mac_r[bit / 8] ^= (uint8_t)(1 << bit % 8);
		s = seal_new(&x);
		seal_put(s, iv, plain, sizeof plain, other);
		CHECK_EQ(memcmp(out, other, sizeof out) == 0, same);
		CHECK_EQ(seal_open(s, out, sizeof out, other), same ? 0 : ERR_INVALID);
		seal_free(s);
	}
}

/* Lengths around blocks and pieces, in place and not; the stream must not depend on how it is cut
 * inside. */
TEST(round_trips)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 255, 4096, 65535, 65536, 65537,
		131072, 200001, 1048583};
	struct seal_key k = test_key();
	struct seal *s = seal_new(&k);
	size_t max = 1048583;
	uint8_t *plain = mem_alloc(max), *a = mem_alloc(max + SEAL_OVERHEAD),
		*b = mem_alloc(max + SEAL_OVERHEAD);
	uint8_t iv[SEAL_IV] = {9, 8, 7}, *first = mem_alloc(max);

	for (size_t i = 0; i < max; i++)
		plain[i] = (uint8_t)(i * 131 >> 3);
	seal_put(s, iv, plain, max, a);
	memcpy(first, a + SEAL_IV, max);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i];

		memset(a, 0xee, max + SEAL_OVERHEAD);
		seal_put(s, iv, plain, n, a);
		CHECK_MEM(a + SEAL_IV, first, n);
		memcpy(b + SEAL_IV, plain, n);
		seal_put(s, iv, b + SEAL_IV, n, b);
		CHECK_MEM(a, b, n + SEAL_OVERHEAD);
		CHECK_EQ(seal_open(s, a, n + SEAL_OVERHEAD, a + SEAL_IV), 0);
		CHECK_MEM(a + SEAL_IV, plain, n);
		memset(a, 0, n + 1);
		CHECK_EQ(seal_open(s, b, n + SEAL_OVERHEAD, a), 0);
		CHECK_MEM(a, plain, n);
	}
	mem_free(first);
	mem_free(plain);
	mem_free(a);
	mem_free(b);
	seal_free(s);
}

TEST(tampered)
{
	struct seal_key k = test_key();
	struct seal *s = seal_new(&k);
	uint8_t iv[SEAL_IV] = {5}, plain[50], good[50 + SEAL_OVERHEAD], bad[51 + SEAL_OVERHEAD],
		out[64], untouched[64];

	memset(plain, 'x', sizeof plain);
	memset(untouched, 0xaa, sizeof untouched);
	memset(out, 0xaa, sizeof out);
	seal_put(s, iv, plain, sizeof plain, good);
	for (size_t i = 0; i < sizeof good; i++) {
		for (int bit = 0; bit < 8; bit++) {
			memcpy(bad, good, sizeof good);
			bad[i] ^= (uint8_t)(1 << bit);
			CHECK_EQ(seal_open(s, bad, sizeof good, out), ERR_INVALID);
		}
	}
	for (size_t n = 0; n < sizeof good; n++)
		CHECK_EQ(seal_open(s, good, n, out), ERR_INVALID);
	memcpy(bad, good, sizeof good);
	bad[sizeof good] = 0;
	CHECK_EQ(seal_open(s, bad, sizeof good + 1, out), ERR_INVALID);
	CHECK_MEM(out, untouched, sizeof out);
	/* The context is as good as before. */
	CHECK_EQ(seal_open(s, good, sizeof good, out), 0);
	CHECK_MEM(out, plain, sizeof plain);
	seal_free(s);
}

/* A zero IV is refused even under a right MAC. */
TEST(zero_iv)
{
	struct seal_key k = test_key();
	struct seal *s = seal_new(&k);
	uint8_t iv[SEAL_IV] = {0}, plain[8] = {0}, sealed[40], out[8];

	seal_put(s, iv, plain, sizeof plain, sealed);
	CHECK_EQ(seal_open(s, sealed, sizeof sealed, out), ERR_INVALID);
	iv[15] = 1;
	seal_put(s, iv, plain, sizeof plain, sealed);
	CHECK_EQ(seal_open(s, sealed, sizeof sealed, out), 0);
	seal_free(s);
}

TEST(key_valid)
{
	struct seal_key k = test_key(), x;

	CHECK(seal_key_valid(&k));
	x = k;
	memset(x.encrypt, 0, sizeof x.encrypt);
	CHECK(!seal_key_valid(&x));
	x = k;
	memset(x.mac_k, 0, sizeof x.mac_k);
	CHECK(!seal_key_valid(&x));
	x = k;
	memset(x.mac_r, 0, sizeof x.mac_r);
	CHECK(!seal_key_valid(&x));
	x.mac_r[15] = 1;
	CHECK(seal_key_valid(&x));
}
