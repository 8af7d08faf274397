#include "base/tzrule.h"
#include "base/civil.h"
#include "unit/check.h"
#include <string.h>

static bool parse(struct tzrule *r, const char *s)
{
	return tzrule_parse(r, s, strlen(s));
}

TEST(parsing)
{
	struct tzrule r;

	CHECK(parse(&r, "EET-2EEST,M3.5.0/3,M10.5.0/4"));
	CHECK_EQ(r.std, 7200);
	CHECK_EQ(r.dst, 10800);
	CHECK(parse(&r, "UTC0"));
	CHECK(!r.has_dst);
	CHECK(parse(&r, "<+0330>-3:30"));
	CHECK_EQ(r.std, 12600);
	CHECK(parse(&r, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"));
	CHECK_EQ(r.std, -7200);
	CHECK_EQ(r.start.time, -3600);
	CHECK(parse(&r, "IST-1GMT0,M10.5.0,M3.5.0/1"));
	CHECK_EQ(r.dst, 0);
	CHECK(parse(&r, "EST5EDT"));
	CHECK_EQ(r.start.month, 3);
	CHECK(parse(&r, "AAA1BBB,J60,365/167:59:59"));
	CHECK(parse(&r, "XXX3EDT4,0/0,J365/23"));
}

TEST(nonsense)
{
	static const char *const bad[] = {"", "EET", "E-2", "EET-", "EET-2EEST,",
		"EET-2EEST,M3.5.0", "EET-2EEST,M3.5.0,", "EET-2EEST,M13.5.0,M1.1.1",
		"EET-2EEST,M3.6.0,M1.1.1", "EET-2EEST,M3.5.7,M1.1.1", "EET-2EEST,J0,J1",
		"EET-2EEST,366,1", "EET-168", "EET-2:60", "<EET-2", "EET-2EEST,M3.5.0/3,M10.5.0/4x",
		"EET-2EEST,M3.5.0/,M10.5.0", "EET-99999999999999999999"};
	struct tzrule r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK(!parse(&r, bad[i])))
			CHECK_STR(bad[i], "");
}

static int64_t at(int64_t y, int mo, int d, int h)
{
	return civil_days(y, mo, d) * 86400 + h * 3600;
}

TEST(offsets)
{
	struct tzrule r;

	REQUIRE(parse(&r, "EET-2EEST,M3.5.0/3,M10.5.0/4"));
	CHECK_EQ(tzrule_offset(&r, at(2026, 3, 29, 1) - 1), 7200);
	CHECK_EQ(tzrule_offset(&r, at(2026, 3, 29, 1)), 10800);
	CHECK_EQ(tzrule_offset(&r, at(2026, 10, 25, 1) - 1), 10800);
	CHECK_EQ(tzrule_offset(&r, at(2026, 10, 25, 1)), 7200);
	REQUIRE(parse(&r, "AEST-10AEDT,M10.1.0,M4.1.0/3"));
	CHECK_EQ(tzrule_offset(&r, at(2026, 1, 1, 0)), 39600);
	CHECK_EQ(tzrule_offset(&r, at(2026, 7, 1, 0)), 36000);
	CHECK_EQ(tzrule_offset(&r, at(2026, 12, 31, 23)), 39600);
	/* J60 is 1 March in every year, 59 is 29 February in leap years only. */
	REQUIRE(parse(&r, "XXX0YYY,J60/0,J300/0"));
	CHECK_EQ(tzrule_offset(&r, at(2024, 3, 1, 0) - 1), 0);
	CHECK_EQ(tzrule_offset(&r, at(2024, 3, 1, 0)), 3600);
	CHECK_EQ(tzrule_offset(&r, at(2023, 3, 1, 0) - 1), 0);
	CHECK_EQ(tzrule_offset(&r, at(2023, 3, 1, 0)), 3600);
	REQUIRE(parse(&r, "XXX0YYY,59/0,300/0"));
	CHECK_EQ(tzrule_offset(&r, at(2024, 2, 29, 0) - 1), 0);
	CHECK_EQ(tzrule_offset(&r, at(2024, 2, 29, 0)), 3600);
	CHECK_EQ(tzrule_offset(&r, at(2023, 3, 1, 0)), 3600);
}
