#include "backend/object.h"
#include "unit/check.h"
#include <string.h>

/* What an answer with this body makes of a GET. */
static void is(int status, const char *range, uint64_t announced, const char *body, uint64_t offset,
	uint64_t length, int code, const char *want)
{
	struct backend_op op = {.verb = BACKEND_GET, .offset = offset, .length = length};
	struct http_req r = {.status = status, .length = announced ? announced : UINT64_MAX};
	struct err err = {0};

	buf_init(&r.out, 100);
	buf_init(&r.headers, 1000);
	buf_adds(&r.out, body);
	if (range)
		buf_addf(&r.headers, "Content-Range: %s\r\n", range);
	CHECK_EQ(object_part(&r, &op, &err), code);
	CHECK_EQ(err.code, code);
	if (!code) {
		CHECK_EQ(r.out.len, strlen(want));
		CHECK(!r.out.len || !memcmp(r.out.p, want, strlen(want)));
	}
	http_req_release(&r);
}

TEST(parts)
{
	is(206, "bytes 3-6/10", 4, "3456", 3, 4, 0, "3456");
	is(206, "bytes 3-6/10", 0, "3456", 3, 4, 0, "3456");
	is(206, NULL, 4, "3456", 3, 4, 0, "3456");
	is(206, "bytes 3-9/*", 7, "3456789", 3, 0, 0, "3456789");
	is(206, "bytes 3-6/10", 5, "34567", 3, 4, ERR_INVALID, NULL);
}

TEST(servers_that_know_no_range)
{
	is(200, NULL, 10, "0123456789", 3, 4, 0, "3456");
	is(200, NULL, 10, "0123456789", 3, 0, 0, "3456789");
	is(200, NULL, 0, "0123456789", 10, 0, 0, "");
	is(200, NULL, 10, "0123456789", 0, 0, 0, "0123456789");
	is(200, NULL, 10, "0123456789", 11, 0, ERR_TOOSHORT, NULL);
	is(200, NULL, 10, "0123456789", 8, 4, ERR_TOOSHORT, NULL);
}

TEST(objects_that_are_too_short)
{
	is(206, "bytes 8-9/10", 2, "89", 8, 4, ERR_TOOSHORT, NULL);
	is(206, "bytes 8-9/10", 0, "89", 8, 4, ERR_TOOSHORT, NULL);
	is(206, "bytes 11-9/10", 0, "", 11, 0, ERR_TOOSHORT, NULL);
	is(206, "bytes 10-9/10", 0, "", 10, 1, ERR_TOOSHORT, NULL);
	is(206, "bytes 10-9/10", 0, "", 10, 0, 0, "");
	is(206, "bytes 99-9/10", 0, "", UINT64_MAX, 1, ERR_TOOSHORT, NULL);
	is(206, "bytes 99-9/10", 0, "", UINT64_MAX - 1, UINT64_MAX, ERR_TOOSHORT, NULL);
	is(206, NULL, 2, "89", 8, 4, ERR_TOOSHORT, NULL);
}

/* Nobody said how much would come: it may have been lost on the way, and another try tells. */
TEST(answers_that_were_cut)
{
	is(206, "bytes 3-6/10", 0, "345", 3, 4, ERR_IO, NULL);
	is(206, "bytes 3-9/10", 0, "345", 3, 0, ERR_IO, NULL);
	is(206, NULL, 0, "345", 3, 4, ERR_IO, NULL);
	is(200, NULL, 0, "012345", 3, 4, ERR_IO, NULL);
	is(200, NULL, 0, "01", 3, 0, ERR_IO, NULL);
}

static void range_is(uint64_t offset, uint64_t length, const char *want)
{
	struct backend_op op = {.verb = BACKEND_GET, .offset = offset, .length = length};
	char range[OBJECT_RANGE];
	struct err err = {0};

	CHECK_EQ(object_range(&op, range, &err), want ? 0 : ERR_TOOSHORT);
	if (want)
		CHECK_STR(range, want);
}

TEST(what_is_asked_for)
{
	range_is(0, 0, "bytes=0-");
	range_is(3, 0, "bytes=3-");
	range_is(0, 1, "bytes=0-0");
	range_is(3, 4, "bytes=3-6");
	range_is(INT64_C(1) << 40, 1, "bytes=1099511627776-1099511627776");
	range_is(1, UINT64_MAX, NULL);
	range_is(UINT64_MAX, 0, NULL);
	range_is(UINT64_MAX, 1, NULL);
	range_is(UINT64_MAX, UINT64_MAX, NULL);
}

TEST(the_end_of_an_object)
{
	struct backend_op get = {.verb = BACKEND_GET, .offset = 10}, put = {.verb = BACKEND_PUT};
	struct http_req r = {.status = 416};
	struct err err = {0};

	CHECK(object_asks_size(&get, &r));
	CHECK(!object_asks_size(&put, &r));
	CHECK_EQ(object_end(&get, 10, &err), 0);
	CHECK_EQ(object_end(&get, 9, &err), ERR_TOOSHORT);
	CHECK_EQ(object_end(&get, UINT64_MAX, &err), ERR_TOOSHORT);
	get.length = 1;
	CHECK(!object_asks_size(&get, &r));
	get.length = 0;
	r.status = 200;
	CHECK(!object_asks_size(&get, &r));
	r.status = 416;
	r.err.code = ERR_IO;
	CHECK(!object_asks_size(&get, &r));
}

TEST(statuses)
{
	static const int passing[] = {408, 409, 423, 425, 429, 498, 499, 500, 502, 503, 504, 520};
	static const int odd[] = {300, 301, 307, 400, 402, 405, 406, 410, 411, 412, 421, 451, 501};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		CHECK_EQ(object_status(passing[i]), ERR_IO);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CHECK_EQ(object_status(odd[i]), ERR_ODD);
	CHECK_EQ(object_status(404), ERR_NOTFOUND);
	CHECK_EQ(object_status(416), ERR_TOOSHORT);
	CHECK_EQ(object_status(401), ERR_DENIED);
	CHECK_EQ(object_status(403), ERR_DENIED);
	CHECK_EQ(object_status(413), ERR_NOSPACE);
	CHECK_EQ(object_status(507), ERR_NOSPACE);
}
