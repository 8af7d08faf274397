#include "base/rescue.h"
#include "cmd/stop.h"
#include "base/stopped.h"
#include "unit/check.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
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
TEST(ending_early)
{
	struct stop *s = stop_new();

	stop_early(s, STOP_TOKEN, 5);
	CHECK_EQ(*stop_early_ns(s), 5);
	CHECK_EQ(stop_why(s), STOP_TOKEN);
	CHECK(stop_requested(s) && !stop_signalled(s));
	CHECK_EQ(*stop_flag(s), STOPPED_EARLY);
	stop_told(s);
	CHECK_EQ(*stop_flag(s), STOPPED_SIGNAL);
	stop_early(s, STOP_TIME, 7);
	CHECK_EQ(*stop_early_ns(s), 5);
	CHECK_EQ(stop_why(s), STOP_TOKEN);
	CHECK_EQ(*stop_flag(s), STOPPED_SIGNAL);
	stop_lost(s);
	stop_request(s);
	CHECK_EQ(*stop_flag(s), STOPPED_LOST);
	stop_free(s);
}

TEST(time_to_store_what_is_begun)
{
	struct stop *s = stop_new();

	CHECK_EQ(stop_drain_ns(s), 7500000000); /* of 20 s, 5 of which are for giving up */
	stop_limit(s, 2000000000);
	CHECK_EQ(stop_drain_ns(s), 500000000);
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

#define S 1000000000LL

static int said[2];

static void say(void *arg, int code)
{
	const char c = (char)code;

	(void)arg;
	if (write(said[1], &c, 1) != 1)
		abort();
}

static void rescued(void *arg)
{
	if (write(said[1], arg, 1) != 1)
		abort();
}

static void hangs(void *arg)
{
	rescued(arg);
	for (;;)
		pause();
}

struct life {
	int64_t limit;
	int sig[3];   /* 0: the program's own request */
	double at[3]; /* seconds after the last; < 0: none */
	bool hangs, follows;
	int code;           /* of its end */
	double least, most; /* seconds from the first signal to its end */
	const char *says;   /* NULL: that depends: ThreadSanitizer takes a second to end */
};

static void live(const struct life *l)
{
	struct stop *s = stop_new();
	struct rescue_item index = {.stage = RESCUE_INDEX,
				   .fn = l->hangs ? hangs : rescued,
				   .arg = (void *)(uintptr_t) "i"},
			   lock = {.stage = RESCUE_LOCK,
				   .fn = rescued,
				   .arg = (void *)(uintptr_t) "l"};

	if (!l->follows) {
		rescue_add(stop_rescue(s), &index);
		rescue_add(stop_rescue(s), &lock);
		stop_last_words(s, say, NULL);
	} else {
		stop_follow(s);
	}
	stop_limit(s, l->limit);
	stop_catch(s);
	for (int i = 0; i < 3 && l->at[i] >= 0; i++) {
		usleep((useconds_t)(l->at[i] * 1e6));
		if (l->sig[i])
			kill(getpid(), l->sig[i]);
		else
			stop_request(s);
	}
	for (;;)
		pause();
}

/* The main thread never comes back: in its limit the process puts in order what it can, says so and
 * ends. */
TEST(an_end_that_takes_too_long)
{
	static const struct life lives[] = {
		{4 * S, {SIGTERM}, {0, -1}, false, false, 130, 2.0, 4.2, "il\202"},
		{4 * S, {SIGUSR1}, {0, -1}, true, false, 130, 2.0, 4.2, "il\202"},
		{4 * S, {0}, {0, -1}, false, false, 1, 2.0, 4.2, "il\1"},
		{4 * S, {SIGTERM}, {0, -1}, false, true, 130, 3.5, 4.5, ""},
		{99 * S, {SIGTERM, SIGINT}, {0, 2.1, -1}, false, false, 130, 2.1, 7.1, "il\202"},
		{99 * S, {SIGTERM, SIGINT, SIGTERM}, {0, 0.3, 2.0}, true, false, 130, 2.3, 7.3,
			"il\202"},
		{99 * S, {SIGTERM, SIGTERM, SIGTERM}, {0, 2.1, 1.1}, true, false, 130, 3.1, 3.6,
			NULL},
	};
	enum { N = sizeof(lives) / sizeof(*lives) };
	double began[N];
	int out[N];
	pid_t pid[N];

	for (int i = 0; i < N; i++) {
		REQUIRE(pipe(said) == 0);
		began[i] = now();
		pid[i] = fork();
		REQUIRE(pid[i] >= 0);
		if (!pid[i])
			live(&lives[i]);
		close(said[1]);
		out[i] = said[0];
	}
	for (int left = N; left;) {
		char got[8] = "";
		int status, i = 0;
		pid_t p = wait(&status);

		REQUIRE(p > 0);
		while (pid[i] != p)
			i++;
		left--;
		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), lives[i].code);
		CHECK(now() - began[i] >= lives[i].least - 0.05);
		CHECK(now() - began[i] < lives[i].most + 1.5); /* a busy machine */
		CHECK(read(out[i], got, sizeof(got) - 1) >= 0);
		if (lives[i].says)
			CHECK_STR(got, lives[i].says);
		close(out[i]);
	}
}

/* All that ask for an end by default; but one that somebody has a use for is left to him. */
static void somebodys(int sig)
{
	(void)sig;
}

TEST(which_signals)
{
	const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM,
		SIGVTALRM, SIGPROF, SIGPWR, SIGIO, SIGRTMIN, SIGRTMAX};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		struct stop *s = stop_new();

		stop_catch(s);
		kill(getpid(), sigs[i]);
		CHECK(stop_sleep(s, 20 * S));
		CHECK(stop_signalled(s));
		stop_free(s);
	}
	signal(SIGPROF, somebodys);
	struct stop *s = stop_new();

	stop_catch(s);
	kill(getpid(), SIGPROF);
	CHECK(!stop_requested(s));
	stop_free(s);
	signal(SIGPROF, SIG_DFL);
}

TEST(another_rank_was_stopped)
{
	struct stop *s = stop_new();

	stop_told(s);
	CHECK(stop_requested(s) && stop_signalled(s));
	stop_free(s);
	s = stop_new();
	stop_request(s); /* for a reason of its own, which stands */
	stop_told(s);
	CHECK(!stop_signalled(s));
	stop_free(s);
}
