/*
 * Each index file is read by one rank, and two of them may name one pack: so what each says of a
 * pack goes to the pack's owner.
 *
 * NAMED: for each pack its id, u64 sum, u32 files, u8 differ.
 */
#include "engine/check_priv.h"
#include "base/hashtab.h"
#include "base/le.h"
#include "base/mem.h"
#include "ranks/catalog_owner.h"
#include "ranks/packsums.h"
#include <pthread.h>

#define PARCEL ((size_t)64 << 10)

/* What the index files say about one pack. */
struct named {
	struct id pack;
	uint64_t sum;  /* of its blobs in the first file that names it */
	uint64_t last; /* the latest file that did */
	uint32_t files;
	bool differ;
};

struct load {
	struct check *c;
	pthread_mutex_t lock; /* of what follows */
	struct hashtab *packs;
	struct id *empty; /* files that name no packs */
	size_t n_empty;
	/* to others */
	unsigned tag;
	struct buf *box; /* one for each rank */
};

/* ---- what a file says ---- */

static void on_pack(void *arg, const struct id *index, const struct id *pack, const struct blob *b,
	size_t n)
{
	struct load *l = arg;
	uint64_t sum = n, file = le64_get(index->b);
	struct named *p;
	bool is_new;

	for (size_t i = 0; i < n; i++)
		sum += blob_digest(&b[i]);
	pthread_mutex_lock(&l->lock);
	p = hashtab_add(l->packs, pack, &is_new);
	if (is_new) {
		*p = (struct named){.pack = *pack, .sum = sum, .last = file, .files = 1};
	} else {
		/* Restic writes all of a pack into one file, at one place. */
		p->differ |= p->sum != sum;
		p->files += p->last != file;
		p->last = file;
	}
	pthread_mutex_unlock(&l->lock);
}

static void on_file(void *arg, const struct id *index, size_t packs)
{
	struct load *l = arg;

	if (packs)
		return;
	pthread_mutex_lock(&l->lock);
	l->empty = mem_regrow(l->empty, l->n_empty + 1, sizeof(*l->empty));
	l->empty[l->n_empty++] = *index;
	pthread_mutex_unlock(&l->lock);
}

static int on_damaged(void *arg, const struct id *index, const struct err *e)
{
	struct check *c = ((const struct load *)arg)->c;

	check_bad(c, "index %s: %s", id_hex(index).s, e->msg);
	/* What the store or the memory did not give is not wrong for that. */
	check_advise(c,
		CHECK_INDEX_DAMAGED |
			(e->code != ERR_IO && e->code != ERR_NOMEM ? CHECK_REPAIR_INDEX : 0));
	return 0;
}

/* ---- to the packs' owners ---- */

static void ship(struct load *l, int to)
{
	run_sent(l->c->run);
	router_send(l->c->router, to, l->tag, &l->box[to]);
	buf_init(&l->box[to], COMM_MAX);
}

static int put_named(void *arg, void *entry)
{
	struct load *l = arg;
	const struct named *p = entry;
	int owner = catalog_owner(&p->pack, router_size(l->c->router));
	struct buf *b = &l->box[owner];

	if (owner == router_rank(l->c->router))
		return 0;
	wire_put_id(b, &p->pack);
	wire_put_u64(b, p->sum);
	wire_put_u32(b, p->files);
	wire_put_u8(b, p->differ);
	if (b->len >= PARCEL)
		ship(l, owner);
	return 0;
}

static void get_named(struct load *l, struct wire_in *w)
{
	struct named got = {.files = 0}, *p;
	bool is_new;

	wire_id(w, &got.pack);
	got.sum = wire_u64(w);
	got.files = wire_u32(w);
	got.differ = wire_u8(w);
	p = hashtab_add(l->packs, &got.pack, &is_new);
	if (is_new) {
		*p = got;
		return;
	}
	p->differ |= got.differ || p->sum != got.sum;
	p->files += got.files;
}

static void on_named(void *arg, struct comm_msg *m)
{
	struct load *l = arg;
	struct wire_in w;
	struct err e;

	wire_in_init(&w, m->data.p, m->data.len);
	while (w.p < w.end && !w.bad)
		get_named(l, &w);
	if (w.bad) {
		err_set(&e, ERR_INVALID, "a damaged message from rank %d: packs", m->from);
		run_fail(l->c->run, &e);
	}
	run_came(l->c->run);
}

static void start(void *arg)
{
	struct load *l = arg;
	int size = router_size(l->c->router);

	router_open(l->c->router, l->tag, on_named, l);
	l->box = mem_array((size_t)size, sizeof(*l->box));
	for (int i = 0; i < size; i++)
		buf_init(&l->box[i], COMM_MAX);
	hashtab_each(l->packs, put_named, l);
	for (int i = 0; i < size; i++)
		if (l->box[i].len)
			ship(l, i);
}

static void meet(struct load *l)
{
	struct router *r = l->c->router;
	struct run_phase p = {.name = "packs of indexes", .start = start, .arg = l};

	if (router_size(r) == 1)
		return;
	l->tag = router_tags(r, 1);
	run_phase(l->c->run, &p);
	router_close(r, l->tag);
	router_tags_free(r, l->tag, 1);
	mem_free(l->box);
}

static void tell(struct load *l)
{
	struct check *c = l->c;

	for (size_t i = 0; i < catalog_packs(c->catalog); i++) {
		const struct id *pack = &catalog_pack(c->catalog, i)->id;
		const struct named *p = hashtab_find(l->packs, pack);

		if (!p || p->files < 2)
			continue;
		if (p->differ) {
			check_bad(c, "pack %s has different data in %u indexes", id_hex(pack).s,
				p->files);
			check_broken(c, pack);
			continue;
		}
		check_hint(c, "pack %s is contained in %u indexes; this is non-critical",
			id_hex(pack).s, p->files);
		check_advise(c, CHECK_REPAIR_INDEX);
	}
	for (size_t i = 0; i < l->n_empty; i++) {
		check_hint(c, "index %s names no packs; this is non-critical if nothing is missing",
			id_hex(&l->empty[i]).s);
		check_advise(c, CHECK_REPAIR_INDEX);
	}
}

/* The sums of all packs, on rank 0. */
static int collect(struct check *c, struct err *err)
{
	struct packtable *mine;

	catalog_gather(c->catalog, 0, err);
	mine = catalog_table(c->catalog);
	if (router_size(c->router) > 1) {
		c->own = packtable_new();
		packsums_collect(c->router, mine, c->own, err);
	}
	c->packs = c->own ? c->own : mine;
	return agree_all(c->agree, err);
}

int check_index(struct check *c, struct err *err)
{
	struct load l = {.c = c};
	struct catalog_watch w = {on_damaged, on_pack, on_file, &l};
	int rc;

	check_stage(c, "load indexes", 0);
	pthread_mutex_init(&l.lock, NULL);
	l.packs = hashtab_new(sizeof(struct named), ID_SIZE, 0);
	rc = catalog_load(c->catalog, c->repo, &w, NULL, err);
	if (!rc)
		rc = collect(c, err);
	if (!rc) {
		meet(&l);
		tell(&l);
	}
	mem_free(l.empty);
	hashtab_free(l.packs);
	pthread_mutex_destroy(&l.lock);
	return rc;
}
