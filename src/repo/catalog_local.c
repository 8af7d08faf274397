#include "repo/catalog_local.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "repo/firsts.h"

struct catalog_local {
	struct catalog catalog;
	struct blobtable *cat;
	struct hashtab *firsts;
};

static void local_claim(struct catalog *c, struct catalog_claim *r)
{
	struct blobtable *cat = ((struct catalog_local *)(void *)c)->cat;

	for (size_t i = 0; i < r->n; i++)
		r->verdict[i] = blobtable_claim(cat, r->take, r->forget, r->type, &r->id[i]);
	r->missing = 0;
	r->done(r);
}

static void local_find(struct catalog *c, struct catalog_find *f)
{
	f->found = blobtable_find(((struct catalog_local *)(void *)c)->cat, f->type, &f->id, f->nth,
		&f->place);
	f->done(f);
}

static void local_first(struct catalog *c, struct catalog_first *f)
{
	f->agrees = firsts_agree(((struct catalog_local *)(void *)c)->firsts, &f->key, &f->what);
	f->done(f);
}

static void local_flush(struct catalog *c)
{
	(void)c;
}

static void local_free(struct catalog *c)
{
	hashtab_free(((struct catalog_local *)(void *)c)->firsts);
	mem_free(c);
}

static const struct catalog_vtable local_vtable = {.claim = local_claim,
	.find = local_find,
	.first = local_first,
	.flush = local_flush,
	.free = local_free};

struct catalog *catalog_local_new(struct blobtable *cat)
{
	struct catalog_local *l = mem_zalloc(sizeof(*l));

	l->catalog.vt = &local_vtable;
	l->cat = cat;
	l->firsts = firsts_new();
	return &l->catalog;
}
