/*
 * One conformance suite for every object store and decorator.  A new store is a row in `stores`.
 *
 * With $STORE it is about that location alone, as a user would name it: for stores that need a
 * server, which tests/services starts.  Each test has a place of its own behind it
 * ("$STORE/place3").
 */
#include "lib/stores.h"
#include "backend/decorators.h"
#include "backend/local.h"
#include "backend/open.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void quiet(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	(void)msg;
}

static struct env env = {.log = {.max = LOG_WARN, .fn = quiet}};
static const struct backend_retry_policy quick = {.first_ns = 20000,
	.max_ns = 200000,
	.total_ns = INT64_C(60000000000)};
static char *dir; /* a fresh place for the stores that need one */

void check_setup(void)
{
	env.clock = clock_real();
	env.rnd = rnd_real();
}

static struct backend *local_store(void)
{
	return backend_local_new(dir, 0);
}

static struct backend *mem_store(void)
{
	return backend_mem_new();
}

static struct backend *retry_mem_store(void)
{
	return backend_retry_new(backend_mem_new(), &quick, &env);
}

static struct backend *limit_local_store(void)
{
	return backend_limit_new(backend_local_new(dir, 4), 3);
}

static struct backend *look_local_store(void)
{
	return backend_look_new(backend_local_new(dir, 0));
}

static struct backend *retry_fault_store(void)
{
	struct backend_fault_policy p = {.seed = 42,
		.put_fail = 200000,
		.put_fail_after = 100000,
		.get_fail = 250000,
		.list_fail = 500000,
		.remove_fail = 300000};

	return backend_retry_new(backend_fault_new(backend_mem_new(), &p), &quick, &env);
}

static const char *variable(const char *name)
{
	return getenv(name);
}

static struct backend *named_store(void)
{
	static unsigned n;
	struct backend_options opt = {.cacert = getenv("STORE_CACERT"),
		.getenv = variable,
		.any_names = true};
	char *location = mem_printf("%s/place%u", getenv("STORE"), n++);
	struct backend *b = NULL;
	struct err err = {0};

	backend_open(location, &opt, &env, &b, &err);
	CHECK_STR(err.msg, "");
	REQUIRE(b);
	mem_free(location);
	return b;
}

static const struct store {
	const char *name;
	struct backend *(*make)(void);
	bool in_dir;
	bool forgets; /* a PUT that worked may be tried again */
} stores[] = {
	{"local", local_store, true, false},
	{"mem", mem_store, false, false},
	{"retry(mem)", retry_mem_store, false, false},
	{"limit(local)", limit_local_store, true, false},
	{"look(local)", look_local_store, true, false},
	{"retry(fault(mem))", retry_fault_store, false, true},
};
static const struct store named = {"$STORE", named_store, false, false};

static const struct store *now;

static void on_each(void (*fn)(struct backend *b), bool create)
{
	static int n;

	for (size_t i = 0; i < (getenv("STORE") ? 1 : sizeof(stores) / sizeof(stores[0])); i++) {
		int before = check_failures();
		struct backend *b;

		now = getenv("STORE") ? &named : &stores[i];
		dir = mem_printf("%s/place%d", check_tmpdir(), n++);
		b = now->make();
		if (create)
			CHECK_EQ(backend_create(b, NULL), 0);
		fn(b);
		backend_free(b);
		mem_free(dir);
		if (check_failures() > before)
			fprintf(stderr, "  in %s\n", now->name);
	}
}

/* Test names: well spread, reproducible. */
static struct id name_of(unsigned i)
{
	struct id id;
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t k = 0; k < ID_SIZE; k++) {
		x ^= x >> 29;
		x *= UINT64_C(0xbf58476d1ce4e5b9);
		id.b[k] = (uint8_t)(x >> 56);
	}
	return id;
}

