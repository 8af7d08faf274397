/* What needs no server; the rest is the conformance suite's, on a real one (tests/services/rest.sh). */
#include "backend/backend.h"
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
	static const char *const good[] = {"rest:http://h/", "rest:https://h:8000", "rest:https://u:p@h/a/b", "rest:http://[::1]:80/x",
		"rest:http://u%40x:p%2f:@h/a b"};
	static const char *const bad[] = {"rest:h/x", "rest:ftp://secret:secret@h/", "rest:http://", "rest:http:///x",
		"rest:http://u:secret@/x", "rest:http://u:secret@h/x?y", "rest:http://u:secret@h/x#y", "rest:http://u:secret@h h/",
		"rest:HTTP"};
	struct err err = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_EQ(open_it(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(open_it(bad[i], &err), ERR_USAGE);
		CHECK(err.msg[0] && !strstr(err.msg, "secret"));
	}
	CHECK_EQ(open_it("rest:http+unix:///tmp/x.sock:/", &err), ERR_UNSUPPORTED);
}
