#include "lib/stores.h"
#include "backend/open.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

static void quiet(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	(void)msg;
}

static struct env env_new(void)
{
	struct env env = {.clock = clock_real(),
		.rnd = rnd_real(),
		.log = {.max = LOG_WARN, .fn = quiet}};

	return env;
}

TEST(names)
{
	CHECK_STR(backend_type_name(BACKEND_CONFIG), "config");
	CHECK_STR(backend_type_name(BACKEND_KEY), "key");
	CHECK_STR(backend_type_name(BACKEND_SNAPSHOT), "snapshot");
	CHECK_STR(backend_type_name(BACKEND_INDEX), "index");
	CHECK_STR(backend_type_name(BACKEND_LOCK), "lock");
	CHECK_STR(backend_type_name(BACKEND_PACK), "pack");
	CHECK_STR(backend_verb_name(BACKEND_PUT), "put");
	CHECK_STR(backend_verb_name(BACKEND_REMOVE), "remove");
}

TEST(op_text)
{
	struct backend_op op = {.verb = BACKEND_REMOVE,
		.type = BACKEND_SNAPSHOT,
		.name = {{0xab, 0xcd, 0xef, 0x12}}};

	CHECK_STR(backend_op_text(&op).s, "remove snapshot abcdef12");
	op.verb = BACKEND_GET;
	op.type = BACKEND_CONFIG;
	CHECK_STR(backend_op_text(&op).s, "get config");
}

TEST(free_null)
{
	backend_free(NULL);
}

TEST(run_keeps_the_callers_arg_and_copies_the_sentence)
{
	struct backend *b = backend_mem_new();
	struct backend_op op = {.verb = BACKEND_GET, .type = BACKEND_KEY, .arg = &op};
	struct err err = {0};

	buf_init(&op.out, 10);
	CHECK_EQ(backend_run(b, &op, &err), ERR_NOTFOUND);
	CHECK(op.arg == &op);
	CHECK_EQ(err.code, ERR_NOTFOUND);
	CHECK_STR(err.msg, op.err.msg);
	CHECK(err.msg[0]);
	backend_free(b);
}

/* get hands the caller's memory back also when it fails: what it had must be freed once, and its
 * maximum stays. */
TEST(get_failure_keeps_the_buffer)
{
	struct backend *b = backend_mem_new();
	struct id id = {{1}};
	struct buf out;

	buf_init(&out, 100);
	buf_adds(&out, "old contents");
	CHECK_EQ(backend_get(b, BACKEND_KEY, &id, &out, NULL), ERR_NOTFOUND);
	CHECK_EQ(out.len, 0);
	CHECK_EQ(out.max, 100);
	buf_release(&out);
	backend_free(b);
}

TEST(share_outlives_its_handles)
{
	struct backend *b = backend_mem_new();
	struct backend *x = backend_share(b), *y = backend_share(b);
	struct id id = {{1}};
	uint64_t size = 0;

	CHECK_EQ(backend_create(x, NULL), 0);
	CHECK_EQ(backend_put(x, BACKEND_KEY, &id, "abc", 3, NULL), 0);
	backend_free(x);
	CHECK_EQ(backend_stat(y, BACKEND_KEY, &id, &size, NULL), 0);
	CHECK_EQ(size, 3);
	backend_free(y);
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &id, &size, NULL), 0);
	backend_free(b);
}

TEST(open_local)
{
	struct backend_options opt = {.connections = 7};
	struct env env = env_new();
	struct backend *b = NULL;
	struct err err = {0};
	struct id id = {{1}};
	char *path = mem_printf("local:%s/a/b", check_tmpdir());

	REQUIRE(!backend_open(path, &opt, &env, &b, &err));
	CHECK_EQ(b->connections, 7);
	CHECK_EQ(backend_create(b, &err), 0);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &id, "abc", 3, &err), 0);
	backend_free(b);
	REQUIRE(!backend_open(path, NULL, &env, &b, &err));
	CHECK(b->connections > 0);
	CHECK_EQ(backend_remove(b, BACKEND_KEY, &id, &err), 0);
	backend_free(b);
	mem_free(path);
}

static void open_fails(const char *location, int code, const char *says)
{
	struct env env = env_new();
	struct backend *b = (void *)&env;
	struct err err = {0};

	CHECK_EQ(backend_open(location, NULL, &env, &b, &err), code);
	CHECK(!b);
	if (!strstr(err.msg, says))
		CHECK_STR(err.msg, says);
	CHECK_EQ(backend_open(location, NULL, &env, &b, NULL), code);
}

TEST(open_what_is_not_there_yet)
{
	open_fails("s3:host/bucket", ERR_DENIED, "no S3 keys for host");
	open_fails("s3:host", ERR_USAGE, "bucket");
	open_fails("swift:c:/", ERR_USAGE, "needs an environment");
	open_fails("ftp:x", ERR_USAGE, "ftp");
	open_fails("", ERR_USAGE, "empty");
}
