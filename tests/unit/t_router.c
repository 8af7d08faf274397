#include "ranks/router.h"
#include "lib/hand.h"
#include "unit/check.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAG  ROUTER_ENGINE
#define TAG2 (ROUTER_ENGINE + 1)

struct seen {
	char text[64]; /* first bytes of the messages, in order */
	struct router *r;
	bool stop;
};

static void see(void *arg, struct comm_msg *m)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	REQUIRE(n + 1 < sizeof(s->text) && m->data.len);
	s->text[n] = (char)m->data.p[0];
}

static void say(struct hand *h, int from, int to, unsigned tag, char c)
{
	hand_send(h, from, to, tag, &c, 1);
}

TEST(messages_reach_the_handler_of_their_tag)
{
	struct hand h;
	struct seen a = {.r = NULL}, b = {.r = NULL};

	hand_init(&h, 2);
	CHECK_EQ(router_rank(h.r[1]), 1);
	CHECK_EQ(router_size(h.r[1]), 2);
	CHECK(router_loop(h.r[1]) == h.env[1].loop);
	CHECK(router_env(h.r[1]) == &h.env[1]);
	router_on(h.r[1], TAG, see, &a);
	router_on(h.r[1], TAG2, see, &b);
	say(&h, 0, 1, TAG, 'x');
	say(&h, 0, 1, TAG2, 'y');
	say(&h, 1, 1, TAG, 'z'); /* to oneself */
	CHECK(!router_sent(h.r[0]));
	hand_settle(&h);
	CHECK(router_sent(h.r[0]));
	CHECK_STR(a.text, "xz");
	CHECK_STR(b.text, "y");
	router_on(h.r[1], TAG, NULL, NULL);
	say(&h, 0, 1, TAG, 'n');
	hand_settle(&h);
	router_on(h.r[1], TAG, see, &a);
	hand_settle(&h);
	CHECK_STR(a.text, "xz");
	hand_release(&h);
}

TEST(early_messages_wait_for_their_handler_in_order)
{
	struct hand h;
	struct seen a = {.r = NULL};

	hand_init(&h, 2);
	say(&h, 0, 1, TAG, '1');
	say(&h, 0, 1, TAG, '2');
	say(&h, 0, 1, TAG2, 'n'); /* for ever: release frees it */
	hand_settle(&h);
	router_on(h.r[1], TAG, see, &a);
	CHECK_STR(a.text, "");                           /* not inside router_on */
	router_idle(h.r[1], 3600 * (int64_t)1000000000); /* must not sleep over what is held */
	say(&h, 0, 1, TAG, '3');
	hand_settle(&h);
	CHECK_STR(a.text, "123");
	hand_release(&h);
}

static void open_other(void *arg, struct comm_msg *m)
{
	struct seen *s = arg;

	(void)m;
	router_on(s->r, TAG2, see, s);
}

TEST(what_was_held_comes_before_what_arrives_in_the_same_turn)
{
	struct hand h;
	struct seen s = {.r = NULL};

	hand_init(&h, 2);
	s.r = h.r[1];
	router_on(h.r[1], TAG, open_other, &s);
	say(&h, 0, 1, TAG2, '1');
	say(&h, 0, 1, TAG, 'o');
	say(&h, 0, 1, TAG2, '2');
	hand_settle(&h);
	CHECK_STR(s.text, "12");
	hand_release(&h);
}

TEST(epochs_part_the_messages_of_two_phases)
{
	struct hand h;
	struct seen a = {.r = NULL}, b = {.r = NULL}, x = {.r = NULL};

	hand_init(&h, 3);
	for (int i = 0; i < 3; i++)
		router_open(h.r[i], TAG, see, &x);
	/* Rank 0 is in its second phase already when it writes to 1, who is still in the first. */
	say(&h, 2, 1, TAG, '1');
	router_close(h.r[0], TAG);
	router_open(h.r[0], TAG, see, &x);
	say(&h, 0, 1, TAG, 'A');
	say(&h, 0, 1, TAG, 'B');
	router_open(h.r[1], TAG2, see, &b);
	hand_settle(&h);
	CHECK_STR(x.text, "1");
	/* Rank 2 is late: what it still sends for the first phase is dropped once 1 has left it. */
	router_close(h.r[1], TAG);
	say(&h, 2, 1, TAG, '2');
	hand_settle(&h);
	router_open(h.r[1], TAG, see, &a);
	say(&h, 2, 1, TAG, '3');
	say(&h, 0, 1, TAG, 'C');
	hand_settle(&h);
	CHECK_STR(a.text, "ABC");
	CHECK_STR(x.text, "1");
	CHECK_EQ(h.errors, 0);
	hand_release(&h);
}

TEST(an_unknown_tag_is_dropped_and_reported)
{
	struct hand h;

	hand_init(&h, 2);
	comm_send(h.comm[0], 1, ROUTER_TAGS, NULL);
	comm_send(h.comm[0], 1, UINT32_MAX - 1, NULL);
	hand_settle(&h);
	CHECK_EQ(h.errors, 2);
	hand_release(&h);
}

