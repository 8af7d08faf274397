#include "lib/stores.h"
#include "backend/decorators.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

/* A clock that stands still unless somebody waits; then it jumps.  The waits are written down. */
struct fake {
	_Atomic int64_t now;
	int64_t waits[64];
	unsigned n;
	uint64_t dice;   /* what the randomness yields */
	int64_t per_try; /* how long a try takes */
	char log[4096];
	unsigned lines;
	pthread_mutex_t m; /* for waits, log */
	struct clock clock;
	struct rnd rnd;
	struct env env;
};

static int64_t fake_mono(void *arg)
{
	return atomic_load(&((struct fake *)arg)->now);
}

static void fake_wait(void *arg, pthread_cond_t *c, pthread_mutex_t *m, int64_t ns)
{
	struct fake *f = arg;

	(void)c;
	(void)m;
	CHECK(ns > 0);
	pthread_mutex_lock(&f->m);
	if (f->n < 64)
		f->waits[f->n++] = ns;
	pthread_mutex_unlock(&f->m);
	atomic_fetch_add(&f->now, ns);
}

static void fake_fill(void *arg, void *p, size_t n)
{
	const struct fake *f = arg;
	uint8_t bytes[8];

	memcpy(bytes, &f->dice, sizeof(bytes));
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = bytes[i % 8];
}

static void fake_log(void *arg, enum log_level level, const char *msg)
{
	struct fake *f = arg;

	CHECK_EQ(level, LOG_WARN);
	pthread_mutex_lock(&f->m);
	snprintf(f->log, sizeof(f->log), "%s", msg);
	f->lines++;
	pthread_mutex_unlock(&f->m);
}

static void fake_init(struct fake *f)
{
	*f = (struct fake){.clock = {.mono_ns = fake_mono, .arg = f},
		.rnd = {.fill = fake_fill, .arg = f}};
	pthread_mutex_init(&f->m, NULL);
	f->env = (struct env){.clock = &f->clock,
		.rnd = &f->rnd,
		.log = {.max = LOG_DEBUG, .fn = fake_log, .arg = f}};
}

/* A store whose operations fail `fails` times with `code` and then work; a listing breaks after two
 * of three names. */
struct script {
	struct backend b;
	struct fake *f;
	_Atomic int fails;
	int code;
	atomic_int tries;
	int64_t pause; /* what its failures ask for */
	bool freed;
};

static struct script *script_of(struct backend *b)
{
	return (struct script *)(void *)b;
}

static int script_try(struct script *s, struct err *err)
{
	atomic_fetch_add(&s->tries, 1);
	atomic_fetch_add(&s->f->now, s->f->per_try);
	if (atomic_load(&s->fails) <= 0)
		return 0;
	atomic_fetch_sub(&s->fails, 1);
	return err_set(err, s->code, "no luck");
}

static void script_start(struct backend *b, struct backend_op *op)
{
	err_clear(&op->err);
	if (op->verb == BACKEND_GET) {
		buf_reset(&op->out);
		if (!script_try(script_of(b), &op->err))
			buf_adds(&op->out, "bytes");
	} else {
		script_try(script_of(b), &op->err);
	}
	if (op->err.code)
		op->retry_after_ns = script_of(b)->pause;
	op->done(op);
}

static int script_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	int code = script_try(script_of(b), err);

	(void)t;
	for (uint8_t i = 0; i < (code ? 2 : 3); i++) {
		struct id id = {{i}};
		int stop = to->file(to->arg, &id, i + 10u);

		if (stop)
			return stop;
		if (to->odd)
			to->odd(to->arg, BACKEND_ODD_CASE, i ? "index/B" : "index/A");
	}
	return code;
}

static int script_create(struct backend *b, struct err *err)
{
	return script_try(script_of(b), err);
}

static int script_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	*u = (struct backend_usage){.known = true, .objects = 3, .bytes = 4, .objects_max = 5};
	return script_try(script_of(b), err);
}

static void script_free(struct backend *b)
{
	script_of(b)->freed = true;
}

static const struct backend_vtable script_vtable = {.scheme = "script",
	.start = script_start,
	.list = script_list,
	.create = script_create,
	.free = script_free,
	.usage = script_usage};

static void script_init(struct script *s, struct fake *f, int fails, int code)
{
	*s = (struct script){.b = {.vt = &script_vtable, .connections = 3, .list_order = true},
		.f = f,
		.code = code};
	atomic_store(&s->fails, fails);
}

