#include "backend/part.h"
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
	CHECK_EQ(part_take(&r, &op, &err), code);
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