static void get_is(struct backend *b, enum backend_type t, const struct id *id, const void *p,
	size_t n)
{
	struct err err = {0};
	struct buf out;

	buf_init(&out, n + 10);
	CHECK_EQ(backend_get(b, t, id, &out, &err), 0);
	CHECK_STR(err.msg, "");
	if (CHECK_EQ(out.len, n) && n)
		CHECK_MEM(out.p, p, n);
	buf_release(&out);
}

static void put_get(struct backend *b)
{
	for (int t = 0; t < BACKEND_TYPES; t++) {
		struct id id = name_of((unsigned)t);
		char text[32];

		snprintf(text, sizeof(text), "contents of type %d", t);
		CHECK_EQ(backend_put(b, (enum backend_type)t, t == BACKEND_CONFIG ? NULL : &id,
				 text, strlen(text), NULL),
			0);
	}
	for (int t = 0; t < BACKEND_TYPES; t++) {
		struct id id = name_of((unsigned)t), other = name_of((unsigned)t + 100);
		struct buf out;
		char text[32];

		snprintf(text, sizeof(text), "contents of type %d", t);
		get_is(b, (enum backend_type)t, t == BACKEND_CONFIG ? NULL : &id, text,
			strlen(text));
		if (t == BACKEND_CONFIG)
			continue;
		buf_init(&out, 100);
		CHECK_EQ(backend_get(b, (enum backend_type)t, &other, &out, NULL), ERR_NOTFOUND);
		CHECK_EQ(out.len, 0);
		buf_release(&out);
	}
}

TEST(put_and_get)
{
	on_each(put_get, true);
}

/* A try that stored it and said no makes the next one say that it is there. */
static void put_first(struct backend *b, const char *text)
{
	int code = backend_put_fresh(b, BACKEND_CONFIG, NULL, text, strlen(text), NULL);

	if (code)
		CHECK(code == ERR_EXISTS && now->forgets);
	get_is(b, BACKEND_CONFIG, NULL, text, strlen(text));
}

/* What may not be replaced: of two, the first stays. */
static void fresh(struct backend *b)
{
	struct err err = {0};
	uint64_t size;

	put_first(b, "first");
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "second one", 10, &err), ERR_EXISTS);
	CHECK(err.msg[0]);
	get_is(b, BACKEND_CONFIG, NULL, "first", 5);
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, NULL), 0);
	CHECK_EQ(size, 5);
	CHECK_EQ(backend_remove(b, BACKEND_CONFIG, NULL, NULL), 0);
	put_first(b, "");
	CHECK_EQ(backend_put_fresh(b, BACKEND_CONFIG, NULL, "x", 1, NULL), ERR_EXISTS);
	get_is(b, BACKEND_CONFIG, NULL, "", 0);
}

TEST(put_fresh)
{
	on_each(fresh, true);
}

static void config_missing(struct backend *b)
{
	struct err err = {0};
	uint64_t size;
	struct buf out;

	buf_init(&out, 100);
	CHECK_EQ(backend_get(b, BACKEND_CONFIG, NULL, &out, &err), ERR_NOTFOUND);
	CHECK(err.msg[0]);
	CHECK_EQ(backend_stat(b, BACKEND_CONFIG, NULL, &size, &err), ERR_NOTFOUND);
	buf_release(&out);
}

TEST(missing_config)
{
	on_each(config_missing, true);
	on_each(config_missing, false);
}

/* want: the expected code, or 0 and then the text. */
static void range_is(struct backend *b, uint64_t offset, uint64_t length, int want,
	const char *text)
{
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = name_of(1),
		.offset = offset,
		.length = length};

	buf_init(&op.out, 100);
	buf_adds(&op.out, "rubbish of an earlier operation");
	err_set(&op.err, ERR_IO, "rubbish of an earlier operation");
	CHECK_EQ(backend_run(b, &op, NULL), want);
	CHECK_EQ(op.err.code, want);
	CHECK(!want || op.err.msg[0]);
	if (CHECK_EQ(op.out.len, strlen(text)) && *text)
		CHECK_MEM(op.out.p, text, strlen(text));
	buf_release(&op.out);
}

