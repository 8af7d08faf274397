#include "lib/stores.h"
#include "repo/lock.h"
#include "format/lockfile.h"
#include "unit/repo_fixture.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)

static const struct lock_timing fast = {.recheck = 5 * MS,
	.refresh = 30 * MS,
	.give_up = 400 * MS,
	.stale = 1800000 * MS,
	.again = 10 * MS};

/* Does not give up while a test lasts. */
static const struct lock_timing tenacious = {.recheck = 5 * MS,
	.refresh = 30 * MS,
	.give_up = 100000 * MS,
	.stale = 1800000 * MS,
	.again = 10 * MS};

struct run {
	struct fixture f;
	struct lock_owner who, other;
	atomic_int lost;
	struct err why;
};

static void on_lost(void *arg, const struct err *why)
{
	struct run *r = arg;

	err_copy(&r->why, why);
	atomic_fetch_add(&r->lost, 1);
}

static void start(struct run *r, struct backend *be)
{
	*r = (struct run){.who = {"here", "me", 1, 2, 0},
		.other = {"elsewhere", "you\n", 3, 4, 99}};
	r->who.pid = (uint64_t)getpid();
	fixture_env(&r->f);
	fixture_over(&r->f, be, 2);
}

static int acquire(struct run *r, const struct lock_owner *who, bool exclusive, int64_t retry,
	struct lock **l, struct err *err)
{
	err_clear(err);
	return lock_acquire(r->f.repo, who, exclusive, retry, &fast, on_lost, r, l, err);
}

static size_t locks(struct run *r)
{
	return fixture_count(r->f.be, BACKEND_LOCK);
}

static struct id put_lock(struct run *r, const struct lock_owner *who, int64_t age_s,
	bool exclusive)
{
	struct lockfile lf = {.time = clock_now(clock_real()),
		.exclusive = exclusive,
		.hostname = (char *)who->hostname,
		.username = (char *)who->username,
		.pid = who->pid};
	struct buf json;
	struct id id;

	lf.time.sec -= age_s;
	buf_init(&json, 10000);
	lockfile_write(&lf, NULL, &json);
	REQUIRE(repo_save(r->f.repo, BACKEND_LOCK, json.p, json.len, &id, NULL) == 0);
	buf_release(&json);
	return id;
}

static void wait_for(bool (*fn)(struct run *r), struct run *r)
{
	int64_t end = clock_mono(clock_real()) + 10000 * MS;

	while (!fn(r)) {
		clock_sleep(clock_real(), MS);
		REQUIRE(clock_mono(clock_real()) < end);
	}
}

TEST(who_conflicts_with_whom)
{
	struct lock *a, *b;
	struct run r;
	struct err err;

	start(&r, backend_mem_new());
	CHECK_EQ(acquire(&r, &r.who, false, 0, &a, &err), 0);
	CHECK_EQ(locks(&r), 1);
	CHECK_EQ(acquire(&r, &r.other, false, 0, &b, &err), 0);
	CHECK(locks(&r) >= 2);
	CHECK_EQ(lock_check(a, &err), 0);
	lock_release(b);
	CHECK_EQ(acquire(&r, &r.other, true, 0, &b, &err), ERR_LOCKED);
	CHECK(!b);
	CHECK(strstr(err.msg, "me on here") != NULL);
	lock_release(a);
	CHECK_EQ(locks(&r), 0);
	CHECK_EQ(acquire(&r, &r.other, true, 0, &a, &err), 0);
	CHECK_EQ(acquire(&r, &r.who, false, 0, &b, &err), ERR_LOCKED);
	CHECK(strstr(err.msg, "exclusively by process 99 of you? on elsewhere") != NULL);
	CHECK_EQ(acquire(&r, &r.who, true, 0, &b, &err), ERR_LOCKED);
	lock_release(a);
	CHECK_EQ(locks(&r), 0);
	lock_release(NULL);
	fixture_release(&r.f);
}

static struct lock *held;

static void *release_soon(void *arg)
{
	(void)arg;
	clock_sleep(clock_real(), 60 * MS);
	lock_release(held);
	return NULL;
}

