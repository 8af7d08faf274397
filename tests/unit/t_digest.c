#include "backend/digest.h"
#include "base/err.h"
#include "base/id.h"
#include "unit/check.h"
#include <string.h>

static const char *hex(const uint8_t *p, size_t n)
{
	static char s[65];

	hex_encode(s, p, n);
	return s;
}

/* FIPS 180-2, RFC 1321 and RFC 4231. */
TEST(known_answers)
{
	uint8_t out[32], key[131];

	digest_sha256("abc", 3, out);
	CHECK_STR(hex(out, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256(NULL, 0, out);
	CHECK_STR(hex(out, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_md5("abc", 3, out);
	CHECK_STR(hex(out, 16), "900150983cd24fb0d6963f7d28e17f72");
	digest_md5(NULL, 0, out);
	CHECK_STR(hex(out, 16), "d41d8cd98f00b204e9800998ecf8427e");
	digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, out);
	CHECK_STR(hex(out, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	digest_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
		out);
	CHECK_STR(hex(out, 32), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(hmac_may_overwrite_its_key)
{
	uint8_t a[32], b[32];

	digest_hmac("k", 1, "one", 3, a);
	digest_hmac(a, 32, "two", 3, b);
	digest_hmac(a, 32, "two", 3, a);
	CHECK_MEM(a, b, 32);
}

TEST(base64)
{
	static const char *const want[] = {"", "Zg==", "Zm8=", "Zm9v",
		"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	struct buf b;

	for (size_t n = 0; n <= 6; n++) {
		buf_init(&b, 100);
		buf_adds(&b, "x ");
		CHECK_EQ(digest_base64(&b, "foobar", n), 0);
		CHECK_STR(buf_str(&b) + 2, want[n]);
		buf_release(&b);
	}
	buf_init(&b, 5);
	CHECK_EQ(digest_base64(&b, "foobar", 6), ERR_NOMEM);
	buf_release(&b);
}
