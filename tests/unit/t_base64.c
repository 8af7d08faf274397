#include "format/base64.h"
#include "base/err.h"
#include "unit/check.h"
#include <string.h>

/* The vectors of RFC 4648, section 10, and the two last digits. */
static const struct {
	const char *plain, *text;
} vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "+/+/"}};

TEST(vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct buf b;
		uint8_t out[16];
		size_t n = 99;

		buf_init(&b, 100);
		base64_put(&b, vectors[i].plain, strlen(vectors[i].plain));
		CHECK_STR(buf_str(&b), vectors[i].text);
		CHECK_EQ(base64_get(vectors[i].text, strlen(vectors[i].text), out, &n), 0);
		CHECK_EQ(n, strlen(vectors[i].plain));
		CHECK_MEM(out, vectors[i].plain, strlen(vectors[i].plain));
		buf_release(&b);
	}
}

TEST(round_trip)
{
	uint8_t in[256], out[256];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 151 + 7);
	for (size_t n = 0; n <= sizeof(in); n++) {
		struct buf b;
		size_t got = 0;

		buf_init(&b, 400);
		base64_put(&b, in, n);
		CHECK(base64_room(b.len) <= sizeof(out) + 2);
		if (base64_room(b.len) > sizeof(out)) {
			buf_release(&b);
			continue;
		}
		CHECK_EQ(base64_get((char *)b.p, b.len, out, &got), 0);
		CHECK_EQ(got, n);
		CHECK_MEM(in, out, n);
		buf_release(&b);
	}
}

TEST(refused)
{
	static const char *const bad[] = {"Z", "Zg",
		"Zg=", "Zg==Zg==", "Z===", "====", "=Zg=", "Zm=v", "Zm9v\n", "Zm9-", "Zm9_", "Zm 9",
		"Zm9v====", "Zm9\xff", "Zm9vZ=9v"};
	uint8_t out[16];
	size_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_EQ(base64_get(bad[i], strlen(bad[i]), out, &n), ERR_INVALID))
			CHECK_STR(bad[i], "");
	CHECK_EQ(base64_get("Zm\0v", 4, out, &n), ERR_INVALID);
}

TEST(overflow)
{
	struct buf b;

	buf_init(&b, 7);
	base64_put(&b, "foob", 4);
	CHECK(b.overflow);
	buf_release(&b);
}