TEST(retrying_until_it_is_free)
{
	struct run r;
	struct err err;
	struct lock *l;
	pthread_t t;
	int64_t before;

	start(&r, backend_mem_new());
	REQUIRE(acquire(&r, &r.other, true, 0, &held, &err) == 0);
	before = clock_mono(clock_real());
	CHECK_EQ(acquire(&r, &r.who, false, 50 * MS, &l, &err), ERR_LOCKED);
	CHECK(clock_mono(clock_real()) - before >= 50 * MS);
	REQUIRE(pthread_create(&t, NULL, release_soon, NULL) == 0);
	CHECK_EQ(acquire(&r, &r.who, false, 5000 * MS, &l, &err), 0);
	pthread_join(t, NULL);
	lock_release(l);
	fixture_release(&r.f);
}

static struct id first_lock;

static bool refreshed(struct run *r)
{
	struct id now;

	if (locks(r) != 1)
		return false;
	now = fixture_first(r->f.be, BACKEND_LOCK);
	return !id_equal(&now, &first_lock);
}

TEST(refresh_replaces_the_file)
{
	struct run r;
	struct err err;
	struct lock *l;

	start(&r, backend_mem_new());
	REQUIRE(acquire(&r, &r.who, true, 0, &l, &err) == 0);
	for (int i = 0; i < 3; i++) {
		do
			first_lock = locks(&r) == 1 ? fixture_first(r.f.be, BACKEND_LOCK)
						    : (struct id){0};
		while (id_is_zero(&first_lock));
		wait_for(refreshed, &r);
		CHECK_EQ(lock_check(l, &err), 0);
	}
	CHECK_EQ(atomic_load(&r.lost), 0);
	lock_release(l);
	CHECK_EQ(locks(&r), 0);
	fixture_release(&r.f);
}

static bool is_lost(struct run *r)
{
	return atomic_load(&r->lost) > 0;
}

TEST(a_lock_that_somebody_removed_is_lost)
{
	struct run r;
	struct err err;
	struct lock *l;
	size_t n;

	start(&r, backend_mem_new());
	err_clear(&err);
	REQUIRE(lock_acquire(r.f.repo, &r.who, false, 0, &tenacious, on_lost, &r, &l, &err) == 0);
	CHECK_EQ(lock_unlock(r.f.repo, &r.other, true, &n, &err), 0);
	CHECK(n >= 1);
	wait_for(is_lost, &r);
	CHECK_EQ(lock_check(l, &err), ERR_NOTFOUND);
	CHECK(strstr(r.why.msg, "removed") != NULL);
	clock_sleep(clock_real(), 50 * MS);
	CHECK_EQ(atomic_load(&r.lost), 1); /* told once */
	lock_release(l);
	CHECK_EQ(locks(&r), 0);
	fixture_release(&r.f);
}

/* lock_check sees at once what the thread has yet to find. */
TEST(check_finds_a_removed_lock)
{
	struct lock_timing slow = fast;
	struct run r;
	struct err err = {0};
	struct lock *l;
	struct id id;

	slow.refresh = slow.give_up = 100000 * MS;
	start(&r, backend_mem_new());
	REQUIRE(lock_acquire(r.f.repo, &r.who, true, 0, &slow, on_lost, &r, &l, &err) == 0);
	CHECK_EQ(lock_check(l, &err), 0);
	id = fixture_first(r.f.be, BACKEND_LOCK);
	REQUIRE(backend_remove(r.f.be, BACKEND_LOCK, &id, NULL) == 0);
	CHECK_EQ(lock_check(l, &err), ERR_NOTFOUND);
	CHECK(strstr(err.msg, "removed") != NULL);
	CHECK_EQ(atomic_load(&r.lost), 1);
	CHECK_EQ(lock_check(l, &err), ERR_NOTFOUND);
	lock_release(l);
	fixture_release(&r.f);
}

/* A store whose writing can be made to fail, or to hang; which does not find what is there; where
 * the lock goes away while something else is uploaded. */
struct weak {
	struct backend b;
	struct backend *inner;
	atomic_bool refuse, hang, unlock;
	atomic_int blind, unlisted; /* looks at locks, listings of them that find nothing */
	_Atomic(struct backend_op *) hung;
};

