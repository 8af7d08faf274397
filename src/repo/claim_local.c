#include "base/hashtab.h"
#include "base/mem.h"
#include "repo/claim.h"

struct claim_local {
	struct claim claim;
	struct catalog *cat;
	struct hashtab *firsts;
};

/* Half of each SHA-256 is enough to tell apart what one run comes across. */
struct said {
	uint8_t key[ID_SIZE / 2], what[ID_SIZE / 2];
};

struct hashtab *claim_firsts_new(void)
{
	return hashtab_new(sizeof(struct said), ID_SIZE / 2, 0);
}

bool claim_agrees(struct hashtab *firsts, const struct id *key, const struct id *what)
{
	bool is_new;
	struct said *s = hashtab_add(firsts, key->b, &is_new);

	if (is_new)
		memcpy(s->what, what->b, sizeof(s->what));
	return memcmp(s->what, what->b, sizeof(s->what)) == 0;
}

enum claim_verdict claim_answer(struct catalog *cat, bool take, bool forget, enum blob_type type,
	const struct id *id)
{
	if (forget)
		catalog_forget(cat, type, id);
	if (catalog_has(cat, type, id))
		return CLAIM_KNOWN;
	if (take)
		return catalog_promise(cat, type, id) ? CLAIM_YOURS : CLAIM_TAKEN;
	return catalog_promised(cat, type, id) ? CLAIM_TAKEN : CLAIM_ABSENT;
}

static void local_ask(struct claim *c, struct claim_req *r)
{
	struct catalog *cat = ((struct claim_local *)(void *)c)->cat;

	for (size_t i = 0; i < r->n; i++)
		r->verdict[i] = claim_answer(cat, r->take, r->forget, r->type, &r->id[i]);
	r->missing = 0;
	r->done(r);
}

static void local_find(struct claim *c, struct claim_find *f)
{
	f->found = catalog_find(((struct claim_local *)(void *)c)->cat, f->type, &f->id, f->nth,
		&f->place);
	f->done(f);
}

static void local_first(struct claim *c, struct claim_first *f)
{
	f->agrees = claim_agrees(((struct claim_local *)(void *)c)->firsts, &f->key, &f->what);
	f->done(f);
}

static void local_flush(struct claim *c)
{
	(void)c;
}

static void local_free(struct claim *c)
{
	hashtab_free(((struct claim_local *)(void *)c)->firsts);
	mem_free(c);
}

static const struct claim_vtable local_vtable = {.ask = local_ask,
	.find = local_find,
	.first = local_first,
	.flush = local_flush,
	.free = local_free};

struct claim *claim_local_new(struct catalog *cat)
{
	struct claim_local *l = mem_zalloc(sizeof(*l));

	l->claim.vt = &local_vtable;
	l->cat = cat;
	l->firsts = claim_firsts_new();
	return &l->claim;
}
