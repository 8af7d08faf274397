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
