#include "base/loop.h"
#include "base/mem.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000

struct timer {
	int64_t at; /* CLOCK_MONOTONIC, ns */
	uint64_t seq;
	struct task *task;
};

struct loop {
	/* Posted tasks, newest first: posters push with one compare-and-swap, the loop takes all at
	 * once. */
	_Atomic(struct task *) posted;
	/*
	 * A poster makes its task (or poke) visible, then looks at `sleeping`; the loop sets
	 * `sleeping`, then looks for tasks once more. All of it sequentially consistent, so one of
	 * the two sees the other, and a busy loop costs its posters no system call.
	 */
	atomic_int sleeping, poked;
	int fd; /* an eventfd */

	/* The loop's own.  `ready` outlives one loop_run, so that a task's done() may call loop_run
	 * itself. */
	struct task *ready, **ready_last;
	struct timer *timers; /* a binary heap, earliest first */
	size_t n_timers, room;
	uint64_t seq;
	struct loop_source source; /* turn NULL: none */
	bool turning;              /* in loop_until */
	pthread_t owner;           /* who waits … */
	bool owned;                /* … if anybody has */
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

struct loop *loop_new(void)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	l->ready_last = &l->ready;
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Without a descriptor at the start of the program nothing else would work either. */
	if (l->fd < 0)
		abort();
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->fd);
	mem_free(l->timers);
	mem_free(l);
}

/* Async-signal-safe. */
static void wake(struct loop *l)
{
	static const uint64_t one = 1;
	int saved = errno;

	/* Only who turns `sleeping` off writes: one system call a sleep. */
	if (atomic_load(&l->sleeping) && atomic_exchange(&l->sleeping, 0))
		while (write(l->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	errno = saved;
}

void loop_post(struct loop *l, struct task *t)
{
	t->next = atomic_load_explicit(&l->posted, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&l->posted, &t->next, t))
		;
	wake(l);
}

void loop_poke(struct loop *l)
{
	atomic_store(&l->poked, 1);
	wake(l);
}

static bool before(const struct timer *a, const struct timer *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

/* Lets timer `t` sink or rise from the hole at i to where the heap's order holds. */
static void settle(struct loop *l, size_t i, struct timer t)
{
	while (i > 0 && before(&t, &l->timers[(i - 1) / 2])) {
		l->timers[i] = l->timers[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid + 1 < l->n_timers && before(&l->timers[kid + 1], &l->timers[kid]))
			kid++;
		if (kid >= l->n_timers || !before(&l->timers[kid], &t))
			break;
		l->timers[i] = l->timers[kid];
		i = kid;
	}
	l->timers[i] = t;
}

static void remove_timer(struct loop *l, size_t i)
{
	struct timer last = l->timers[--l->n_timers];

	if (i < l->n_timers)
		settle(l, i, last);
}

void loop_after(struct loop *l, int64_t ns, struct task *t)
{
	struct timer timer = {now_ns(), l->seq++, t};

	if (ns > 0 && __builtin_add_overflow(timer.at, ns, &timer.at))
		timer.at = INT64_MAX;
	if (l->n_timers == l->room) {
		l->room = 2 * l->room + 8;
		l->timers = mem_regrow(l->timers, l->room, sizeof(*l->timers));
	}
	settle(l, l->n_timers++, timer);
}

bool loop_cancel(struct loop *l, struct task *t)
{
	for (size_t i = 0; i < l->n_timers; i++) {
		if (l->timers[i].task != t)
			continue;
		remove_timer(l, i);
		return true;
	}
	return false;
}

/* Moves what was posted behind `ready`, oldest first. */
static void collect(struct loop *l)
{
	struct task *t = atomic_exchange(&l->posted, NULL), *list = NULL, *newest = t;

	while (t) {
		struct task *older = t->next;

		t->next = list;
		list = t;
		t = older;
	}
	if (!list)
		return;
	*l->ready_last = list;
	l->ready_last = &newest->next;
}

size_t loop_run(struct loop *l)
{
	int64_t now;
	size_t n = 0;

	collect(l);
	while (l->ready) {
		struct task *t = l->ready;

		l->ready = t->next;
		if (!l->ready)
			l->ready_last = &l->ready;
		t->done(t);
		n++;
	}
	/* Only what is due now: a timer set again with 0 ns by its own done() waits for the next
	 * round. */
	for (now = l->n_timers ? now_ns() : 0; l->n_timers && l->timers[0].at <= now; n++) {
		struct task *t = l->timers[0].task;

		remove_timer(l, 0);
		t->done(t);
	}
	return n;
}

static bool has_work(struct loop *l)
{
	return l->ready || atomic_load(&l->posted) || atomic_load(&l->poked);
}

static void sleep_until(struct loop *l, int64_t at, int64_t now)
{
	struct timespec left = {(at - now) / NS, (at - now) % NS};
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	uint64_t count;

	atomic_store(&l->sleeping, 1);
	if (!has_work(l))
		ppoll(&p, 1, at == INT64_MAX ? NULL : &left, NULL);
	/* If a poster got ahead of us its write has happened or will: a later sleep reads it and
	 * finds nothing to do, once. */
	if (!atomic_exchange(&l->sleeping, 0) || p.revents)
		while (read(l->fd, &count, sizeof(count)) < 0 && errno == EINTR)
			;
}

void loop_wait(struct loop *l, int64_t ns)
{
	int64_t now, end = INT64_MAX;

	if (has_work(l) || ns == 0)
		goto out;
	now = now_ns();
	if (ns > 0 && __builtin_add_overflow(now, ns, &end))
		end = INT64_MAX;
	if (l->n_timers && l->timers[0].at < end)
		end = l->timers[0].at;
	while (now < end && !has_work(l)) {
		sleep_until(l, end, now);
		now = now_ns();
	}
out:
	/* An exchange, not a store: what the poker wrote before is to be seen by our caller.
	 * loop_run must not do this: its caller may have looked at the poker's flag before the poke
	 * and go to sleep now. */
	atomic_exchange(&l->poked, 0);
}

void loop_source(struct loop *l, const struct loop_source *s)
{
	assert(!s || !l->source.turn);
	l->source = s ? *s : (struct loop_source){0};
}

static size_t turn(struct loop *l)
{
	size_t n;

	assert(!l->turning);
	l->turning = true;
	n = l->source.turn ? l->source.turn(l->source.arg) : loop_run(l);
	l->turning = false;
	return n;
}

static void idle(struct loop *l)
{
	if (l->source.idle)
		l->source.idle(l->source.arg);
	else
		loop_wait(l, -1);
}

void loop_until_fn(struct loop *l, bool (*fn)(void *arg), void *arg)
{
	if (!l->owned)
		l->owner = pthread_self();
	l->owned = true;
	assert(pthread_equal(l->owner, pthread_self()));
	while (!fn(arg))
		if (!turn(l) && !fn(arg))
			idle(l);
}

static bool is_set(void *arg)
{
	return *(const bool *)arg;
}

void loop_until(struct loop *l, const bool *done)
{
	loop_until_fn(l, is_set, (void *)(uintptr_t)done);
}
