#include "repo/reindex.h"
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

struct reindexing {
	struct reindex *r;
	struct indexer *to;
	size_t next; /* of r->index */
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
	struct reindexing *w = task_of(t, struct reindexing, task);

	w->c.packs = w->c.blobs = 0;
	repo_load_index(w->r->repo, &w->r->index[w->next], add, &w->c, &w->err);
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
static bool may_stay(struct reindex *r, const struct content *c)
{
	if (c->blobs < INDEXER_BLOBS || c->blobs >= INDEXER_BLOBS + PACK_ENTRIES_MAX)
		return false;
	for (size_t i = 0; i < c->packs; i++)
		if (!stays(&c->pack[i], packtable_find(r->packs, &c->pack[i].pack.id)))
			return false;
	return true;
}

static void filter(struct reindexing *w)
{
	struct content *c = &w->c;
	bool stay = may_stay(w->r, c);
	const struct blob *b = c->blob;

	for (size_t i = 0; i < c->packs; b += c->pack[i++].pack.blobs) {
		const struct named *n = &c->pack[i];
		struct catalog_pack *k = packtable_find(w->r->packs, &n->pack.id);

		if (!stays(n, k))
			continue;
		if (!stay)
			indexer_add(w->to, &n->pack.id, b, n->pack.blobs);
		written(n, k);
	}
	if (!stay) {
		w->r->old = mem_regrow(w->r->old, w->r->n_old + 1, sizeof(*w->r->old));
		w->r->old[w->r->n_old++] = w->r->index[w->next];
	}
}

/* All that it names was in the catalog when that was loaded. */
static bool is_known(struct reindexing *w)
{
	for (size_t i = 0; i < w->c.packs && !w->err.code; i++)
		if (!packtable_find(w->r->packs, &w->c.pack[i].pack.id))
			err_set(&w->err, ERR_INVALID,
				"index %s names another pack than it did a while ago",
				id_hex(&w->r->index[w->next]).s);
	return !w->err.code;
}

static void next(struct reindexing *w);

static void loaded(struct task *t)
{
	struct reindexing *w = task_of(t, struct reindexing, task);
	struct reindex *r = w->r;

	if (w->err.code || !is_known(w)) {
		err_copy(&r->err, &w->err);
		indexer_drop(w->to);
	} else {
		filter(w);
		w->next++;
		if (r->read)
			r->read(r->arg);
	}
	next(w);
}

static void next(struct reindexing *w)
{
	struct reindex *r = w->r;

	if (w->next == r->n || r->err.code || (r->stopped && r->stopped(r->arg))) {
		if (w->next < r->n && !r->err.code)
			err_set(&r->err, ERR_CANCELLED, "stopped");
		indexer_flush(w->to);
		return;
	}
	w->task = (struct task){.run = load, .done = loaded};
	jobs_put(r->repo->env->readers, &w->task);
}

static void failed(void *arg, const struct err *e)
{
	struct reindexing *w = arg;

	if (!w->r->err.code)
		err_copy(&w->r->err, e);
}

static void flushed(void *arg)
{
	struct reindexing *w = arg;

	w->r->saved = indexer_saved(w->to);
	w->r->done(w->r->arg);
}

void reindex_begin(struct reindex *r)
{
	struct reindexing *w = mem_zalloc(sizeof(*w));

	w->r = r;
	w->to = indexer_new(r->repo, 0, failed, flushed, w);
	r->own = w;
	r->old = NULL;
	r->n_old = 0;
	r->saved = 0;
	err_clear(&r->err);
}

void reindex_add(struct reindex *r, const struct id *pack, const struct blob *b, size_t n)
{
	indexer_add(r->own->to, pack, b, n);
}

void reindex_start(struct reindex *r)
{
	next(r->own);
}

void reindex_release(struct reindex *r)
{
	struct reindexing *w = r->own;

	if (!w)
		return;
	indexer_free(w->to);
	mem_free(w->c.pack);
	mem_free(w->c.blob);
	mem_free(r->old);
	mem_free(w);
	r->own = NULL;
	r->old = NULL;
}
