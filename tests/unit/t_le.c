#include "base/le.h"
#include "unit/check.h"

TEST(little_endian)
{
	uint8_t p[9] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa};

	le64_put(p, 0x8877665544332211u);
	CHECK_MEM(p, "\x11\x22\x33\x44\x55\x66\x77\x88\xaa", 9);
	CHECK(le64_get(p) == 0x8877665544332211u);
	CHECK(le32_get(p + 4) == 0x88776655u);
	le32_put(p + 1, 0xf0e0d0c0u);
	CHECK_MEM(p, "\x11\xc0\xd0\xe0\xf0\x66\x77\x88\xaa", 9);
}
