#include "base/clock.h"
#include "base/le.h"
#include "base/mem.h"
#include "comm/comm.h"
#include "unit/check.h"
#include <pthread.h>
#include <time.h>

#define RANKS_MAX 8
#define SECOND    ((int64_t)1000000000)

struct rank {
	struct comm *c;
	struct loop *l;
	int round; /* messages to each */
	pthread_t t;
};

static void send_pair(struct comm *c, int to, uint32_t tag, uint32_t v)
{
	struct buf b;
	uint8_t p[8];

	le32_put(p, (uint32_t)c->rank);
	le32_put(p + 4, v);
	buf_init(&b, 64);
	buf_add(&b, p, sizeof(p));
	comm_send(c, to, tag, &b);
}

static void get_pair(struct comm *c, const struct comm_msg *m, uint32_t *next)
{
	REQUIRE(m->data.len == 8);
	CHECK_EQ(le32_get(m->data.p), m->from);
	CHECK_EQ(le32_get(m->data.p + 4), next[m->from]);
	CHECK_EQ(m->tag, next[m->from] % 7);
	next[m->from]++;
	(void)c;
}

static void *flood(void *arg)
{
	struct rank *r = arg;
	uint32_t next[RANKS_MAX] = {0};
	int want = r->round * r->c->size, got = 0, sent = 0;
	struct comm_msg m;

	while (got < want || !comm_sent(r->c)) {
		if (sent < r->round) {
			for (int to = 0; to < r->c->size; to++)
				send_pair(r->c, to, (uint32_t)sent % 7, (uint32_t)sent);
			sent++;
		}
		while (comm_poll(r->c, &m)) {
			get_pair(r->c, &m, next);
			buf_release(&m.data);
			got++;
		}
		if (sent == r->round && (got < want || !comm_sent(r->c)))
			comm_idle(r->c, r->l, -1);
	}
	CHECK_EQ(got, want);
	comm_free(r->c);
	loop_free(r->l);
	return NULL;
}

static void run(int n, int round)
{
	struct comm *c[RANKS_MAX];
	struct rank r[RANKS_MAX];

	comm_threads_new(n, c);
	for (int i = 0; i < n; i++) {
		r[i] = (struct rank){.c = c[i], .l = loop_new(), .round = round};
		CHECK_EQ(c[i]->rank, i);
		CHECK_EQ(c[i]->size, n);
	}
	for (int i = 0; i < n; i++)
		pthread_create(&r[i].t, NULL, flood, &r[i]);
	for (int i = 0; i < n; i++)
		pthread_join(r[i].t, NULL);
}

/* Would hang if a letter did not wake its receiver or a taken letter its sender. */
TEST(all_to_all_in_order)
{
	run(1, 100);
	run(2, 3000);
	run(RANKS_MAX, 500);
}

static void *echo(void *arg)
{
	struct rank *r = arg;
	struct comm_msg m;

	for (int i = 0; i < r->round;) {
		if (comm_poll(r->c, &m)) {
			comm_send(r->c, m.from, m.tag, &m.data);
			i++;
		} else {
			comm_idle(r->c, r->l, -1);
		}
	}
	comm_free(r->c);
	loop_free(r->l);
	return NULL;
}

TEST(a_sleeping_rank_answers_at_once)
{
	const struct clock *clk = clock_real();
	struct comm *c[2];
	struct rank r;
	struct loop *l = loop_new();
	struct comm_msg m;
	int64_t start;

	comm_threads_new(2, c);
	r = (struct rank){.c = c[1], .l = loop_new(), .round = 200};
	pthread_create(&r.t, NULL, echo, &r);
	start = clock_mono(clk);
	for (uint32_t i = 0; i < 200; i++) {
		send_pair(c[0], 1, i, i);
		while (!comm_poll(c[0], &m))
			comm_idle(c[0], l, -1);
		CHECK_EQ(m.tag, i);
		buf_release(&m.data);
	}
	CHECK(clock_mono(clk) - start < 5 * SECOND);
	pthread_join(r.t, NULL);
	comm_free(c[0]);
	loop_free(l);
}

TEST(letters_to_a_rank_that_has_gone_are_dropped)
{
	struct comm *c[2];
	struct comm_msg m;

	comm_threads_new(2, c);
	send_pair(c[0], 1, 0, 0);
	CHECK(!comm_sent(c[0]));
	comm_free(c[1]);
	CHECK(comm_sent(c[0]));
	send_pair(c[0], 1, 0, 1);
	CHECK(comm_sent(c[0]));
	CHECK(!comm_poll(c[0], &m));
	comm_free(c[0]);
}

/* A rank that has asked comm_sent sleeps until the other takes the letter, then once no more. */
TEST(waiting_for_sent_neither_hangs_nor_spins)
{
	const struct clock *clk = clock_real();
	struct comm *c[2];
	struct loop *l = loop_new();
	struct comm_msg m;
	int64_t start;

	comm_threads_new(2, c);
	send_pair(c[0], 1, 0, 0);
	CHECK(!comm_sent(c[0]));
	REQUIRE(comm_poll(c[1], &m));
	buf_release(&m.data);
	comm_idle(c[0], l, 3600 * SECOND); /* taken meanwhile: must not sleep */
	start = clock_mono(clk);
	comm_idle(c[0], l, 10000000);
	CHECK(clock_mono(clk) - start >= 10000000);
	comm_free(c[0]);
	comm_free(c[1]);
	loop_free(l);
}

static void *knock(void *arg)
{
	struct comm *c = arg;

	send_pair(c, 1, 0, 0);
	return NULL;
}

TEST(a_bound_loop_is_woken_outside_comm_idle)
{
	const struct clock *clk = clock_real();
	struct comm *c[2];
	struct loop *l = loop_new();
	int64_t start = clock_mono(clk);
	pthread_t t;

	comm_threads_new(2, c);
	comm_threads_bind(c[1], l);
	pthread_create(&t, NULL, knock, c[0]);
	loop_wait(l, 60 * SECOND);
	CHECK(clock_mono(clk) - start < 30 * SECOND);
	pthread_join(t, NULL);
	comm_threads_bind(c[1], NULL);
	loop_free(l);
	send_pair(c[0], 1, 0, 1);
	comm_free(c[0]);
	comm_free(c[1]);
}
