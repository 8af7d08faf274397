/*
 * Copies a repository between two stores: $FROM to $TO, locations as a user names them,
 * $STORE_CACERT for a private CA.  Every file goes through the stores' own list, stat, get (whole
 * and in ranges) and put, and is checked against its name.  tests/services starts the servers and
 * lets restic read the copies.
 */
#include "backend/open.h"
#include "backend/digest.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "%s\n", msg);
}

static struct env env = {.log = {.max = LOG_WARN, .fn = show}};

static const char *variable(const char *name)
{
	return getenv(name);
}

static struct backend *store(const char *location)
{
	struct backend_options opt = {.cacert = getenv("STORE_CACERT"), .getenv = variable};
	struct backend *b = NULL;
	struct err err = {0};

	backend_open(location, &opt, &env, &b, &err);
	CHECK_STR(err.msg, "");
	REQUIRE(b);
	return b;
}

struct names {
	struct id *v;
	uint64_t *size;
	size_t n, cap;
};

static int add_name(void *arg, const struct id *name, uint64_t size)
{
	struct names *l = arg;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->v = mem_regrow(l->v, l->cap, sizeof(*l->v));
		l->size = mem_regrow(l->size, l->cap, sizeof(*l->size));
	}
	l->v[l->n] = *name;
	l->size[l->n++] = size;
	return 0;
}

static void copy_one(struct backend *from, struct backend *to, enum backend_type t,
	const struct id *name, uint64_t listed)
{
	struct backend_op part = {.verb = BACKEND_GET, .type = t, .name = *name};
	struct err err = {0};
	struct id sha;
	struct buf b;
	uint64_t size = 0;

	buf_init(&b, (size_t)256 << 20);
	CHECK_EQ(backend_get(from, t, t == BACKEND_CONFIG ? NULL : name, &b, &err), 0);
	REQUIRE(!err.code);
	digest_sha256(b.p, b.len, sha.b);
	if (t != BACKEND_CONFIG) {
		CHECK(id_equal(&sha, name));
		CHECK_EQ(b.len, listed);
	}
	if (b.len > 10) {
		part.offset = b.len - 10;
		part.length = 7;
		buf_init(&part.out, 7);
		CHECK_EQ(backend_run(from, &part, &err), 0);
		if (CHECK_EQ(part.out.len, 7))
			CHECK_MEM(part.out.p, b.p + b.len - 10, 7);
		buf_release(&part.out);
	}
	CHECK_EQ(backend_put(to, t, t == BACKEND_CONFIG ? NULL : name, b.p, b.len, &err), 0);
	CHECK_STR(err.msg, "");
	REQUIRE(!err.code);
	CHECK_EQ(backend_stat(to, t, t == BACKEND_CONFIG ? NULL : name, &size, NULL), 0);
	CHECK_EQ(size, b.len);
	buf_release(&b);
}

TEST(copy)
{
	struct id none = {{0}};
	struct err err = {0};
	struct backend *from, *to;
	size_t files = 0;

	if (!getenv("FROM") || !getenv("TO"))
		SKIP("FROM and TO name no stores");
	from = store(getenv("FROM"));
	to = store(getenv("TO"));
	backend_create(to, &err);
	CHECK_STR(err.msg, "");
	REQUIRE(!err.code);
	for (int t = BACKEND_TYPES - 1; t > BACKEND_CONFIG; t--) {
		struct names have = {0}, copied = {0};

		CHECK_EQ(backend_list(from, (enum backend_type)t, add_name, &have, &err), 0);
		CHECK_STR(err.msg, "");
		for (size_t i = 0; i < have.n; i++)
			copy_one(from, to, (enum backend_type)t, &have.v[i], have.size[i]);
		CHECK_EQ(backend_list(to, (enum backend_type)t, add_name, &copied, &err), 0);
		CHECK_EQ(copied.n, have.n);
		files += have.n;
		mem_free(have.v);
		mem_free(have.size);
		mem_free(copied.v);
		mem_free(copied.size);
	}
	CHECK(files > 0);
	copy_one(from, to, BACKEND_CONFIG, &none, 0);
	backend_free(from);
	backend_free(to);
}

void check_setup(void)
{
	env.clock = clock_real();
	env.rnd = rnd_real();
}
