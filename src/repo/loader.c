#include "repo/loader.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "format/pack.h"
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
 *
 * A pack that had to leave the cache and is wanted again comes in parts from then on: the trees of
 * many ranks' runs lie side by side, and with more packs in use at once than there is room for,
 * each tree would cost a whole pack.  What is wanted at one time lies close together in each of
 * them.
 */
#define WHOLE_MAX (PACK_SIZE_MAX + CHUNKER_MAX + PACK_HEADER_MAX)
#define FEW       3                  /* trees of a large pack that come by themselves */
#define PARTS     32                 /* so many parts fit into the cache */
#define PART_MIN  ((size_t)64 << 10) /* but they are not smaller than this */
#define OVERLAP(part)                                                                              \
	((part) / 16) /* of a part with the next, so that few trees lie across a border */

/* A pack, or a part of one. */
struct loader_pack {
	struct id id;
	uint64_t at;              /* a part: its first byte in the pack */
	size_t size;              /* 0: not known */
	struct loader_pack *part; /* n_part of them, once it has left the cache */
	size_t n_part;
	uint64_t end;    /* behind the last byte that was wanted of it */
	unsigned wanted; /* so often, while it was not there */
	bool single;     /* too large to be fetched whole */
	bool cached;
	struct buf data; /* when cached */
	size_t refs;     /* decodes that read it */
	struct loader_pack *newer, *older;
	struct loader_fetch
		*fetch; /* that more trees may join: not started, or of the whole pack */
};

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

struct pack_entry {
	struct id id;
	struct loader_pack *pack;
};

struct loader {
	struct repo *r;
	struct catalog *catalog;
	size_t cache_bytes, cached, part;
	struct hashtab *packs;
	struct loader_pack *newest, *oldest; /* cached ones */
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
	l->cache_bytes = cache_bytes;
	l->packs = hashtab_new(sizeof(struct pack_entry), ID_SIZE, 0);
	l->queue_end = &l->queue;
	l->part = cache_bytes / PARTS > PART_MIN ? cache_bytes / PARTS : PART_MIN;
	l->limit = r->be->connections ? r->be->connections : 1;
	return l;
}

static int pack_free(void *arg, void *entry)
{
	struct loader_pack *p = ((struct pack_entry *)entry)->pack;

	(void)arg;
	for (size_t i = 0; i < p->n_part; i++)
		buf_release(&p->part[i].data);
	mem_free(p->part);
	buf_release(&p->data);
	mem_free(p);
	return 0;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	assert(!l->requests && !l->queue && !l->active);
	hashtab_each(l->packs, pack_free, NULL);
	hashtab_free(l->packs);
	mem_free(l);
}

static struct loader_pack *pack_of(struct loader *l, const struct id *id)
{
	bool is_new;
	struct pack_entry *e = hashtab_add(l->packs, id, &is_new);

	if (is_new) {
		e->pack = mem_zalloc(sizeof(*e->pack));
		e->pack->id = *id;
	}
	return e->pack;
}

/* A pack that did not stay in the cache. */
static void divide(struct loader *l, struct loader_pack *p)
{
	p->n_part = (p->size + l->part - 1) / l->part;
	p->part = mem_zalloc(p->n_part * sizeof(*p->part));
	for (size_t i = 0; i < p->n_part; i++) {
		size_t at = i * l->part, most = l->part + OVERLAP(l->part);

		p->part[i] = (struct loader_pack){.id = p->id,
			.at = at,
			.size = p->size - at < most ? p->size - at : most,
			.wanted = FEW};
	}
}

/* Where the blob is to be had from: the pack, or a part of it; NULL: it lies across a border. */
static struct loader_pack *part_of(struct loader *l, struct loader_pack *p, const struct blob *b)
{
	struct loader_pack *part;

	if (p->cached || p->fetch || p->size <= l->part)
		return p;
	if (!p->part)
		divide(l, p);
	if (b->offset / l->part >= p->n_part)
		return NULL;
	part = &p->part[b->offset / l->part];
	return b->offset - part->at + b->length <= part->size ? part : NULL;
}

static void lru_remove(struct loader *l, struct loader_pack *p)
{
	*(p->newer ? &p->newer->older : &l->newest) = p->older;
	*(p->older ? &p->older->newer : &l->oldest) = p->newer;
	p->newer = p->older = NULL;
}

static void lru_add(struct loader *l, struct loader_pack *p)
{
	p->older = l->newest;
	*(l->newest ? &l->newest->newer : &l->oldest) = p;
	l->newest = p;
}

static void lru_shrink(struct loader *l)
{
	struct loader_pack *p, *newer;

	for (p = l->oldest; p && l->cached > l->cache_bytes; p = newer) {
		newer = p->newer;
		if (p->refs)
			continue;
		lru_remove(l, p);
		l->cached -= p->data.cap;
		p->size = p->data.len;
		buf_release(&p->data);
		p->cached = false;
	}
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
		lru_shrink(l);
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
		l->cached += p->data.cap;
		lru_add(l, p);
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
	lru_shrink(l);
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
		buf_init(&f->op.out, l->cache_bytes < WHOLE_MAX ? l->cache_bytes : WHOLE_MAX);
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
			if (l->active_bytes && l->active_bytes + f->weight > l->cache_bytes) {
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
	return p->wanted++ >= (p->end <= l->part ? 1 : FEW);
}

/* t->seek.find.place says where the blob is. */
static void tree_place(struct loader_tree *t)
{
	struct loader *l = t->loader;
	struct loader_pack *whole = pack_of(l, &t->seek.find.place.pack),
			   *p = part_of(l, whole, &t->seek.find.place.blob);

	t->pack = p ? p : whole;
	if (t->direct || t->alone || !p || p->single) {
		fetch_new(l, t->pack, t, false);
	} else if (p->cached) {
		l->stats.hits++;
		lru_remove(l, p);
		lru_add(l, p);
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

static void blob_get(struct loader *l, struct loader_tree *t, enum blob_type type, bool direct)
{
	t->loader = l;
	t->pack = NULL;
	t->fetch = NULL;
	t->again = t->alone = false;
	t->direct = direct;
	err_clear(&t->err);
	err_clear(&t->first);
	buf_init(&t->plain, REPO_BLOB_MAX);
	l->requests++;
	t->seek = (struct seek){.find = {.type = type, .id = t->id}, .done = place_found, .arg = t};
	seek_next(l->catalog, &t->seek);
}

void loader_tree_get(struct loader *l, struct loader_tree *t)
{
	blob_get(l, t, BLOB_TREE, false);
}

static void wait_done(struct loader_tree *t)
{
	*(bool *)t->arg = true;
}

static int blob_wait(struct loader *l, enum blob_type type, bool direct, const struct id *id,
	struct buf *plain, struct err *err)
{
	bool done = false;
	struct loader_tree t = {.id = *id, .done = wait_done, .arg = &done};

	blob_get(l, &t, type, direct);
	loop_until(l->r->env->loop, &done);
	if (t.err.code)
		return err_copy(err, &t.err);
	buf_move(plain, &t.plain);
	return 0;
}

int loader_tree_wait(struct loader *l, const struct id *id, struct buf *plain, struct err *err)
{
	return blob_wait(l, BLOB_TREE, false, id, plain, err);
}

int loader_blob_wait(struct loader *l, enum blob_type t, const struct id *id, struct buf *plain,
	struct err *err)
{
	return blob_wait(l, t, true, id, plain, err);
}

void loader_stats(const struct loader *l, struct loader_stats *out)
{
	*out = l->stats;
}
