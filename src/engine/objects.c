#include "engine/objects.h"
#include "base/mem.h"
#include "engine/guard.h"
#include "repo/uploader.h"

struct objects {
	struct repo *repo;
	const struct env *env;
	struct objects_options opt;
	struct objects_events ev;
	struct guard guard;
	uint64_t packs; /* of all ranks, stored by this run */
	bool full, closed;
	/* the store is being asked again */
	struct task task;
	struct backend_usage usage;
	struct err err;
	uint64_t added; /* the guard's, when it was asked */
	bool idle;
	struct jobs *jobs;
	unsigned *waiting; /* of each rank: packs that are counted, when the answer is there */
};

struct objects *objects_new(struct repo *repo, const struct objects_options *opt,
	const struct objects_events *ev)
{
	struct objects *o = mem_zalloc(sizeof(*o));

	o->repo = repo;
	o->env = repo->env;
	o->opt = *opt;
	o->ev = *ev;
	o->idle = true;
	o->waiting = mem_array((size_t)opt->ranks, sizeof(*o->waiting));
	return o;
}

void objects_free(struct objects *o)
{
	if (!o)
		return;
	jobs_free(o->jobs);
	mem_free(o->waiting);
	mem_free(o);
}

unsigned objects_packs_at_once(const struct repo *repo, unsigned on_the_way)
{
	if (!on_the_way)
		on_the_way = repo->be->connections;
	/* One is filled meanwhile; trees have one of their own, but small ones do not fill it
	 * often. */
	return on_the_way + 1 < UPLOADER_MIN ? UPLOADER_MIN : on_the_way + 1;
}

int objects_begin(struct objects *o, uint64_t packs, uint64_t bytes, struct err *err)
{
	struct backend_usage u = {0};
	struct err e;

	o->guard.limit = o->opt.max_given ? o->opt.max : o->repo->be->objects_max;
	if (!o->guard.limit)
		return 0;
	/* Who may not ask can still back up: then what the index names is counted, which is less
	 * than there is. */
	if (backend_usage(o->repo->be, &u, &e))
		u.known = false;
	if (!o->opt.max_given && u.objects_max && u.objects_max < o->guard.limit)
		o->guard.limit = u.objects_max;
	o->guard.before = packs;
	/* And an index file, the snapshot, a lock that is being replaced. */
	o->guard.reserve = (uint64_t)o->opt.ranks * o->opt.packs_at_once + 3;
	o->guard.pack_size = o->opt.pack_size;
	if (u.known)
		guard_asked(&o->guard, u.objects, 0);
	return guard_begin(&o->guard, bytes, &o->env->log, err);
}

static void count(struct objects *o)
{
	struct err e;

	if (o->full || o->closed ||
		!guard_count(&o->guard, o->packs + o->ev.indexes(o->ev.arg), &o->env->log, &e))
		return;
	o->full = true;
	o->ev.full(o->ev.arg, &e);
}

static void ask_run(struct task *t)
{
	struct objects *o = task_of(t, struct objects, task);

	if (backend_usage(o->repo->be, &o->usage, &o->err))
		o->usage.known = false;
}

static void ask_done(struct task *t)
{
	struct objects *o = task_of(t, struct objects, task);

	o->idle = true;
	/* Without an answer the old one holds. */
	guard_asked(&o->guard, o->usage.known ? o->usage.objects : o->guard.before + o->added,
		o->added);
	count(o);
	for (int i = 0; i < o->opt.ranks; i++)
		for (; o->waiting[i] && !o->full; o->waiting[i]--)
			o->ev.allow(o->ev.arg, i);
}

/* Whoever asks waits, and all readers may wait for room in packs: so this has a thread of its own.
 */
static void ask(struct objects *o)
{
	if (!o->guard.ask_at || o->guard.added < o->guard.ask_at || !o->idle)
		return;
	if (!o->jobs)
		o->jobs = jobs_new(1, o->env->loop, "ask");
	o->idle = false;
	o->added = o->guard.added;
	o->task = (struct task){.run = ask_run, .done = ask_done};
	jobs_put(o->jobs, &o->task);
}

void objects_pack(struct objects *o, int rank)
{
	o->packs++;
	count(o);
	if (o->full)
		return;
	ask(o);
	if (o->idle)
		o->ev.allow(o->ev.arg, rank);
	else
		o->waiting[rank]++;
}

void objects_close(struct objects *o)
{
	o->closed = true;
	loop_until(o->env->loop, &o->idle);
}

uint64_t objects_there(const struct objects *o)
{
	return o->guard.before + o->guard.added;
}

uint64_t objects_max(const struct objects *o)
{
	return o->guard.limit;
}

bool objects_full(const struct objects *o)
{
	return o->full;
}
