#include "base/json_out.h"
#include "base/err.h"
#include "unit/check.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void string(const char *s, size_t n, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	json_put_string(&b, s, n);
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}
#define STRING(s, want) string(s, sizeof(s) - 1, want)

/* docs/format.md 10.4; checked against Go's encoding/json rules. */
TEST(strings)
{
	STRING("", "\"\"");
	STRING("plain /text", "\"plain /text\"");
	STRING("q\"uote\\", "\"q\\\"uote\\\\\"");
	STRING("\b\f\n\r\t\v\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\x7f\"");
	STRING("a\0b", "\"a\\u0000b\"");
	STRING("<a&b>", "\"\\u003ca\\u0026b\\u003e\"");
	STRING("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	STRING("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
		"\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"");
	STRING("x\xff\xfey", "\"x\\ufffd\\ufffdy\"");
	STRING("\xc3", "\"\\ufffd\"");
	STRING("\xe2\x82", "\"\\ufffd\\ufffd\"");
	STRING("\xc0\xaf", "\"\\ufffd\\ufffd\""); /* overlong */
	/* a surrogate */
	STRING("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	/* beyond U+10FFFF */
	STRING("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	/* the last of both */
	STRING("\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\"");
	STRING("\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\"");
	STRING("\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	STRING("\xef\xbf\xbd", "\"\xef\xbf\xbd\""); /* a literal U+FFFD stays */
}

static void time_is(int64_t sec, int32_t nsec, const struct zone *z, const char *want)
{
	struct ts t = {sec, nsec};
	struct buf b;

	buf_init(&b, 100);
	json_put_time(&b, &t, z);
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}

TEST(times_utc)
{
	time_is(0, 0, NULL, "\"1970-01-01T00:00:00Z\"");
	time_is(1782000000, 120000000, NULL, "\"2026-06-21T00:00:00.12Z\"");
	time_is(1782000000, 1, NULL, "\"2026-06-21T00:00:00.000000001Z\"");
	time_is(-1, 999999999, NULL, "\"1969-12-31T23:59:59.999999999Z\"");
	time_is(-62135596800, 0, NULL, "\"0001-01-01T00:00:00Z\"");
	time_is(253402300799, 0, NULL, "\"9999-12-31T23:59:59Z\"");
	time_is(253402300800, 5, NULL, "\"9999-01-01T00:00:00.000000005Z\"");
	/* 29 February of 12000; 9999 has none. */
	time_is(316521302399, 0, NULL, "\"9999-02-28T23:59:59Z\"");
	time_is(316521302400, 0, NULL, "\"9999-03-01T00:00:00Z\"");
	time_is(-62198755200, 0, NULL, "\"0000-01-01T00:00:00Z\"");
	time_is(INT64_MAX, 0, NULL, "\"9999-12-04T15:30:07Z\"");
}

TEST(times_in_zones)
{
	struct zone *z = zone_new("Europe/Helsinki"), *ny = zone_new("America/New_York");

	if (!z || !ny)
		SKIP("no zoneinfo");
	time_is(1782000000, 0, z, "\"2026-06-21T03:00:00+03:00\"");
	time_is(1767225600, 500000000, z, "\"2026-01-01T02:00:00.5+02:00\"");
	time_is(1767225600, 0, ny, "\"2025-12-31T19:00:00-05:00\"");
	/* Local mean time +01:39:49: the clock has the seconds, the suffix does not. */
	time_is(-5000000000, 0, z, "\"1811-07-23T16:46:29+01:39\"");
	/* -04:56:02 */
	time_is(-5000000000, 0, ny, "\"1811-07-23T10:10:38-04:56\"");
	zone_free(z);
	zone_free(ny);
}

static void parses(const char *s, int64_t sec, int32_t nsec, int32_t off)
{
	struct ts t;
	int32_t o;

	if (CHECK_EQ(json_parse_time(s, strlen(s), &t, &o), 0)) {
		CHECK_EQ(t.sec, sec);
		CHECK_EQ(t.nsec, nsec);
		CHECK_EQ(o, off);
	} else {
		CHECK_STR(s, "");
	}
}

TEST(time_parsing)
{
	static const char *const bad[] = {"", "2026", "2026-06-21T00:00:00", "2026-06-21t00:00:00Z",
		"2026-06-21T00:00:00z", "2026-6-21T00:00:00Z", "2026-06-21T00:00:00.Z",
		"2026-06-21T00:00:00,5Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+24:00",
		"2026-01-01T00:00:00+02:60", "2026-01-01T00:00:00+0200", "2026-01-01T00:00:00Zx",
		"2026-01-01T00:00:00+02:0", "+026-01-01T00:00:00Z"};
	struct ts t;

	parses("1970-01-01T00:00:00Z", 0, 0, 0);
	parses("2026-06-21T03:00:00.12+03:00", 1782000000, 120000000, 10800);
	parses("2025-12-31T19:00:00.000000001-05:00", 1767225600, 1, -18000);
	parses("2025-12-31T19:00:00.1234567899999999-05:00", 1767225600, 123456789, -18000);
	parses("0001-01-01T00:00:00Z", -62135596800, 0, 0);
	parses("2024-02-29T23:59:59Z", 1709251199, 0, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_EQ(json_parse_time(bad[i], strlen(bad[i]), &t, NULL), ERR_INVALID))
			CHECK_STR(bad[i], "");
}

TEST(commas)
{
	struct id id = {{0xab}};
	struct ts t = {0, 0};
	struct json_out o;
	struct buf b;

	buf_init(&b, 1000);
	json_out_init(&o, &b);
	json_object(&o);
	json_key(&o, "a");
	json_array(&o);
	json_array_end(&o);
	json_key(&o, "b");
	json_array(&o);
	json_uint(&o, UINT64_MAX);
	json_int(&o, INT64_MIN);
	json_int(&o, 5);
	json_boolean(&o, true);
	json_boolean(&o, false);
	json_null(&o);
	json_object(&o);
	json_object_end(&o);
	json_object(&o);
	json_key(&o, "k");
	json_str(&o, "v");
	json_key(&o, "<");
	json_strn(&o, "vw", 1);
	json_object_end(&o);
	json_raw(&o, "[1]", 3);
	json_array_end(&o);
	json_key(&o, "t");
	json_time(&o, &t, NULL);
	json_key(&o, "id");
	json_id(&o, &id);
	json_object_end(&o);
	CHECK_STR(buf_str(&b),
		"{\"a\":[],\"b\":[18446744073709551615,-9223372036854775808,5,true,false,null,{},{"
		"\"k\":\"v\",\"\\u003c\":\"v\"},[1]],"
		"\"t\":\"1970-01-01T00:00:00Z\",\"id\":"
		"\"ab00000000000000000000000000000000000000000000000000000000000000\"}");
	buf_release(&b);
}

static void number(double v, const char *want)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, 100);
	json_out_init(&o, &b);
	json_float(&o, v);
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}

TEST(floats)
{
	number(0, "0");
	number(-0.0, "-0");
	number(1, "1");
	number(-1.5, "-1.5");
	number(0.1, "0.1");
	number(100, "100");
	number(1234.5678, "1234.5678");
	number(1e20, "100000000000000000000");
	number(1e21, "1e+21");
	number(0.000001, "0.000001");
	number(0.0000001, "1e-7");
	number(1.25e-10, "1.25e-10");
	number(0.3333333333333333, "0.3333333333333333");
	number(5e-324, "5e-324");
	number(1.7976931348623157e308, "1.7976931348623157e+308");
	number(INFINITY, "null");
	number((double)NAN, "null");
}

TEST(overflow_is_the_buffers)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, 10);
	json_out_init(&o, &b);
	json_str(&o, "0123456789");
	json_array(&o);
	CHECK(b.overflow);
	buf_release(&b);
}