static void unlock_all(struct backend *be)
{
	while (fixture_count(be, BACKEND_LOCK)) {
		struct id id = fixture_first(be, BACKEND_LOCK);

		REQUIRE(backend_remove(be, BACKEND_LOCK, &id, NULL) == 0);
	}
}

static bool took_one(atomic_int *n)
{
	int have = atomic_load(n);

	while (have > 0 && !atomic_compare_exchange_weak(n, &have, have - 1))
		;
	return have > 0;
}

static void weak_start(struct backend *b, struct backend_op *op)
{
	struct weak *w = (struct weak *)(void *)b;

	if (op->verb == BACKEND_PUT && atomic_load(&w->hang)) {
		atomic_store(&w->hung, op);
		return;
	}
	if (op->verb == BACKEND_PUT && atomic_load(&w->refuse)) {
		err_set(&op->err, ERR_IO, "no");
		op->done(op);
		return;
	}
	if (op->verb == BACKEND_STAT && op->type == BACKEND_LOCK && took_one(&w->blind)) {
		err_set(&op->err, ERR_NOTFOUND, "404");
		op->done(op);
		return;
	}
	if (op->verb == BACKEND_PUT && op->type != BACKEND_LOCK && atomic_load(&w->unlock))
		unlock_all(w->inner);
	backend_start(w->inner, op);
}

static int weak_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct weak *w = (struct weak *)(void *)b;

	if (t == BACKEND_LOCK && took_one(&w->unlisted))
		return 0;
	return backend_list_all(w->inner, t, to, err);
}

static void weak_free(struct backend *b)
{
	backend_free(((struct weak *)(void *)b)->inner);
	mem_free(b);
}

static const struct backend_vtable weak_vtable = {.scheme = "weak",
	.start = weak_start,
	.list = weak_list,
	.free = weak_free};

static struct weak *weak_new(void)
{
	struct weak *w = mem_zalloc(sizeof(*w));

	w->b.vt = &weak_vtable;
	w->b.connections = 2;
	w->inner = backend_mem_new();
	return w;
}

TEST(a_store_that_fails_for_a_while)
{
	struct weak *w = weak_new();
	struct run r;
	struct err err = {0};
	struct lock *l;

	start(&r, &w->b);
	REQUIRE(lock_acquire(r.f.repo, &r.who, true, 0, &tenacious, on_lost, &r, &l, &err) == 0);
	first_lock = fixture_first(r.f.be, BACKEND_LOCK);
	atomic_store(&w->refuse, true);
	clock_sleep(clock_real(), 150 * MS);
	CHECK(atomic_load(&r.f.warnings) > 0);
	CHECK_EQ(atomic_load(&r.lost), 0);
	atomic_store(&w->refuse, false);
	wait_for(refreshed, &r);
	CHECK_EQ(lock_check(l, &err), 0);
	lock_release(l);
	CHECK_EQ(locks(&r), 0);
	fixture_release(&r.f);
}

TEST(a_store_that_fails_for_too_long)
{
	struct weak *w = weak_new();
	int64_t before;
	struct run r;
	struct err err;
	struct lock *l;

	start(&r, &w->b);
	REQUIRE(acquire(&r, &r.who, true, 0, &l, &err) == 0);
	before = clock_mono(clock_real());
	atomic_store(&w->refuse, true);
	wait_for(is_lost, &r);
	CHECK(clock_mono(clock_real()) - before >= fast.give_up - 100 * MS);
	CHECK_EQ(lock_check(l, &err), ERR_NOTFOUND);
	lock_release(l);
	CHECK_EQ(locks(&r), 0);
	fixture_release(&r.f);
}

TEST(a_store_that_does_not_answer)
{
	struct weak *w = weak_new();
	struct backend_op *op;
	struct run r;
	struct err err;
	struct lock *l;

	start(&r, &w->b);
	REQUIRE(acquire(&r, &r.who, true, 0, &l, &err) == 0);
	atomic_store(&w->hang, true);
	wait_for(is_lost, &r); /* although the request is still out */
	CHECK(strstr(r.why.msg, "does not answer") != NULL);
	clock_sleep(clock_real(), 50 * MS);
	CHECK_EQ(atomic_load(&r.lost), 1);
	op = atomic_load(&w->hung);
	REQUIRE(op != NULL);
	err_set(&op->err, ERR_IO, "late");
	op->done(op);
	lock_release(l);
	CHECK_EQ(locks(&r), 0);
	fixture_release(&r.f);
}

