#include "base/utf8.h"
#include "check.h"

static size_t length(const char *text, size_t n, uint32_t *rune)
{
	return utf8_get((const uint8_t *)text, n, rune);
}

TEST(runes)
{
	uint32_t r = 0;

	CHECK_EQ(length("\xf0\x9f\x98\x80", 4, &r), 4);
	CHECK_EQ(r, 0x1f600);
	CHECK_EQ(length("\xf0\x9f\x98\x80", 3, &r), 0);
	CHECK_EQ(length("a", 0, &r), 0);
}

TEST(what_is_none)
{
	CHECK_EQ(length("\xc0\xaf", 2, NULL), 0);
	CHECK_EQ(length("\xed\xa0\x80", 3, NULL), 0);
	CHECK_EQ(length("\xf4\x90\x80\x80", 4, NULL), 0);
	CHECK_EQ(length("\x80", 1, NULL), 0);
	CHECK_EQ(length("\xf4\x8f\xbf\xbf", 4, NULL), 4);
}
