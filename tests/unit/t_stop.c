#include "cmd/stop.h"
#include "engine/stopped.h"
#include "unit/check.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

TEST(a_signal_wakes_a_loop)
{
	struct stop *s = stop_new();
	struct loop *l = loop_new();
	double t;

	stop_add_loop(s, l);
	stop_catch(s);
	CHECK(!stop_requested(s));
	kill(getpid(), SIGTERM);
	t = now();
	loop_wait(l, (int64_t)20000000000);
	CHECK(now() - t < 10);
	CHECK(stop_requested(s) && stop_signalled(s));
	/* Another one soon after is no second thought of the user. */
	kill(getpid(), SIGINT);
	stop_drop_loop(s, l);
	loop_free(l);
	stop_free(s);
}

static void *request(void *s)
{
	usleep(50000);
	stop_request(s);
	return NULL;
}

TEST(a_request_ends_a_sleep)
{
	struct stop *s = stop_new();
	pthread_t thread;
	double t = now();

	stop_catch(s);
	CHECK(!stop_sleep(s, 1000000));
	pthread_create(&thread, NULL, request, s);
	CHECK(stop_sleep(s, (int64_t)20000000000));
	CHECK(now() - t < 10);
	CHECK(!stop_signalled(s));
	pthread_join(thread, NULL);
	stop_free(s);
}

/* There is time to try again; but a signal is stronger, and is not taken back. */
TEST(winding_up)
{
	struct stop *s = stop_new();

	stop_wind_up(s);
	CHECK(stop_requested(s) && !stop_signalled(s));
	CHECK_EQ(*stop_flag(s), ENGINE_WIND_UP);
	stop_request(s);
	CHECK_EQ(*stop_flag(s), ENGINE_STOP);
	stop_wind_up(s);
	CHECK_EQ(*stop_flag(s), ENGINE_STOP);
	stop_free(s);
}

/* What nohup asked for stays. */
TEST(an_ignored_signal_stays_ignored)
{
	struct stop *s;

	signal(SIGHUP, SIG_IGN);
	s = stop_new();
	stop_catch(s);
	kill(getpid(), SIGHUP);
	CHECK(!stop_requested(s));
	stop_free(s);
	signal(SIGHUP, SIG_DFL);
}
