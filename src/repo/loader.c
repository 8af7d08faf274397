#include "repo/loader.h"
#include "base/mem.h"
#include "format/pack.h"
#include "repo/loader_cache.h"
#include <assert.h>

/*
 * A tree's way: find (which pack) -> fetch (its own range, or the whole pack together with others)
 * -> decode on env->cpu -> done.
 *
 * Fetches wait in a queue until one of the connections is free.  The first tree wanted from a pack
 * asks for its range; once a second one is wanted, be it while the first still waits, the pack is
 * fetched whole; a large one only once a fourth is, for the upper directories of a run, which are
 * wanted first, lie here and there in all its packs.  Every pack that was ever wanted keeps its
 * small record: tree packs are few.
 */
#define WHOLE_MAX (PACK_SIZE_MAX + CHUNKER_MAX + PACK_HEADER_MAX)

struct loader_fetch {
	struct loader *l;
	struct loader_pack *pack;
	bool whole, started;
	size_t weight;             /* of a whole one: what it will take of the cache */
	struct loader_tree *trees; /* waiting for it; one unless whole */
	struct backend_op op;
	struct task task;
	struct loader_fetch *next;
};

struct loader {
	struct repo *r;
	struct catalog *catalog;
	struct loader_cache *cache;
	struct loader_fetch *queue, **queue_end;
	unsigned active, limit;
	size_t active_bytes; /* of whole ones */
	size_t requests;
	struct loader_stats stats;
};

struct loader *loader_new(struct repo *r, struct catalog *catalog, size_t cache_bytes)
{
	struct loader *l = mem_zalloc(sizeof(*l));

	l->r = r;
	l->catalog = catalog;
	l->cache = loader_cache_new(cache_bytes);
	l->queue_end = &l->queue;
	l->limit = r->be->connections ? r->be->connections : 1;
	return l;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	assert(!l->requests && !l->queue && !l->active);
	loader_cache_free(l->cache);
	mem_free(l);
}

static void finish(struct loader_tree *t, const struct err *e)
{
	t->loader->requests--;
	err_clear(&t->err);
	if (e) {
		err_copy(&t->err, e);
		buf_release(&t->plain);
		err_prefix(&t->err, "load %s %s", blob_type_name(t->seek.find.type),
			id_short(&t->seek.find.id).s);
	} else {
		t->loader->stats.trees++;
	}
	t->done(t);
}

/*
 * This copy cannot be had.  A damaged one is read once more by itself, in case the damage is not in
 * the store; then comes the next place.
 */
static void copy_failed(struct loader_tree *t, const struct err *e)
{
	if (!t->first.code)
		err_copy(&t->first, e);
	t->again = t->alone = e->code == ERR_INVALID && !t->again;
	if (!t->again)
		t->seek.find.nth++;
	seek_next(t->loader->catalog, &t->seek);
}

static void pack_failed(struct loader_tree *t, const struct err *why)
{
	struct err e;

	err_copy(&e, why);
	err_prefix(&e, "pack %s", id_short(&t->pack->id).s);
	copy_failed(t, &e);
}

/* On a worker. */
static void decode_run(struct task *task)
{
	struct loader_tree *t = task_of(task, struct loader_tree, task);
	const struct blob *b = &t->seek.find.place.blob;
	struct repo *r = t->loader->r;
	const uint8_t *sealed;
	struct repo_ctx *ctx;

	if (t->fetch) {
		sealed = t->fetch->op.out.p;
	} else {
		uint64_t offset = b->offset - t->pack->at;

		if (offset > t->pack->data.len || b->length > t->pack->data.len - offset) {
			err_set(&t->err, ERR_INVALID, "pack %s is shorter than its index says",
				id_short(&t->pack->id).s);
			return;
		}
		sealed = t->pack->data.p + offset;
	}
	ctx = repo_ctx_get(r);
	repo_open_blob(ctx, b, sealed, &t->plain, &t->err);
	repo_ctx_put(r, ctx);
}

