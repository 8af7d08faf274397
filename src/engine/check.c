#include "engine/check.h"
#include "base/mem.h"
#include "engine/check_index.h"
#include "engine/check_read.h"
#include "base/stopped.h"
#include "engine/treewalk.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "repo/snapshots.h"
#include "repo/strays.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CACHE_TREES ((size_t)160 << 20)
#define MARK_SEEN   0

enum { PACK_LISTED = 1, PACK_BAD = 2 }; /* of catalog_pack.user */

struct check {
	struct repo *repo;
	struct blobtable *cat;
	struct loader *loader;
	const struct env *env;
	const struct check_options *opt;
	const struct check_events *ev;
	const volatile int *stop;
	struct check_result *res;
	const struct snapshot *snapshot; /* the one walked */
	size_t orphans;                  /* packs in no index */
	struct strays strays;            /* what lies among the files */
	bool damaged;                    /* an index */
	bool unindexed;                  /* a blob that is needed is in no index */
	/* reading data */
	size_t *todo; /* numbers of packs */
	size_t n_todo, next, under_way;
	struct reading *spare;
};

void check_result_release(struct check_result *r)
{
	mem_free(r->broken);
	r->broken = NULL;
	r->n_broken = 0;
}

static void __attribute__((format(printf, 2, 3))) bad(struct check *c, const char *fmt, ...)
{
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	c->res->errors++;
	if (c->ev->error)
		c->ev->error(c->ev->arg, e.msg);
}

static void __attribute__((format(printf, 2, 3))) hint(struct check *c, const char *fmt, ...)
{
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	c->res->hints++;
	if (c->ev->hint)
		c->ev->hint(c->ev->arg, e.msg);
}

static void stage(struct check *c, const char *what)
{
	if (c->ev->stage)
		c->ev->stage(c->ev->arg, what);
}

static bool stopped(const struct check *c)
{
	return stopped_set(c->stop);
}

static void broken(struct check *c, struct catalog_pack *p)
{
	size_t n = c->res->n_broken;

	if (p->user & PACK_BAD)
		return;
	p->user |= PACK_BAD;
	if (!(n & (n - 1))) /* grows at powers of two */
		c->res->broken = mem_regrow(c->res->broken, n ? 2 * n : 1, sizeof(*c->res->broken));
	c->res->broken[c->res->n_broken++] = p->id;
}

/* ---- indexes and packs ---- */

static void index_damaged(void *arg, const struct id *index, const struct err *e)
{
	struct check *c = arg;

	bad(c, "index %s: %s", id_hex(index).s, e->msg);
	/* What the store or the memory did not give is not wrong for that. */
	if (e->code != ERR_IO && e->code != ERR_NOMEM)
		c->res->suggest_repair_index = true;
	c->damaged = true;
}

static void pack_twice(void *arg, const struct id *pack, size_t indexes, bool differ)
{
	struct check *c = arg;

	if (differ) {
		bad(c, "pack %s has different data in %zu indexes", id_hex(pack).s, indexes);
		broken(c, blobtable_pack_find(c->cat, pack));
		return;
	}
	hint(c, "pack %s is contained in %zu indexes; this is non-critical", id_hex(pack).s,
		indexes);
	c->res->suggest_repair_index = true;
}

static void index_empty(void *arg, const struct id *index)
{
	struct check *c = arg;

	hint(c, "index %s names no packs; this is non-critical if nothing is missing",
		id_hex(index).s);
	c->res->suggest_repair_index = true;
}

static int pack_listed(void *arg, const struct id *name, uint64_t size)
{
	struct check *c = arg;
	struct catalog_pack *p = blobtable_pack_find(c->cat, name);

	if (!p) {
		c->orphans++;
		return 0;
	}
	p->user |= PACK_LISTED;
	if (size != p->size) {
		bad(c, "pack %s: unexpected file size: got %llu, expected %llu", id_hex(name).s,
			(unsigned long long)size, (unsigned long long)p->size);
		broken(c, p);
	}
	return 0;
}

static void pack_odd(void *arg, enum backend_odd why, const char *path)
{
	struct check *c = arg;

	strays_add(&c->strays, why, path);
}