static struct backend *retry_over(struct script *s)
{
	struct backend *b = backend_retry_new(&s->b, &backend_retry_default, &s->f->env);

	backend_retry_set_wait(b, fake_wait, s->f);
	return b;
}

static const struct id some = {{0xab, 0xcd, 0x12, 0x34}};

TEST(default_policy)
{
	CHECK_EQ(backend_retry_default.first_ns, SECOND);
	CHECK_EQ(backend_retry_default.max_ns, 60 * SECOND);
	CHECK_EQ(backend_retry_default.total_ns, 15 * 60 * SECOND);
}

TEST(success_needs_no_wait)
{
	struct script s;
	struct fake f;
	struct backend *b;
	struct backend_op op = {.verb = BACKEND_PUT,
		.type = BACKEND_PACK,
		.name = some,
		.data = (const uint8_t *)"x",
		.size = 1};

	fake_init(&f);
	script_init(&s, &f, 0, 0);
	b = retry_over(&s);
	CHECK_EQ(b->connections, 3);
	CHECK(b->list_order);
	CHECK_EQ(backend_run(b, &op, NULL), 0);
	CHECK_EQ(op.tries, 1);
	CHECK_EQ(atomic_load(&s.tries), 1);
	CHECK_EQ(f.n, 0);
	CHECK_EQ(f.lines, 0);
	backend_free(b);
	CHECK(s.freed);
}

TEST(again_until_it_works)
{
	struct script s;
	struct fake f;
	struct backend *b;
	struct backend_op op = {.verb = BACKEND_GET, .type = BACKEND_PACK, .name = some};

	fake_init(&f);
	script_init(&s, &f, 3, ERR_IO);
	b = retry_over(&s);
	buf_init(&op.out, 100);
	CHECK_EQ(backend_run(b, &op, NULL), 0);
	CHECK_EQ(op.tries, 4);
	CHECK_EQ(backend_retry_count(b), 3);
	CHECK_EQ(backend_retry_count(&s.b), 0);
	CHECK_EQ(op.out.len, 5);
	CHECK_STR(op.err.msg, "");
	/* dice 0: half of 1, 2, 4 seconds. */
	REQUIRE(f.n == 3);
	CHECK_EQ(f.waits[0], SECOND / 2);
	CHECK_EQ(f.waits[1], SECOND);
	CHECK_EQ(f.waits[2], 2 * SECOND);
	CHECK_EQ(f.lines, 3);
	CHECK_STR(f.log, "get pack abcd1234: no luck; trying again in 2.0 s");
	buf_release(&op.out);
	backend_free(b);
}

/* All 256 values of one byte of randomness: every wait lies within half and one and a half times
 * its step. */
TEST(jitter_range)
{
	int64_t least = INT64_MAX, most = 0;

	for (unsigned i = 0; i < 256; i++) {
		struct backend_op op = {.verb = BACKEND_STAT, .type = BACKEND_CONFIG};
		struct script s;
		struct fake f;
		struct backend *b;

		fake_init(&f);
		f.dice = i * UINT64_C(0x9e3779b97f4a7c15);
		script_init(&s, &f, 8, ERR_IO);
		b = retry_over(&s);
		CHECK_EQ(backend_run(b, &op, NULL), 0);
		REQUIRE(f.n == 8);
		for (unsigned k = 0; k < 8; k++) {
			int64_t step = k < 6 ? SECOND << k : 60 * SECOND;

			CHECK(f.waits[k] >= step / 2);
			CHECK(f.waits[k] <= step / 2 * 3);
		}
		if (f.waits[0] < least)
			least = f.waits[0];
		if (f.waits[0] > most)
			most = f.waits[0];
		backend_free(b);
	}
	CHECK(least < SECOND * 6 / 10);
	CHECK(most > SECOND * 14 / 10);
}

TEST(permanent_errors_at_once)
{
	static const int codes[] = {ERR_NOTFOUND, ERR_DENIED, ERR_NOSPACE, ERR_TOOSHORT,
		ERR_INVALID, ERR_NOMEM, ERR_CANCELLED};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct err err = {0};
		struct script s;
		struct fake f;
		struct backend *b;
		uint64_t size;

		fake_init(&f);
		script_init(&s, &f, 1000, codes[i]);
		b = retry_over(&s);
		CHECK_EQ(backend_stat(b, BACKEND_PACK, &some, &size, &err), codes[i]);
		CHECK_STR(err.msg, "no luck");
		CHECK_EQ(backend_create(b, &err), codes[i]);
		CHECK_EQ(atomic_load(&s.tries), 2);
		CHECK_EQ(f.n, 0);
		backend_free(b);
	}
}