/* A process that slept past the time finds its lock in place: then it may go on, after looking as
 * carefully as at first. */
static atomic_llong skew;

static int64_t skewed(void *arg)
{
	(void)arg;
	return clock_mono(clock_real()) + atomic_load(&skew);
}

TEST(waking_up_late)
{
	for (int gone = 0; gone < 3; gone++) {
		struct clock clock = *clock_real();
		struct run r;
		struct err err;
		struct lock *l;
		struct id id;

		atomic_store(&skew, 0);
		start(&r, backend_mem_new());
		clock.mono_ns = skewed;
		r.f.env.clock = &clock;
		REQUIRE(acquire(&r, &r.who, true, 0, &l, &err) == 0);
		id = first_lock = fixture_first(r.f.be, BACKEND_LOCK);
		if (gone == 1)
			REQUIRE(backend_remove(r.f.be, BACKEND_LOCK, &id, NULL) == 0);
		if (gone == 2)
			put_lock(&r, &r.other, 0, true);
		atomic_store(&skew, fast.give_up + 1000 * MS);
		wait_for(gone ? is_lost : refreshed, &r);
		CHECK_EQ(atomic_load(&r.lost), gone != 0);
		lock_release(l);
		CHECK_EQ(locks(&r), gone == 2);
		fixture_release(&r.f);
	}
}

/* The thread has not had its turn yet: who publishes refreshes the lock, carefully, or hears that
 * it is gone. */
TEST(what_is_published_after_a_long_sleep_waits_for_the_refresh)
{
	for (int gone = 0; gone < 2; gone++) {
		struct lock_timing t = fast;
		struct clock clock = *clock_real();
		struct run r;
		struct err err = {0};
		struct lock *l;
		struct id id;

		t.refresh = t.give_up = 100000 * MS;
		atomic_store(&skew, 0);
		start(&r, backend_mem_new());
		clock.mono_ns = skewed;
		r.f.env.clock = &clock;
		REQUIRE(lock_acquire(r.f.repo, &r.who, false, 0, &t, on_lost, &r, &l, &err) == 0);
		first_lock = fixture_first(r.f.be, BACKEND_LOCK);
		if (gone)
			unlock_all(r.f.be);
		atomic_store(&skew, t.stale + MS);
		CHECK_EQ(repo_save(r.f.repo, BACKEND_SNAPSHOT, "{}", 2, &id, &err),
			gone ? ERR_IO : 0);
		CHECK_EQ(fixture_count(r.f.be, BACKEND_SNAPSHOT), !gone);
		CHECK_EQ(atomic_load(&r.lost), gone);
		CHECK(gone || refreshed(&r));
		lock_release(l);
		CHECK_EQ(locks(&r), 0);
		fixture_release(&r.f);
	}
}

static int save_index(struct run *r, struct err *err)
{
	struct blob b = {.id = fixture_id(3), .type = BLOB_DATA, .length = 100, .plain = 200};
	struct repo_pack p = {.id = fixture_id(4), .blobs = 1};

	err_clear(err);
	return repo_save_index(r->f.repo, &p, 1, &b, err);
}

/* Only what begins with a lock and ends with it is published: index files and snapshots, and
 * nothing else is kept back. */