static void ranges(struct backend *b)
{
	struct id id = name_of(1);
	struct buf out;

	CHECK_EQ(backend_put(b, BACKEND_PACK, &id, "0123456789", 10, NULL), 0);
	range_is(b, 0, 0, 0, "0123456789");
	range_is(b, 0, 10, 0, "0123456789");
	range_is(b, 0, 1, 0, "0");
	range_is(b, 3, 4, 0, "3456");
	range_is(b, 9, 1, 0, "9");
	range_is(b, 4, 0, 0, "456789");
	range_is(b, 10, 0, 0, "");
	range_is(b, 0, 11, ERR_TOOSHORT, "");
	range_is(b, 5, 6, ERR_TOOSHORT, "");
	range_is(b, 10, 1, ERR_TOOSHORT, "");
	range_is(b, 11, 0, ERR_TOOSHORT, "");
	range_is(b, 1000, 1, ERR_TOOSHORT, "");
	range_is(b, 1, UINT64_MAX, ERR_TOOSHORT, "");
	range_is(b, UINT64_MAX, 1, ERR_TOOSHORT, "");
	range_is(b, UINT64_MAX, UINT64_MAX, ERR_TOOSHORT, "");
	range_is(b, UINT64_MAX, 0, ERR_TOOSHORT, "");

	/* More than the caller accepts, and exactly that. */
	buf_init(&out, 9);
	CHECK_EQ(backend_get(b, BACKEND_PACK, &id, &out, NULL), ERR_NOMEM);
	CHECK_EQ(out.len, 0);
	buf_release(&out);
	buf_init(&out, 10);
	CHECK_EQ(backend_get(b, BACKEND_PACK, &id, &out, NULL), 0);
	buf_release(&out);
}

TEST(range_and_too_short)
{
	on_each(ranges, true);
}

static void stat_remove(struct backend *b)
{
	struct id id = name_of(1), other = name_of(2);
	uint64_t size = 0;
	struct buf out;

	CHECK_EQ(backend_stat(b, BACKEND_INDEX, &id, &size, NULL), ERR_NOTFOUND);
	CHECK_EQ(backend_remove(b, BACKEND_INDEX, &id, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_INDEX, &id, "12345", 5, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_INDEX, &other, "123", 3, NULL), 0);
	CHECK_EQ(backend_stat(b, BACKEND_INDEX, &id, &size, NULL), 0);
	CHECK_EQ(size, 5);
	/* The same name under another type is another file. */
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &id, &size, NULL), ERR_NOTFOUND);
	CHECK_EQ(backend_remove(b, BACKEND_KEY, &id, NULL), 0);
	CHECK_EQ(backend_stat(b, BACKEND_INDEX, &id, &size, NULL), 0);
	CHECK_EQ(backend_remove(b, BACKEND_INDEX, &id, NULL), 0);
	CHECK_EQ(backend_stat(b, BACKEND_INDEX, &id, &size, NULL), ERR_NOTFOUND);
	buf_init(&out, 10);
	CHECK_EQ(backend_get(b, BACKEND_INDEX, &id, &out, NULL), ERR_NOTFOUND);
	CHECK_EQ(backend_remove(b, BACKEND_INDEX, &id, NULL), 0);
	CHECK_EQ(backend_get(b, BACKEND_INDEX, &other, &out, NULL), 0);
	CHECK_EQ(out.len, 3);
	buf_release(&out);
}

TEST(stat_and_remove)
{
	on_each(stat_remove, true);
}

enum { LISTED = 24 };

struct listing {
	unsigned n;
	unsigned times[LISTED];
	int stop_at;
};

