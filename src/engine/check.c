#include "engine/check.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "engine/check_data.h"
#include "engine/check_index.h"
#include "engine/treewalk.h"
#include "repo/snapshots.h"
#include "repo/strays.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CACHE_TREES ((size_t)160 << 20)
#define MARK_SEEN   0

struct check {
	struct repo *repo;
	struct catalog *cat;
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

	if (p->user & CHECK_PACK_BAD)
		return;
	p->user |= CHECK_PACK_BAD;
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
		broken(c, catalog_pack_find(c->cat, pack));
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
	struct catalog_pack *p = catalog_pack_find(c->cat, name);

	if (!p) {
		c->orphans++;
		return 0;
	}
	p->user |= CHECK_PACK_LISTED;
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
	for (size_t i = 0; i < catalog_packs(c->cat); i++) {
		struct catalog_pack *p = catalog_pack(c->cat, i);

		if (!(p->user & CHECK_PACK_LISTED)) {
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

/* It was come across before, and with it all below. */
static bool tree_known(struct check *c, const struct id *tree)
{
	int8_t was;
	struct catalog_mark m = {.type = BLOB_TREE,
		.id = tree,
		.n = 1,
		.bit = MARK_SEEN,
		.was = &was};

	catalog_mark_wait(c->cat, c->env->loop, &m);
	return was == 1;
}

static void mark_content(struct check *c, const struct treewalk_entry *e)
{
	const struct node *n = e->node;
	struct catalog_mark m = {.type = BLOB_DATA,
		.id = n->content,
		.n = n->n_content,
		.bit = MARK_SEEN,
		.was = mem_array(n->n_content + 1, 1)};

	catalog_mark_wait(c->cat, c->env->loop, &m);
	for (size_t i = 0; i < n->n_content; i++) {
		c->res->blobs += m.was[i] == 0;
		if (m.was[i] < 0) {
			c->unindexed = true;
			bad(c, "snapshot %s: file %s: blob %s not found in index",
				id_short(&c->snapshot->id).s, e->path, id_hex(&n->content[i]).s);
		}
	}
	mem_free(m.was);
}

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
		if (tree_known(c, &n->subtree))
			return TREEWALK_SKIP;
		c->res->trees++;
		return TREEWALK_GO;
	}
	if (n->type != NODE_FILE)
		return TREEWALK_GO;
	if (!n->has_content)
		bad(c, "snapshot %s: file %s has no content list", id_short(&c->snapshot->id).s,
			e->path);
	mark_content(c, e);
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
		if (!tree_known(c, &all.s[i].tree))
			rc = treewalk_run(c->loader, c->env, &all.s[i].tree, "", &fn, err);
		if (c->ev->progress)
			c->ev->progress(c->ev->arg, i + 1, all.n);
	}
	snapshots_release(&all);
	return rc;
}

/* ---- data ---- */

/* The store failed, but did not say that the pack is not there or too short: nothing is known about
 * the pack. */
static bool out_of_reach(const struct err *e)
{
	return e->code && e->code != ERR_NOTFOUND && e->code != ERR_TOOSHORT;
}

static void pack_read(void *arg, const struct check_pack *p, uint64_t done, uint64_t total)
{
	const struct id_hex pack = id_hex(&p->pack->id);
	struct check *c = arg;

	if (p->found.moved)
		bad(c, "pack %s: its header does not say what the index says", pack.s);
	if (p->found.faults)
		bad(c, "pack %s contains %zu errors: %s", pack.s, p->found.faults,
			p->found.first.msg);
	if (p->found.faults || p->found.moved) {
		if (!out_of_reach(&p->unread) &&
			(p->found.moved || p->found.first.code != ERR_NOMEM))
			broken(c, p->pack);
	} else if (p->again) {
		bad(c, "pack %s: check successful on second attempt, original error: %s", pack.s,
			p->first.msg);
	}
	c->res->packs_read++;
	if (c->ev->progress)
		c->ev->progress(c->ev->arg, done, total);
}

static bool reads_data(const struct check_options *o)
{
	return o->read_data || o->subset_t || o->subset_percent > 0 || o->subset_bytes;
}

static void check_data(struct check *c)
{
	struct check_data d = {.repo = c->repo,
		.catalog = c->cat,
		.env = c->env,
		.opt = c->opt,
		.stop = c->stop,
		.read = pack_read,
		.arg = c};

	stage(c, "read all data");
	check_data_run(&d);
}

int check_run(struct repo *r, struct catalog *cat, const struct env *env,
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
	int rc;

	memset(result, 0, sizeof(*result));
	stage(&c, "load indexes");
	rc = check_index_load(r, cat, &iev, err);
	if (rc < 0 || c.damaged)
		return rc; /* what an index does not tell would only look missing */
	c.loader = loader_new(r, cat, CACHE_TREES);
	rc = check_packs(&c, err);
	if (rc == 0)
		rc = check_trees(&c, err);
	if (rc == 0 && !stopped(&c))
		judge_orphans(&c);
	if (rc == 0 && reads_data(opt) && !stopped(&c))
		check_data(&c);
	loader_free(c.loader);
	strays_release(&c.strays);
	if (rc == 0 && stopped(&c))
		rc = err_set(err, ERR_CANCELLED, "stopped by a signal");
	return rc;
}
