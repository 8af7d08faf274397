/* jobs: the part of base/loop.h about worker threads. */
#include "base/cores.h"
#include "base/loop.h"
#include "base/mem.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define STACK_SIZE ((size_t)2 << 20)

struct worker {
	struct jobs *jobs;
	pthread_t thread;
};

struct jobs {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct task *first, **last;
	size_t idle; /* workers that sleep and were not signalled yet; a spurious wakeup leaves it
			too high, which only costs a signal */
	bool stop;
	size_t n;
	char name[16];
	struct worker *workers;
};

static void finish(struct jobs *j, struct task *t)
{
	t->run(t);
	if (j->loop)
		loop_post(j->loop, t);
	else
		t->done(t);
}

/* The next task; NULL when all is done and the pool is being freed. */
static struct task *next_task(struct jobs *j)
{
	struct task *t;

	pthread_mutex_lock(&j->lock);
	while (!j->first && !j->stop) {
		if (j->idle < j->n)
			j->idle++;
		pthread_cond_wait(&j->work, &j->lock);
	}
	t = j->first;
	if (t) {
		j->first = t->next;
		if (!j->first)
			j->last = &j->first;
	}
	pthread_mutex_unlock(&j->lock);
	return t;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct task *t;

	while ((t = next_task(w->jobs)))
		finish(w->jobs, t);
	return NULL;
}

/* Signals are for the main thread; those that a faulty instruction raises must stay where they
 * happen. */
static void block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

struct jobs *jobs_new(size_t threads, struct loop *loop, const char *name)
{
	struct jobs *j = mem_zalloc(sizeof(*j));
	pthread_attr_t attr;
	sigset_t before;
	size_t started = 0;

	if (!threads)
		threads = 1;
	j->loop = loop;
	j->last = &j->first;
	j->n = threads;
	snprintf(j->name, sizeof(j->name), "%s", name);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->work, NULL);
	j->workers = mem_array(threads, sizeof(*j->workers));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	block_signals(&before);
	for (; started < threads; started++) {
		struct worker *w = &j->workers[started];

		*w = (struct worker){.jobs = j};
		if (pthread_create(&w->thread, &attr, work, w) != 0)
			break;
		pthread_setname_np(w->thread, j->name);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	/* A process limit may leave fewer threads than asked for, or none: then jobs_put does the
	 * work itself. */
	pthread_mutex_lock(&j->lock);
	j->n = started;
	pthread_mutex_unlock(&j->lock);
	return j;
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_broadcast(&j->work);
	pthread_mutex_unlock(&j->lock);
	for (size_t i = 0; i < j->n; i++)
		pthread_join(j->workers[i].thread, NULL);
	pthread_cond_destroy(&j->work);
	pthread_mutex_destroy(&j->lock);
	mem_free(j->workers);
	mem_free(j);
}

static void put(struct jobs *j, struct task *t, bool front)
{
	bool wake;

	if (!j->n) {
		finish(j, t);
		return;
	}
	pthread_mutex_lock(&j->lock);
	if (front) {
		t->next = j->first;
		if (!j->first)
			j->last = &t->next;
		j->first = t;
	} else {
		t->next = NULL;
		*j->last = t;
		j->last = &t->next;
	}
	wake = j->idle > 0;
	j->idle -= wake;
	/* Under the lock: once it is released, a worker may run this last task and jobs_free may
	 * take the condition away. */
	if (wake)
		pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

void jobs_put(struct jobs *j, struct task *t)
{
	put(j, t, false);
}

void jobs_put_front(struct jobs *j, struct task *t)
{
	put(j, t, true);
}

size_t jobs_threads(const struct jobs *j)
{
	return j->n ? j->n : 1;
}

size_t jobs_cores(void)
{
	size_t cores = cores_affinity(), quota = cores_quota("/proc/self/cgroup", "/sys/fs/cgroup");

	return quota && quota < cores ? quota : cores;
}