TEST(gives_up_in_the_end)
{
	struct err err = {0};
	struct script s;
	struct fake f;
	struct backend *b;
	char says[64];

	fake_init(&f);
	script_init(&s, &f, 1000, ERR_IO);
	b = retry_over(&s);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, &err), ERR_IO);
	/* dice 0: 0.5 + 1 + 2 + 4 + 8 + 16 = 31.5 s, then 30 s each: 28 more fit into 900 s (871.5
	 * s), the 29th would not (901.5 s). */
	CHECK_EQ(atomic_load(&s.tries), 1 + 6 + 28);
	CHECK(atomic_load(&f.now) <= 900 * SECOND);
	snprintf(says, sizeof(says), "no luck (after %d tries)", atomic_load(&s.tries));
	CHECK_STR(err.msg, says);
	backend_free(b);
}

TEST(at_least_one_retry)
{
	struct err err = {0};
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	f.per_try = 1000 * SECOND;
	script_init(&s, &f, 1000, ERR_IO);
	b = retry_over(&s);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, &err), ERR_IO);
	CHECK_EQ(atomic_load(&s.tries), 2);
	CHECK_STR(err.msg, "no luck (after 2 tries)");
	backend_free(b);
}

/* The store's wish, not less, and a little more at random; but nobody can send us away for hours.
 */
TEST(pause_that_the_store_asks_for)
{
	static const struct {
		int64_t pause;
		uint64_t dice;
		int64_t first, second;
	} cases[] = {
		{0, 0, SECOND / 2, SECOND},
		{7 * SECOND, 0, 7 * SECOND, 7 * SECOND},
		{7 * SECOND, 12345, 7 * SECOND + 12345, 7 * SECOND + 12345},
		{SECOND / 4, 0, SECOND / 2, SECOND},
		{86400 * SECOND, 0, 300 * SECOND, 300 * SECOND},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct backend_op op = {.verb = BACKEND_PUT,
			.type = BACKEND_PACK,
			.name = some,
			.retry_after_ns = 999 * SECOND};
		struct script s;
		struct fake f;
		struct backend *b;

		fake_init(&f);
		f.dice = cases[i].dice;
		script_init(&s, &f, 2, ERR_IO);
		s.pause = cases[i].pause;
		b = retry_over(&s);
		CHECK_EQ(backend_run(b, &op, NULL), 0);
		CHECK_EQ(op.retry_after_ns, 0);
		REQUIRE(f.n == 2);
		CHECK_EQ(f.waits[0], cases[i].first);
		CHECK_EQ(f.waits[1], cases[i].second);
		backend_free(b);
	}
}

static int ignore(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	(void)size;
	return 0;
}

/* The names 0, 1 and 2 are listed; then a get finds nothing `fails` times. */
static int get_after_list(enum backend_type t, uint8_t name, int fails, bool removed, int want)
{
	struct backend_op op = {.verb = BACKEND_GET, .type = t, .name = {{name}}};
	struct script s;
	struct fake f;
	struct backend *b;
	int tries;

	fake_init(&f);
	script_init(&s, &f, 0, ERR_NOTFOUND);
	b = retry_over(&s);
	CHECK_EQ(backend_list(b, t, ignore, NULL, NULL), 0);
	if (removed)
		CHECK_EQ(backend_remove(b, t, &op.name, NULL), 0);
	tries = atomic_load(&s.tries);
	atomic_store(&s.fails, fails);
	buf_init(&op.out, 100);
	CHECK_EQ(backend_run(b, &op, NULL), want);
	tries = atomic_load(&s.tries) - tries;
	buf_release(&op.out);
	backend_free(b);
	return tries;
}

TEST(listed_and_not_found)
{
	CHECK_EQ(get_after_list(BACKEND_INDEX, 1, 2, false, 0), 3);
	CHECK_EQ(get_after_list(BACKEND_SNAPSHOT, 0, 3, false, 0), 4);
	CHECK_EQ(get_after_list(BACKEND_KEY, 2, 100, false, ERR_NOTFOUND), 4);
	/* Not listed; removed by us; a lock, which anybody may remove. */
	CHECK_EQ(get_after_list(BACKEND_INDEX, 3, 100, false, ERR_NOTFOUND), 1);
	CHECK_EQ(get_after_list(BACKEND_INDEX, 1, 100, true, ERR_NOTFOUND), 1);
	CHECK_EQ(get_after_list(BACKEND_LOCK, 1, 100, false, ERR_NOTFOUND), 1);
}

