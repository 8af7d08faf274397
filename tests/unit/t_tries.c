#include "backend/decorators.h"
#include "backend/tries.h"
#include "unit/check.h"
#include <string.h>

#define SECOND INT64_C(1000000000)

static int64_t now;

static int64_t mono(void *arg)
{
	(void)arg;
	return now;
}

/* No dice: each wait is half of its step. */
static void zero(void *arg, void *p, size_t n)
{
	(void)arg;
	memset(p, 0, n);
}

static const struct clock still = {.mono_ns = mono};
static const struct rnd none = {.fill = zero};
static const struct env env = {.clock = &still, .rnd = &none};
static const struct backend_retry_policy quarter = {.first_ns = SECOND,
	.max_ns = 60 * SECOND,
	.total_ns = 900 * SECOND};

/* Tries until the end, each of no time; the sum of the waits. */
static int64_t all_waits(int64_t pause, unsigned *n)
{
	struct tries t = {.began = 0, .n = 1};
	int64_t wait;

	now = 0;
	while ((wait = tries_wait(&t, &quarter, &env, pause)) >= 0 && t.n < 1000) {
		now += wait;
		t.n++;
	}
	*n = t.n;
	return now;
}

/* A store that asks for long pauses is tried less often, but for as long. */
TEST(a_pause_does_not_shorten_the_time)
{
	static const int64_t pauses[] = {1, 45, 100, 250, 299, 300, 400, 3600, 86400};
	unsigned n;

	CHECK(all_waits(0, &n) > 840 * SECOND);
	CHECK(n > 25);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		int64_t all = all_waits(pauses[i] * SECOND, &n);

		CHECK(all > 840 * SECOND && all <= 900 * SECOND);
		CHECK(n >= 4);
	}
	all_waits(100 * SECOND, &n);
	CHECK(n <= 11);
}

TEST(the_second_try_always_comes)
{
	struct tries t = {.began = 0, .n = 1};

	now = 2000 * SECOND;
	CHECK_EQ(tries_wait(&t, &quarter, &env, 0), SECOND / 2);
	t.n = 2;
	CHECK_EQ(tries_wait(&t, &quarter, &env, 0), -1);
}
