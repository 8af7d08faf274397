#include "repo/catalog_local.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "repo/blobtable.h"
#include "repo/copies.h"
#include "repo/firsts.h"

struct catalog_local {
	struct catalog catalog;
	struct blobtable *table, *own; /* own: the same, or NULL */
	struct hashtab *firsts;
	struct moves *moves;
};

static struct catalog_local *local_of(struct catalog *c)
{
	return (struct catalog_local *)(void *)c;
}

static int local_load(struct catalog *c, struct repo *r, const struct catalog_watch *w,
	uint64_t *packs, struct err *err)
{
	struct blobtable *t = local_of(c)->table;
	int rc = blobtable_load(t, r, w, err);

	if (packs)
		*packs = packtable_count(blobtable_packs(t));
	return rc;
}

static void local_claim(struct catalog *c, struct catalog_claim *r)
{
	struct blobtable *t = local_of(c)->table;

	for (size_t i = 0; i < r->n; i++)
		r->verdict[i] = blobtable_claim(t, r->take, r->forget, r->type, &r->id[i]);
	r->missing = 0;
	r->done(r);
}

static void local_find(struct catalog *c, struct catalog_find *f)
{
	f->found = blobtable_find(local_of(c)->table, f->type, &f->id, f->nth, &f->place);
	f->done(f);
}

static void local_first(struct catalog *c, struct catalog_first *f)
{
	f->agrees = firsts_agree(local_of(c)->firsts, &f->key, &f->what);
	f->done(f);
}

static void local_mark(struct catalog *c, struct catalog_mark *m)
{
	struct blobtable *t = local_of(c)->table;

	for (size_t i = 0; i < m->n; i++)
		m->was[i] = (int8_t)blobtable_mark(t, m->type, &m->id[i], m->bit);
	m->missing = 0;
	m->done(m);
}

static void local_flush(struct catalog *c)
{
	(void)c;
}

static int local_each(struct catalog *c, int bit,
	int (*fn)(void *arg, const struct catalog_place *p), void *arg)
{
	const struct blobtable *t = local_of(c)->table;

	return bit < 0 ? blobtable_each(t, fn, arg)
		       : blobtable_each_marked(t, (unsigned)bit, fn, arg);
}

/* All of a pack is here: only the marks are to be counted. */
static int local_gather(struct catalog *c, unsigned bits, bool one_copy, struct err *err)
{
	(void)err;
	copies_gather(local_of(c)->table, bits, one_copy);
	return 0;
}

static struct packtable *local_packs(struct catalog *c)
{
	return blobtable_packs(local_of(c)->table);
}

static size_t local_several(struct catalog *c, unsigned bit, unsigned several)
{
	return copies_mark(local_of(c)->table, bit, several);
}

static size_t local_move(struct catalog *c, unsigned bit)
{
	struct catalog_local *l = local_of(c);

	moves_free(l->moves);
	l->moves = moves_new(l->table, bit);
	return moves_count(l->moves);
}

static void local_list(struct catalog *c, struct catalog_list *l)
{
	l->n = moves_of(local_of(c)->moves, &l->pack, &l->blob);
	l->failed = false;
	l->done(l);
}

static void local_free(struct catalog *c)
{
	struct catalog_local *l = local_of(c);

	blobtable_free(l->own);
	hashtab_free(l->firsts);
	moves_free(l->moves);
	mem_free(l);
}

static const struct catalog_vtable local_vtable = {.load = local_load,
	.claim = local_claim,
	.find = local_find,
	.first = local_first,
	.mark = local_mark,
	.flush = local_flush,
	.each = local_each,
	.gather = local_gather,
	.packs = local_packs,
	.several = local_several,
	.share = local_packs,
	.move = local_move,
	.list = local_list,
	.free = local_free};

struct catalog *catalog_local_new(struct blobtable *t)
{
	struct catalog_local *l = mem_zalloc(sizeof(*l));

	l->catalog.vt = &local_vtable;
	l->own = t ? NULL : blobtable_new();
	l->table = t ? t : l->own;
	l->firsts = firsts_new();
	return &l->catalog;
}
