#include "ranks/ranks.h"
#include "base/mem.h"
#include <pthread.h>
#include <signal.h>

struct ranks {
	int (*fn)(void *arg, struct comm *c);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t decided;
	int go; /* 0: not yet, 1: run, -1: a thread is missing, so nobody runs */
};

struct rank {
	struct ranks *all;
	struct comm *comm;
	pthread_t thread;
	int result;
};

static void decide(struct ranks *a, int go)
{
	pthread_mutex_lock(&a->lock);
	a->go = go;
	pthread_cond_broadcast(&a->decided);
	pthread_mutex_unlock(&a->lock);
}

static void run(struct rank *r)
{
	r->result = r->all->fn(r->all->arg, r->comm);
}

static void *start(void *arg)
{
	struct rank *r = arg;
	struct ranks *a = r->all;
	int go;

	pthread_mutex_lock(&a->lock);
	while (!a->go)
		pthread_cond_wait(&a->decided, &a->lock);
	go = a->go;
	pthread_mutex_unlock(&a->lock);
	if (go > 0)
		run(r);
	comm_free(r->comm);
	return NULL;
}

/* Signals are for the caller's thread; those that a faulty instruction raises must stay where they
 * happen. */
static void block_signals(sigset_t *before)
{
	sigset_t s;

	sigfillset(&s);
	sigdelset(&s, SIGSEGV);
	sigdelset(&s, SIGBUS);
	sigdelset(&s, SIGFPE);
	sigdelset(&s, SIGILL);
	sigdelset(&s, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &s, before);
}

static int run_threads(struct ranks *a, struct rank *rank, int n)
{
	int started = 1, worst;
	sigset_t before;

	block_signals(&before);
	while (started < n &&
		pthread_create(&rank[started].thread, NULL, start, &rank[started]) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	decide(a, started == n ? 1 : -1);
	if (started == n)
		run(&rank[0]);
	comm_free(rank[0].comm);
	for (int i = started; i < n; i++)
		comm_free(rank[i].comm);
	for (int i = 1; i < started; i++)
		pthread_join(rank[i].thread, NULL);
	if (started < n)
		return ERR_NOMEM;
	worst = rank[0].result;
	for (int i = 1; i < n; i++)
		if (rank[i].result > worst)
			worst = rank[i].result;
	return worst;
}

int ranks_run(int n, int (*fn)(void *arg, struct comm *c), void *arg)
{
	struct ranks a = {.fn = fn,
		.arg = arg,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.decided = PTHREAD_COND_INITIALIZER};
	struct rank *rank = mem_array((size_t)n, sizeof(*rank));
	struct comm **comm = mem_array((size_t)n, sizeof(struct comm *));
	int worst;

	if (n > 1)
		comm_threads_new(n, comm);
	else
		comm[0] = comm_serial_new();
	for (int i = 0; i < n; i++)
		rank[i] = (struct rank){.all = &a, .comm = comm[i]};
	worst = run_threads(&a, rank, n);
	mem_free(comm);
	mem_free(rank);
	pthread_cond_destroy(&a.decided);
	pthread_mutex_destroy(&a.lock);
	return worst;
}
