#include "kern/kdf.h"
#include "base/id.h"
#include "base/mem.h"
#include "kern/scrypt.h"
#include "unit/check.h"
#include <dlfcn.h>
#include <openssl/kdf.h>
#include <string.h>

/* Stands before OpenSSL's own to count its users. */
static unsigned scrypts;
EVP_KDF_CTX *EVP_KDF_CTX_new(EVP_KDF *kdf)
{
	EVP_KDF_CTX *(*next)(EVP_KDF *);
	void *found = dlsym(RTLD_NEXT, "EVP_KDF_CTX_new");

	REQUIRE(found != NULL);
	memcpy(&next, &found, sizeof next);
	scrypts += EVP_KDF_is_a(kdf, "SCRYPT") != 0;
	return next(kdf);
}

static void salt_of(uint8_t salt[KDF_SALT])
{
	for (size_t i = 0; i < KDF_SALT; i++)
		salt[i] = (uint8_t)i;
}

/* docs/format.md, Appendix A. */
TEST(vector)
{
	const struct kdf_params k = {.n = 16384, .r = 8, .p = 1};
	struct seal_key key;
	struct err err = {0};
	uint8_t salt[KDF_SALT];
	char hex[65];

	salt_of(salt);
	CHECK_EQ(kdf_derive(&k, salt, "pw", 2, &key, &err), 0);
	hex_encode(hex, key.encrypt, 32);
	CHECK_STR(hex, "3821435b411662e42c477023ee215919706a4d0f9c32e08ced9990eb62240685");
	hex_encode(hex, key.mac_k, 16);
	CHECK_STR(hex, "e108d871893fa05f4cc8a72c3861e6e4");
	hex_encode(hex, key.mac_r, 16);
	CHECK_STR(hex, "5bc0a8bd604e85be3a6c385ea20a492f");
}

/* Every input counts; an empty password and one with a 0 in it are passwords. */
TEST(inputs_count)
{
	const struct kdf_params base = {.n = 16, .r = 2, .p = 2};
	struct seal_key key[7];
	uint8_t salt[KDF_SALT];
	struct kdf_params k = base;

	memset(key, 0, sizeof key);
	salt_of(salt);
	CHECK_EQ(kdf_derive(&base, salt, "a\0b", 3, &key[0], NULL), 0);
	CHECK_EQ(kdf_derive(&base, salt, "a\0c", 3, &key[1], NULL), 0);
	CHECK_EQ(kdf_derive(&base, salt, NULL, 0, &key[2], NULL), 0);
	k.n = 32;
	CHECK_EQ(kdf_derive(&k, salt, "a\0b", 3, &key[3], NULL), 0);
	k = base;
	k.r = 3;
	CHECK_EQ(kdf_derive(&k, salt, "a\0b", 3, &key[4], NULL), 0);
	k = base;
	k.p = 3;
	CHECK_EQ(kdf_derive(&k, salt, "a\0b", 3, &key[5], NULL), 0);
	salt[63] ^= 1;
	CHECK_EQ(kdf_derive(&base, salt, "a\0b", 3, &key[6], NULL), 0);
	for (int i = 0; i < 7; i++)
		for (int j = 0; j < i; j++)
			CHECK(memcmp(&key[i], &key[j], sizeof key[i]) != 0);
	CHECK_EQ(kdf_derive(&base, salt, "", 0, &key[3], NULL), 0);
	CHECK_EQ(kdf_derive(&base, salt, NULL, 0, &key[4], NULL), 0);
	CHECK_MEM(&key[3], &key[4], sizeof key[3]);
}

/* What restic's usual keys take must be allowed. */
TEST(restic_default)
{
	const struct kdf_params k = {.n = 32768, .r = 8, .p = 1};
	uint8_t salt[KDF_SALT] = {0};
	struct seal_key key;

	CHECK_EQ(kdf_derive(&k, salt, "x", 1, &key, NULL), 0);
}

