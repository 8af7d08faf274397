#include "backend/http.h"
#include "unit/check.h"
#include <string.h>

static struct http_req with(const char *headers)
{
	struct http_req r = {0};

	buf_init(&r.headers, 10000);
	buf_init(&r.out, 10000);
	buf_adds(&r.headers, headers);
	return r;
}

TEST(header_is_found_whatever_its_case_and_blanks)
{
	struct http_req r = with("HTTP/1.1 200 OK\r\nX-One:1\r\nx-two-more: no\r\nX-TWO:  a b "
				 "\t\r\nX-Two: second\r\nEmpty:\r\nlast: end");
	char v[8];

	CHECK(http_header(&r, "x-one", v, sizeof(v)));
	CHECK_STR(v, "1");
	CHECK(http_header(&r, "X-Two", v, sizeof(v)));
	CHECK_STR(v, "a b");
	CHECK(http_header(&r, "Empty", v, sizeof(v)));
	CHECK_STR(v, "");
	CHECK(http_header(&r, "Last", v, sizeof(v)));
	CHECK_STR(v, "end");
	CHECK(!http_header(&r, "Las", v, sizeof(v)));
	CHECK(!http_header(&r, "One", v, sizeof(v)));
	CHECK(http_header(&r, "x-two", v, 4));
	CHECK(!http_header(&r, "x-two", v, 3));
	http_req_release(&r);
	r = with("");
	CHECK(!http_header(&r, "x", v, sizeof(v)));
	http_req_release(&r);
}

TEST(header_numbers)
{
	struct http_req r = with("A: 0\r\nB: 18446744073709551615\r\nC: 18446744073709551616\r\nD: "
				 "-1\r\nE: 12x\r\nF:\r\nG: +5\r\n");
	uint64_t v = 7;

	CHECK(http_header_number(&r, "a", &v) && v == 0);
	CHECK(http_header_number(&r, "b", &v) && v == UINT64_MAX);
	for (const char *p = "CDEFGH"; *p; p++) {
		char name[2] = {*p};

		CHECK(!http_header_number(&r, name, &v));
	}
	CHECK_EQ(v, UINT64_MAX);
	http_req_release(&r);
}

static int64_t seconds_of(const char *value)
{
	struct ts now = {.sec = 784111770};
	char line[200] = "HTTP/1.1 503 x\r\nretry-after: ";
	struct http_req r;
	int64_t ns;

	strcat(line, value);
	strcat(line, "\r\n\r\n");
	r = with(line);
	ns = http_retry_after_ns(&r, &now);
	CHECK_EQ(ns % 1000000000, 0);
	http_req_release(&r);
	return ns / 1000000000;
}

TEST(retry_after)
{
	struct ts now = {0};
	struct http_req r = with("HTTP/1.1 503 x\r\n\r\n");

	CHECK_EQ(http_retry_after_ns(&r, &now), 0);
	http_req_release(&r);
	CHECK_EQ(seconds_of("7"), 7);
	CHECK_EQ(seconds_of("0"), 0);
	CHECK_EQ(seconds_of(""), 0);
	CHECK_EQ(seconds_of("-7"), 0);
	CHECK_EQ(seconds_of("7 s"), 0);
	/* A server cannot send us to sleep for ever, nor overflow. */
	CHECK_EQ(seconds_of("99999999999999999999999999999"), 86400);
	/* RFC 9110's own example is 784111777. */
	CHECK_EQ(seconds_of("Sun, 06 Nov 1994 08:49:37 GMT"), 7);
	CHECK_EQ(seconds_of("Sun, 06 Nov 1994 08:49:07 GMT"), 0);
	CHECK_EQ(seconds_of("Sun, 06 Now 1994 08:49:37 GMT"), 0);
	CHECK_EQ(seconds_of("Sun, 0x Nov 1994 08:49:37 GMT"), 0);
	CHECK_EQ(seconds_of("Sun, 06 Nov 1994 08:49:37 CET"), 0);
}

TEST(encode_and_decode)
{
	struct buf b, c;
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	buf_init(&b, 10000);
	buf_init(&c, 10000);
	http_encode(&b, "a/b c%\xc3\xa4~_.-+", 13, "/");
	CHECK_STR(buf_str(&b), "a/b%20c%25%C3%A4~_.-%2B");
	buf_reset(&b);
	http_encode(&b, "a/b", 3, "");
	CHECK_STR(buf_str(&b), "a%2Fb");
	buf_reset(&b);
	http_encode(&b, all, 256, "/");
	http_decode(&c, (const char *)b.p, b.len);
	REQUIRE(c.len == 256);
	CHECK_MEM(c.p, all, 256);
	buf_reset(&c);
	http_decode(&c, "%4x%%41%4", 9);
	CHECK_STR(buf_str(&c), "%4x%A%4");
	buf_release(&b);
	buf_release(&c);
}

TEST(fault_text_is_safe_to_print)
{
	struct http_req r = with("");
	char text[20];

	buf_adds(&r.out, "\r\n  <a>\x1b[1m\xff b</a>\nsecond");
	http_fault_text(&r, text, sizeof(text));
	CHECK_STR(text, "<a> [1m b</a>");
	http_fault_text(&r, text, 5);
	CHECK_STR(text, "<a>");
	CHECK(http_is_markup(&r));
	buf_reset(&r.out);
	http_fault_text(&r, text, sizeof(text));
	CHECK_STR(text, "");
	CHECK(!http_is_markup(&r));
	buf_adds(&r.out, "\n");
	CHECK(!http_is_markup(&r));
	buf_adds(&r.out, "{<");
	CHECK(!http_is_markup(&r));
	http_req_release(&r);
}
