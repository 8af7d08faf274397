#include "cmd/timelimit.h"
#include "base/mem.h"
#include "cmd/slurm.h"

#define SECOND INT64_C(1000000000)
#define KEPT   (300 * SECOND) /* at most: five minutes store what 128 ranks have in flight */
#define AGAIN  (120 * SECOND) /* with less left nobody is asked again */

struct timelimit {
	struct session *s;
	int64_t kept;
	struct task ends, ask, half;
	bool asking;
	int64_t job_end; /* seconds since 1970, of the answer */
	int64_t limit;   /* clock_mono, INT64_MAX: none: --time-limit alone */
};

/* How much of it is kept for the end. */
static int64_t kept_of(int64_t left)
{
	int64_t part = left / 4;

	return part > KEPT ? KEPT : part > 0 ? part : 0;
}

static void on_end(struct task *task)
{
	struct timelimit *t = task_of(task, struct timelimit, ends);

	stop_early(t->s->cmd->stop, STOP_TIME, t->kept / 4 * 3);
}

static void watch(struct timelimit *t, int64_t end)
{
	struct loop *l = t->s->env.loop;
	int64_t now = clock_mono(t->s->env.clock), left = end > now ? end - now : 0;

	loop_cancel(l, &t->ends);
	/* What is kept is settled when the end is known for the first time. */
	if (!t->kept)
		t->kept = kept_of(left);
	if (end != INT64_MAX)
		loop_after(l, left > t->kept ? left - t->kept : 0, &t->ends);
}

static void ask_run(struct task *task)
{
	struct timelimit *t = task_of(task, struct timelimit, ask);

	t->job_end = slurm_job_end(t->s->cmd->env);
}

static void ask(struct timelimit *t)
{
	t->asking = true;
	jobs_put(t->s->env.readers, &t->ask);
}

static void ask_done(struct task *task)
{
	struct timelimit *t = task_of(task, struct timelimit, ask);
	int64_t left, now = clock_mono(t->s->env.clock), end = t->limit;

	t->asking = false;
	if (t->job_end) {
		left = (t->job_end - clock_now(t->s->env.clock).sec) * SECOND;
		if (now + left < end)
			end = now + left;
		if (left > AGAIN)
			loop_after(t->s->env.loop, left / 2, &t->half);
	}
	watch(t, end);
}

static void at_half(struct task *task)
{
	ask(task_of(task, struct timelimit, half));
}

struct timelimit *timelimit_new(struct session *s, int64_t limit_ns)
{
	struct timelimit *t = mem_zalloc(sizeof(*t));

	t->s = s;
	t->ends.done = on_end;
	t->ask = (struct task){.run = ask_run, .done = ask_done};
	t->half.done = at_half;
	t->limit = limit_ns > 0 ? clock_mono(s->env.clock) + limit_ns : INT64_MAX;
	watch(t, t->limit);
	if (t->limit == INT64_MAX)
		t->kept = 0;
	if (slurm_job(s->cmd->env))
		ask(t);
	return t;
}

static bool answered(void *t)
{
	return !((struct timelimit *)t)->asking;
}

void timelimit_free(struct timelimit *t)
{
	if (!t)
		return;
	loop_until_fn(t->s->env.loop, answered, t);
	loop_cancel(t->s->env.loop, &t->ends);
	loop_cancel(t->s->env.loop, &t->half);
	mem_free(t);
}
