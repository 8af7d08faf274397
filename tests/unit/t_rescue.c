#include "base/rescue.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct seen {
	int order[4];
	int n;
};

static struct seen seen;

static void note(void *arg)
{
	seen.order[seen.n++] = *(int *)arg;
}

TEST(stages_in_their_order_and_each_once)
{
	struct rescue *r = rescue_new();
	int one = 1, two = 2, three = 3;
	struct rescue_item a = {.stage = RESCUE_LOCK, .fn = note, .arg = &one},
			   b = {.stage = RESCUE_INDEX, .fn = note, .arg = &two},
			   c = {.stage = RESCUE_INDEX, .fn = note, .arg = &three};

	seen.n = 0;
	CHECK(rescue_empty(r));
	rescue_add(r, &a);
	rescue_add(r, &b);
	rescue_add(r, &c);
	rescue_drop(r, &c);
	CHECK(!rescue_empty(r));
	CHECK_EQ(rescue_run(r, RESCUE_INDEX), 1);
	CHECK_EQ(rescue_run(r, RESCUE_INDEX), 0);
	CHECK_EQ(rescue_run(r, RESCUE_LOCK), 1);
	REQUIRE(seen.n == 2);
	CHECK_EQ(seen.order[0], 2);
	CHECK_EQ(seen.order[1], 1);
	rescue_drop(r, &a);
	rescue_drop(r, &b);
	CHECK(rescue_empty(r));
	rescue_free(r);
}

TEST(nobody_rescues)
{
	struct rescue_item a = {.fn = note};

	rescue_add(NULL, &a);
	rescue_drop(NULL, &a);
	rescue_free(NULL);
}

static atomic_bool begun, ended;

static void slowly(void *arg)
{
	struct timespec t = {.tv_nsec = 100000000};

	(void)arg;
	atomic_store(&begun, true);
	nanosleep(&t, NULL);
	atomic_store(&ended, true);
}

static void *run(void *arg)
{
	rescue_run(arg, RESCUE_LOCK);
	return NULL;
}

TEST(what_is_being_rescued_is_not_taken_away)
{
	struct rescue *r = rescue_new();
	struct rescue_item a = {.stage = RESCUE_LOCK, .fn = slowly};
	pthread_t t;

	rescue_add(r, &a);
	REQUIRE(pthread_create(&t, NULL, run, r) == 0);
	while (!atomic_load(&begun))
		;
	CHECK_EQ(rescue_run(r, RESCUE_LOCK), 0); /* another thread has it */
	rescue_drop(r, &a);
	CHECK(atomic_load(&ended));
	pthread_join(t, NULL);
	rescue_free(r);
}