static void sum_turn(void *arg)
{
	++*(int *)arg;
}

TEST(turn_functions_run_at_the_end_of_each_turn)
{
	struct hand h;
	int n = 0, m = 0;

	hand_init(&h, 1);
	router_on_turn(h.r[0], sum_turn, &n);
	router_on_turn(h.r[0], sum_turn, &m);
	CHECK_EQ(router_turn(h.r[0]), 0);
	CHECK_EQ(n, 1);
	router_off_turn(h.r[0], sum_turn, &n);
	router_turn(h.r[0]);
	CHECK_EQ(n, 1);
	CHECK_EQ(m, 2);
	/* The place is free again. */
	for (int i = 0; i < 7; i++)
		router_on_turn(h.r[0], sum_turn, &n);
	router_turn(h.r[0]);
	CHECK_EQ(n, 8);
	hand_release(&h);
}

/* A flood must not keep the loop's tasks waiting: a turn takes a bounded number of messages. */
TEST(a_turn_ends_under_a_flood)
{
	struct hand h;
	int n = 0;
	size_t most = 0;

	hand_init(&h, 2);
	router_on(h.r[1], TAG, NULL, NULL);
	router_on_turn(h.r[1], sum_turn, &n);
	for (int i = 0; i < 5000; i++)
		say(&h, 0, 1, TAG, 'f');
	for (size_t got; (got = router_turn(h.r[1]));)
		most = got > most ? got : most;
	CHECK(most < 1000);
	CHECK(n > 5);
	hand_release(&h);
}

static void waits(void *arg, struct comm_msg *m)
{
	struct seen *s = arg;

	(void)m;
	loop_until(router_loop(s->r), &s->stop);
}

struct waiter {
	struct task task;
	struct loop *loop;
};

static void task_waits(struct task *t)
{
	static const bool never;

	loop_until(task_of(t, struct waiter, task)->loop, &never);
}

/* What it waits for might be behind it: so that is an error in the program, told at once. */
TEST(nothing_waits_in_a_handler_or_a_task)
{
	for (int task = 0; task < 2; task++) {
		struct hand h;
		struct seen s = {.r = NULL};
		struct waiter w = {.task = {.done = task_waits}};
		int status = 0;
		pid_t child = fork();

		if (!child) {
			close(STDERR_FILENO);
			setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
			alarm(20);
			hand_init(&h, 1);
			s.r = h.r[0];
			w.loop = router_loop(s.r);
			router_on(h.r[0], TAG, waits, &s);
			if (task)
				loop_post(w.loop, &w.task);
			else
				say(&h, 0, 0, TAG, 'x');
			loop_until(w.loop, &s.stop);
			_exit(0);
		}
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGABRT);
	}
}

/* An instance's messages are its own, also where its tags were another's before; one that is not
 * there yet gets them later. */
TEST(tags_of_instances)
{
	struct seen a = {.r = NULL}, b = {.r = NULL}, c = {.r = NULL};
	unsigned one[2], two[2];
	struct hand h;

	hand_init(&h, 2);
	for (int i = 0; i < 2; i++) {
		one[i] = router_tags(h.r[i], 3);
		two[i] = router_tags(h.r[i], 2);
	}
	CHECK_EQ(one[0], one[1]);
	CHECK_EQ(two[0], two[1]);
	CHECK(two[0] >= one[0] + 3);
	router_open(h.r[0], one[0], NULL, NULL);
	router_open(h.r[0], two[0], NULL, NULL);
	say(&h, 0, 1, one[0], 'x');
	say(&h, 0, 1, two[0], 'y');
	hand_settle(&h);
	router_open(h.r[1], one[1], see, &a);
	router_open(h.r[1], two[1], see, &b);
	hand_settle(&h);
	CHECK_STR(a.text, "x");
	CHECK_STR(b.text, "y");
	/* What is late for the first is not for who has its tags next. */
	router_close(h.r[1], one[1]);
	router_tags_free(h.r[1], one[1], 3);
	say(&h, 0, 1, one[0], 'l');
	CHECK_EQ(router_tags(h.r[1], 4), two[1] + 2);
	CHECK_EQ(router_tags(h.r[1], 2), one[1]);
	router_open(h.r[1], one[1], see, &c);
	hand_settle(&h);
	CHECK_STR(c.text, "");
	router_close(h.r[0], one[0]);
	router_tags_free(h.r[0], one[0], 3);
	CHECK_EQ(router_tags(h.r[0], 4), two[0] + 2);
	CHECK_EQ(router_tags(h.r[0], 2), one[0]);
	router_open(h.r[0], one[0], NULL, NULL);
	say(&h, 0, 1, one[0], 'n');
	hand_settle(&h);
	CHECK_STR(c.text, "n");
	hand_release(&h);
}
