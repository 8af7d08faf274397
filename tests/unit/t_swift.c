#include "backend/swift.h"
#include "unit/swift_fake.h"

static struct fake_server f;

static struct backend *store(void)
{
	struct swift_wire w = {.start = fake_start, .arg = &f};
	struct swift_creds c;
	struct backend *b = NULL;
	struct err err = {0};

	f = (struct fake_server){0};
	FAKE_VARS("ST_AUTH", "http://s/auth/v1.0", "ST_USER", "u", "ST_KEY", "k");
	CHECK_EQ(swift_creds_read(&c, fake_getenv, &err), 0);
	fake_says(&f, 204, "X-Storage-Url: http://s/v1\nX-Auth-Token: first\n", NULL);
	CHECK_EQ(swift_new("box é:/a//b/./", swift_login_source_new(&c, &w, &fake_env), &w, "cold",
			 0, &fake_env, &b, &err),
		0);
	CHECK_STR(err.msg, "");
	REQUIRE(b);
	CHECK_EQ(b->connections, 5);
	return b;
}

static void place(const char *s, const char *container, const char *prefix)
{
	char *c, *p;

	CHECK_EQ(swift_place_parse(s, &c, &p, NULL), container ? 0 : ERR_USAGE);
	CHECK_STR(c, container);
	if (container)
		CHECK_STR(p, prefix);
	mem_free(c);
	mem_free(p);
}

TEST(places)
{
	place("box:/", "box", "");
	place("box:/backup", "box", "backup");
	place("2001234-BACKUP:/a//./b/", "2001234-BACKUP", "a/b");
	place("box", NULL, NULL);
	place("box:", NULL, NULL);
	place("box:backup", NULL, NULL);
	place(":/backup", NULL, NULL);
	place("a/b:/backup", NULL, NULL);
	place("box:/a/../b", NULL, NULL);
}

static const struct id name = {.b = {0xab, 1}};
#define HEX "ab01000000000000000000000000000000000000000000000000000000000000"

TEST(requests)
{
	struct backend *b = store();
	struct buf out;
	uint64_t size = 0;

	fake_says(&f, 201, "Etag: 202cb962ac59075b964b07152d234b70\n", NULL);
	fake_says(&f, 200, NULL, "123");
	fake_says(&f, 404, NULL, NULL);
	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 77};
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "123", 3, NULL), 0);
	CHECK(fake_got(&f, 1,
		"PUT http://s/v1/box%20%C3%A9/a/b/data/ab/" HEX
		"\nX-Auth-Token: first\nContent-Type: binary/octet-stream\nETag: "
		"202cb962ac59075b964b07152d234b70\n123"));
	buf_init(&out, 10);
	CHECK_EQ(backend_get(b, BACKEND_CONFIG, NULL, &out, NULL), 0);
	CHECK(fake_got(&f, 2, "GET http://s/v1/box%20%C3%A9/a/b/config\nX-Auth-Token: first\n"));
	CHECK_EQ(out.len, 3);
	buf_release(&out);
	/* what that means is look.c's */
	CHECK_EQ(backend_remove(b, BACKEND_LOCK, &name, NULL), ERR_NOTFOUND);
	CHECK(fake_got(&f, 3, "DELETE http://s/v1/box%20%C3%A9/a/b/locks/" HEX));
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &name, &size, NULL), 0);
	CHECK_EQ(size, 77);
	CHECK_EQ(f.n_got, 5);
	backend_free(b);
}

static void get_range(struct backend *b, uint64_t offset, uint64_t length, size_t max, int want,
	const char *text)
{
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.offset = offset,
		.length = length};

	buf_init(&op.out, max);
	CHECK_EQ(backend_run(b, &op, NULL), want);
	if (CHECK_EQ(op.out.len, strlen(text)) && *text)
		CHECK_MEM(op.out.p, text, strlen(text));
	CHECK_EQ(op.out.max, max);
	buf_release(&op.out);
}

