#include "fs/letter.h"
#include "unit/check.h"
#include <string.h>

TEST(decode)
{
	static const struct {
		const char *s;
		uint32_t c;
		size_t width;
	} t[] = {
		{"a", 'a', 1},
		{"\xc3\xa4", 0xe4, 2},
		{"\xe2\x82\xac", 0x20ac, 3},
		{"\xf0\x9f\x92\xa9", 0x1f4a9, 4},
		{"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
		{"\xef\xbf\xbd", UTF8_BAD, 3},
		{"\x80", UTF8_BAD, 1},
		{"\xff", UTF8_BAD, 1},
		{"\xc3", UTF8_BAD, 1},
		{"\xc3(", UTF8_BAD, 1},
		{"\xc0\x80", UTF8_BAD, 1},
		{"\xe0\x80\xaf", UTF8_BAD, 1},
		{"\xf0\x80\x80\x80", UTF8_BAD, 1},
		{"\xed\xa0\x80", UTF8_BAD, 1},
		{"\xf4\x90\x80\x80", UTF8_BAD, 1},
		{"\xe2\x82", UTF8_BAD, 1},
		{"\xed\x9f\xbf", 0xd7ff, 3},
		{"\xee\x80\x80", 0xe000, 3},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t width = 99;

		CHECK_EQ(letter_get(t[i].s, strlen(t[i].s), &width), t[i].c);
		CHECK_EQ(width, t[i].width);
	}
}

static void check_lower(const char *in, const char *want)
{
	struct buf b;

	buf_init(&b, 1024);
	letter_lower(&b, in, strlen(in));
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}

TEST(lower)
{
	check_lower("", "");
	check_lower("aZ[@`{09", "az[@`{09");
	/* the times sign lies between the letters */
	check_lower("\xc3\x84\xc3\x96\xc3\x9f\xc3\x97", "\xc3\xa4\xc3\xb6\xc3\x9f\xc3\x97");
	/* I with a dot */
	check_lower("\xc4\xb0", "i");
	/* two bytes become three */
	check_lower("\xc8\xba", "\xe2\xb1\xa5");
	check_lower("\xc4\x80\xc4\x81", "\xc4\x81\xc4\x81");
	check_lower("\xe1\xba\x9e\xce\xa3\xf0\x90\x90\x80", "\xc3\x9f\xcf\x83\xf0\x90\x90\xa8");
	check_lower("A\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd");
}

/* The whole table by two numbers that were computed with Go 1.26 (Unicode 15.0): letters that
 * change, and a sum over all. */
TEST(lower_as_go)
{
	uint64_t sum = 0;
	size_t changed = 0;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint8_t in[4];
		struct buf b;
		size_t n = utf8_put(in, c), width;
		uint32_t low;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		buf_init(&b, 16);
		letter_lower(&b, (const char *)in, n);
		low = letter_get((const char *)b.p, b.len, &width);
		buf_release(&b);
		changed += low != c;
		sum = sum * 31 + low;
	}
	CHECK_EQ(changed, 1433);
	CHECK(sum == 14471863511966764688u);
}

static void check_trim(const char *in, const char *want)
{
	size_t n = strlen(in);
	const char *s = letter_trim(in, &n);

	if (CHECK_EQ(n, strlen(want)))
		CHECK_MEM(s, want, n);
}

TEST(trim)
{
	check_trim("", "");
	check_trim(" \t\r\n\v\f", "");
	check_trim("  a b\t", "a b");
	check_trim("\xc2\xa0x\xe3\x80\x80", "x");
	check_trim("\xe2\x80\xa8\xc2\x85", "");
	check_trim("\xa0x\x85", "\xa0x\x85"); /* these bytes alone are no spaces */
	check_trim("\xe4\xa0\x85", "\xe4\xa0\x85");
	check_trim("a\xe2\x80", "a\xe2\x80");
}
