/*
 * Rank 0 removes, several files at a time, in batches.  Before each batch, and twice a minute while
 * one goes on, the lock is looked at (ADR 15).
 */
#include "engine/prune_priv.h"
#include "base/mem.h"

#define BATCH    1000
#define SECOND   ((int64_t)1000000000)
#define AT_LEAST (20 * SECOND) /* between two looks, while files are being removed */

struct removal {
	struct backend_op op;
	struct task task;
	struct removing *r;
	struct removal *spare;
};

struct removing {
	struct prune *p;
	struct prune_remove *what;
	size_t next, batch_end, under_way;
	struct removal *all, *spare;
	/* the lock */
	bool looking, lost;
	struct task look, tick;
	struct err lock_err;
	bool over;
};

static void pump(struct removing *r);

static bool goes_on(const struct removing *r)
{
	return !r->lost && !prune_stopped(r->p) && !(r->what->must && r->what->left);
}

/* ---- the lock ---- */

static void look_run(struct task *t)
{
	struct removing *r = task_of(t, struct removing, look);

	lock_check(r->p->opt->lock, &r->lock_err);
}

/* A look that fails tells nothing, so others may be at work here. */
static void look_done(struct task *t)
{
	struct removing *r = task_of(t, struct removing, look);

	r->looking = false;
	if (r->lock_err.code && !r->lost) {
		r->lost = true;
		err_prefix(&r->lock_err, "the lock on the repository");
		run_lose(r->p->run, &r->lock_err);
		backend_retry_cancel(r->p->repo->be);
	}
	pump(r);
}

static void look(struct removing *r)
{
	if (r->looking || !r->p->opt->lock)
		return;
	r->looking = true;
	r->look = (struct task){.run = look_run, .done = look_done};
	jobs_put(r->p->env->readers, &r->look);
}

static void tick(struct task *t)
{
	struct removing *r = task_of(t, struct removing, tick);

	look(r);
	loop_after(r->p->env->loop, AT_LEAST, &r->tick);
}

/* ---- files ---- */

static void removed(struct task *t)
{
	struct removal *x = task_of(t, struct removal, task);
	struct removing *r = x->r;
	struct prune *p = r->p;
	struct err e = x->op.err;

	r->under_way--;
	x->spare = r->spare;
	r->spare = x;
	p->done++;
	if (!e.code) {
		r->what->removed++;
	} else {
		r->what->left++;
		err_prefix(&e, "remove %s %s", backend_type_name(r->what->type),
			id_hex(&x->op.name).s);
		if (r->what->must)
			run_fail(p->run, &e);
		else
			prune_hint(p, "%s", e.msg);
	}
	pump(r);
}

static void op_done(struct backend_op *op)
{
	struct removal *x = op->arg;

	x->task = (struct task){.done = removed};
	loop_post(x->r->p->env->loop, &x->task);
}

static void begin(struct removing *r)
{
	struct removal *x = r->spare;

	r->spare = x->spare;
	r->under_way++;
	x->op = (struct backend_op){.verb = BACKEND_REMOVE,
		.type = r->what->type,
		.name = r->what->ids->id[r->next++],
		.done = op_done,
		.arg = x};
	backend_start(r->p->repo->be, &x->op);
}

static void over(struct removing *r)
{
	if (r->over)
		return;
	r->over = true;
	loop_cancel(r->p->env->loop, &r->tick);
	run_done(r->p->run);
}

static void pump(struct removing *r)
{
	while (goes_on(r) && !r->looking && r->next < r->batch_end && r->spare)
		begin(r);
	if (r->under_way || r->looking)
		return;
	if (!goes_on(r) || r->next == r->what->ids->n) {
		over(r);
		return;
	}
	r->batch_end = r->what->ids->n - r->next < BATCH ? r->what->ids->n : r->next + BATCH;
	look(r);
	if (!r->looking)
		pump(r);
}

/* ---- the phase ---- */

static void start(void *arg)
{
	struct removing *r = arg;
	struct prune *p = r->p;
	size_t n = p->repo->be->connections ? p->repo->be->connections : 1;

	if (router_rank(p->router) || prune_stopped(p) || run_error(p->run)->code)
		return;
	r->all = mem_zalloc(n * sizeof(*r->all));
	for (size_t i = 0; i < n; i++) {
		r->all[i].r = r;
		r->all[i].spare = r->spare;
		r->spare = &r->all[i];
	}
	run_hold(p->run);
	r->tick = (struct task){.done = tick};
	loop_after(p->env->loop, AT_LEAST, &r->tick);
	pump(r);
}

void prune_remove(struct prune *p, struct prune_remove *what)
{
	struct removing r = {.p = p, .what = what};
	struct run_phase phase = {.name = what->phase,
		.guarded = true,
		.leads = true,
		.start = start,
		.arg = &r};

	prune_stage(p, PRUNE_FILES, what->phase, what->ids->n);
	run_phase(p->run, &phase);
	mem_free(r.all);
}