TEST(ranges)
{
	struct backend *b = store();

	fake_says(&f, 206, NULL, "345");
	get_range(b, 3, 3, 10, 0, "345");
	CHECK(fake_got(&f, 1, "\nRange: bytes=3-5\n"));
	fake_says(&f, 206, NULL, "34");
	get_range(b, 3, 3, 10, ERR_TOOSHORT, "");
	/* A server without ranges. */
	fake_says(&f, 200, NULL, "0123456789");
	get_range(b, 3, 3, 10, 0, "345");
	fake_says(&f, 200, NULL, "01");
	get_range(b, 3, 3, 10, ERR_TOOSHORT, "");
	fake_says(&f, 200, NULL, "0123456789");
	get_range(b, 7, 0, 10, 0, "789");
	CHECK(fake_got(&f, 5, "\nRange: bytes=7-\n"));
	fake_says(&f, 200, NULL, "0123456789");
	get_range(b, 0, 0, 9, ERR_NOMEM, "");
	/* Exactly from the end. */
	fake_says(&f, 416, NULL, "no");
	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 10};
	get_range(b, 10, 0, 10, 0, "");
	CHECK(fake_got(&f, 8, "HEAD http://s/v1/"));
	fake_says(&f, 416, NULL, "no");
	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 10};
	get_range(b, 11, 0, 10, ERR_TOOSHORT, "");
	fake_says(&f, 416, NULL, "no");
	get_range(b, 10, 1, 10, ERR_TOOSHORT, "");
	CHECK_EQ(f.n_got, 12);
	get_range(b, 1, UINT64_MAX, 10, ERR_TOOSHORT, "");
	get_range(b, UINT64_MAX, 0, 10, ERR_TOOSHORT, "");
	CHECK_EQ(f.n_got, 12);
	backend_free(b);
}

TEST(a_put_where_none_may_be)
{
	struct backend *b = store();
	struct err err = {0};

	fake_says(&f, 201, "Etag: 202cb962ac59075b964b07152d234b70\n", NULL);
	fake_says(&f, 412, NULL, NULL);
	fake_says(&f, 412, NULL, NULL);
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "123", 3, &err), 0);
	CHECK(fake_got(&f, 1, "\nIf-None-Match: *\n"));
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "123", 3, &err), ERR_EXISTS);
	CHECK(backend_put(b, BACKEND_CONFIG, NULL, "123", 3, &err) != ERR_EXISTS);
	CHECK(!strstr(f.got[3], "If-None-Match"));
	backend_free(b);
}

static int put_gives(int status, const char *headers, const char *body, int64_t *pause)
{
	struct backend *b = store();
	struct backend_op op = {.verb = BACKEND_PUT,
		.type = BACKEND_PACK,
		.data = (const uint8_t *)"123",
		.size = 3,
		.retry_after_ns = 5};
	int code;

	fake_says(&f, status, headers, body);
	code = backend_run(b, &op, NULL);
	if (pause)
		*pause = op.retry_after_ns;
	backend_free(b);
	return code;
}

static int remove_gives(int status, const char *body)
{
	struct backend *b = store();
	int code;

	fake_says(&f, status, NULL, body);
	code = backend_remove(b, BACKEND_SNAPSHOT, &name, NULL);
	CHECK_EQ(f.n_got, 2);
	backend_free(b);
	return code;
}

TEST(answers_to_a_deletion)
{
	CHECK_EQ(remove_gives(204, NULL), 0);
	CHECK_EQ(remove_gives(200, "{}"), 0);
	CHECK_EQ(remove_gives(200, "\n<html>log in"), ERR_ODD);
	CHECK_EQ(remove_gives(202, NULL), ERR_ODD);
	CHECK_EQ(remove_gives(206, NULL), ERR_ODD);
	CHECK_EQ(remove_gives(207, NULL), ERR_ODD);
}

