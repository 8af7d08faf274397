/*
 * What only the S3 store has, against a real server: pages of a listing in every form, many removed
 * at once, uploads checked by the server, a wrong clock. $S3_PLACE is what follows "s3:" of a
 * location there; tests/services starts it.
 */
#include "backend/http.h"
#include "backend/s3.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACKS = 60 };

static char said[2000];

static void keep(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	snprintf(said, sizeof(said), "%s", msg);
}

static struct env env = {.log = {.max = LOG_WARN, .fn = keep}};

static const char *variable(const char *name)
{
	return getenv(name);
}

static struct backend *open_store(const char *prefix, struct s3_options o)
{
	struct http_options h = {.connections = 5};
	struct backend *b = NULL;
	struct http *http = NULL;
	struct err err = {0};
	char *place = mem_printf("%s/%s", getenv("S3_PLACE"), prefix);

	o.getenv = variable;
	REQUIRE(!http_new(&h, &env, &http, &err));
	backend_s3_new(place, http, &o, &env, &b, &err);
	CHECK_STR(err.msg, "");
	REQUIRE(b);
	mem_free(place);
	return b;
}

/* A pack's name for each number, over all first digits. */
static struct id name_of(unsigned i)
{
	struct id id;

	memset(id.b, (int)i, ID_SIZE);
	id.b[0] = (uint8_t)(i * 37);
	return id;
}

struct counted {
	unsigned n, times[PACKS], stop_at;
};

static int count(void *arg, const struct id *name, uint64_t size)
{
	struct counted *c = arg;

	for (unsigned i = 0; i < PACKS; i++) {
		struct id id = name_of(i);

		if (id_equal(&id, name) && size == i)
			c->times[i]++;
	}
	return ++c->n == c->stop_at ? 55 : 0;
}

/* All packs from `from` up to `to` once, nothing else. */
static void lists(const char *prefix, struct s3_options o, unsigned from, unsigned to)
{
	struct backend *b = open_store(prefix, o);
	struct counted c = {0}, some = {.stop_at = 5};
	struct err err = {0};

	CHECK_EQ(backend_list(b, BACKEND_PACK, count, &c, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_EQ(c.n, to - from);
	for (unsigned i = 0; i < PACKS; i++)
		CHECK_EQ(c.times[i], i >= from && i < to);
	if (to - from > 5) {
		CHECK_EQ(backend_list(b, BACKEND_PACK, count, &some, &err), 55);
		CHECK_EQ(some.n, 5);
	}
	backend_free(b);
}

TEST(pages_and_many_removed)
{
	static const struct s3_options forms[] = {{.page = 0}, {.page = 7}, {.page = 1},
		{.page = 1000}, {.list_v1 = true}, {.page = 7, .list_v1 = true},
		{.page = 1, .list_v1 = true}};
	struct s3_options any = {.any_names = true};
	struct id names[PACKS], absent = {{1}};
	bool gone[PACKS];
	struct err err = {0};
	struct backend *b;
	uint64_t size;

	if (!getenv("S3_PLACE"))
		SKIP("S3_PLACE names no server");
	b = open_store("a b+c&d", any);
	CHECK_EQ(backend_create(b, &err), 0);
	for (unsigned i = 0; i < PACKS; i++) {
		static const char bytes[PACKS];

		names[i] = name_of(i);
		CHECK_EQ(backend_put(b, BACKEND_PACK, &names[i], bytes, i, &err), 0);
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		lists("a b+c&d", forms[i], 0, PACKS);
	names[1] = absent;
	CHECK(b->removes_many);
	CHECK_EQ(backend_remove_many(b, BACKEND_PACK, names, 20, gone, &err), 0);
	CHECK_STR(err.msg, "");
	for (size_t i = 0; i < 20; i++)
		CHECK(gone[i]); /* what is not there, too */
	names[1] = name_of(1);
	CHECK_EQ(backend_stat(b, BACKEND_PACK, &names[1], &size, &err), 0);
	CHECK_EQ(backend_remove(b, BACKEND_PACK, &names[1], &err), 0);
	lists("a b+c&d", forms[1], 20, PACKS);
	CHECK_EQ(backend_remove_many(b, BACKEND_PACK, names, PACKS, gone, &err), 0);
	lists("a b+c&d", forms[0], 0, 0);
	backend_free(b);
}

TEST(server_checks_uploads)
{
	struct s3_options strict = {0};
	struct err err = {0};
	struct id name = {{7}};
	struct backend *b;
	uint64_t size;

	if (!getenv("S3_PLACE"))
		SKIP("S3_PLACE names no server");
	b = open_store("strict", strict);
	CHECK_EQ(backend_create(b, &err), 0);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &name, "not of this name", 16, &err), ERR_IO);
	CHECK(strstr(err.msg, "changed"));
	CHECK_EQ(backend_stat(b, BACKEND_PACK, &name, &size, &err), ERR_NOTFOUND);
	backend_free(b);
}

static struct ts two_hours_early(void *arg)
{
	struct ts t = clock_now(clock_real());

	(void)arg;
	t.sec -= 7200;
	return t;
}

TEST(wrong_clock)
{
	struct s3_options any = {.any_names = true};
	struct clock wrong = *clock_real();
	struct err err = {0};
	struct backend *b;

	if (!getenv("S3_PLACE"))
		SKIP("S3_PLACE names no server");
	wrong.now = two_hours_early;
	env.clock = &wrong;
	b = open_store("clock", any);
	said[0] = 0;
	CHECK_EQ(backend_create(b, &err), 0);
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, &err), 0);
	CHECK(strstr(said, "behind that of"));
	said[0] = 0;
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, &err), 0);
	CHECK_STR(said, "");
	backend_free(b);
	env.clock = clock_real();
}

void check_setup(void)
{
	env.clock = clock_real();
	env.rnd = rnd_real();
}
