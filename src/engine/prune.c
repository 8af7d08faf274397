#include "engine/prune_priv.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "ranks/catalog_ranks.h"
#include <string.h>

#define INDEX_BLOB   47                   /* bytes of an index file of version 2, at least */
#define CATALOG_BLOB 64                   /* bytes in memory, at most */
#define OLD_TEMP     ((int64_t)24 * 3600) /* s */
#define BESIDE       ((uint64_t)200000000)

/* ---- the run ---- */

static void ended(void *arg, const struct run_told *t)
{
	struct prune *p = arg;

	if (t->end == RUN_CANCELLED) {
		__atomic_store_n(&p->halted, (int)STOPPED_FAIL, __ATOMIC_RELAXED);
		if (p->storing)
			storing_cancel(p->storing);
		/* A request that waits for another try would hold all ranks up.  Rank 0 has an
		 * index to save and a lock to remove. */
		if (router_rank(p->router))
			backend_retry_cancel(p->repo->be);
	}
	if (t->stopped && !p->told_stopped && p->ev->stopped)
		p->ev->stopped(p->ev->arg);
	p->told_stopped |= t->stopped;
}

static void count(void *arg, uint64_t *v)
{
	struct prune *p = arg;

	if (p->mark) {
		struct mark_counts n = mark_counts(p->mark);

		p->n.trees_found = n.found;
		p->n.trees_read = n.read;
	}
	memcpy(v, &p->n, sizeof(p->n));
}

static void progress(void *arg)
{
	struct prune *p = arg;

	if (p->storing)
		storing_tick(p->storing);
	prune_progress(p);
}

static int guard(void *arg, struct err *err)
{
	const struct prune *p = arg;
	int rc = p->opt->lock ? lock_check(p->opt->lock, err) : 0;

	return rc ? err_prefix(err, "the lock on the repository") : 0;
}

static struct run *make_run(struct prune *p)
{
	return run_new(p->router, p->agree,
		&(struct run_ops){.stop = p->stop,
			.signal_ns = p->opt->signal_ns,
			.early_ns = p->opt->early_ns,
			.ended = ended,
			.note = prune_heard,
			.n_counts = sizeof(struct prune_counts) / sizeof(uint64_t),
			.count = count,
			.progress = progress,
			.guard = guard,
			.arg = p});
}

/* ---- what there is ---- */

struct listing {
	struct prune *p;
	uint64_t bytes;
	struct err err;
};

static int index_listed(void *arg, const struct id *name, uint64_t size)
{
	struct listing *l = arg;

	prune_ids_add(&l->p->indexes, name);
	l->bytes += size;
	return 0;
}

/*
 * What a rank will need, from the bytes of all index files: of a blob they have its id, which does
 * not compress, and its place (docs/format.md 6).
 */
static int fits(struct prune *p, uint64_t index_bytes, struct err *err)
{
	uint64_t blobs = index_bytes / (p->repo->config.version < 2 ? 150 : INDEX_BLOB),
		 need = blobs * CATALOG_BLOB / (uint64_t)router_size(p->router) + BESIDE;

	if (!p->opt->memory || need <= p->opt->memory)
		return 0;
	p->res->too_large = need;
	return err_set(err, ERR_NOMEM,
		"the repository has about %llu blobs: that takes about %llu MB of memory on each "
		"of %d ranks, and there are %llu",
		(unsigned long long)blobs, (unsigned long long)(need / 1000000 + 1),
		router_size(p->router), (unsigned long long)(p->opt->memory / 1000000));
}

static void list_indexes(void *arg)
{
	struct listing *l = arg;

	backend_list(l->p->repo->be, BACKEND_INDEX, index_listed, l, &l->err);
}

static void index_read(void *arg, const struct id *index, size_t packs)
{
	struct prune *p = arg;

	(void)index;
	atomic_fetch_add(&p->named, packs);
}

static bool is_gone(const struct prune *p, const struct id *snapshot)
{
	for (size_t i = 0; i < p->opt->n_gone; i++)
		if (id_equal(&p->opt->gone[i], snapshot))
			return true;
	return false;
}

/* Nobody knows what it needs. */
static void snapshot_bad(void *arg, const struct id *id, const struct err *e)
{
	struct listing *l = arg;

	if (!is_gone(l->p, id) && !l->err.code)
		err_copy(&l->err, e);
}

