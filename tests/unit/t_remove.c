#include "repo/remove.h"
#include "lib/stores.h"
#include "repo/repo_priv.h"
#include "unit/repo_fixture.h"

#define FILES 150 /* more than two batches */

struct seen {
	bool gone[FILES], kept[FILES];
	size_t next; /* they are told in their order */
	atomic_int asked, allowed, stop_after;
};

static void told(void *arg, size_t i, const struct err *failed)
{
	struct seen *s = arg;

	REQUIRE(i < FILES);
	CHECK(i >= s->next);
	s->next = i + 1;
	*(failed ? &s->kept[i] : &s->gone[i]) = true;
}

static bool stop(void *arg)
{
	struct seen *s = arg;

	return atomic_fetch_sub(&s->stop_after, 1) <= 0;
}

static int guard(void *arg, struct err *err)
{
	struct seen *s = arg;

	atomic_fetch_add(&s->asked, 1);
	return atomic_fetch_sub(&s->allowed, 1) > 0
		       ? 0
		       : err_set(err, ERR_NOTFOUND, "the lock is gone");
}

static void fill(struct fixture *f, struct id *id)
{
	for (size_t i = 0; i < FILES; i++) {
		id[i] = fixture_id(i);
		REQUIRE(!backend_put(f->be, BACKEND_SNAPSHOT, &id[i], "x", 1, NULL));
	}
}

TEST(all_of_them)
{
	struct seen s = {.allowed = 1000, .stop_after = 1000};
	struct remove_events ev = {.told = told, .stop = stop, .arg = &s};
	struct id id[FILES];
	struct fixture f;

	fixture_init(&f, 2);
	repo_guard(f.repo, guard, &s);
	fill(&f, id);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, FILES - 1, &ev, NULL), 0);
	CHECK_EQ(fixture_count(f.be, BACKEND_SNAPSHOT), 1);
	for (size_t i = 0; i < FILES; i++)
		CHECK(s.gone[i] == (i < FILES - 1) && !s.kept[i]);
	CHECK_EQ(s.asked, 3);
	/* What is not there any more is removed. */
	s.next = 0;
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, FILES, &ev, NULL), 0);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, 0, &ev, NULL), 0);
	CHECK_EQ(fixture_count(f.be, BACKEND_SNAPSHOT), 0);
	fixture_release(&f);
}

/* Without the lock nothing more is removed, and nobody hears of the rest. */
TEST(not_without_the_lock)
{
	struct seen s = {.allowed = 1};
	struct remove_events ev = {.told = told, .arg = &s};
	struct id id[FILES];
	struct fixture f;
	struct err err = {0};
	size_t gone = 0;

	fixture_init(&f, 2);
	repo_guard(f.repo, guard, &s);
	fill(&f, id);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, FILES, &ev, &err), ERR_IO);
	CHECK_STR(err.msg, "the lock is gone");
	for (size_t i = 0; i < FILES; i++) {
		gone += s.gone[i];
		CHECK(!s.kept[i]);
	}
	CHECK(gone > 0 && gone < FILES);
	CHECK_EQ(fixture_count(f.be, BACKEND_SNAPSHOT), FILES - gone);
	fixture_release(&f);
}

TEST(stopped)
{
	struct seen s = {.stop_after = 70};
	struct remove_events ev = {.told = told, .stop = stop, .arg = &s};
	struct id id[FILES];
	struct fixture f;
	size_t gone = 0;

	fixture_init(&f, 2);
	fill(&f, id);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, FILES, &ev, NULL), ERR_CANCELLED);
	for (size_t i = 0; i < FILES; i++)
		gone += s.gone[i];
	CHECK_EQ(gone, 70);
	CHECK_EQ(fixture_count(f.be, BACKEND_SNAPSHOT), FILES - 70);
	fixture_release(&f);
}

/* Each is tried, whatever became of the others. */
TEST(some_cannot_be_removed)
{
	struct backend_fault_policy often = {.seed = 5,
		.remove_fail = 300000,
		.permanent = 1000000};
	struct seen s = {0};
	struct remove_events ev = {.told = told, .arg = &s};
	struct id id[FILES];
	struct fixture f;
	size_t gone = 0, kept = 0;

	fixture_env(&f);
	fixture_over(&f, backend_fault_new(backend_mem_new(), &often), 2);
	fill(&f, id);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, FILES, &ev, NULL), 0);
	for (size_t i = 0; i < FILES; i++) {
		gone += s.gone[i];
		kept += s.kept[i];
	}
	CHECK_EQ(gone + kept, FILES);
	CHECK(kept > 10 && gone > 50);
	CHECK(fixture_count(f.be, BACKEND_SNAPSHOT) <= kept);
	fixture_release(&f);
}

/* ---- many with one request ---- */

struct bulk {
	struct backend b;
	struct backend *inner;
	int code;      /* of the answer */
	size_t silent; /* it says nothing of each of this number */
	size_t requests, singly, largest;
};

static struct bulk *bulk_of(struct backend *b)
{
	return (struct bulk *)(void *)b;
}

