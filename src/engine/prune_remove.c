/* Rank 0 removes, as long as the guards of the repository allow it (repo/remove.h); the others wait
 * in the phase. */
#include "engine/prune_priv.h"
#include "repo/remove.h"

struct removing {
	struct prune *p;
	struct prune_remove *what;
};

static bool stop(void *arg)
{
	const struct removing *r = arg;

	return prune_stopped(r->p) || (r->what->must && r->what->left);
}

static void told(void *arg, size_t i, const struct err *failed)
{
	const struct removing *r = arg;
	struct prune_remove *what = r->what;
	struct err e = {0};

	r->p->done++;
	if (!failed) {
		what->removed++;
		return;
	}
	what->left++;
	err_copy(&e, failed);
	err_prefix(&e, "remove %s %s", backend_type_name(what->type), id_hex(&what->ids->id[i]).s);
	if (what->must)
		run_fail(r->p->run, &e);
	else
		prune_hint(r->p, "%s", e.msg);
}

/* It has all of the phase: whatever comes meanwhile is heard while it waits. */
static void start(void *arg)
{
	struct removing *r = arg;
	struct prune *p = r->p;
	struct remove_events ev = {.told = told, .stop = stop, .arg = r};
	struct err e = {0};

	if (router_rank(p->router) || prune_stopped(p) || run_error(p->run)->code)
		return;
	/* A guard that cannot answer tells nothing, so others may be at work here. */
	if (remove_files(p->repo, r->what->type, r->what->ids->id, r->what->ids->n, &ev, &e) &&
		e.code != ERR_CANCELLED)
		run_lose(p->run, &e);
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
}
