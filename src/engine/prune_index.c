/* Index files of what stays (repo/reindex.h).  Only rank 0 works here. */
#include "engine/prune_priv.h"
#include "repo/reindex.h"

struct rewriting {
	struct prune *p;
	struct reindex r;
};

static bool is_stopped(void *arg)
{
	return prune_stopped(((struct rewriting *)arg)->p);
}

static void read_one(void *arg)
{
	((struct rewriting *)arg)->p->done++;
}

static void done(void *arg)
{
	struct rewriting *w = arg;

	if (w->r.err.code && w->r.err.code != ERR_CANCELLED)
		run_fail(w->p->run, &w->r.err);
	run_done(w->p->run);
}

static void start(void *arg)
{
	struct rewriting *w = arg;
	struct prune *p = w->p;

	if (router_rank(p->router) || prune_stopped(p) || run_error(p->run)->code)
		return;
	run_hold(p->run);
	w->r = (struct reindex){.repo = p->repo,
		.packs = p->packs,
		.index = p->indexes.id,
		.n = p->indexes.n,
		.stopped = is_stopped,
		.read = read_one,
		.done = done,
		.arg = w};
	reindex_begin(&w->r);
	reindex_start(&w->r);
}

void prune_index(struct prune *p)
{
	struct rewriting w = {.p = p};
	struct run_phase phase = {.name = "new indexes",
		.guarded = true,
		.leads = true,
		.start = start,
		.arg = &w};

	prune_stage(p, PRUNE_FILES, "rebuilding index", p->indexes.n);
	run_phase(p->run, &phase);
	p->res->indexes_saved += w.r.saved;
	for (size_t i = 0; i < w.r.n_old; i++)
		prune_ids_add(&p->old_indexes, &w.r.old[i]);
	reindex_release(&w.r);
}