struct seen {
	unsigned n;
	uint64_t size[8];
	int stop_at;
};

static int see(void *arg, const struct id *name, uint64_t size)
{
	struct seen *x = arg;

	CHECK_EQ(name->b[0] + 10u, size);
	if (x->n < 8)
		x->size[x->n] = size;
	x->n++;
	return x->stop_at && (int)x->n == x->stop_at ? -77 : 0;
}

TEST(list_delivers_each_name_once)
{
	struct seen x = {0};
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	script_init(&s, &f, 3, ERR_IO);
	b = retry_over(&s);
	CHECK_EQ(backend_list(b, BACKEND_INDEX, see, &x, NULL), 0);
	CHECK_EQ(x.n, 3);
	CHECK_EQ(x.size[0], 10);
	CHECK_EQ(x.size[2], 12);
	CHECK_EQ(atomic_load(&s.tries), 4);
	CHECK_EQ(backend_retry_count(b), 3);
	CHECK_EQ(f.n, 3);
	CHECK_STR(f.log, "list index files: no luck; trying again in 2.0 s");
	backend_free(b);
}

static void heard(void *arg, enum backend_odd why, const char *path)
{
	CHECK_EQ(why, BACKEND_ODD_CASE);
	buf_addf(arg, "%s ", path);
}

static int no_file(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	(void)size;
	return 0;
}

TEST(odd_names_are_delivered_once)
{
	struct script s;
	struct fake f;
	struct buf told;
	struct backend_names to = {.file = no_file, .odd = heard, .arg = &told};
	struct backend *b;

	fake_init(&f);
	script_init(&s, &f, 2, ERR_IO);
	b = retry_over(&s);
	buf_init(&told, 1000);
	CHECK_EQ(backend_list_all(b, BACKEND_INDEX, &to, NULL), 0);
	CHECK_STR(buf_str(&told), "index/A index/B index/B ");
	buf_release(&told);
	backend_free(b);
}

TEST(list_that_fails_is_no_list)
{
	struct err err = {0};
	struct seen x = {0};
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	script_init(&s, &f, 1000, ERR_IO);
	b = retry_over(&s);
	CHECK_EQ(backend_list(b, BACKEND_INDEX, see, &x, &err), ERR_IO);
	CHECK(strstr(err.msg, "tries"));
	CHECK_EQ(x.n, 0);
	backend_free(b);
}

TEST(list_stopped_by_its_reader)
{
	struct seen x = {.stop_at = 2};
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	script_init(&s, &f, 0, 0);
	b = retry_over(&s);
	CHECK_EQ(backend_list(b, BACKEND_INDEX, see, &x, NULL), -77);
	CHECK_EQ(x.n, 2);
	CHECK_EQ(atomic_load(&s.tries), 1);
	backend_free(b);
}

TEST(create_is_tried_again)
{
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	script_init(&s, &f, 2, ERR_IO);
	b = retry_over(&s);
	CHECK_EQ(backend_create(b, NULL), 0);
	CHECK_EQ(atomic_load(&s.tries), 3);
	backend_free(b);
}

/* Through every decorator there is. */
TEST(usage_is_tried_again)
{
	struct backend_fault_policy none = {.seed = 1};
	struct backend_usage u;
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	script_init(&s, &f, 2, ERR_IO);
	s.b.objects_max = 7;
	b = retry_over(&s);
	b = backend_fault_new(backend_limit_new(b, 2), &none);
	CHECK_EQ(b->objects_max, 7);
	CHECK_EQ(backend_usage(b, &u, NULL), 0);
	CHECK_EQ(atomic_load(&s.tries), 3);
	CHECK(u.known && u.objects == 3 && u.bytes == 4 && u.objects_max == 5);
	backend_free(b);
	b = backend_mem_new();
	CHECK_EQ(backend_usage(b, &u, NULL), 0);
	CHECK(!u.known && !b->objects_max);
	backend_free(b);
}

/* From here on with real waits, too long for a test to sit through: only a cancel ends them. */
struct waiter {
	pthread_mutex_t m;
	pthread_cond_t c;
	int done;
};