TEST(nothing_is_published_without_the_lock)
{
	for (int late = 0; late < 2; late++) {
		struct lock_timing slow = fast;
		struct weak *w = weak_new();
		struct run r;
		struct err err = {0};
		struct lock *l;
		struct id id;

		slow.refresh = slow.give_up = 100000 * MS;
		start(&r, &w->b);
		REQUIRE(lock_acquire(r.f.repo, &r.who, false, 0, &slow, on_lost, &r, &l, &err) ==
			0);
		CHECK_EQ(save_index(&r, &err), 0);
		CHECK_EQ(repo_save(r.f.repo, BACKEND_SNAPSHOT, "{}", 2, &id, &err), 0);
		if (late)
			atomic_store(&w->unlock, true);
		else
			unlock_all(r.f.be);
		CHECK_EQ(save_index(&r, &err), ERR_IO);
		CHECK(strstr(err.msg, "lock is lost: somebody has removed it") != NULL);
		CHECK_EQ(repo_save(r.f.repo, BACKEND_SNAPSHOT, "{ }", 3, &id, &err), ERR_IO);
		CHECK_EQ(fixture_count(r.f.be, BACKEND_INDEX), 1);
		CHECK_EQ(fixture_count(r.f.be, BACKEND_SNAPSHOT), 1);
		CHECK_EQ(atomic_load(&r.lost), 1);
		lock_release(l);
		CHECK_EQ(save_index(&r, &err), 0); /* who has no lock is not asked for one */
		fixture_release(&r.f);
	}
}

/* What a server does not find once is looked for again, and in the listing: only when all agree is
 * it believed. */
TEST(a_lock_that_is_not_found_once_is_not_lost)
{
	static const struct {
		int blind, unlisted;
		int code;
	} row[] = {{1, 0, 0}, {2, 0, 0}, {3, 1000, ERR_NOTFOUND}, {1, 1000, 0}, {4, 0, ERR_IO},
		{3, 0, 0}, {2, 1, ERR_NOTFOUND}};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct lock_timing slow = fast;
		struct weak *w = weak_new();
		int64_t before;
		struct run r;
		struct err err = {0};
		struct lock *l;

		slow.refresh = slow.give_up = 100000 * MS;
		start(&r, &w->b);
		REQUIRE(lock_acquire(r.f.repo, &r.who, false, 0, &slow, on_lost, &r, &l, &err) ==
			0);
		atomic_store(&w->blind, row[i].blind);
		atomic_store(&w->unlisted, row[i].unlisted);
		before = clock_mono(clock_real());
		CHECK_EQ(lock_check(l, &err), row[i].code);
		CHECK(clock_mono(clock_real()) - before >= slow.again);
		CHECK_EQ(atomic_load(&r.lost), row[i].code == ERR_NOTFOUND);
		atomic_store(&w->blind, 0);
		atomic_store(&w->unlisted, 0);
		lock_release(l);
		CHECK_EQ(locks(&r), 0);
		fixture_release(&r.f);
	}
}

TEST(a_refresh_survives_one_odd_answer)
{
	struct weak *w = weak_new();
	struct run r;
	struct err err = {0};
	struct lock *l;

	start(&r, &w->b);
	REQUIRE(acquire(&r, &r.who, false, 0, &l, &err) == 0);
	for (int i = 0; i < 3; i++) {
		first_lock = fixture_first(w->inner, BACKEND_LOCK);
		atomic_store(&w->blind, 1);
		wait_for(refreshed, &r);
	}
	CHECK_EQ(atomic_load(&r.lost), 0);
	lock_release(l);
	CHECK_EQ(locks(&r), 0);
	fixture_release(&r.f);
}

