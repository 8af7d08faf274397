#include <ctype.h>
#include <stdio.h>
#include "base/id.h"
#include "base/err.h"
#include "unit/check.h"

static const char text[] = "00112233445566778899aabbccddeeff0123456789abcdef00000000000000fe";

TEST(round_trip)
{
	struct id id, other = {{0}};

	REQUIRE(id_parse(&id, text, ID_HEX) == 0);
	CHECK_EQ(id.b[0], 0);
	CHECK_EQ(id.b[1], 0x11);
	CHECK_EQ(id.b[31], 0xfe);
	CHECK_STR(id_hex(&id).s, text);
	CHECK_STR(id_short(&id).s, "00112233");
	CHECK(id_is_zero(&other) && !id_is_zero(&id));
	CHECK(id_cmp(&other, &id) < 0);
	CHECK(!id_equal(&other, &id));
	other.b[31] = 1;
	CHECK(!id_is_zero(&other));
	other = (struct id){{1}};
	CHECK(!id_is_zero(&other));
	CHECK_EQ(id_parse(&other,
			 "00112233445566778899AABBCCDDEEFF0123456789ABCDEF00000000000000FE",
			 ID_HEX),
		0);
	CHECK(id_equal(&other, &id));
}

TEST(bad_input_changes_nothing)
{
	struct id id, before;
	char s[] = "00112233445566778899aabbccddeeff0123456789abcdef00000000000000fe";
	static const char bad[] = {'g', '/', ':', '@', '`', 'G', ' ', 0};

	REQUIRE(id_parse(&id, text, ID_HEX) == 0);
	before = id;
	for (size_t i = 0; i < sizeof(bad); i++) {
		s[40] = bad[i];
		CHECK_EQ(id_parse(&id, s, ID_HEX), ERR_INVALID);
	}
	CHECK_EQ(id_parse(&id, text, ID_HEX - 1), ERR_INVALID);
	CHECK_EQ(id_parse(&id, text, 0), ERR_INVALID);
	CHECK(id_equal(&id, &before));
}

TEST(hex)
{
	uint8_t p[2];
	char s[5];

	CHECK_EQ(hex_decode(p, "fFa0", 4), 0);
	CHECK_EQ(p[0], 0xff);
	CHECK_EQ(p[1], 0xa0);
	CHECK_EQ(hex_decode(p, "abc", 3), ERR_INVALID);
	hex_encode(s, p, 2);
	CHECK_STR(s, "ffa0");
}

/* Each byte at each place of a text that is read in words, and of what is left behind them. */
TEST(hex_takes_digits_alone)
{
	for (int at = 0; at < 12; at++)
		for (int c = 0; c < 256; c++) {
			char s[] = "0123456789aF", back[13];
			uint8_t p[6];
			bool good = strchr("0123456789abcdefABCDEF", c) && c;

			s[at] = (char)c;
			if (!CHECK_EQ(hex_decode(p, s, 12), good ? 0 : ERR_INVALID))
				printf("byte 0x%02x at %d\n", (unsigned)c, at);
			if (!good)
				continue;
			hex_encode(back, p, 6);
			s[11] = (char)(at == 11 ? tolower(c) : 'f');
			s[at] = (char)tolower(c);
			CHECK_STR(back, s);
		}
}
