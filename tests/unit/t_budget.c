#include "base/budget.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

TEST(bounds)
{
	struct budget *b = budget_new(100);

	budget_take(b, 60);
	CHECK(!budget_try(b, 41));
	CHECK(budget_try(b, 40));
	CHECK_EQ(budget_used(b), 100);
	CHECK(!budget_try(b, 1));
	CHECK(budget_try(b, 0));
	budget_give(b, 100);
	/* Larger than all: only alone. */
	CHECK(budget_try(b, 500));
	CHECK(!budget_try(b, 1));
	budget_give(b, 500);
	CHECK(budget_try(b, 1));
	CHECK(!budget_try(b, 500));
	budget_give(b, 1);
	CHECK_EQ(budget_used(b), 0);
	budget_free(b);
	budget_free(NULL);
}

static atomic_size_t out, worst;

static void *taker(void *arg)
{
	struct budget *b = arg;

	for (size_t i = 0; i < 2000; i++) {
		size_t n = 1 + (i * 7919) % 60, now, seen;

		budget_take(b, n);
		now = atomic_fetch_add(&out, n) + n;
		for (seen = atomic_load(&worst);
			now > seen && !atomic_compare_exchange_weak(&worst, &seen, now);)
			;
		atomic_fetch_sub(&out, n);
		budget_give(b, n);
	}
	return NULL;
}

TEST(threads_never_exceed_it)
{
	struct budget *b = budget_new(100);
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		REQUIRE(pthread_create(&t[i], NULL, taker, b) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(budget_used(b), 0);
	CHECK(atomic_load(&worst) <= 100);
	CHECK(atomic_load(&worst) > 0);
	budget_free(b);
}

static void *large(void *arg)
{
	budget_take(arg, 1000);
	return arg;
}

TEST(give_wakes_a_large_taker)
{
	struct budget *b = budget_new(10);
	pthread_t t;
	void *got;

	budget_take(b, 5);
	REQUIRE(pthread_create(&t, NULL, large, b) == 0);
	usleep(5000);
	budget_give(b, 5);
	pthread_join(t, &got);
	CHECK(got == b);
	CHECK_EQ(budget_used(b), 1000);
	budget_free(b);
}
