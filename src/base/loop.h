/*
 * loop: the main thread of a rank, which runs small tasks that any thread may post; and jobs:
 * worker threads that run the slow ones.
 *
 * A task is embedded in its owner's struct and is not copied: it must stay alive until it has run.
 * Tasks posted by one thread run in the order posted.  A task that was handed to jobs always comes
 * back: run() on a worker, then done() on the loop, also after jobs_stop (then run() is called as
 * usual; cancelling is the business of what run() looks at).
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task {
	void (*run)(struct task *t);  /* on a worker; unused when posted to a loop directly */
	void (*done)(struct task *t); /* on the loop's thread; may free the task */
	struct task *next;            /* for the queue that holds it */
};

/* task_of(t, type, member): the struct that embeds the task. */
#define task_of(t, type, member)                                                                   \
	((type *)(void *)&((char *)(t))[-(ptrdiff_t)offsetof(type, member)])

struct loop;
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* loop_post(l, t): t->done runs on the loop's thread, soon.  Any thread. */
void loop_post(struct loop *l, struct task *t);

/* loop_poke(l): wake loop_wait without a task.  Any thread; also from a signal handler. */
void loop_poke(struct loop *l);

/* loop_run(l): run what is posted now; returns how many tasks ran.  Loop thread only, like all
 * below. */
size_t loop_run(struct loop *l);

/* loop_wait(l, ns): sleep until something is posted or poked, or `ns` nanoseconds have passed (< 0:
 * no limit). */
void loop_wait(struct loop *l, int64_t ns);

/* loop_after(l, ns, t): t->done runs on the loop once ns have passed.  loop_wait wakes up for it.
 * loop_cancel: false if it already ran. */
void loop_after(struct loop *l, int64_t ns, struct task *t);
bool loop_cancel(struct loop *l, struct task *t);

/*
 * loop_until: the one way in which this thread waits: it turns whatever the thread has, tasks and
 * timers, and the messages of other ranks where there are any, and sleeps in between, until *done.
 * Never from a task's done(), a message's handler or another thread: what it waits for might be
 * behind them (an assertion).  loop_until_fn: until fn(arg) is true; it is asked after each turn.
 */
void loop_until(struct loop *l, const bool *done);
void loop_until_fn(struct loop *l, bool (*fn)(void *arg), void *arg);

/*
 * loop_source: what else the thread has beside the loop (ranks/router.h); NULL: nothing any more.
 * turn: loop_run, and some of what has come there; returns how much that was.  idle: sleeps until
 * something is posted or comes.  Borrowed.
 */
struct loop_source {
	size_t (*turn)(void *arg);
	void (*idle)(void *arg);
	void *arg;
};
void loop_source(struct loop *l, const struct loop_source *s);

/*
 * jobs: `threads` workers (at least 1).  All finished tasks are posted to `loop`; with loop NULL
 * done() is called on the worker itself.
 */
struct jobs;
struct jobs *jobs_new(size_t threads, struct loop *loop, const char *name);
/* runs what is queued, joins; done() of those tasks still needs a loop_run. NULL is fine */
void jobs_free(struct jobs *j);
void jobs_put(struct jobs *j, struct task *t); /* behind all others.  Any thread; never blocks */
/* before all others: for work that frees memory */
void jobs_put_front(struct jobs *j, struct task *t);
size_t jobs_threads(const struct jobs *j);
size_t jobs_cores(
	void); /* cores this process may use (sched_getaffinity, cgroup quota), at least 1 */

#endif