static void stray_bad(void *arg, const char *message)
{
	bad(arg, "%s", message);
}

static void stray_hint(void *arg, const char *message)
{
	hint(arg, "%s", message);
}

/* Of all types; those of packs are known. */
static int check_strays(struct check *c, struct err *err)
{
	struct strays_events ev = {stray_bad, stray_hint, c};
	int rc = 0;

	for (int t = 0; t < BACKEND_TYPES && !rc; t++) {
		if (t != BACKEND_PACK)
			rc = strays_find(&c->strays, c->repo->be, (enum backend_type)t, err);
	}
	if (!rc)
		strays_tell(&c->strays, &ev);
	return rc;
}

static int check_packs(struct check *c, struct err *err)
{
	struct backend_names to = {.file = pack_listed, .odd = pack_odd, .arg = c};
	int rc;

	stage(c, "check all packs");
	c->strays.type = BACKEND_PACK;
	rc = backend_list_all(c->repo->be, BACKEND_PACK, &to, err);
	if (rc < 0)
		return rc;
	rc = check_strays(c, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < blobtable_packs(c->cat); i++) {
		struct catalog_pack *p = blobtable_pack(c->cat, i);

		if (!(p->user & PACK_LISTED)) {
			bad(c, "pack %s: does not exist", id_hex(&p->id).s);
			broken(c, p);
		}
		if (p->data && p->tree) {
			hint(c,
				"pack %s contains a mix of tree and data blobs; this is "
				"non-critical",
				id_hex(&p->id).s);
			c->res->suggest_prune = true;
		}
	}
	return 0;
}

/* After the trees, which say whether anything is missed: packs that no index names may be just
 * that, and must not be called superfluous. */
static void judge_orphans(struct check *c)
{
	if (c->orphans && !c->res->errors) {
		c->res->suggest_prune = true;
		hint(c,
			"%zu additional files were found in the repo, which likely contain "
			"duplicate data; this is non-critical",
			c->orphans);
	} else if (c->orphans && c->unindexed) {
		c->res->suggest_prune = false;
		c->res->suggest_repair_index = true;
		hint(c,
			"%zu packs are in no index; they may hold what is missing: an index file "
			"seems to be lost",
			c->orphans);
	}
}

/* ---- trees ---- */

static enum treewalk_next node_seen(void *arg, const struct treewalk_entry *e)
{
	struct check *c = arg;
	const struct node *n = e->node;

	if (stopped(c))
		return TREEWALK_STOP;
	if (n->type == NODE_DIR) {
		if (!n->has_subtree || id_is_zero(&n->subtree)) {
			bad(c, "snapshot %s: directory %s has no tree",
				id_short(&c->snapshot->id).s, e->path);
			return TREEWALK_SKIP;
		}
		if (blobtable_mark(c->cat, BLOB_TREE, &n->subtree, MARK_SEEN) == 1)
			return TREEWALK_SKIP;
		c->res->trees++;
		return TREEWALK_GO;
	}
	if (n->type != NODE_FILE)
		return TREEWALK_GO;
	if (!n->has_content)
		bad(c, "snapshot %s: file %s has no content list", id_short(&c->snapshot->id).s,
			e->path);
	for (size_t i = 0; i < n->n_content; i++) {
		int was = blobtable_mark(c->cat, BLOB_DATA, &n->content[i], MARK_SEEN);

		c->res->blobs += was == 0;
		if (was < 0) {
			c->unindexed = true;
			bad(c, "snapshot %s: file %s: blob %s not found in index",
				id_short(&c->snapshot->id).s, e->path, id_hex(&n->content[i]).s);
		}
	}
	return TREEWALK_GO;
}

static enum treewalk_next tree_failed(void *arg, const char *path, const struct err *e)
{
	struct check *c = arg;

	c->unindexed |= e->code == ERR_NOTFOUND;
	bad(c, "snapshot %s: %s: %s", id_short(&c->snapshot->id).s, path, e->msg);
	return TREEWALK_GO;
}

static void snapshot_damaged(void *arg, const struct id *id, const struct err *e)
{
	bad(arg, "snapshot %s: %s", id_short(id).s, e->msg);
}