TEST(hostile)
{
	static const struct kdf_params bad[] = {
		{0, 8, 1},
		{1, 8, 1},
		{3, 8, 1},
		{32767, 8, 1},
		{12, 8, 1},
		{16384, 0, 1},
		{16384, 8, 0},
		{16384, 0, 0},
		{1ull << 31, 1, 1},
		{1ull << 63, 8, 1},
		{1ull << 32, 8, 1},
		{1ull << 21, 8, 1}, /* 128 N r = 2^31 */
		{2, 1 << 23, 2},
		{2, 2, 1 << 23},
		{2, 1 << 16, 1 << 16},
		{2, 0xffffffff, 0xffffffff},
		{2, 0xffffffff, 1},
		{2, 1, 0xffffffff},
		{1ull << 40, 1 << 24, 1},
		{~0ull, 1, 1},
	};
	static const struct kdf_params good[] = {{2, 1, 1}, {1 << 20, 8, 1}, {32768, 8, 99},
		{1ull << 23, 1, 1}, {2, 1, (1 << 24) - 1}};
	uint8_t salt[KDF_SALT] = {0};
	struct seal_key key;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};

		CHECK_EQ(kdf_check(&bad[i], &err), ERR_INVALID);
		CHECK_EQ(err.code, ERR_INVALID);
		CHECK(err.msg[0] != 0);
		CHECK_EQ(kdf_derive(&bad[i], salt, "x", 1, &key, NULL), ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK_EQ(kdf_check(&good[i], NULL), 0);
}

/* A clock that says how long each derivation took, whatever it really took. */
struct fake {
	int64_t now, each;
	unsigned asked;
};
static int64_t fake_mono(void *arg)
{
	struct fake *f = arg;

	if (f->asked++ & 1)
		f->now += f->each;
	return f->now;
}

static struct kdf_params calibrated(int64_t each_ms, unsigned mib, unsigned *derivations)
{
	struct fake f = {.each = each_ms * 1000000};
	struct clock clock = {.mono_ns = fake_mono, .arg = &f};
	struct kdf_params k;

	kdf_calibrate(&clock, 500, mib, &k);
	*derivations = f.asked / 2;
	CHECK_EQ(kdf_check(&k, NULL), 0);
	return k;
}

TEST(calibrate)
{
	unsigned runs;
	struct kdf_params k = calibrated(100, 60, &runs);

	CHECK_EQ(k.n, 32768);
	CHECK_EQ(k.r, 8);
	CHECK_EQ(k.p, 5);
	CHECK_EQ(runs, 1);
	k = calibrated(400, 60, &runs);
	CHECK_EQ(k.p, 1);
	/* Too slow at any size: the floor. */
	k = calibrated(900, 60, &runs);
	CHECK_EQ(k.n, 16384);
	CHECK_EQ(k.p, 1);
	CHECK_EQ(runs, 2);
	/* Less than a clock tick. */
	k = calibrated(0, 60, &runs);
	CHECK_EQ(k.p, 1);
	k = calibrated(1, 60, &runs);
	CHECK_EQ(k.p, 32);
	/* 60 MiB is the limit, not the amount; 32 MiB would be exactly N = 32768. */
	k = calibrated(100, 32, &runs);
	CHECK_EQ(k.n, 16384);
}

/* New keys are measured by what others need to open the repository, not by our own faster code. */
TEST(calibrate_by_openssl)
{
	const struct kdf_params k = {.n = 16, .r = 1, .p = 1};
	uint8_t salt[KDF_SALT] = {0};
	struct seal_key key;
	unsigned runs;

	if (strcmp(scrypt_variant(), "openssl") == 0)
		SKIP("no code of our own runs here");
	scrypts = 0;
	CHECK_EQ(kdf_derive(&k, salt, "x", 1, &key, NULL), 0);
	CHECK_EQ(scrypts, 0);
	calibrated(100, 60, &runs);
	CHECK_EQ(runs, 1);
	CHECK_EQ(scrypts, 1);
}
