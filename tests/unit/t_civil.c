#include "base/civil.h"
#include "unit/check.h"
#include <stdlib.h>
#include <time.h>

TEST(agrees_with_libc)
{
	/* Steps that hit no pattern of months: from year -2900 to 6800, and every day of eight
	 * centuries. */
	for (int64_t t = -153722867280, step; t < 153722867280; t += step) {
		struct civil c;
		struct tm tm;
		time_t tt = t;

		step = t > -3000000000 && t < 22000000000 ? 86399 : 19999999;
		civil_of(&c, t);
		REQUIRE(gmtime_r(&tt, &tm) != NULL);
		if (c.year != tm.tm_year + 1900LL || c.month != tm.tm_mon + 1 ||
			c.day != tm.tm_mday || c.hour != tm.tm_hour || c.min != tm.tm_min ||
			c.sec != tm.tm_sec || c.wday != tm.tm_wday || civil_sec(&c) != t) {
			CHECK_EQ(t, -1);
			return;
		}
	}
}

TEST(weeks)
{
	for (int64_t t = -3000000000; t < 22000000000; t += 86399) {
		struct civil c;
		struct tm tm;
		time_t tt = t;
		char text[32];

		civil_of(&c, t);
		REQUIRE(gmtime_r(&tt, &tm) != NULL);
		REQUIRE(strftime(text, sizeof(text), "%G%V", &tm) == 6);
		REQUIRE(civil_week(&c) == atoll(text));
	}
}

TEST(months_and_extremes)
{
	struct civil c;
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	for (int m = 1; m <= 12; m++)
		CHECK_EQ(civil_month_days(2023, m), days[m - 1]);
	CHECK_EQ(civil_month_days(2024, 2), 29);
	CHECK_EQ(civil_month_days(1900, 2), 28);
	CHECK(civil_leap(0) && civil_leap(2000) && !civil_leap(2100) && civil_leap(-4));
	civil_of(&c, INT64_MAX);
	CHECK_EQ(c.year, 292277026596);
	civil_of(&c, INT64_MIN);
	CHECK_EQ(c.year, -292277022657);
	CHECK_EQ(civil_days(2023, 2, 29), civil_days(2023, 3, 1));
}
