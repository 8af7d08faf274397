#include "cmd/timearg.h"
#include "unit/check.h"
#include <string.h>

static long long seconds(const char *s, const struct zone *z)
{
	struct ts t;

	return timearg_parse(s, z, &t, NULL) ? -1 : (long long)t.sec;
}

TEST(times)
{
	CHECK_EQ(seconds("2026-01-02", NULL), 1767312000);
	CHECK_EQ(seconds("2026-01-02 03:04", NULL), 1767323040);
	CHECK_EQ(seconds("2026-01-02 03:04:05", NULL), 1767323045);
	CHECK_EQ(seconds("2026-01-02T03:04:05", NULL), 1767323045);
	CHECK_EQ(seconds("02.01.2026 03:04:05", NULL), 1767323045);
	CHECK_EQ(seconds("2026-01-02 03:04:05 +0200", NULL), 1767315845);
	CHECK_EQ(seconds("2026-01-02 03:04:05 -01:30", NULL), 1767328445);
	CHECK_EQ(seconds("2026-01-02 03:04:05 UTC", NULL), 1767323045);
	CHECK_EQ(seconds("2024-02-29", NULL), 1709164800);
}

TEST(no_times)
{
	static const char *const bad[] = {"", "x", "2026", "2026-13-01", "2026-00-01", "2026-02-29",
		"2026-01-32", "2026-01-01 24:00", "2026-01-01 1:00", "2026-01-01 10:60",
		"2026-01-01 10:00:60", "2026-01-01 10:00:00 CET", "2026-01-01 10:00:00 +2",
		"2026-01-01 10:00 +0200", "2026-01-01x", "2026-1-1", "26-01-01"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(seconds(bad[i], NULL), -1);
}

/* Local times on both sides of a clock change, and in it. */
TEST(times_in_a_zone)
{
	struct zone *z = zone_new("Europe/Helsinki");
	struct ts t;

	if (!zone_offset(z, 0)) {
		zone_free(z);
		SKIP("no zoneinfo here");
	}
	CHECK_EQ(seconds("2026-01-02 03:04:05", z), 1767315845);
	CHECK_EQ(seconds("2026-07-02 03:04:05", z), 1782950645);
	CHECK_EQ(seconds("2026-03-29 02:59:59", z), 1774745999);
	CHECK_EQ(seconds("2026-03-29 04:00:00", z), 1774746000);
	CHECK_EQ(seconds("2026-10-25 12:00:00", z), 1792922400);
	for (long long s = 1774700000; s < 1774790000; s += 1801) {
		t = (struct ts){s, 0};
		if (!CHECK_EQ(seconds(timearg_text(&t, z).s, z), s))
			break;
	}
	zone_free(z);
}

TEST(texts)
{
	struct ts t = {1767323045, 0}, frac = {1767323045, 120000000}, before = {-1, 500000000};

	CHECK_STR(timearg_text(&t, NULL).s, "2026-01-02 03:04:05");
	CHECK_STR(timearg_text(&before, NULL).s, "1969-12-31 23:59:59");
	CHECK_STR(timearg_go(&t, 0).s, "2026-01-02 03:04:05 +0000 UTC");
	CHECK_STR(timearg_go(&frac, 0).s, "2026-01-02 03:04:05.12 +0000 UTC");
	CHECK_STR(timearg_go(&t, 7200).s, "2026-01-02 05:04:05 +0200 +0200");
	CHECK_STR(timearg_go(&t, -5400).s, "2026-01-02 01:34:05 -0130 -0130");
}

static long long span(const char *s)
{
	int64_t ns;

	return timearg_span(s, &ns, NULL) ? -1 : (long long)ns;
}

TEST(spans)
{
	CHECK_EQ(span("0"), 0);
	CHECK_EQ(span("90s"), 90000000000);
	CHECK_EQ(span("5m"), 300000000000);
	CHECK_EQ(span("1h30m"), 5400000000000);
	CHECK_EQ(span("1.5s"), 1500000000);
	CHECK_EQ(span("10ms"), 10000000);
	CHECK_EQ(span("2h"), 7200000000000);
	CHECK_EQ(span(""), -1);
	CHECK_EQ(span("5"), -1);
	CHECK_EQ(span(".5s"), 500000000);
	CHECK_EQ(span("5.s"), 5000000000);
	CHECK_EQ(span("+5s"), 5000000000);
	CHECK_EQ(span("-5m"), 0);
	CHECK_EQ(span("-0"), 0);
	CHECK_EQ(span("7\u00b5s"), 7000);
	CHECK_EQ(span("1.2.3s"), -1);
	CHECK_EQ(span("."), -1);
	CHECK_EQ(span(".s"), -1);
	CHECK_EQ(span("5s-"), -1);
	CHECK_EQ(span("--5s"), -1);
	CHECK_EQ(span("1h30"), -1);
	CHECK_EQ(span("5 m"), -1);
	CHECK_EQ(span("1e3s"), -1);
	CHECK_EQ(span("0x1s"), -1);
	CHECK_EQ(span("5d"), -1);
	CHECK_EQ(span("99999999999h"), -1);
}

TEST(counts)
{
	uint64_t v = 0;
	struct err e = {0};

	CHECK_EQ(timearg_count("12", "--x", 1, 12, &v, &e), 0);
	CHECK_EQ(v, 12);
	CHECK_EQ(timearg_count("13", "--x", 1, 12, &v, &e), ERR_USAGE);
	CHECK_STR(e.msg, "--x must be a number from 1 to 12, not \"13\"");
	CHECK_EQ(timearg_count("0", "--x", 1, 12, &v, &e), ERR_USAGE);
	CHECK_EQ(timearg_count("", "--x", 0, 12, &v, &e), ERR_USAGE);
	CHECK_EQ(timearg_count("-1", "--x", 0, UINT64_MAX, &v, &e), ERR_USAGE);
	CHECK_EQ(timearg_count(" 1", "--x", 0, 12, &v, &e), ERR_USAGE);
	CHECK_EQ(timearg_count("1x", "--x", 0, 12, &v, &e), ERR_USAGE);
	CHECK_EQ(timearg_count("99999999999999999999", "--x", 0, UINT64_MAX, &v, &e), ERR_USAGE);
}