static int bulk_remove(struct backend *b, enum backend_type t, const struct id *names, size_t n,
	bool *gone, struct err *err)
{
	struct bulk *k = bulk_of(b);

	k->requests++;
	k->largest = n > k->largest ? n : k->largest;
	for (size_t i = 0; i < n && !k->code; i++) {
		gone[i] = !k->silent || i % k->silent;
		if (gone[i])
			backend_remove(k->inner, t, &names[i], NULL);
	}
	return k->code ? err_set(err, k->code, "as told") : 0;
}

static void bulk_start(struct backend *b, struct backend_op *op)
{
	if (op->verb == BACKEND_REMOVE)
		__atomic_add_fetch(&bulk_of(b)->singly, 1, __ATOMIC_RELAXED);
	backend_start(bulk_of(b)->inner, op);
}

static int bulk_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(bulk_of(b)->inner, t, to, err);
}

static void bulk_free(struct backend *b)
{
	backend_free(bulk_of(b)->inner);
}

static const struct backend_vtable bulk_vtable = {.scheme = "bulk",
	.start = bulk_start,
	.list = bulk_list,
	.free = bulk_free,
	.remove_many = bulk_remove};

/* Removes all but the last with these answers; how many were left to be removed one by one. */
static void remove_in_bulk(struct bulk *k, size_t n, size_t requests, size_t singly)
{
	struct seen s = {.allowed = 1000, .stop_after = 100000};
	struct remove_events ev = {.told = told, .stop = stop, .arg = &s};
	struct id id[FILES];
	struct fixture f;

	k->inner = backend_mem_new();
	k->b = *k->inner;
	k->b.vt = &bulk_vtable;
	k->b.removes_many = true;
	fixture_env(&f);
	fixture_over(&f, &k->b, 2);
	repo_guard(f.repo, guard, &s);
	fill(&f, id);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, n, &ev, NULL), 0);
	CHECK_EQ(fixture_count(f.be, BACKEND_SNAPSHOT), FILES - n);
	for (size_t i = 0; i < FILES; i++)
		CHECK(s.gone[i] == (i < n) && !s.kept[i]);
	CHECK_EQ(k->requests, requests);
	CHECK_EQ(k->singly, singly);
	CHECK(s.asked >= 1);
	fixture_release(&f);
}

TEST(many_at_once)
{
	struct bulk all = {.code = 0}, few = {.code = 0}, silent = {.silent = 10},
		    none = {.code = ERR_UNSUPPORTED}, odd = {.code = ERR_ODD};

	remove_in_bulk(&all, FILES - 1, 1, 0);
	CHECK_EQ(all.largest, FILES - 1);
	remove_in_bulk(&few, 5, 0, 5);
	/* What the answer does not call removed is tried by itself. */
	remove_in_bulk(&silent, FILES - 1, 1, (FILES - 1 + 9) / 10);
	/* Where there is no such thing it is asked for once. */
	remove_in_bulk(&none, FILES - 1, 1, FILES - 1);
	remove_in_bulk(&odd, FILES - 1, 1, FILES - 1);
}

/* ---- the lock goes while a batch hangs ---- */

struct stuck {
	struct backend b;
	struct backend *inner;
	struct seen *s;
};

/* Each removal waits until the guards were asked three times. */
static void stuck_start(struct backend *b, struct backend_op *op)
{
	struct stuck *k = (struct stuck *)(void *)b;

	for (int i = 0; op->verb == BACKEND_REMOVE && atomic_load(&k->s->asked) < 3 && i < 10000;
		i++)
		clock_sleep(clock_real(), 1000000);
	backend_start(k->inner, op);
}

static int stuck_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(((struct stuck *)(void *)b)->inner, t, to, err);
}

static void stuck_free(struct backend *b)
{
	backend_free(((struct stuck *)(void *)b)->inner);
}

static const struct backend_vtable stuck_vtable = {.scheme = "stuck",
	.start = stuck_start,
	.list = stuck_list,
	.free = stuck_free};

TEST(the_lock_is_looked_at_meanwhile)
{
	struct seen s = {.allowed = 2, .stop_after = 100000};
	struct remove_events ev = {.told = told, .look_ns = 5000000, .arg = &s};
	struct stuck k = {.inner = backend_mem_new(), .s = &s};
	struct id id[FILES];
	struct err err = {0};
	struct fixture f;

	k.b = *k.inner;
	k.b.vt = &stuck_vtable;
	fixture_env(&f);
	fixture_over(&f, &k.b, 2);
	repo_guard(f.repo, guard, &s);
	fill(&f, id);
	CHECK_EQ(remove_files(f.repo, BACKEND_SNAPSHOT, id, 60, &ev, &err), ERR_IO);
	CHECK_STR(err.msg, "the lock is gone");
	CHECK(s.asked >= 3);
	/* Those under way by then, at most. */
	CHECK(fixture_count(f.be, BACKEND_SNAPSHOT) > FILES - 30);
	fixture_release(&f);
}