static int listing_add(void *arg, const struct id *name, uint64_t size)
{
	struct listing *l = arg;

	l->n++;
	for (unsigned i = 0; i < LISTED; i++) {
		struct id id = name_of(i);

		if (id_equal(&id, name)) {
			CHECK_EQ(size, i);
			l->times[i]++;
		}
	}
	return l->stop_at && (int)l->n == l->stop_at ? 123 : 0;
}

/* All names from `from` up to `to` once, nothing else. */
static void list_is(struct backend *b, enum backend_type t, unsigned from, unsigned to)
{
	struct listing l = {0};
	struct err err = {0};

	CHECK_EQ(backend_list(b, t, listing_add, &l, &err), 0);
	CHECK_EQ(l.n, to - from);
	for (unsigned i = 0; i < LISTED; i++)
		CHECK_EQ(l.times[i], i >= from && i < to);
}

static void lists(struct backend *b)
{
	static const char bytes[LISTED];
	struct listing l = {.stop_at = 2};

	for (unsigned i = 0; i < LISTED; i++) {
		struct id id = name_of(i);

		CHECK_EQ(backend_put(b, i < 18 ? BACKEND_PACK : BACKEND_SNAPSHOT, &id, bytes, i,
				 NULL),
			0);
	}
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, NULL), 0);
	list_is(b, BACKEND_PACK, 0, 18);
	list_is(b, BACKEND_SNAPSHOT, 18, LISTED);
	list_is(b, BACKEND_KEY, 0, 0);
	list_is(b, BACKEND_INDEX, 0, 0);
	list_is(b, BACKEND_LOCK, 0, 0);
	for (unsigned i = 0; i < 8; i++) {
		struct id id = name_of(i);

		CHECK_EQ(backend_remove(b, BACKEND_PACK, &id, NULL), 0);
	}
	list_is(b, BACKEND_PACK, 8, 18);
	/* What the reader says ends the listing and is the result. */
	CHECK_EQ(backend_list(b, BACKEND_PACK, listing_add, &l, NULL), 123);
	CHECK_EQ(l.n, 2);
}

TEST(list)
{
	on_each(lists, true);
}

static void list_nothing(struct backend *b)
{
	for (int t = 0; t < BACKEND_TYPES; t++)
		list_is(b, (enum backend_type)t, 0, 0);
}

TEST(missing_directories_list_empty)
{
	on_each(list_nothing, false);
	on_each(list_nothing, true);
}

/* fn of a listing may use the store, also when that allows one operation at a time. */
struct remover {
	struct backend *b;
	unsigned n;
};

static int remove_each(void *arg, const struct id *name, uint64_t size)
{
	struct remover *r = arg;

	(void)size;
	r->n++;
	return backend_remove(r->b, BACKEND_LOCK, name, NULL);
}

static void list_and_remove(struct backend *b)
{
	struct remover r = {.b = b};

	for (unsigned i = 0; i < 10; i++) {
		struct id id = name_of(i);

		CHECK_EQ(backend_put(b, BACKEND_LOCK, &id, "lock", 4, NULL), 0);
	}
	CHECK_EQ(backend_list(b, BACKEND_LOCK, remove_each, &r, NULL), 0);
	CHECK_EQ(r.n, 10);
	list_is(b, BACKEND_LOCK, 0, 0);
}

TEST(list_may_use_the_store)
{
	on_each(list_and_remove, true);
}

/* Files of strangers.  Only stores that lie in a directory can have them here. */
static void strangers(struct backend *b)
{
	static const char *const names[] = {"index/README", "index/abcd-tmp-12", "data/ab/x",
		"data/ab/.nfs0001", "locks/tmp"};

	if (!now->in_dir)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = mem_printf("%s/%s", dir, names[i]);
		int fd = open(path, O_CREAT | O_WRONLY, 0600);

		CHECK(fd >= 0);
		close(fd);
		mem_free(path);
	}
	list_nothing(b);
}

TEST(other_names_are_ignored)
{
	on_each(strangers, true);
}