static void fetch_free(struct loader_fetch *f)
{
	buf_release(&f->op.out);
	mem_free(f);
}

static void decode_done(struct task *task)
{
	struct loader_tree *t = task_of(task, struct loader_tree, task);
	struct loader *l = t->loader;

	if (t->fetch) {
		fetch_free(t->fetch);
		t->fetch = NULL;
	} else {
		t->pack->refs--;
		loader_cache_shrink(l->cache);
	}
	if (t->err.code)
		pack_failed(t, &t->err);
	else
		finish(t, NULL);
}

/* From the fetch's own bytes, or from the cached pack when there is none. */
static void decode(struct loader_tree *t, struct loader_fetch *f)
{
	t->fetch = f;
	if (!f)
		t->pack->refs++;
	err_clear(&t->err);
	t->task = (struct task){.run = decode_run, .done = decode_done};
	jobs_put(t->loader->r->env->cpu, &t->task);
}

static void tree_place(struct loader_tree *t);
static void queue_pump(struct loader *l);

static void whole_done(struct loader_fetch *f)
{
	struct loader *l = f->l;
	struct loader_pack *p = f->pack;
	struct loader_tree *t, *next;
	bool ok = !f->op.err.code;

	l->active_bytes -= f->weight;
	p->fetch = NULL;
	if (ok) {
		buf_move(&p->data, &f->op.out);
		p->cached = true;
		loader_cache_add(l->cache, p);
	} else if (f->op.err.code == ERR_NOMEM) {
		p->single = true;
	}
	for (t = f->trees; t; t = next) {
		next = t->next;
		if (ok) {
			decode(t, NULL);
		} else if (f->op.err.code == ERR_NOTFOUND) {
			pack_failed(t, &f->op.err);
		} else {
			/* Each by itself: a range may come where a whole pack does not, and its
			 * error is about this tree. */
			t->alone = true;
			tree_place(t);
		}
	}
	loader_cache_shrink(l->cache);
	fetch_free(f);
}

static void single_done(struct loader_fetch *f)
{
	struct loader_tree *t = f->trees;

	if (!f->op.err.code && f->op.out.len == t->seek.find.place.blob.length) {
		decode(t, f);
		return;
	}
	if (!f->op.err.code)
		err_set(&f->op.err, ERR_INVALID, "%zu bytes came instead of %u", f->op.out.len,
			t->seek.find.place.blob.length);
	pack_failed(t, &f->op.err);
	fetch_free(f);
}

/* On the loop. */
static void fetch_settled(struct task *task)
{
	struct loader_fetch *f = task_of(task, struct loader_fetch, task);
	struct loader *l = f->l;

	l->active--;
	l->stats.bytes += f->op.out.len;
	if (f->whole)
		whole_done(f);
	else
		single_done(f);
	queue_pump(l);
}

static void get_done(struct backend_op *op)
{
	struct loader_fetch *f = op->arg;

	loop_post(f->l->r->env->loop, &f->task);
}

static void fetch_start(struct loader_fetch *f)
{
	struct loader *l = f->l;
	const struct blob *b = &f->trees->seek.find.place.blob;

	f->started = true;
	f->task = (struct task){.done = fetch_settled};
	f->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = f->pack->id,
		.done = get_done,
		.arg = f};
	l->active++;
	l->stats.gets++;
	if (f->whole) {
		l->active_bytes += f->weight;
		f->op.offset = f->pack->at;
		f->op.length = f->pack->size;
		buf_init(&f->op.out, l->cache->bytes < WHOLE_MAX ? l->cache->bytes : WHOLE_MAX);
	} else {
		if (f->pack->fetch == f)
			f->pack->fetch = NULL;
		f->op.offset = b->offset;
		f->op.length = b->length;
		buf_init(&f->op.out, b->length);
	}
	backend_start(l->r->be, &f->op);
}

