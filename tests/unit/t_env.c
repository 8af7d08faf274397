#include "base/env.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdatomic.h>

struct work {
	struct task task;
	atomic_int *ran;
	int *done;
	struct loop *loop;
	struct task more;
};

static void more_done(struct task *t)
{
	struct work *w = task_of(t, struct work, more);

	++*w->done;
	mem_free(w);
}

static void run(struct task *t)
{
	atomic_fetch_add(task_of(t, struct work, task)->ran, 1);
}

/* Posts once more: what comes of a task may have a sequel. */
static void done(struct task *t)
{
	struct work *w = task_of(t, struct work, task);

	++*w->done;
	w->more.done = more_done;
	loop_post(w->loop, &w->more);
}

static void put(struct env *e, struct jobs *j, atomic_int *ran, int *count)
{
	struct work *w = mem_zalloc(sizeof(*w));

	*w = (struct work){.task = {run, done, NULL}, .ran = ran, .done = count, .loop = e->loop};
	jobs_put(j, &w->task);
}

/* What is queued is done, and what comes of it, before the threads are gone. */
TEST(stop_ends_what_is_queued)
{
	atomic_int ran = 0;
	int count = 0;
	struct env e;

	env_init(&e);
	CHECK(e.loop && e.clock && e.rnd && !e.cpu && !e.readers && !e.budget);
	env_start(&e, 2, 3, 1000);
	CHECK_EQ(jobs_threads(e.cpu), 2);
	CHECK_EQ(jobs_threads(e.readers), 3);
	for (int i = 0; i < 50; i++)
		put(&e, i % 2 ? e.cpu : e.readers, &ran, &count);
	env_stop(&e);
	CHECK_EQ(ran, 50);
	CHECK_EQ(count, 100);
	CHECK(!e.cpu && !e.readers && e.loop && e.budget);
	env_stop(&e);
	env_release(&e);
	env_release(&e);
}

TEST(not_started)
{
	struct env e, none = {0};

	env_init(&e);
	env_release(&e);
	env_release(&none);
}