/* On rank 0; those that count as removed are not there. */
static int load_snapshots(struct prune *p, struct err *err)
{
	struct listing l = {.p = p};
	size_t n = 0;

	if (snapshots_load(p->repo, &p->snapshots, snapshot_bad, &l, err))
		return err->code;
	for (size_t i = 0; i < p->snapshots.n; i++) {
		struct snapshot *s = &p->snapshots.s[i];

		if (is_gone(p, &s->id))
			snapshot_release(s);
		else
			p->snapshots.s[n++] = *s;
	}
	p->snapshots.n = n;
	return err_copy(err, &l.err);
}

/* Collective. */
static int load(struct prune *p, struct err *err)
{
	struct catalog_watch w = {.file = index_read, .arg = p};
	struct listing l = {.p = p};
	int rc;

	prune_stage(p, PRUNE_TREES, "loading indexes", 0);
	if (!router_rank(p->router)) {
		router_aside(p->router, list_indexes, &l);
		if (!err_copy(err, &l.err))
			fits(p, l.bytes, err);
	}
	rc = agree_all(p->agree, err);
	if (!rc)
		rc = catalog_load(p->catalog, p->repo, &w, NULL, err);
	if (rc)
		return rc;
	prune_stage(p, PRUNE_TREES, "loading all snapshots", 0);
	if (!router_rank(p->router))
		load_snapshots(p, err);
	return agree_all(p->agree, err);
}

/* ---- what is needed ---- */

/* What a file without a list of contents needs is nothing. */
static void tree_bad(void *arg, enum mark_bad what, const struct id *tree, const struct id *blob,
	const struct err *err)
{
	struct prune *p = arg;

	(void)tree;
	(void)blob;
	(void)err;
	p->n.bad += what != MARK_NO_CONTENT;
}

static enum run_end mark(struct prune *p)
{
	struct id *root = mem_array(p->snapshots.n + 1, sizeof(*root));
	struct loader *loader = loader_new(p->repo, p->catalog, PRUNE_TREE_CACHE);
	struct mark_ops ops = {.bad = tree_bad, .arg = p};
	enum run_end end;

	for (size_t i = 0; i < p->snapshots.n; i++)
		root[i] = p->snapshots.s[i].tree;
	prune_stage(p, PRUNE_TREES, "finding data that is still in use", 0);
	p->mark = mark_new(p->run, p->catalog, loader, PRUNE_NEEDED, &ops);
	end = mark_run(p->mark, root, p->snapshots.n);
	mark_free(p->mark);
	p->mark = NULL;
	loader_free(loader);
	mem_free(root);
	return end;
}

static void refuse(struct prune *p, const char *why)
{
	struct err e;

	prune_name(p);
	err_set(&e, ERR_INVALID, "%s; nothing was removed. a_backup check says what to do", why);
	run_fail(p->run, &e);
}

/* Collective: everything that is needed is marked, and there; else the run has ended. */
static bool find_needed(struct prune *p)
{
	bool fine = mark(p) == RUN_GOES_ON;

	if (fine && !router_rank(p->router) && prune_sum(p).bad) {
		fine = false;
		refuse(p, "data that snapshots need is missing or cannot be read");
	}
	return prune_agreed(p, fine);
}

/* ---- the plan ---- */

static void tell_bad_packs(struct prune *p)
{
	for (size_t i = 0; i < p->n_plan; i++) {
		const struct prune_pack *k = &p->plan[i];

		if (k->fate == PRUNE_MISSING)
			prune_bad(p, "pack %s: the index needs it, and it is missing",
				id_hex(&k->id).s);
		if (k->fate == PRUNE_WRONG_SIZE)
			prune_bad(p, "pack %s: calculated size %llu does not match real size %llu",
				id_hex(&k->id).s, (unsigned long long)(k->used + k->unused),
				(unsigned long long)k->file);
	}
}

static void tell_lost_packs(struct prune *p)
{
	for (size_t i = 0; i < p->n_plan; i++)
		if (!p->plan[i].listed && p->plan[i].fate == PRUNE_REMOVE)
			prune_hint(p,
				"pack %s is missing, and nothing needs it: its index entry %s",
				id_hex(&p->plan[i].id).s, p->opt->dry_run ? "would go" : "goes");
}

/* Collective. */
static bool plan(struct prune *p)
{
	struct prune_rules rules = p->opt->rules;
	bool fine = true;

	if (router_rank(p->router))
		return prune_agreed(p, false);
	rules.version = p->repo->config.version;
	prune_stage(p, PRUNE_FILES, "collecting packs for deletion and repacking", 0);
	fine = !prune_plan(&rules, p->plan, p->n_plan, &p->res->stats);
	if (fine) {
		tell_lost_packs(p);
		if (p->ev->planned)
			p->ev->planned(p->ev->arg, &p->res->stats);
	} else {
		tell_bad_packs(p);
		refuse(p, "packs are not what the index says");
	}
	return prune_agreed(p, fine);
}