static void queue_pump(struct loader *l)
{
	struct loader_fetch **at = &l->queue, *f;

	while (l->active < l->limit && (f = *at) != NULL) {
		if (f->whole) {
			/* What is being fetched is bounded as the cache is, at what packs usually
			 * have. */
			f->weight = f->pack->size ? f->pack->size : PACK_SIZE_DEFAULT;
			if (l->active_bytes && l->active_bytes + f->weight > l->cache->bytes) {
				at = &f->next;
				continue;
			}
		}
		*at = f->next;
		if (!f->next)
			l->queue_end = at;
		fetch_start(f);
	}
}

static struct loader_fetch *fetch_new(struct loader *l, struct loader_pack *p,
	struct loader_tree *t, bool whole)
{
	struct loader_fetch *f = mem_zalloc(sizeof(*f));

	f->l = l;
	f->pack = p;
	f->whole = whole;
	f->trees = t;
	t->next = NULL;
	*l->queue_end = f;
	l->queue_end = &f->next;
	return f;
}

/* One more tree is wanted of what is not there. */
static bool is_wanted_whole(const struct loader *l, struct loader_pack *p, const struct blob *b)
{
	if (p->end < (uint64_t)b->offset + b->length)
		p->end = (uint64_t)b->offset + b->length;
	return p->wanted++ >= (p->end <= l->cache->part ? 1 : LOADER_FEW);
}

/* t->seek.find.place says where the blob is. */
static void tree_place(struct loader_tree *t)
{
	struct loader *l = t->loader;
	struct loader_pack *whole = loader_cache_pack(l->cache, &t->seek.find.place.pack),
			   *p = loader_cache_part(l->cache, whole, &t->seek.find.place.blob);

	t->pack = p ? p : whole;
	if (t->alone || !p || p->single) {
		fetch_new(l, t->pack, t, false);
	} else if (p->cached) {
		l->stats.hits++;
		loader_cache_touch(l->cache, p);
		decode(t, NULL);
	} else {
		bool all = is_wanted_whole(l, p, &t->seek.find.place.blob);

		if (p->fetch && (all || p->fetch->whole)) {
			l->stats.hits++;
			p->fetch->whole = true;
			t->next = p->fetch->trees;
			p->fetch->trees = t;
		} else {
			p->fetch = fetch_new(l, p, t, all);
		}
	}
	queue_pump(l);
}

static void place_found(struct seek *s)
{
	struct loader_tree *t = s->arg;

	if (s->find.found) {
		tree_place(t);
		return;
	}
	if (!t->first.code && id_is_zero(&s->odd.pack))
		err_set(&t->first, ERR_NOTFOUND, "it is not in the index");
	else if (!t->first.code)
		err_set(&t->first, ERR_INVALID, "pack %s: the index gives it %u bytes",
			id_short(&s->odd.pack).s, s->odd.blob.length);
	finish(t, &t->first);
}

void loader_tree_get(struct loader *l, struct loader_tree *t)
{
	t->loader = l;
	t->pack = NULL;
	t->fetch = NULL;
	t->again = t->alone = false;
	err_clear(&t->err);
	err_clear(&t->first);
	buf_init(&t->plain, REPO_BLOB_MAX);
	l->requests++;
	t->seek = (struct seek){.find = {.type = BLOB_TREE, .id = t->id},
		.done = place_found,
		.arg = t};
	seek_next(l->catalog, &t->seek);
}

static void wait_done(struct loader_tree *t)
{
	*(bool *)t->arg = true;
}

int loader_tree_wait(struct loader *l, const struct id *id, struct buf *plain, struct err *err)
{
	bool done = false;
	struct loader_tree t = {.id = *id, .done = wait_done, .arg = &done};

	loader_tree_get(l, &t);
	loop_until(l->r->env->loop, &done);
	if (t.err.code)
		return err_copy(err, &t.err);
	buf_move(plain, &t.plain);
	return 0;
}

void loader_stats(const struct loader *l, struct loader_stats *out)
{
	*out = l->stats;
}
