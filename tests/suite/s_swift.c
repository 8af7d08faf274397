/*
 * What a real Swift store does that the conformance suite does not ask for.  $STORE names the
 * container (as "swift:container:/prefix"), the environment has the user;
 * tests/services/keystone.sh starts the servers.
 */
#include "backend/open.h"
#include "base/mem.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char logged[65536];

static void note(void *arg, enum log_level level, const char *msg)
{
	size_t n = strlen(logged);

	(void)arg;
	(void)level;
	snprintf(logged + n, sizeof(logged) - n, "%s\n", msg);
}

static struct env env = {.log = {.max = LOG_DEBUG, .fn = note}};

static const char *variable(const char *name)
{
	return getenv(name);
}

/* NULL without $STORE. */
static struct backend *store(const char *place)
{
	struct backend_options opt = {.cacert = getenv("STORE_CACERT"),
		.getenv = variable,
		.connections = 20};
	struct backend *b = NULL;
	struct err err = {0};
	char *location;

	if (!getenv("STORE"))
		return NULL;
	env.clock = clock_real();
	env.rnd = rnd_real();
	logged[0] = 0;
	location = mem_printf("%s/%s", getenv("STORE"), place);
	backend_open(location, &opt, &env, &b, &err);
	CHECK_STR(err.msg, "");
	REQUIRE(b);
	mem_free(location);
	return b;
}

static struct id name_of(unsigned i)
{
	struct id id = {.b = {(uint8_t)i, (uint8_t)(i >> 8), 7}};

	return id;
}

struct crowd {
	pthread_mutex_t m;
	pthread_cond_t c;
	unsigned left, failed;
};

static void crowd_done(struct backend_op *op)
{
	struct crowd *w = op->arg;

	pthread_mutex_lock(&w->m);
	if (op->err.code && !w->failed++)
		fprintf(stderr, "  %s\n", op->err.msg);
	if (!--w->left)
		pthread_cond_signal(&w->c);
	pthread_mutex_unlock(&w->m);
}

static int count(void *arg, const struct id *id, uint64_t size)
{
	unsigned *n = arg;

	(void)id;
	(void)size;
	++*n;
	return 0;
}

/* More names than any store sends at once, and no multiple of what Ceph sends. */
enum { MANY = 2100 };

TEST(long_listing)
{
	struct crowd w = {.left = MANY};
	struct backend *b = store("many");
	struct backend_op *op;
	unsigned n = 0;

	if (!b)
		SKIP("no $STORE");
	op = mem_array(MANY, sizeof(*op));
	pthread_mutex_init(&w.m, NULL);
	pthread_cond_init(&w.c, NULL);
	CHECK_EQ(backend_create(b, NULL), 0);
	for (unsigned i = 0; i < MANY; i++) {
		op[i] = (struct backend_op){.verb = BACKEND_PUT,
			.type = BACKEND_PACK,
			.name = name_of(i),
			.data = (const uint8_t *)"x",
			.size = 1};
		op[i].done = crowd_done;
		op[i].arg = &w;
		backend_start(b, &op[i]);
	}
	pthread_mutex_lock(&w.m);
	while (w.left)
		pthread_cond_wait(&w.c, &w.m);
	pthread_mutex_unlock(&w.m);
	CHECK_EQ(w.failed, 0);
	CHECK_EQ(backend_list(b, BACKEND_PACK, count, &n, NULL), 0);
	CHECK_EQ(n, MANY);
	backend_free(b);
	mem_free(op);
}

/* $RUN_SECONDS of work, longer than a token lives ($LIFE): every operation succeeds at its first
 * try, with about as many logins as tokens are needed. */
TEST(tokens_that_die)
{
	int64_t seconds = getenv("RUN_SECONDS") ? atoi(getenv("RUN_SECONDS")) : 0,
		life = getenv("LIFE") ? atoi(getenv("LIFE")) : 1, end;
	struct backend *b;
	unsigned logins = 0;

	if (!seconds)
		SKIP("no $RUN_SECONDS");
	b = store("dying");
	REQUIRE(b);
	end = clock_mono(clock_real()) + seconds * INT64_C(1000000000);
	CHECK_EQ(backend_create(b, NULL), 0);
	for (unsigned i = 0; clock_mono(clock_real()) < end; i++) {
		struct backend_op op = {.verb = BACKEND_PUT,
			.type = BACKEND_PACK,
			.name = name_of(i),
			.data = (const uint8_t *)"x",
			.size = 1};

		CHECK_EQ(backend_run(b, &op, NULL), 0);
		CHECK_STR(op.err.msg, "");
		CHECK_EQ(op.tries, 1);
		clock_sleep(clock_real(), 300000000);
	}
	for (const char *p = logged; (p = strstr(p, "logged in")); p++)
		logins++;
	CHECK(logins >= (unsigned)(seconds / life));
	CHECK(logins <= (unsigned)(seconds / (life / 2) + 2));
	fprintf(stderr, "%u logins\n", logins);
	backend_free(b);
}

/* With $REFUSED nothing may work, and this must be in the sentence. */
TEST(refused)
{
	struct err err = {0};
	struct backend *b;
	uint64_t size;

	if (!getenv("REFUSED"))
		SKIP("no $REFUSED");
	b = store("refused");
	REQUIRE(b);
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), ERR_DENIED);
	if (!strstr(err.msg, getenv("REFUSED")))
		CHECK_STR(err.msg, getenv("REFUSED"));
	backend_free(b);
}
