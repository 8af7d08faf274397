#include "base/clock.h"
#include "base/thread.h"
#include "check.h"
#include <errno.h>
#include <signal.h>

static void *mask_of(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

TEST(takes_no_signals)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	static const int others[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD};
	sigset_t before, after, mask;
	pthread_t t;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	REQUIRE(!thread_start(&t, mask_of, &mask));
	pthread_join(t, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		CHECK(!sigismember(&mask, faults[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		CHECK(sigismember(&mask, others[i]));
		CHECK_EQ(sigismember(&after, others[i]), sigismember(&before, others[i]));
	}
}

struct meeting {
	pthread_mutex_t m;
	pthread_cond_t c;
	int64_t wait;
	int rc;
};

static void *waits(void *arg)
{
	struct meeting *w = arg;

	pthread_mutex_lock(&w->m);
	w->rc = thread_cond_wait(&w->c, &w->m, w->wait);
	pthread_mutex_unlock(&w->m);
	return NULL;
}

TEST(waits_so_long)
{
	static const int64_t times[] = {0, 1000000, 999999999};
	struct meeting w = {.m = PTHREAD_MUTEX_INITIALIZER};

	thread_cond_init(&w.c);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t from = clock_mono(clock_real());

		w.wait = times[i];
		waits(&w);
		CHECK_EQ(w.rc, ETIMEDOUT);
		CHECK(clock_mono(clock_real()) - from >= times[i]);
	}
	pthread_cond_destroy(&w.c);
}

TEST(is_woken)
{
	struct meeting w = {.m = PTHREAD_MUTEX_INITIALIZER, .wait = INT64_C(600000000000)};
	struct timespec pause = {.tv_nsec = 1000000};
	pthread_t t;

	thread_cond_init(&w.c);
	w.rc = -1;
	REQUIRE(!thread_start(&t, waits, &w));
	for (int rc = -1; rc < 0; nanosleep(&pause, NULL)) {
		pthread_mutex_lock(&w.m);
		rc = w.rc;
		pthread_cond_signal(&w.c);
		pthread_mutex_unlock(&w.m);
	}
	pthread_join(t, NULL);
	CHECK_EQ(w.rc, 0);
	pthread_cond_destroy(&w.c);
}
