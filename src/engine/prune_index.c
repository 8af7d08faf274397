/*
 * Old index files are read one after the other; what stays of those that have to change is
 * collected in new ones.  Only rank 0 works here.
 *
 * What one file says of a pack may be all of it, as every program of today writes it, or a part,
 * which very old ones did.  All of it is written once; a part is written as it is: no entry of a
 * pack that stays is ever lost.
 */
#include "engine/prune_priv.h"
#include "base/mem.h"
#include "format/pack.h"
#include "repo/indexer.h"
#include <string.h>

#define WRITTEN 0x80 /* catalog_pack.user: an index file that stays or is new has all of it */

struct named {
	struct repo_pack pack;
	uint64_t digest;
};

/* One old file. */
struct content {
	struct named *pack;
	struct blob *blob;
	size_t packs, blobs, pack_cap, blob_cap;
};

struct rewriting {
	struct prune *p;
	struct indexer *to;
	size_t next; /* of p->indexes */
	struct task task;
	struct content c;
	struct err err;
};

/* ---- on a reader: a file ---- */

static int add(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct content *c = arg;
	struct named *k;

	if (c->packs == c->pack_cap) {
		c->pack_cap = c->pack_cap ? 2 * c->pack_cap : 64;
		c->pack = mem_regrow(c->pack, c->pack_cap, sizeof(*c->pack));
	}
	if (c->blobs + n > c->blob_cap) {
		c->blob_cap = 2 * (c->blobs + n);
		c->blob = mem_regrow(c->blob, c->blob_cap, sizeof(*c->blob));
	}
	k = &c->pack[c->packs++];
	*k = (struct named){.pack = {.id = *pack, .blobs = n}};
	for (size_t i = 0; i < n; i++) {
		c->blob[c->blobs++] = b[i];
		k->digest += blob_digest(&b[i]);
	}
	return 0;
}

static void load(struct task *t)
{
	struct rewriting *w = task_of(t, struct rewriting, task);

	w->c.packs = w->c.blobs = 0;
	repo_load_index(w->p->repo, &w->p->indexes.id[w->next], add, &w->c, &w->err);
}

/* ---- what becomes of it ---- */

static bool is_whole(const struct named *n, const struct catalog_pack *k)
{
	return n->pack.blobs == k->blobs && n->digest == k->digest;
}

static enum catalog_fate fate_of(const struct catalog_pack *k)
{
	return k->user & ~(unsigned)WRITTEN;
}

static bool stays(const struct named *n, const struct catalog_pack *k)
{
	return fate_of(k) == CATALOG_STAYS && !((k->user & WRITTEN) && is_whole(n, k));
}

static void written(const struct named *n, struct catalog_pack *k)
{
	if (is_whole(n, k))
		k->user |= WRITTEN;
}

/* Full, and nothing of it changes. */
static bool may_stay(struct prune *p, const struct content *c)
{
	if (c->blobs < INDEXER_BLOBS || c->blobs >= INDEXER_BLOBS + PACK_ENTRIES_MAX)
		return false;
	for (size_t i = 0; i < c->packs; i++)
		if (!stays(&c->pack[i], packtable_find(p->packs, &c->pack[i].pack.id)))
			return false;
	return true;
}

static void filter(struct rewriting *w)
{
	struct content *c = &w->c;
	bool stay = may_stay(w->p, c);
	const struct blob *b = c->blob;

	for (size_t i = 0; i < c->packs; b += c->pack[i++].pack.blobs) {
		const struct named *n = &c->pack[i];
		struct catalog_pack *k = packtable_find(w->p->packs, &n->pack.id);

		if (!stays(n, k))
			continue;
		if (!stay)
			indexer_add(w->to, &n->pack.id, b, n->pack.blobs);
		written(n, k);
	}
	if (!stay)
		prune_ids_add(&w->p->old_indexes, &w->p->indexes.id[w->next]);
}

/* All that it names was in the catalog when that was loaded. */
static bool is_known(struct rewriting *w)
{
	for (size_t i = 0; i < w->c.packs && !w->err.code; i++)
		if (!packtable_find(w->p->packs, &w->c.pack[i].pack.id))
			err_set(&w->err, ERR_INVALID,
				"index %s names another pack than it did a while ago",
				id_hex(&w->p->indexes.id[w->next]).s);
	return !w->err.code;
}

static void next(struct rewriting *w);

static void loaded(struct task *t)
{
	struct rewriting *w = task_of(t, struct rewriting, task);

	if (w->err.code || !is_known(w)) {
		run_fail(w->p->run, &w->err);
		w->next = w->p->indexes.n;
		indexer_drop(w->to);
	} else {
		filter(w);
		w->next++;
		w->p->done++;
	}
	next(w);
}

static void next(struct rewriting *w)
{
	struct prune *p = w->p;

	if (w->next == p->indexes.n || prune_stopped(p)) {
		indexer_flush(w->to);
		return;
	}
	w->task = (struct task){.run = load, .done = loaded};
	jobs_put(p->env->readers, &w->task);
}

static void failed(void *arg, const struct err *e)
{
	run_fail(((struct rewriting *)arg)->p->run, e);
}

static void flushed(void *arg)
{
	run_done(((struct rewriting *)arg)->p->run);
}

static void start(void *arg)
{
	struct rewriting *w = arg;
	struct prune *p = w->p;

	if (router_rank(p->router) || prune_stopped(p) || run_error(p->run)->code)
		return;
	run_hold(p->run);
	w->to = indexer_new(p->repo, 0, failed, flushed, w);
	next(w);
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
	if (w.to)
		p->res->indexes_saved += indexer_saved(w.to);
	indexer_free(w.to);
	mem_free(w.c.pack);
	mem_free(w.c.blob);
}
