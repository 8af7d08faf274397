#include "base/loop.h"
#include "base/clock.h"
#include "unit/check.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static int64_t now(void)
{
	return clock_mono(clock_real());
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct item {
	struct task task;
	struct loop *loop;
	int number;
};

static int seen[100], n_seen;

static void note(struct task *t)
{
	seen[n_seen++] = task_of(t, struct item, task)->number;
}

static void note_and_post_again(struct task *t)
{
	struct item *i = task_of(t, struct item, task);

	note(t);
	t->done = note;
	loop_post(i->loop, t);
}

static void note_and_run(struct task *t)
{
	note(t);
	loop_run(task_of(t, struct item, task)->loop);
	seen[n_seen++] = -1;
}

TEST(order)
{
	struct loop *l = loop_new();
	struct item item[5];

	n_seen = 0;
	for (int i = 0; i < 5; i++) {
		item[i] = (struct item){.task.done = i == 1 ? note_and_post_again : note,
			.loop = l,
			.number = i};
		loop_post(l, &item[i].task);
	}
	CHECK_EQ(loop_run(l), 5);
	CHECK_EQ(n_seen, 5);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(seen[i], i);
	/* What a task posts runs in the next round. */
	loop_wait(l, -1);
	CHECK_EQ(loop_run(l), 1);
	CHECK_EQ(seen[5], 1);
	CHECK_EQ(loop_run(l), 0);
	loop_free(l);
	loop_free(NULL);
}

TEST(nested_run_keeps_the_order)
{
	struct loop *l = loop_new();
	struct item item[4];

	n_seen = 0;
	for (int i = 0; i < 4; i++) {
		item[i] = (struct item){.task.done = i == 1 ? note_and_run : note,
			.loop = l,
			.number = i};
		loop_post(l, &item[i].task);
	}
	loop_run(l);
	CHECK_EQ(n_seen, 5);
	CHECK_EQ(seen[0], 0);
	CHECK_EQ(seen[1], 1);
	CHECK_EQ(seen[2], 2);
	CHECK_EQ(seen[3], 3);
	CHECK_EQ(seen[4], -1);
	loop_free(l);
}

TEST(wait_times_out_without_spinning)
{
	struct loop *l = loop_new();
	int64_t start = now(), cpu = cpu_ns();

	loop_wait(l, 50 * MS);
	CHECK(now() - start >= 50 * MS);
	CHECK(cpu_ns() - cpu < 20 * MS);
	start = now();
	loop_wait(l, 0);
	CHECK(now() - start < 5000 * MS);
	loop_free(l);
}

TEST(timers)
{
	struct loop *l = loop_new();
	struct item item[6];
	/* far enough apart for a busy machine */
	static const int64_t after[] = {300, 100, 200, 100, 5000, 50};
	static const int want[] = {5, 1, 3, 2, 0};
	int64_t start = now();

	n_seen = 0;
	for (int i = 0; i < 6; i++) {
		item[i] = (struct item){.task.done = note, .loop = l, .number = i};
		loop_after(l, after[i] * MS, &item[i].task);
	}
	CHECK(loop_cancel(l, &item[4].task));
	CHECK(!loop_cancel(l, &item[4].task));
	while (n_seen < 5) {
		loop_wait(l, -1);
		loop_run(l);
	}
	CHECK(now() - start >= 300 * MS);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(seen[i], want[i]);
	CHECK(!loop_cancel(l, &item[0].task));
	loop_free(l);
}

TEST(many_timers_and_cancels)
{
	enum { N = 500 };
	static struct item item[N];
	/* when each is due: this thread may be kept waiting at any point */
	static int64_t earliest[N], latest[N];
	struct loop *l = loop_new();
	int left = 0;

	n_seen = 0;
	for (int i = 0; i < N; i++) {
		const int64_t delay = (i * 7919 % N) * MS;

		item[i] = (struct item){.task.done = note, .loop = l, .number = i};
		earliest[i] = now() + delay;
		loop_after(l, delay, &item[i].task);
		latest[i] = now() + delay;
	}
	for (int i = 0; i < N; i++)
		if (i * 7919 % N >= 60)
			CHECK(loop_cancel(l, &item[i].task));
		else
			left++;
	while (n_seen < left) {
		loop_wait(l, -1);
		loop_run(l);
	}
	for (int i = 1; i < n_seen; i++)
		CHECK(earliest[seen[i - 1]] <= latest[seen[i]]);
	loop_free(l);
}

static struct loop *signalled;

static void on_alarm(int sig)
{
	(void)sig;
	loop_poke(signalled);
}

TEST(poke_from_a_signal_handler)
{
	struct itimerval in = {.it_value = {.tv_usec = 20000}};
	struct loop *l = loop_new();
	int64_t start;

	signalled = l;
	signal(SIGALRM, on_alarm);
	start = now();
	setitimer(ITIMER_REAL, &in, NULL);
	loop_wait(l, 60000 * MS);
	CHECK(now() - start < 30000 * MS);
	CHECK(now() - start >= 15 * MS);
	/* A poke before the wait counts, also with a loop_run in between. */
	loop_poke(l);
	loop_run(l);
	start = now();
	loop_wait(l, 60000 * MS);
	CHECK(now() - start < 30000 * MS);
	/* And only once. */
	start = now();
	loop_wait(l, 30 * MS);
	CHECK(now() - start >= 30 * MS);
	signal(SIGALRM, SIG_DFL);
	loop_free(l);
}

enum { POSTERS = 3, EACH = 3000 };
static struct item post_items[POSTERS][EACH];
static int next_of[POSTERS];
static size_t arrived;

static void arrive(struct task *t)
{
	int number = task_of(t, struct item, task)->number;

	CHECK_EQ(next_of[number / EACH]++, number % EACH);
	arrived++;
}

static void *poster(void *arg)
{
	struct item *items = arg;

	for (int i = 0; i < EACH; i++) {
		loop_post(items[i].loop, &items[i].task);
		if (i % 256 == 0)
			usleep(100);
	}
	return NULL;
}

TEST(posters)
{
	struct loop *l = loop_new();
	pthread_t t[POSTERS];

	for (int p = 0; p < POSTERS; p++)
		for (int i = 0; i < EACH; i++)
			post_items[p][i] = (struct item){.task.done = arrive,
				.loop = l,
				.number = p * EACH + i};
	for (int p = 0; p < POSTERS; p++)
		REQUIRE(pthread_create(&t[p], NULL, poster, post_items[p]) == 0);
	while (arrived < POSTERS * EACH) {
		loop_wait(l, -1);
		loop_run(l);
	}
	for (int p = 0; p < POSTERS; p++)
		pthread_join(t[p], NULL);
	CHECK_EQ(arrived, POSTERS * EACH);
	loop_free(l);
}