/* A listing that fails is an error, never "empty", through any decorator. */
static void list_broken(struct backend *b)
{
	static const struct backend_retry_policy short_policy = {.first_ns = 1000,
		.max_ns = 1000,
		.total_ns = 100000};
	static const struct backend_fault_policy dead = {.fail_from_op = 1};
	struct backend *bad = backend_fault_new(backend_share(b), &dead);
	struct listing l = {0};
	struct err err = {0};

	bad = backend_limit_new(backend_retry_new(bad, &short_policy, &env), 2);
	CHECK_EQ(backend_list(bad, BACKEND_SNAPSHOT, listing_add, &l, &err), ERR_IO);
	CHECK_EQ(err.code, ERR_IO);
	CHECK(err.msg[0]);
	CHECK_EQ(l.n, 0);
	backend_free(bad);

	if (now->in_dir) {
		char *path = mem_printf("%s/snapshots", dir);
		int fd;

		CHECK(!rmdir(path));
		fd = open(path, O_CREAT | O_WRONLY, 0600);
		CHECK(fd >= 0);
		close(fd);
		CHECK(backend_list(b, BACKEND_SNAPSHOT, listing_add, &l, &err) < 0);
		CHECK_EQ(l.n, 0);
		mem_free(path);
	}
}

TEST(failed_list_is_an_error)
{
	on_each(list_broken, true);
}

/* 4 threads start 50 chains of put, get, stat, remove each; done() starts the next step. */
enum { THREADS = 4, CHAINS = 50 };

struct crowd {
	struct backend *b;
	pthread_mutex_t m;
	pthread_cond_t c;
	unsigned left;
};

struct chain {
	struct crowd *crowd;
	struct backend_op op;
	uint8_t bytes[3000];
	unsigned wrong;
};

static void chain_end(struct chain *c)
{
	struct crowd *w = c->crowd;

	pthread_mutex_lock(&w->m);
	if (!--w->left)
		pthread_cond_signal(&w->c);
	pthread_mutex_unlock(&w->m);
}

static void chain_step(struct backend_op *op)
{
	struct chain *c = op->arg;

	if (op->err.code)
		c->wrong++;
	switch (op->verb) {
	case BACKEND_PUT:
		op->verb = BACKEND_GET;
		break;
	case BACKEND_GET:
		if (op->out.len != sizeof(c->bytes) ||
			memcmp(op->out.p, c->bytes, sizeof(c->bytes)))
			c->wrong++;
		op->verb = BACKEND_STAT;
		break;
	case BACKEND_STAT:
		if (op->size != sizeof(c->bytes))
			c->wrong++;
		op->verb = BACKEND_REMOVE;
		break;
	case BACKEND_REMOVE:
		chain_end(c);
		return;
	}
	backend_start(c->crowd->b, op);
}

struct starter {
	struct crowd *crowd;
	struct chain *chains;
};

static void *crowd_start(void *arg)
{
	struct starter *s = arg;

	for (unsigned i = 0; i < CHAINS; i++)
		backend_start(s->crowd->b, &s->chains[i].op);
	return NULL;
}

