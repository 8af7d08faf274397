/* Locations, and what servers may answer but rclone does not.  The rest is the conformance suite's,
 * on rclone (tests/services/rest.sh). */
#include "backend/decorators.h"
#include "backend/open.h"
#include "base/mem.h"
#include "lib/pyserver.h"
#include "unit/check.h"
#include <string.h>

static int open_it(const char *location, struct err *err)
{
	struct env env = {.clock = clock_real(), .rnd = rnd_real()};
	struct backend *b = NULL;
	int code = backend_open(location, NULL, &env, &b, err);

	CHECK_EQ(!b, code != 0);
	if (b)
		CHECK_EQ(b->connections, 5);
	backend_free(b);
	return code;
}

TEST(locations)
{
	static const char *const good[] = {"rest:http://h/", "rest:https://h:8000",
		"rest:https://u:p@h/a/b", "rest:http://[::1]:80/x",
		"rest:http://u%40x:p%2f:@h/a b"};
	static const char *const bad[] = {"rest:h/x", "rest:ftp://secret:secret@h/", "rest:http://",
		"rest:http:///x", "rest:http://u:secret@/x", "rest:http://u:secret@h/x?y",
		"rest:http://u:secret@h/x#y", "rest:http://u:secret@h h/", "rest:HTTP",
		"rest:http://u:sec/ret@h/x", "rest:http://h:secret/"};
	struct err err = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_EQ(open_it(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(open_it(bad[i], &err), ERR_USAGE);
		CHECK(err.msg[0] && !strstr(err.msg, "secret") && !strstr(err.msg, "sec/"));
	}
	CHECK_EQ(open_it("rest:http+unix:///tmp/x.sock:/", &err), ERR_UNSUPPORTED);
}

static struct env env;
static struct pyserver server;
static struct backend *odd; /* without the retry decorator */

static struct backend *at_path(const char *path)
{
	struct location l = {.scheme = LOCATION_REST};
	struct backend_options opt = {0};
	struct backend *b;

	l.rest = mem_printf("http://127.0.0.1:%d/%s", server.port, path);
	b = backend_rest_open(&l, &opt, &env, NULL);
	REQUIRE(b);
	mem_free(l.rest);
	return b;
}

void check_setup(void)
{
	env.clock = clock_real();
	env.rnd = rnd_real();
	server = pyserver_start(NULL, NULL, NULL);
	odd = at_path("odd");
}

void check_teardown(void)
{
	backend_free(odd);
	pyserver_stop(&server);
}

static void range_is(uint64_t offset, uint64_t length, int want, const char *text)
{
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_INDEX,
		.offset = offset,
		.length = length};

	buf_init(&op.out, 10);
	CHECK_EQ(backend_run(odd, &op, NULL), want);
	CHECK_STR(op.out.len ? buf_str(&op.out) : "", text);
	buf_release(&op.out);
}

TEST(ranges_of_servers_that_know_none)
{
	range_is(0, 0, 0, "0123456789");
	range_is(3, 0, 0, "3456789");
	range_is(0, 4, 0, "0123");
	range_is(3, 4, 0, "3456");
	range_is(3, 8, ERR_TOOSHORT, "");
}

TEST(ranges_beyond_the_end)
{
	range_is(10, 0, 0, "");
	range_is(10, 1, ERR_TOOSHORT, "");
	range_is(11, 0, ERR_TOOSHORT, "");
}

/* A try of ours whose answer was lost has stored it; another size is another file. */
TEST(upload_of_what_is_there)
{
	struct id id = {{1}};
	struct err err = {0};

	CHECK_EQ(backend_put(odd, BACKEND_INDEX, &id, "0123456789", 10, &err), 0);
	CHECK_EQ(backend_put(odd, BACKEND_INDEX, &id, "0123", 4, &err), ERR_DENIED);
	CHECK(strstr(err.msg, "it exists"));
	CHECK_EQ(backend_put(odd, BACKEND_CONFIG, NULL, "0123456789", 10, &err), ERR_DENIED);
	CHECK_EQ(backend_put_fresh(odd, BACKEND_CONFIG, NULL, "0123", 4, &err), ERR_EXISTS);
}

TEST(a_full_server)
{
	struct id small = {{0x01}}, large = {{0x10}}; /* their first digits stand for the answers */
	struct err err = {0};

	CHECK_EQ(backend_put(odd, BACKEND_SNAPSHOT, &small, "0123456789", 10, &err), ERR_NOSPACE);
	CHECK_STR(err.msg, "the server answers 413 (its disk or quota is full): no space");
	CHECK_EQ(backend_put(odd, BACKEND_SNAPSHOT, &large, "0123456789", 10, &err), ERR_NOSPACE);
	CHECK_STR(err.msg, "the server answers 507 (its disk or quota is full): no space");
}

