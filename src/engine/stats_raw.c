#include "engine/stats_raw.h"
#include "base/stopped.h"
#include "ranks/catalog_ranks.h"
#include "ranks/mark.h"
#include <string.h>

enum { NEEDED }; /* bit of the catalog */

struct raw {
	struct run *run;
	struct repo *repo;
	struct router *router;
	void (*stopped)(void *arg);
	void *arg;
	struct stats_raw n; /* of this rank */
};

static void ended(void *arg, const struct run_told *t)
{
	struct raw *w = arg;

	/* A request that waits for another try would hold all ranks up.  Rank 0 has a lock to
	 * remove. */
	if (router_rank(w->router))
		backend_retry_cancel(w->repo->be);
	if (t->stopped && w->stopped)
		w->stopped(w->arg);
}

static void count(void *arg, uint64_t *v)
{
	const struct raw *w = arg;

	memcpy(v, &w->n, sizeof(w->n));
}

static void bad(void *arg, enum mark_bad what, const struct id *tree, const struct id *blob,
	const struct err *err)
{
	struct raw *w = arg;
	struct err e = {0};

	(void)what;
	if (err)
		err_copy(&e, err);
	else if (blob)
		err_set(&e, ERR_NOTFOUND, "blob %s not found in index", id_hex(blob).s);
	else
		err_set(&e, ERR_INVALID, "a node of it is not whole");
	err_prefix(&e, "tree %s", id_hex(tree).s);
	run_fail(w->run, &e);
}

static int add(void *arg, const struct catalog_place *p)
{
	struct stats_raw *n = arg;
	uint64_t plain = (uint64_t)blob_plain_size(&p->blob) + SEAL_OVERHEAD;

	n->blobs++;
	n->stored += p->blob.length;
	n->plain += plain;
	n->packed += p->blob.plain ? p->blob.length : 0;
	n->packed_plain += p->blob.plain ? plain : 0;
	return 0;
}

static int mark_and_add(struct raw *w, struct catalog *c, struct loader *l, const struct id *roots,
	size_t n, struct err *err)
{
	struct mark_ops ops = {bad, w};
	struct run_phase sums = {.name = "sums", .final = true};
	struct mark *m;
	enum run_end end;
	int rc = catalog_load(c, w->repo, NULL, NULL, err);

	if (rc)
		return rc;
	m = mark_new(w->run, c, l, NEEDED, &ops);
	end = mark_run(m, roots, n);
	mark_free(m);
	if (end == RUN_GOES_ON)
		catalog_each_marked(c, NEEDED, add, &w->n);
	/* At its end rank 0 has the numbers of all. */
	run_phase(w->run, &sums);
	return 0;
}

int stats_raw_run(struct router *r, struct agree *a, struct repo *repo, const struct id *roots,
	size_t n, void (*stopped)(void *arg), void *arg, const volatile int *stop,
	struct stats_raw *sum, struct err *err)
{
	struct raw w = {.repo = repo, .router = r, .stopped = stopped, .arg = arg};
	struct catalog *c;
	struct loader *l;
	uint64_t v[sizeof(w.n) / sizeof(uint64_t)];
	int rc;

	err_clear(err);
	w.run = run_new(r, a,
		&(struct run_ops){.stop = stop,
			.ended = ended,
			.n_counts = sizeof(w.n) / sizeof(uint64_t),
			.count = count,
			.arg = &w});
	c = catalog_ranks_new(r, NULL);
	l = loader_new(repo, c, LOADER_CACHE);
	rc = mark_and_add(&w, c, l, roots, n, err);
	if (stopped_set(stop))
		err_set(err, ERR_CANCELLED, "stopped by a signal");
	if (!rc)
		rc = run_meet(w.run, err);
	if (!router_rank(r)) {
		run_sum_counts(w.run, v);
		memcpy(sum, v, sizeof(*sum));
	}
	loader_free(l);
	run_free(w.run);
	catalog_free(c);
	return rc;
}