TEST(strange_lock_files)
{
	struct run r;
	struct err err;
	struct lock *l;
	struct id empty = fixture_id(1), junk = fixture_id(2);
	size_t n;

	start(&r, backend_mem_new());
	REQUIRE(backend_put(r.f.be, BACKEND_LOCK, &empty, "", 0, NULL) == 0);
	/* restic leaves these when a disk is full */
	CHECK_EQ(acquire(&r, &r.who, true, 0, &l, &err), 0);
	lock_release(l);
	REQUIRE(backend_put(r.f.be, BACKEND_LOCK, &junk, "junk", 4, NULL) == 0);
	CHECK_EQ(acquire(&r, &r.who, false, 0, &l, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "a_backup unlock --remove-all"));
	CHECK_EQ(lock_unlock(r.f.repo, &r.who, false, &n, &err), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(lock_unlock(r.f.repo, &r.who, true, &n, &err), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(acquire(&r, &r.who, true, 0, &l, &err), 0);
	lock_release(l);
	fixture_release(&r.f);
}

static bool exists(struct run *r, const struct id *id)
{
	uint64_t size;

	return backend_stat(r->f.be, BACKEND_LOCK, id, &size, NULL) == 0;
}

TEST(unlock_removes_stale_locks_only)
{
	struct lock_owner dead = {"here", "me", 0, 0, 0}, us = {"here", "me", 0, 0, 0},
			  far = {"elsewhere", "me", 0, 0, 0};
	struct id old, young, future, of_dead, of_us, odd, of_init;
	struct run r;
	struct err err = {0};
	size_t n;
	pid_t child = fork();

	if (!child)
		_exit(0);
	REQUIRE(child > 0);
	while (kill(child, 0) == 0)
		waitpid(child, NULL, 0);
	dead.pid = far.pid = (uint64_t)child;
	us.pid = (uint64_t)getpid();
	start(&r, backend_mem_new());
	old = put_lock(&r, &r.other, 1801, true);
	young = put_lock(&r, &far, 1700, false); /* a pid says nothing about another host */
	future = put_lock(&r, &far, -9999, false);
	of_dead = put_lock(&r, &dead, 0, false);
	of_us = put_lock(&r, &us, 0, false);
	us.pid = UINT64_MAX;
	odd = put_lock(&r, &us, 0, false);
	us.pid = 1; /* lives, also when we may not signal it */
	of_init = put_lock(&r, &us, 0, false);
	CHECK_EQ(lock_unlock(r.f.repo, &r.who, false, &n, &err), 0);
	CHECK_EQ(n, 2);
	CHECK(!exists(&r, &old) && !exists(&r, &of_dead));
	CHECK(exists(&r, &young) && exists(&r, &future) && exists(&r, &of_us) && exists(&r, &odd) &&
		exists(&r, &of_init));
	fixture_release(&r.f);
}

struct racer {
	struct run *r;
	const struct lock_owner *who;
	struct lock *l;
	struct err err;
	int rc;
};

static void *race(void *arg)
{
	struct racer *x = arg;

	x->rc = lock_acquire(x->r->f.repo, x->who, true, 0, &fast, NULL, NULL, &x->l, &x->err);
	return NULL;
}

TEST(two_exclusive_ones_never_both_win)
{
	for (int i = 0; i < 30; i++) {
		struct run r;
		struct racer a = {.r = &r, .who = &r.who}, b = {.r = &r, .who = &r.other};
		pthread_t t;

		start(&r, backend_mem_new());
		REQUIRE(pthread_create(&t, NULL, race, &a) == 0);
		if (i % 2)
			clock_sleep(clock_real(), i * MS / 20);
		race(&b);
		pthread_join(t, NULL);
		CHECK(a.rc != 0 || b.rc != 0);
		CHECK(a.rc == 0 || a.rc == ERR_LOCKED);
		CHECK(b.rc == 0 || b.rc == ERR_LOCKED);
		lock_release(a.l);
		lock_release(b.l);
		CHECK_EQ(locks(&r), 0);
		fixture_release(&r.f);
	}
}

/* The thread hangs in the store: another one removes what we have written, the file that is being
 * written too. */
TEST(a_rescue_removes_the_lock)
{
	struct rescue *rescue = rescue_new();
	struct weak *w = weak_new();
	struct backend_op *op;
	struct run r;
	struct err err;
	struct lock *l;

	start(&r, &w->b);
	r.f.env.rescue = rescue;
	REQUIRE(acquire(&r, &r.who, false, 0, &l, &err) == 0);
	CHECK(!rescue_empty(rescue));
	atomic_store(&w->hang, true);
	while (!(op = atomic_load(&w->hung)))
		clock_sleep(clock_real(), MS);
	REQUIRE(backend_put(w->inner, op->type, &op->name, op->data, op->size, NULL) == 0);
	CHECK_EQ(locks(&r), 2);
	CHECK_EQ(rescue_run(rescue, RESCUE_LOCK), 1);
	CHECK_EQ(locks(&r), 0);
	err_set(&op->err, ERR_IO, "late");
	op->done(op);
	lock_release(l);
	CHECK(rescue_empty(rescue));
	rescue_free(rescue);
	fixture_release(&r.f);
}
