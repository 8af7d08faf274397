#include "format/lockfile.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <string.h>

TEST(golden_there_and_back)
{
	static const char *const files[] = {"v2-0.18/lock", "v1-0.18/lock", "v2-0.14/lock"};

	for (size_t i = 0; i < 3; i++) {
		struct buf in, out;
		struct lockfile l;
		struct err err;

		golden_read(files[i], &in);
		REQUIRE(lockfile_parse(&l, in.p, in.len, &err) == 0);
		CHECK(!l.exclusive);
		CHECK(l.pid > 1);
		CHECK_STR(l.username, "root");
		buf_init(&out, 1000);
		lockfile_write(&l, NULL, &out);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		lockfile_release(&l);
		buf_release(&in);
		buf_release(&out);
	}
}

TEST(owner_is_written_unless_root)
{
	struct lockfile l = {.time = {1700000000, 120000000},
		.exclusive = true,
		.hostname = (char *)"h<1>",
		.username = (char *)"u",
		.pid = 77,
		.uid = 5,
		.gid = 6};
	struct lockfile r;
	struct err err;
	struct buf out;

	buf_init(&out, 1000);
	lockfile_write(&l, NULL, &out);
	CHECK_STR(buf_str(&out), "{\"time\":\"2023-11-14T22:13:20.12Z\",\"exclusive\":true,"
				 "\"hostname\":\"h\\u003c1\\u003e\",\"username\":\"u\",\"pid\":77,"
				 "\"uid\":5,\"gid\":6}");
	REQUIRE(lockfile_parse(&r, out.p, out.len, &err) == 0);
	CHECK(r.time.sec == l.time.sec && r.time.nsec == l.time.nsec && r.exclusive &&
		r.pid == 77 && r.uid == 5 && r.gid == 6);
	CHECK_STR(r.hostname, "h<1>");
	lockfile_release(&r);
	buf_release(&out);
}

TEST(missing_and_unknown_members)
{
	static const char json[] = "{\"future\":{\"a\":[null]},\"time\":\"2023-11-14T22:13:20Z\"}";
	struct lockfile l;
	struct err err;

	REQUIRE(lockfile_parse(&l, json, sizeof(json) - 1, &err) == 0);
	CHECK_STR(l.hostname, "");
	CHECK_STR(l.username, "");
	lockfile_release(&l);
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	struct lockfile l;
	struct err err;

	err_clear(&err);
	if (lockfile_parse(&l, p, n, &err) < 0)
		CHECK(err.msg[0] && !l.hostname && !l.username);
	else
		CHECK_EQ(n, *(size_t *)arg);
	lockfile_release(&l);
}

TEST(hostile_bytes)
{
	static const char good[] =
		"{\"time\":\"2023-11-14T22:13:20.12Z\",\"exclusive\":true,\"hostname\":"
		"\"h\\u003c1\\u003e\",\"username\":\"u\",\"pid\":77,"
		"\"uid\":5,\"gid\":6}";
	size_t n = sizeof(good) - 1;

	hostile_each(good, n, 1000, survive, &n);
}