TEST(statuses)
{
	int64_t pause;

	CHECK_EQ(put_gives(201, "ETag: 202cb962ac59075b964b07152d234b70\n", NULL, &pause), 0);
	CHECK_EQ(pause, 0);
	CHECK_EQ(put_gives(201, "ETag: \"202CB962AC59075B964B07152D234B70\"\n", NULL, NULL), 0);
	CHECK_EQ(put_gives(201, "ETag: 302cb962ac59075b964b07152d234b70\n", NULL, NULL), ERR_IO);
	CHECK_EQ(put_gives(422, NULL, NULL, NULL), ERR_IO);
	CHECK_EQ(put_gives(503, "Retry-After: 7\n", NULL, &pause), ERR_IO);
	CHECK_EQ(pause, INT64_C(7000000000));
	CHECK_EQ(put_gives(404, NULL, NULL, NULL), ERR_ODD); /* no place for it */
	CHECK_EQ(put_gives(413, NULL, NULL, NULL), ERR_NOSPACE);
	CHECK_EQ(put_gives(507, NULL, NULL, NULL), ERR_NOSPACE);
	CHECK_EQ(put_gives(498, NULL, NULL, NULL), ERR_IO);
	/* An ETag that is no MD5 says nothing; without one, or with another status, something else
	 * has answered. */
	CHECK_EQ(put_gives(201, "ETag: W/\"302cb962ac59075b964b07152d234b70\"\n", NULL, NULL), 0);
	CHECK_EQ(put_gives(201, "ETag: \"302cb962ac59075b964b07152d234b70-3\"\n", NULL, NULL), 0);
	CHECK_EQ(put_gives(201, NULL, NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(200, "ETag: 202cb962ac59075b964b07152d234b70\n", NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(202, NULL, NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(405, NULL, NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(421, NULL, NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(400, NULL, "{\"Code\":\"InvalidBucketName\"}", NULL), ERR_ODD);
	CHECK_EQ(put_gives(301, NULL, NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(412, NULL, NULL, NULL), ERR_ODD);
	CHECK_EQ(put_gives(400, NULL, "{\"Code\":\"RequestTimeout\"}", NULL), ERR_IO);
	CHECK_EQ(put_gives(408, NULL, NULL, NULL), ERR_IO);
	CHECK_EQ(put_gives(429, NULL, NULL, NULL), ERR_IO);
	/* A full quota is not a bad token: no login. */
	CHECK_EQ(put_gives(403, NULL, "{\"Code\":\"QuotaExceeded\"}", NULL), ERR_NOSPACE);
	CHECK_EQ(f.n_got, 2);
	/* A new token that was never good. */
	CHECK_EQ(put_gives(403, NULL, "AccessDenied", NULL), ERR_DENIED);
	CHECK_EQ(f.n_got, 3);
	CHECK(fake_got(&f, 2, "HEAD http://s/v1/box%20%C3%A9\nX-Auth-Token: first\n"));
}

static int count(void *arg, const struct id *id, uint64_t size)
{
	unsigned *n = arg;

	(void)id;
	(void)size;
	++*n;
	return 0;
}

TEST(token_that_dies_in_mid_run)
{
	struct backend *b = store();
	uint64_t size;
	struct err err = {0};

	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 1};
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &name, &size, NULL), 0);
	fake_says(&f, 403, NULL, "AccessDenied");
	fake_says(&f, 401, NULL, NULL);
	fake_says(&f, 204, "X-Storage-Url: http://s/v1/\nX-Auth-Token: second\n", NULL);
	fake_says(&f, 201, "Etag: 202cb962ac59075b964b07152d234b70\n", NULL);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "123", 3, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK(fake_got(&f, 4, "X-Auth-User: u"));
	CHECK(fake_got(&f, 5, "PUT http://s/v1/"));
	CHECK(fake_got(&f, 5,
		"\nX-Auth-Token: second\nContent-Type: binary/octet-stream\nETag: "
		"202cb962ac59075b964b07152d234b70\n123"));
	/* The store has not heard of the next one yet: no other login, and a reason to try again.
	 */
	fake_says(&f, 401, NULL, NULL);
	fake_says(&f, 204, "X-Storage-Url: http://s/v1\nX-Auth-Token: third\n", NULL);
	fake_says(&f, 401, NULL, NULL);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "123", 3, &err), ERR_IO);
	CHECK_EQ(f.n_got, 9);
	CHECK(!strstr(err.msg, "third"));
	fake_says(&f, 201, "Etag: 202cb962ac59075b964b07152d234b70\n", NULL);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "123", 3, &err), 0);
	CHECK(fake_got(&f, 9, "\nX-Auth-Token: third\n"));
	backend_free(b);
}

/* A run must not lie in two places. */
TEST(a_renewal_elsewhere)
{
	struct backend *b = store();
	uint64_t size;
	struct err err = {0};

	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 1};
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &name, &size, NULL), 0);
	fake_says(&f, 401, NULL, NULL);
	fake_says(&f, 204, "X-Storage-Url: http://s2/v1\nX-Auth-Token: second\n", NULL);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "123", 3, &err), ERR_IO);
	CHECK(strstr(err.msg, "names another store, http://s2/v1, and http://s/v1 no more"));
	CHECK_EQ(f.n_got, 4);
	backend_free(b);
}