static void waiter_note(struct backend_op *op)
{
	struct waiter *w = op->arg;

	pthread_mutex_lock(&w->m);
	w->done++;
	pthread_cond_signal(&w->c);
	pthread_mutex_unlock(&w->m);
}

static int64_t real_ns(void)
{
	return clock_mono(clock_real());
}

static const struct backend_retry_policy an_hour = {.first_ns = 3600 * SECOND,
	.max_ns = 3600 * SECOND,
	.total_ns = 36000 * SECOND};

TEST(start_never_waits_and_cancel_ends_all)
{
	enum { OPS = 20 };
	struct waiter w = {.done = 0};
	struct backend_op *op = mem_array(OPS, sizeof(*op));
	int64_t began = real_ns();
	struct err err = {0};
	struct script s;
	struct fake f;
	struct backend *b;

	pthread_mutex_init(&w.m, NULL);
	pthread_cond_init(&w.c, NULL);
	fake_init(&f);
	f.env.clock = clock_real();
	script_init(&s, &f, 1000, ERR_IO);
	b = backend_retry_new(&s.b, &an_hour, &f.env);
	for (int i = 0; i < OPS; i++) {
		op[i] = (struct backend_op){.verb = BACKEND_PUT,
			.type = BACKEND_PACK,
			.name = some,
			.done = waiter_note,
			.arg = &w};
		backend_start(b, &op[i]);
	}
	CHECK_EQ(atomic_load(&s.tries), OPS);
	pthread_mutex_lock(&w.m);
	CHECK_EQ(w.done, 0);
	pthread_mutex_unlock(&w.m);
	backend_retry_cancel(b);
	pthread_mutex_lock(&w.m);
	while (w.done < OPS)
		pthread_cond_wait(&w.c, &w.m);
	pthread_mutex_unlock(&w.m);
	for (int i = 0; i < OPS; i++) {
		CHECK_EQ(op[i].err.code, ERR_CANCELLED);
		CHECK_EQ(op[i].tries, 1);
		CHECK(op[i].arg == &w);
	}
	CHECK_STR(op[0].err.msg, "cancelled while waiting to try again: no luck");

	/* What comes later is tried once. */
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, &err), ERR_CANCELLED);
	CHECK_EQ(backend_create(b, &err), ERR_CANCELLED);
	CHECK_EQ(atomic_load(&s.tries), OPS + 2);
	atomic_store(&s.fails, 0);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, &err), 0);
	CHECK_EQ(backend_create(b, &err), 0);
	atomic_store(&s.fails, 10);
	s.code = ERR_NOSPACE;
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, &err), ERR_NOSPACE);
	CHECK(real_ns() - began < 60 * SECOND);
	backend_free(b);
	mem_free(op);
}

/* An index that is not saved makes what is stored worth nothing, and a lock that stays holds others
 * up. */
TEST(what_must_be_left_in_order_is_tried_after_a_cancel)
{
	static const struct backend_retry_policy soon = {.first_ns = SECOND / 1000,
		.max_ns = SECOND / 1000,
		.total_ns = 60 * SECOND};
	struct err err = {0};
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	f.env.clock = clock_real();
	script_init(&s, &f, 0, ERR_IO);
	b = backend_retry_new(&s.b, &soon, &f.env);
	backend_retry_cancel(b);
	atomic_store(&s.fails, 3);
	CHECK_EQ(backend_put(b, BACKEND_INDEX, &some, "x", 1, &err), 0);
	atomic_store(&s.fails, 3);
	CHECK_EQ(backend_remove(b, BACKEND_LOCK, &some, &err), 0);
	atomic_store(&s.fails, 1);
	CHECK_EQ(backend_put(b, BACKEND_LOCK, &some, "x", 1, &err), ERR_CANCELLED);
	atomic_store(&s.fails, 1);
	CHECK_EQ(backend_put(b, BACKEND_SNAPSHOT, &some, "x", 1, &err), ERR_CANCELLED);
	CHECK_EQ(atomic_load(&s.tries), 4 + 4 + 1 + 1);
	backend_free(b);
}

static void *cancel_soon(void *arg)
{
	struct timespec ts = {.tv_nsec = 20000000};

	nanosleep(&ts, NULL);
	backend_retry_cancel(arg);
	return NULL;
}

