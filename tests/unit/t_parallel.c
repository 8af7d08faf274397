#include "repo/parallel.h"
#include "unit/repo_fixture.h"
#include <pthread.h>

struct run {
	pthread_mutex_t lock;
	size_t calls, at_once, most, failed;
	size_t calls_then; /* when it failed */
	struct id bad;
	int answer;
};

static int work(void *arg, const struct id *id, struct err *err)
{
	struct run *r = arg;

	pthread_mutex_lock(&r->lock);
	r->calls++;
	if (++r->at_once > r->most)
		r->most = r->at_once;
	pthread_mutex_unlock(&r->lock);
	clock_sleep(clock_real(), 500000);
	pthread_mutex_lock(&r->lock);
	r->at_once--;
	pthread_mutex_unlock(&r->lock);
	return id_equal(id, &r->bad) ? err_set(err, ERR_INVALID, "bad") : 0;
}

static int failed(void *arg, const struct id *id, const struct err *e)
{
	struct run *r = arg;

	CHECK(id_equal(id, &r->bad));
	CHECK_EQ(e->code, ERR_INVALID);
	r->failed++;
	pthread_mutex_lock(&r->lock);
	r->calls_then = r->calls;
	pthread_mutex_unlock(&r->lock);
	return r->answer;
}

TEST(all_files_once_and_several_at_a_time)
{
	static const size_t count[] = {0, 1, 2, 60};

	for (size_t i = 0; i < 4; i++) {
		struct run r = {.lock = PTHREAD_MUTEX_INITIALIZER};
		struct err err = {0};
		struct fixture f;

		fixture_init(&f, 2);
		for (size_t k = 0; k < count[i]; k++) {
			struct id id = fixture_id(k);

			REQUIRE(backend_put(f.be, BACKEND_INDEX, &id, "x", 1, NULL) == 0);
		}
		CHECK_EQ(parallel_files(f.repo, BACKEND_INDEX, work, failed, &r, &err), 0);
		CHECK_EQ(r.calls, count[i]);
		CHECK_EQ(r.failed, 0);
		if (count[i] == 60)
			CHECK_EQ(r.most, 3); /* readers; the store would take four */
		fixture_release(&f);
	}
}

TEST(a_failure_is_the_callers_to_judge)
{
	for (int answer = 0; answer >= ERR_INVALID; answer += ERR_INVALID) {
		struct run r = {.lock = PTHREAD_MUTEX_INITIALIZER, .answer = answer};
		struct err err = {0};
		struct fixture f;

		fixture_init(&f, 2);
		for (uint64_t k = 0; k < 200; k++) {
			struct id id = fixture_id(k);

			if (k == 0)
				r.bad = id;
			REQUIRE(backend_put(f.be, BACKEND_INDEX, &id, "x", 1, NULL) == 0);
			if (id_cmp(&id, &r.bad) < 0)
				r.bad = id; /* the first in order */
		}
		CHECK_EQ(parallel_files(f.repo, BACKEND_INDEX, work, failed, &r, &err), answer);
		CHECK_EQ(err.code, answer);
		CHECK_EQ(r.failed, 1);
		/* The two others may have begun one each by then, and begin no more. */
		if (answer)
			CHECK(r.calls <= r.calls_then + 2);
		else
			CHECK_EQ(r.calls, 200);
		fixture_release(&f);
	}
}

static int silent(void *arg, const struct id *id, struct err *err)
{
	(void)arg;
	(void)id;
	(void)err;
	return ERR_IO;
}

static int failed_io(void *arg, const struct id *id, const struct err *e)
{
	(void)id;
	CHECK_EQ(e->code, ERR_IO);
	++*(int *)arg;
	return e->code;
}

TEST(a_failure_without_a_sentence_is_one)
{
	struct fixture f;
	struct err err = {0};
	struct id id = fixture_id(1);
	int n = 0;

	fixture_init(&f, 2);
	REQUIRE(backend_put(f.be, BACKEND_INDEX, &id, "x", 1, NULL) == 0);
	CHECK_EQ(parallel_files(f.repo, BACKEND_INDEX, silent, failed_io, &n, &err), ERR_IO);
	CHECK_EQ(n, 1);
	fixture_release(&f);
}
