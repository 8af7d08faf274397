#include "ranks/ranks.h"
#include "unit/check.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct seen {
	atomic_int calls, sum;
	pthread_t caller;
};

static int visit(void *arg, struct comm *c)
{
	struct seen *s = arg;
	sigset_t blocked;

	atomic_fetch_add(&s->calls, 1);
	atomic_fetch_add(&s->sum, c->rank);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	CHECK_EQ(!c->rank, pthread_equal(pthread_self(), s->caller));
	CHECK_EQ(sigismember(&blocked, SIGTERM), c->rank != 0);
	CHECK_EQ(sigismember(&blocked, SIGSEGV), 0);
	return c->rank == 1 ? 5 : c->rank;
}

TEST(each_rank_is_called_once)
{
	static const int n[] = {1, 2, 4};

	for (int i = 0; i < 3; i++) {
		struct seen s = {.caller = pthread_self()};

		CHECK_EQ(ranks_run(n[i], visit, &s), n[i] == 1 ? 0 : 5);
		CHECK_EQ(s.calls, n[i]);
		CHECK_EQ(s.sum, n[i] * (n[i] - 1) / 2);
	}
}

static int ring(void *arg, struct comm *c)
{
	struct loop *l = loop_new();
	struct comm_msg m;

	(void)arg;
	comm_send(c, (c->rank + 1) % c->size, 1, NULL);
	while (!comm_poll(c, &m))
		comm_idle(c, l, -1);
	CHECK_EQ(m.from, (c->rank + c->size - 1) % c->size);
	/* The loop goes before the mailbox does: a late letter must not touch it. */
	loop_free(l);
	comm_send(c, (c->rank + 1) % c->size, 1, NULL);
	return 0;
}

TEST(mailboxes_connect_the_ranks)
{
	for (int i = 0; i < 50; i++)
		CHECK_EQ(ranks_run(4, ring, NULL), 0);
	CHECK_EQ(ranks_run(1, ring, NULL), 0);
}
