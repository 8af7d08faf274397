#include "engine/check_priv.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "ranks/catalog_ranks.h"
#include <string.h>

void check_result_release(struct check_result *r)
{
	mem_free(r->broken);
	r->broken = NULL;
	r->n_broken = 0;
}

/* ---- the run ---- */

static void ended(void *arg, const struct run_told *t)
{
	struct check *c = arg;

	__atomic_store_n(&c->halted, (int)STOPPED_FAIL, __ATOMIC_RELAXED);
	/* A request that waits for another try would hold all ranks up.  Rank 0 has a lock to
	 * remove. */
	if (router_rank(c->router))
		backend_retry_cancel(c->repo->be);
	if (t->stopped && c->ev->stopped)
		c->ev->stopped(c->ev->arg);
}

static void count(void *arg, uint64_t *v)
{
	struct check *c = arg;

	check_trees_count(c);
	memcpy(v, &c->n, sizeof(c->n));
}

static void progress(void *arg)
{
	struct check *c = arg;
	struct check_counts n = check_sum(c);

	if (!c->ev->progress)
		return;
	if (c->total)
		c->ev->progress(c->ev->arg, n.packs_read, c->total);
	else if (n.trees_found)
		c->ev->progress(c->ev->arg, n.trees_read, n.trees_found);
}

static struct run *make_run(struct check *c)
{
	return run_new(c->router, c->agree,
		&(struct run_ops){.stop = c->stop,
			.ended = ended,
			.note = check_heard,
			.n_counts = sizeof(struct check_counts) / sizeof(uint64_t),
			.count = count,
			.progress = progress,
			.arg = c});
}

/* ---- the order ---- */

/* What a damaged index does not tell would only look missing. */
static bool goes_on(struct check *c)
{
	struct buf b;
	bool on;

	buf_init(&b, 1);
	if (!router_rank(c->router))
		wire_put_u8(&b, !c->damaged);
	agree_bcast(c->agree, &b);
	on = b.len && b.p[0];
	buf_release(&b);
	return on;
}

static bool reads_data(const struct check_options *o)
{
	return o->read_data || o->subset_t || o->subset_percent > 0 || o->subset_bytes;
}

static void steps(struct check *c)
{
	bool leads = !router_rank(c->router);

	if (leads)
		check_packs(c);
	check_trees(c);
	if (leads)
		progress(c);
	if (leads && !check_stopped(c))
		check_orphans(c);
	if (reads_data(c->opt)) {
		if (c->opt->some)
			check_needed(c);
		check_data(c);
		if (leads)
			progress(c);
	}
	if (leads)
		check_damage(c);
}

static void fill(struct check *c)
{
	struct check_counts n = check_sum(c);

	c->res->packs_read = n.packs_read;
	c->res->trees = n.trees;
	c->res->blobs = n.blobs;
}

static int run(struct check *c, struct err *err)
{
	int rc = check_index(c, err);

	if (rc)
		return rc;
	if (goes_on(c))
		steps(c);
	if (!router_rank(c->router))
		fill(c);
	if (stopped_set(c->stop))
		err_set(err, ERR_CANCELLED, "stopped by a signal");
	return run_meet(c->run, err);
}

int check_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env,
	const struct check_options *opt, const struct check_events *ev, const volatile int *stop,
	struct check_result *result, struct err *err)
{
	struct check c = {.router = r,
		.agree = a,
		.repo = repo,
		.env = env,
		.opt = opt,
		.ev = ev,
		.stop = stop,
		.res = result};
	int rc;

	memset(result, 0, sizeof(*result));
	err_clear(err);
	c.run = make_run(&c);
	c.catalog = catalog_ranks_new(r, NULL);
	rc = run(&c, err);
	check_trees_release(&c);
	run_free(c.run);
	packtable_free(c.own);
	catalog_free(c.catalog);
	return rc;
}