/* ---- what is done ---- */

static void old_packs(const struct prune *p, struct prune_ids *ids)
{
	for (size_t i = 0; i < p->n_plan; i++) {
		const struct prune_pack *k = &p->plan[i];

		if (k->fate == PRUNE_REPACK || (k->fate == PRUNE_REMOVE && k->listed))
			prune_ids_add(ids, &k->id);
	}
}

static bool drops_any(const struct prune *p)
{
	for (size_t i = 0; i < p->n_plan; i++)
		if (p->plan[i].fate != PRUNE_KEEP)
			return true;
	return false;
}

/* Collective: new indexes, old indexes removed, old packs removed; each only after all of the one
 * before. */
static void replace(struct prune *p)
{
	struct prune_remove indexes = {.phase = "removing old index files",
		.type = BACKEND_INDEX,
		.ids = &p->old_indexes,
		.must = true};
	struct prune_ids ids = {0};
	struct prune_remove packs = {.phase = "removing old packs",
		.type = BACKEND_PACK,
		.ids = &ids};

	prune_index(p);
	prune_remove(p, &indexes);
	if (prune_agreed(p, indexes.removed == p->old_indexes.n)) {
		old_packs(p, &ids);
		prune_remove(p, &packs);
	}
	p->res->indexes_removed += indexes.removed;
	p->res->packs_removed += packs.removed;
	p->res->packs_left += packs.left;
	mem_free(ids.id);
}

struct clearing {
	struct prune *p;
	struct err err;
};

static void clear(void *arg)
{
	struct clearing *c = arg;

	for (int t = 0; t < BACKEND_TYPES && !c->err.code; t++)
		backend_clear_temps(c->p->repo->be, (enum backend_type)t,
			clock_now(c->p->env->clock).sec - OLD_TEMP, &c->p->res->temps_removed,
			&c->err);
}

/* On rank 0: nobody can be writing them, as long as the lock is ours and clocks go; still they must
 * be old. */
static void clear_temps(struct prune *p)
{
	struct clearing c = {.p = p};

	if (router_rank(p->router) || prune_stopped(p) || run_error(p->run)->code)
		return;
	router_aside(p->router, clear, &c);
	if (c.err.code)
		prune_hint(p, "%s", c.err.msg);
}

static int act(struct prune *p, struct err *err)
{
	struct prune_remove unreferenced = {.phase = "removing unreferenced packs",
		.type = BACKEND_PACK,
		.ids = &p->unreferenced};
	int rc = 0;

	if (prune_agreed(p, p->unreferenced.n > 0))
		prune_remove(p, &unreferenced);
	p->res->packs_removed += unreferenced.removed;
	p->res->packs_left += unreferenced.left;
	prune_sums_tell(p);
	if (prune_agreed(p, p->res->stats.packs.repack > 0))
		rc = prune_move(p, err);
	if (p->bad_blobs.n)
		prune_name(p);
	if (!rc && prune_agreed(p, drops_any(p) || p->named_twice))
		replace(p);
	if (!rc)
		clear_temps(p);
	return rc;
}

static int steps(struct prune *p, struct err *err)
{
	int rc = load(p, err);

	if (!rc && find_needed(p)) {
		rc = prune_sums(p, err);
		if (!rc && plan(p) && !p->opt->dry_run)
			rc = act(p, err);
	}
	if (rc)
		return rc;
	if (!router_rank(p->router))
		p->res->counts = prune_sum(p);
	if (stopped_set(p->stop) && !run_error(p->run)->code)
		err_set(err, ERR_CANCELLED, "stopped by a signal");
	return run_meet(p->run, err);
}

int prune_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env,
	const struct prune_options *opt, const struct prune_events *ev, const volatile int *stop,
	struct prune_result *result, struct err *err)
{
	struct prune p = {.router = r,
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
	p.run = make_run(&p);
	p.catalog = catalog_ranks_new(r, NULL);
	rc = steps(&p, err);
	run_free(p.run);
	storing_free(p.storing);
	packtable_free(p.own);
	catalog_free(p.catalog);
	snapshots_release(&p.snapshots);
	mem_free(p.plan);
	mem_free(p.indexes.id);
	mem_free(p.unreferenced.id);
	mem_free(p.old_indexes.id);
	mem_free(p.bad_blobs.id);
	return rc;
}