/* That the user may not do this is no matter of tokens. */
TEST(a_right_that_is_missing)
{
	struct backend *b = store();
	struct err err = {0};
	unsigned n = 0;

	fake_says(&f, 403, NULL, "<html><h1>Forbidden</h1></html>");
	fake_says(&f, 204, "X-Container-Object-Count: 3\n", NULL);
	CHECK_EQ(backend_put(b, BACKEND_LOCK, &name, "123", 3, &err), ERR_DENIED);
	CHECK(strstr(err.msg, "accepts the token") && strstr(err.msg, "no right"));
	CHECK_EQ(f.n_got, 3);
	fake_says(&f, 403, NULL, NULL);
	fake_says(&f, 204, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_LOCK, count, &n, &err), ERR_DENIED);
	CHECK(strstr(err.msg, "accepts the token"));
	CHECK_EQ(f.n_got, 5);
	/* Once it could be done, no right is missing: who is in between, and for how long? */
	fake_says(&f, 201, "Etag: 202cb962ac59075b964b07152d234b70\n", NULL);
	CHECK_EQ(backend_put(b, BACKEND_LOCK, &name, "123", 3, &err), 0);
	fake_says(&f, 403, NULL, "<html>blocked</html>");
	fake_says(&f, 204, NULL, NULL);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "123", 3, &err), ERR_ODD);
	CHECK(strstr(err.msg, "refuses what it has done before"));
	/* To delete is another right. */
	fake_says(&f, 403, NULL, NULL);
	fake_says(&f, 204, NULL, NULL);
	CHECK_EQ(backend_remove(b, BACKEND_LOCK, &name, &err), ERR_DENIED);
	backend_free(b);
}

/* Many requests with the dead token: one login. */
struct many {
	struct backend_op op[5];
	unsigned done;
};

static void many_done(struct backend_op *op)
{
	struct many *m = op->arg;

	CHECK_EQ(op->err.code, 0);
	m->done++;
}

TEST(one_login_for_all)
{
	struct backend *b = store();
	struct many m = {.done = 0};
	uint64_t size;

	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 1};
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &name, &size, NULL), 0);
	f.hold = true;
	for (size_t i = 0; i < 5; i++) {
		m.op[i] = (struct backend_op){.verb = BACKEND_REMOVE,
			.type = BACKEND_PACK,
			.name = name,
			.done = many_done,
			.arg = &m};
		fake_says(&f, 401, NULL, NULL);
		backend_start(b, &m.op[i]);
	}
	fake_release(&f);
	CHECK_EQ(f.n_got, 8);
	CHECK(fake_got(&f, 7, "X-Auth-User: u"));
	fake_says(&f, 204, "X-Storage-Url: http://s/v1\nX-Auth-Token: second\n", NULL);
	fake_release(&f);
	CHECK_EQ(f.n_got, 13);
	for (size_t i = 8; i < 13; i++) {
		CHECK(fake_got(&f, i, "DELETE"));
		CHECK(fake_got(&f, i, "\nX-Auth-Token: second\n"));
		fake_says(&f, 204, NULL, NULL);
	}
	CHECK_EQ(m.done, 0);
	fake_release(&f);
	CHECK_EQ(m.done, 5);
	backend_free(b);
}

static void odd(void *arg, enum backend_odd why, const char *path)
{
	buf_addf(arg, "%d %s\n", (int)why, path);
}

TEST(odd_names)
{
	struct backend *b = store();
	struct buf told;
	struct backend_names to = {.file = count, .odd = odd, .arg = &told};
	char want[300];

	buf_init(&told, 1000);
	fake_says(&f, 200, NULL,
		"[{\"name\":\"a/b/data/\",\"bytes\":0},{\"name\":\"a/b/data/"
		"ab\",\"bytes\":0},{\"name\":\"a/b/data/ac/" HEX "\",\"bytes\":3}]");
	fake_says(&f, 200, NULL, "[]");
	CHECK_EQ(backend_list_all(b, BACKEND_PACK, &to, NULL), 0);
	snprintf(want, sizeof(want), "%d data/ab\n%d data/ac/%s\n", BACKEND_ODD_NAME,
		BACKEND_ODD_PLACE, HEX);
	CHECK_STR(buf_str(&told), want);
	buf_release(&told);
	fake_release(&f);
	backend_free(b);
}