static void many(struct backend *b)
{
	struct crowd w = {.b = b, .left = THREADS * CHAINS};
	struct chain *c = mem_array(THREADS * CHAINS, sizeof(*c));
	struct starter s[THREADS];
	pthread_t t[THREADS];

	pthread_mutex_init(&w.m, NULL);
	pthread_cond_init(&w.c, NULL);
	for (unsigned i = 0; i < THREADS * CHAINS; i++) {
		c[i].crowd = &w;
		memset(c[i].bytes, (int)i, sizeof(c[i].bytes));
		c[i].op = (struct backend_op){.verb = BACKEND_PUT,
			.type = i % 7 ? BACKEND_PACK : BACKEND_LOCK,
			.name = name_of(i)};
		c[i].op.data = c[i].bytes;
		c[i].op.size = sizeof(c[i].bytes);
		c[i].op.done = chain_step;
		c[i].op.arg = &c[i];
		buf_init(&c[i].op.out, sizeof(c[i].bytes));
	}
	for (unsigned i = 0; i < THREADS; i++) {
		s[i] = (struct starter){.crowd = &w, .chains = c + i * CHAINS};
		REQUIRE(!pthread_create(&t[i], NULL, crowd_start, &s[i]));
	}
	pthread_mutex_lock(&w.m);
	while (w.left)
		pthread_cond_wait(&w.c, &w.m);
	pthread_mutex_unlock(&w.m);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < THREADS * CHAINS; i++) {
		CHECK_EQ(c[i].wrong, 0);
		CHECK_EQ(c[i].op.err.code, 0);
		buf_release(&c[i].op.out);
	}
	list_is(b, BACKEND_PACK, 0, 0);
	list_is(b, BACKEND_LOCK, 0, 0);
	pthread_cond_destroy(&w.c);
	pthread_mutex_destroy(&w.m);
	mem_free(c);
}

TEST(many_in_flight)
{
	on_each(many, true);
}

enum { BIG = (70 << 20) / CHECK_LESS };
static uint8_t *big_bytes;

static void big(struct backend *b)
{
	struct id id = name_of(1);
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = id,
		.offset = BIG - 5,
		.length = 5};

	CHECK_EQ(backend_put(b, BACKEND_PACK, &id, big_bytes, BIG, NULL), 0);
	get_is(b, BACKEND_PACK, &id, big_bytes, BIG);
	buf_init(&op.out, 5);
	CHECK_EQ(backend_run(b, &op, NULL), 0);
	CHECK_MEM(op.out.p, big_bytes + BIG - 5, 5);
	buf_release(&op.out);
}

TEST(big_object)
{
	uint64_t x = 1;

	big_bytes = mem_alloc(BIG);
	for (size_t i = 0; i < BIG; i += 8) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		memcpy(big_bytes + i, &x, 8);
	}
	on_each(big, true);
	mem_free(big_bytes);
}

static void empty(struct backend *b)
{
	struct id id = name_of(0);
	struct backend_op op = {.verb = BACKEND_GET, .type = BACKEND_PACK, .name = id, .length = 1};
	uint64_t size = 9;

	CHECK_EQ(backend_put(b, BACKEND_PACK, &id, NULL, 0, NULL), 0);
	CHECK_EQ(backend_stat(b, BACKEND_PACK, &id, &size, NULL), 0);
	CHECK_EQ(size, 0);
	get_is(b, BACKEND_PACK, &id, "", 0);
	list_is(b, BACKEND_PACK, 0, 1);
	buf_init(&op.out, 10);
	CHECK_EQ(backend_run(b, &op, NULL), ERR_TOOSHORT);
	buf_release(&op.out);
}

TEST(empty_object)
{
	on_each(empty, true);
}

/* Names are hashes, so this is the same file again; the store must end with one whole copy, which a
 * config's replacement relies on too. */
static void again(struct backend *b)
{
	struct id id = name_of(10);

	CHECK_EQ(backend_put(b, BACKEND_INDEX, &id, "0123456789", 10, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_INDEX, &id, "0123456789", 10, NULL), 0);
	get_is(b, BACKEND_INDEX, &id, "0123456789", 10);
	list_is(b, BACKEND_INDEX, 10, 11);
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "a long config", 13, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "short", 5, NULL), 0);
	get_is(b, BACKEND_CONFIG, NULL, "short", 5);
}

TEST(same_name_again)
{
	on_each(again, true);
}

static void twice(struct backend *b)
{
	struct id id = name_of(5);

	CHECK_EQ(backend_put(b, BACKEND_KEY, &id, "12345", 5, NULL), 0);
	CHECK_EQ(backend_create(b, NULL), 0);
	get_is(b, BACKEND_KEY, &id, "12345", 5);
}

TEST(create_again)
{
	on_each(twice, true);
}
