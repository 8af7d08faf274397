#include "base/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define NS 1000000000

static struct ts real_now(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &t);
	return (struct ts){t.tv_sec, (int32_t)t.tv_nsec};
}

static int64_t real_mono(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

static void real_sleep(void *arg, int64_t ns)
{
	struct timespec t = {ns / NS, ns % NS};

	(void)arg;
	if (ns <= 0)
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

const struct clock *clock_real(void)
{
	static const struct clock c = {.now = real_now,
		.mono_ns = real_mono,
		.sleep_ns = real_sleep};

	return &c;
}

int ts_cmp(const struct ts *a, const struct ts *b)
{
	if (a->sec != b->sec)
		return a->sec < b->sec ? -1 : 1;
	return (a->nsec > b->nsec) - (a->nsec < b->nsec);
}

static void real_fill(void *arg, void *p, size_t n)
{
	char *c = p;

	(void)arg;
	while (n) {
		ssize_t got = getrandom(c, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* Keys from anything weaker would be worse than no backup. */
		if (got <= 0)
			abort();
		c += got;
		n -= (size_t)got;
	}
}

const struct rnd *rnd_real(void)
{
	static const struct rnd r = {.fill = real_fill};

	return &r;
}