static int check_trees(struct check *c, struct err *err)
{
	struct snapshots all = {0};
	struct treewalk_fn fn = {node_seen, NULL, tree_failed, c};
	int rc;

	stage(c, "check snapshots, trees and blobs");
	rc = snapshots_load(c->repo, &all, snapshot_damaged, c, err);
	for (size_t i = 0; i < all.n && rc == 0 && !stopped(c); i++) {
		c->snapshot = &all.s[i];
		c->res->snapshots++;
		if (blobtable_mark(c->cat, BLOB_TREE, &all.s[i].tree, MARK_SEEN) != 1)
			rc = treewalk_run(c->loader, c->env, &all.s[i].tree, "", &fn, err);
		if (c->ev->progress)
			c->ev->progress(c->ev->arg, i + 1, all.n);
	}
	snapshots_release(&all);
	return rc;
}

/* ---- data ---- */

struct reading {
	struct check *c;
	struct catalog_pack *pack;
	struct backend_op op;
	struct task task;
	struct check_read found;
	bool again;           /* for the second time … */
	struct err first;     /* … because this was wrong the first time */
	struct reading *next; /* among the spare ones */
};

static void read_next(struct check *c);

static void read_run(struct task *t)
{
	struct reading *r = task_of(t, struct reading, task);
	struct repo_ctx *ctx;

	if (r->op.err.code) {
		r->found = (struct check_read){.faults = 1, .first = r->op.err};
		return;
	}
	ctx = repo_ctx_get(r->c->repo);
	check_read(ctx, r->c->cat, r->pack, r->op.out.p, r->op.out.len, r->c->stop, &r->found);
	repo_ctx_put(r->c->repo, ctx);
}

/* The store failed, but did not say that the pack is not there or too short: nothing is known about
 * the pack. */
static bool out_of_reach(const struct err *e)
{
	return e->code && e->code != ERR_NOTFOUND && e->code != ERR_TOOSHORT;
}

static void read_start(struct reading *r);

static void judge(struct check *c, const struct reading *r)
{
	const struct id_hex pack = id_hex(&r->pack->id);

	if (r->found.moved)
		bad(c, "pack %s: its header does not say what the index says", pack.s);
	if (r->found.faults)
		bad(c, "pack %s contains %zu errors: %s", pack.s, r->found.faults,
			r->found.first.msg);
	if (r->found.faults || r->found.moved) {
		if (!out_of_reach(&r->op.err) &&
			(r->found.moved || r->found.first.code != ERR_NOMEM))
			broken(c, r->pack);
	} else if (r->again) {
		bad(c, "pack %s: check successful on second attempt, original error: %s", pack.s,
			r->first.msg);
	}
}

static void read_done(struct task *t)
{
	struct reading *r = task_of(t, struct reading, task);
	struct check *c = r->c;

	if ((r->found.faults || r->found.moved) && !r->again && !stopped(c)) {
		r->again = true;
		r->first = r->found.first;
		if (!r->found.faults)
			err_set(&r->first, ERR_INVALID,
				"its header does not say what the index says");
		read_start(r);
		return;
	}
	judge(c, r);
	r->next = c->spare;
	c->spare = r;
	c->res->packs_read++;
	c->under_way--;
	if (c->ev->progress)
		c->ev->progress(c->ev->arg, c->res->packs_read, c->n_todo);
	read_next(c);
}

static void read_arrived(struct backend_op *op)
{
	struct reading *r = op->arg;

	jobs_put(r->c->env->cpu, &r->task);
}

/* Into the buffer that it has: its pages need not be had anew. */
static void read_start(struct reading *r)
{
	struct buf out = r->op.out;

	buf_reset(&out);
	r->task = (struct task){.run = read_run, .done = read_done};
	r->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = r->pack->id,
		.out = out,
		.done = read_arrived,
		.arg = r};
	backend_start(r->c->repo->be, &r->op);
}

/* One that is done with its pack, if there is one. */
static struct reading *reading_new(struct check *c)
{
	struct reading *r = c->spare;
	struct buf out;