TEST(lists)
{
	struct backend *b = store();
	uint64_t size;
	unsigned n = 0;

	/* A short page is not the last one. */
	fake_says(&f, 200, NULL,
		"[{\"name\":\"a/b/data/ab/" HEX
		"\",\"bytes\":3},{\"name\":\"a/b/data/x y\",\"bytes\":3}]");
	fake_says(&f, 200, NULL,
		"[{\"name\":\"a/b/data/y/ab/" HEX "\",\"bytes\":3},{\"name\":\"a/b/data/z/" HEX
		"\",\"bytes\":3}]");
	fake_says(&f, 200, NULL, "[]");
	CHECK_EQ(backend_list(b, BACKEND_PACK, count, &n, NULL), 0);
	CHECK_EQ(n, 1); /* the others lie where no GET looks */
	CHECK(fake_got(&f, 1,
		"GET http://s/v1/box%20%C3%A9?format=json&limit=10000&prefix=a/b/data/\n"));
	CHECK(fake_got(&f, 2, "prefix=a/b/data/&marker=a/b/data/x%20y\n"));
	CHECK_EQ(f.n_got, 4);
	/* No container: nothing in it.  But not if there was one a moment ago. */
	fake_says(&f, 404, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_KEY, count, &n, NULL), 0);
	fake_says(&f, 200, NULL, "[{\"name\":\"a/b/keys/" HEX "\",\"bytes\":3}]");
	fake_says(&f, 404, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_KEY, count, &n, NULL), ERR_IO);
	/* A store that will not send so many. */
	fake_says(&f, 412, NULL, NULL);
	fake_says(&f, 204, "X-Container-Object-Count: 0\n", NULL);
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), 0);
	CHECK(fake_got(&f, 8, "limit=1000&prefix=a/b/snapshots/\n"));
	fake_says(&f, 412, NULL, NULL);
	fake_says(&f, 412, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_ODD);
	/* A store's 204 says more than nothing. */
	fake_says(&f, 204, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_ODD);
	fake_says(&f, 500, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_IO);
	fake_says(&f, 200, NULL, "<html>");
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_ODD);
	/* A name that was not asked for, and one without a size. */
	fake_says(&f, 200, NULL, "[{\"name\":\"/a/b/snapshots/" HEX "\",\"bytes\":3}]");
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_INVALID);
	fake_says(&f, 200, NULL, "[{\"name\":\"a/b/snapshots/" HEX "\"}]");
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_INVALID);
	/* Where something was read there is a container, whatever a server that has lost the others
	 * says. */
	f.reply[f.n_reply++] = (struct fake_reply){.status = 200, .length = 1};
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &name, &size, NULL), 0);
	fake_says(&f, 404, NULL, NULL);
	CHECK_EQ(backend_list(b, BACKEND_SNAPSHOT, count, &n, NULL), ERR_IO);
	backend_free(b);
}

TEST(usage)
{
	struct backend *b = store();
	struct backend_usage u;

	CHECK_EQ(b->objects_max, 500000);
	fake_says(&f, 204,
		"X-Container-Object-Count: 12\r\nX-Container-Bytes-Used: "
		"3456\r\nX-Container-Meta-Quota-Count: 99\r\n",
		NULL);
	CHECK_EQ(backend_usage(b, &u, NULL), 0);
	CHECK(fake_got(&f, 1, "HEAD http://s/v1/box%20%C3%A9\n"));
	CHECK(u.known && u.objects == 12 && u.bytes == 3456 && u.objects_max == 99);
	fake_says(&f, 204, "X-Container-Object-Count: many\r\n", NULL);
	CHECK_EQ(backend_usage(b, &u, NULL), 0);
	CHECK(!u.known && !u.objects_max);
	fake_says(&f, 404, NULL, NULL);
	CHECK_EQ(backend_usage(b, &u, NULL), ERR_NOTFOUND);
	backend_free(b);
}

TEST(create)
{
	struct backend *b = store();

	fake_says(&f, 204, NULL, NULL);
	CHECK_EQ(backend_create(b, NULL), 0);
	CHECK_EQ(f.n_got, 2);
	CHECK(fake_got(&f, 1, "HEAD http://s/v1/box%20%C3%A9\n"));
	fake_says(&f, 404, NULL, NULL);
	fake_says(&f, 201, NULL, NULL);
	CHECK_EQ(backend_create(b, NULL), 0);
	CHECK(fake_got(&f, 3,
		"PUT http://s/v1/box%20%C3%A9\nX-Auth-Token: first\nX-Storage-Policy: cold\n"));
	fake_says(&f, 404, NULL, NULL);
	fake_says(&f, 507, NULL, NULL);
	CHECK_EQ(backend_create(b, NULL), ERR_NOSPACE);
	fake_says(&f, 500, NULL, NULL);
	CHECK_EQ(backend_create(b, NULL), ERR_IO);
	CHECK_EQ(f.n_got, 7);
	backend_free(b);
}