static int count(void *arg, const struct id *name, uint64_t size)
{
	unsigned *n = arg;

	CHECK(name->b[0] == 0xaa || name->b[0] == 0xcc);
	CHECK_EQ(size, 5);
	++*n;
	return 0;
}

/* Names alone: each is asked for its size, and one has gone meanwhile. */
TEST(listing_of_version_1)
{
	struct err err = {0};
	unsigned n = 0;

	CHECK_EQ(backend_list(odd, BACKEND_PACK, count, &n, &err), 0);
	CHECK_EQ(n, 2);
}

TEST(listing_of_what_is_not_there_and_of_what_fails)
{
	struct err err = {0};
	unsigned n = 0;

	CHECK_EQ(backend_list(odd, BACKEND_SNAPSHOT, count, &n, &err), 0);
	CHECK_EQ(backend_list(odd, BACKEND_KEY, count, &n, &err), ERR_IO);
	CHECK_EQ(backend_list(odd, BACKEND_LOCK, count, &n, &err), ERR_ODD);
	CHECK(strstr(err.msg, "http://elsewhere/x"));
	CHECK_EQ(n, 0);
}

/* rclone says 404 to what its own storage fails to do; and what was made can be listed. */
static void gone(void *arg, enum backend_odd why, const char *path)
{
	CHECK_EQ(why, BACKEND_ODD_GONE);
	CHECK_STR(path, "snapshots");
	++*(unsigned *)arg;
}

TEST(listings_that_may_not_be_missing)
{
	struct backend *rclone = at_path("rclone"), *made = at_path("odd");
	struct err err = {0};
	uint64_t size;
	unsigned n = 0;

	CHECK_EQ(backend_list(rclone, BACKEND_SNAPSHOT, count, &n, &err), ERR_IO);
	CHECK(strstr(err.msg, "rclone"));
	CHECK_EQ(backend_stat(rclone, BACKEND_CONFIG, NULL, &size, &err), ERR_NOTFOUND);
	CHECK_EQ(backend_list_all(made, BACKEND_SNAPSHOT,
			 &(struct backend_names){.file = count, .odd = gone, .arg = &n}, &err),
		0);
	CHECK_EQ(n, 1);
	n = 0;
	CHECK_EQ(backend_create(made, &err), 0);
	CHECK_EQ(backend_list(made, BACKEND_SNAPSHOT, count, &n, &err), ERR_IO);
	CHECK_EQ(n, 0);
	backend_free(rclone);
	backend_free(made);
}

/* What is answered to a deletion is in the name: 200 and so much, and a 1 for a page. */
TEST(answers_to_a_deletion)
{
	struct id ok = {{0x00}}, page = {{0x00, 0x10}}, accepted = {{0x02}}, none = {{0x04}},
		  part = {{0x06}};

	CHECK_EQ(backend_remove(odd, BACKEND_SNAPSHOT, &ok, NULL), 0);
	CHECK_EQ(backend_remove(odd, BACKEND_SNAPSHOT, &page, NULL), ERR_ODD);
	CHECK_EQ(backend_remove(odd, BACKEND_SNAPSHOT, &accepted, NULL), ERR_ODD);
	CHECK_EQ(backend_remove(odd, BACKEND_SNAPSHOT, &none, NULL), ERR_ODD);
	CHECK_EQ(backend_remove(odd, BACKEND_SNAPSHOT, &part, NULL), ERR_ODD);
}

/* Its listing decides; where that fails, nothing is known. */
TEST(deletions_of_what_rclone_does_not_find)
{
	struct backend *rclone = backend_look_new(at_path("rclone"));
	struct id there = {{0xdd}}, gone = {{0xee}};
	struct err err = {0};

	CHECK_EQ(backend_remove(rclone, BACKEND_INDEX, &there, &err), ERR_IO);
	CHECK(strstr(err.msg, "rclone"));
	CHECK_EQ(backend_remove(rclone, BACKEND_INDEX, &gone, NULL), 0);
	CHECK_EQ(backend_remove(rclone, BACKEND_SNAPSHOT, &gone, &err), ERR_IO);
	CHECK(strstr(err.msg, "rclone"));
	CHECK_EQ(backend_remove(rclone, BACKEND_CONFIG, NULL, NULL), 0);
	backend_free(rclone);
}

TEST(a_pause_is_passed_on)
{
	struct backend_op op = {.verb = BACKEND_REMOVE, .type = BACKEND_KEY};

	CHECK_EQ(backend_run(odd, &op, NULL), ERR_IO);
	CHECK_EQ(op.retry_after_ns, INT64_C(7000000000));
	CHECK_STR(op.err.msg, "the server answers 503: come back");
}