TEST(cancel_ends_a_listing_that_waits)
{
	struct err err = {0};
	struct seen x = {0};
	struct script s;
	struct fake f;
	struct backend *b;
	pthread_t t;

	fake_init(&f);
	f.env.clock = clock_real();
	script_init(&s, &f, 1000, ERR_IO);
	b = backend_retry_new(&s.b, &an_hour, &f.env);
	REQUIRE(!pthread_create(&t, NULL, cancel_soon, b));
	CHECK_EQ(backend_list(b, BACKEND_INDEX, see, &x, &err), ERR_CANCELLED);
	CHECK_EQ(x.n, 0);
	pthread_join(t, NULL);
	backend_free(b);
}

TEST(real_waits_pass)
{
	static const struct backend_retry_policy quick = {.first_ns = 4000000,
		.max_ns = 8000000,
		.total_ns = SECOND};
	struct backend_op op = {.verb = BACKEND_STAT, .type = BACKEND_CONFIG};
	int64_t began = real_ns();
	struct script s;
	struct fake f;
	struct backend *b;

	fake_init(&f);
	f.env.clock = clock_real();
	script_init(&s, &f, 3, ERR_IO);
	b = backend_retry_new(&s.b, &quick, &f.env);
	CHECK_EQ(backend_run(b, &op, NULL), 0);
	CHECK_EQ(op.tries, 4);
	CHECK(real_ns() - began >= 2000000 + 4000000 + 4000000);
	backend_free(b);
}

/* Nothing but a retry decorator is asked to cancel: others stay as they are. */
TEST(cancel_of_another_backend)
{
	struct backend *b = backend_mem_new();

	backend_retry_cancel(b);
	backend_retry_set_wait(b, fake_wait, NULL);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, NULL), 0);
	backend_free(b);
}

static int tries_of(struct backend *b, struct script *s, enum backend_verb verb, int code,
	int fails)
{
	struct backend_op op = {.verb = verb, .type = BACKEND_PACK, .name = {{7}}};

	s->code = code;
	atomic_store(&s->fails, fails);
	atomic_store(&s->tries, 0);
	buf_init(&op.out, 100);
	backend_run(b, &op, NULL);
	buf_release(&op.out);
	return atomic_load(&s->tries);
}

/* Before the store has answered well once, an answer of somebody else's means a wrong address. */
TEST(an_odd_answer_is_final_until_the_store_was_seen)
{
	struct script s;
	struct backend *b;
	struct fake f;

	fake_init(&f);
	script_init(&s, &f, 0, ERR_ODD);
	b = retry_over(&s);
	CHECK_EQ(tries_of(b, &s, BACKEND_STAT, ERR_ODD, 1), 1);
	/* That nothing is there says nothing, nor that nothing was to be removed. */
	CHECK_EQ(tries_of(b, &s, BACKEND_STAT, ERR_NOTFOUND, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_REMOVE, 0, 0), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_STAT, ERR_ODD, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_STAT, 0, 0), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_PUT, ERR_ODD, 3), 4);
	CHECK_EQ(tries_of(b, &s, BACKEND_GET, ERR_ODD, 3), 4);
	CHECK_EQ(tries_of(b, &s, BACKEND_STAT, ERR_ODD, 1), 2);
	/* What the store itself says stays said. */
	CHECK_EQ(tries_of(b, &s, BACKEND_GET, ERR_NOTFOUND, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_PUT, ERR_NOTFOUND, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_PUT, ERR_DENIED, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_PUT, ERR_NOSPACE, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_GET, ERR_TOOSHORT, 1), 1);
	CHECK_EQ(tries_of(b, &s, BACKEND_PUT, ERR_INVALID, 1), 1);
	/* Not for ever. */
	CHECK(tries_of(b, &s, BACKEND_PUT, ERR_ODD, 1000) < 60);
	backend_free(b);
}

static int take_none(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	(void)size;
	return 0;
}

TEST(listing_and_creating_prove_a_store)
{
	struct script s;
	struct backend *b;
	struct fake f;

	for (int create = 0; create < 2; create++) {
		fake_init(&f);
		script_init(&s, &f, 1, ERR_ODD);
		b = retry_over(&s);
		CHECK_EQ(backend_list(b, BACKEND_KEY, take_none, NULL, NULL), ERR_ODD);
		CHECK_EQ(create ? backend_create(b, NULL)
				: backend_list(b, BACKEND_KEY, take_none, NULL, NULL),
			0);
		atomic_store(&s.fails, 2);
		CHECK_EQ(backend_list(b, BACKEND_KEY, take_none, NULL, NULL), 0);
		backend_free(b);
	}
}