	if (r) {
		c->spare = r->next;
	} else {
		r = mem_zalloc(sizeof(*r));
		buf_init(&r->op.out, (size_t)UINT32_MAX);
	}
	out = r->op.out;
	*r = (struct reading){.c = c, .pack = blobtable_pack(c->cat, c->todo[c->next++])};
	r->op.out = out;
	return r;
}

/* As many packs in memory as workers can use while the next are on their way. */
static void read_next(struct check *c)
{
	size_t at_once = jobs_threads(c->env->cpu) + 1;

	if (at_once > c->repo->be->connections)
		at_once = c->repo->be->connections;
	while (c->under_way < at_once && c->next < c->n_todo && !stopped(c)) {
		c->under_way++;
		read_start(reading_new(c));
	}
}

static void shuffle(struct check *c)
{
	for (size_t i = c->n_todo; i > 1; i--) {
		uint64_t x;
		size_t k, old;

		rnd_fill(c->env->rnd, &x, sizeof(x));
		k = (size_t)(x % i);
		old = c->todo[i - 1];
		c->todo[i - 1] = c->todo[k];
		c->todo[k] = old;
	}
}

static void choose(struct check *c)
{
	const struct check_options *o = c->opt;
	size_t packs = blobtable_packs(c->cat);
	size_t most = SIZE_MAX;
	uint64_t bytes = 0;

	c->todo = mem_array(packs ? packs : 1, sizeof(*c->todo));
	for (size_t i = 0; i < packs; i++) {
		const struct catalog_pack *p = blobtable_pack(c->cat, i);

		if (!(p->user & PACK_LISTED)) /* said already */
			continue;
		if (o->subset_t && p->id.b[0] % o->subset_t != o->subset_n - 1)
			continue;
		c->todo[c->n_todo++] = i;
	}
	if (o->subset_percent <= 0 && !o->subset_bytes)
		return;
	shuffle(c);
	if (o->subset_percent > 0)
		most = (size_t)((double)c->n_todo * (o->subset_percent / 100));
	for (size_t i = 0; i < c->n_todo; i++) {
		bytes += blobtable_pack(c->cat, c->todo[i])->size;
		if ((o->subset_bytes && bytes >= o->subset_bytes) || i + 1 >= most)
			c->n_todo = i + 1; /* at least one */
	}
}

static bool all_read(void *c)
{
	return !((const struct check *)c)->under_way;
}

static void check_data(struct check *c)
{
	stage(c, "read all data");
	choose(c);
	read_next(c);
	loop_until_fn(c->env->loop, all_read, c);
	while (c->spare) {
		struct reading *r = c->spare;

		c->spare = r->next;
		buf_release(&r->op.out);
		mem_free(r);
	}
	mem_free(c->todo);
}

int check_run(struct repo *r, struct blobtable *cat, const struct env *env,
	const struct check_options *opt, const struct check_events *ev, const volatile int *stop,
	struct check_result *result, struct err *err)
{
	struct check c = {.repo = r,
		.cat = cat,
		.env = env,
		.opt = opt,
		.ev = ev,
		.stop = stop,
		.res = result};
	struct check_index_events iev = {index_damaged, pack_twice, index_empty, &c};
	struct catalog *catalog;
	int rc;

	memset(result, 0, sizeof(*result));
	stage(&c, "load indexes");
	rc = check_index_load(r, cat, &iev, err);
	if (rc < 0 || c.damaged)
		return rc; /* what an index does not tell would only look missing */
	catalog = catalog_local_new(cat);
	c.loader = loader_new(r, catalog, CACHE_TREES);
	rc = check_packs(&c, err);
	if (rc == 0)
		rc = check_trees(&c, err);
	if (rc == 0 && !stopped(&c))
		judge_orphans(&c);
	if (rc == 0 &&
		(opt->read_data || opt->subset_t || opt->subset_percent > 0 || opt->subset_bytes) &&
		!stopped(&c))
		check_data(&c);
	loader_free(c.loader);
	catalog_free(catalog);
	strays_release(&c.strays);
	if (rc == 0 && stopped(&c))
		rc = err_set(err, ERR_CANCELLED, "stopped by a signal");
	return rc;
}
