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
