#include "repo/copies.h"
#include "repo/blobtable_priv.h"

struct moves {
	struct blobtable *c;
	uint32_t *entry; /* numbers, pack by pack */
	uint32_t *end;   /* of each pack's, by its number */
	size_t n, packs;
};

static struct catalog_pack *pack_of(const struct blobtable *c, const struct entry *e)
{
	return packtable_at(c->packs, e->pack & PACK_NUMBER);
}

static enum blob_type type_of(const struct entry *e)
{
	return e->pack & TREE_BIT ? BLOB_TREE : BLOB_DATA;
}

/* The next place of e's blob; NULL at the end. */
static struct entry *next_place(const struct blobtable *c, struct walk *w, const struct entry *e)
{
	struct entry *x;
	size_t number;

	while ((x = blobtable_next(c, w, type_of(e), &e->id, &number)) && !blobtable_known(x))
		;
	return x;
}

static bool has_mark(const struct blobtable *c, const struct entry *e, unsigned bits)
{
	return blobtable_known(e) && (blobtable_marks(c, type_of(e), &e->id) & bits);
}

/* Whether a comes before b where nothing else decides: by pack, so that of two that hold the same
 * one holds nothing that counts. */
static bool before(const struct blobtable *c, const struct entry *a, const struct entry *b)
{
	int d = id_cmp(&pack_of(c, a)->id, &pack_of(c, b)->id);

	return d < 0 || (!d && a->offset < b->offset);
}

/* ---- the copy that counts ---- */

size_t copies_mark(struct blobtable *c, unsigned bit, unsigned several)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = blobtable_entry(c, i);
		struct walk w = walk_begin(&c->index, &e->id);

		/* Its first place speaks for it. */
		if (!has_mark(c, e, 1u << bit) || next_place(c, &w, e) != e ||
			!next_place(c, &w, e))
			continue;
		blobtable_mark(c, type_of(e), &e->id, several);
		n++;
	}
	return n;
}

static bool counts(const struct blobtable *c, const struct entry *e)
{
	struct walk w = walk_begin(&c->index, &e->id);
	unsigned worth = pack_of(c, e)->user;
	const struct entry *x;

	while ((x = next_place(c, &w, e)) != NULL) {
		unsigned other = pack_of(c, x)->user;

		if (other > worth || (other == worth && before(c, x, e)))
			return false;
	}
	return true;
}

void copies_gather(struct blobtable *c, unsigned bits, bool one_copy)
{
	blobtable_sum_marks(c, one_copy ? 0 : bits);
	if (!one_copy)
		return;
	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = blobtable_entry(c, i);
		struct catalog_pack *p;

		if (!has_mark(c, e, bits) || !counts(c, e))
			continue;
		p = pack_of(c, e);
		p->marked++;
		p->marked_bytes += e->length;
	}
}

/* ---- what moves ---- */

static bool moves(const struct blobtable *c, const struct entry *e, unsigned bit)
{
	struct walk w = walk_begin(&c->index, &e->id);
	const struct entry *x;

	if (!blobtable_known(e) || pack_of(c, e)->user != CATALOG_MOVES ||
		!has_mark(c, e, 1u << bit))
		return false;
	while ((x = next_place(c, &w, e)) != NULL) {
		enum catalog_fate fate = pack_of(c, x)->user;

		if (fate == CATALOG_STAYS || (fate == CATALOG_MOVES && before(c, x, e)))
			return false;
	}
	return true;
}

struct moves *moves_new(struct blobtable *c, unsigned bit)
{
	struct moves *m = mem_zalloc(sizeof(*m));
	uint8_t *is = mem_array(c->n / 8 + 1, 1);
	uint32_t sum = 0;

	m->c = c;
	m->packs = packtable_count(c->packs);
	m->end = mem_array(m->packs + 1, sizeof(*m->end));
	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = blobtable_entry(c, i);

		if (!moves(c, e, bit))
			continue;
		is[i / 8] |= (uint8_t)(1u << i % 8);
		m->end[e->pack & PACK_NUMBER]++;
		m->n++;
	}
	m->entry = mem_array(m->n + 1, sizeof(*m->entry));
	for (size_t k = 0; k < m->packs; k++) { /* where each pack's begin, for now */
		uint32_t n = m->end[k];

		m->end[k] = sum;
		sum += n;
	}
	for (size_t i = 0; i < c->n; i++)
		if (is[i / 8] >> i % 8 & 1)
			m->entry[m->end[blobtable_entry(c, i)->pack & PACK_NUMBER]++] = (uint32_t)i;
	mem_free(is);
	return m;
}

void moves_free(struct moves *m)
{
	if (!m)
		return;
	mem_free(m->entry);
	mem_free(m->end);
	mem_free(m);
}

size_t moves_count(const struct moves *m)
{
	return m->n;
}

size_t moves_of(const struct moves *m, const struct id *pack, struct blob **blob)
{
	const struct catalog_pack *p = packtable_find(m->c->packs, pack);
	size_t k, from, n;

	*blob = NULL;
	if (!p)
		return 0;
	k = (size_t)(p - packtable_at(m->c->packs, 0));
	from = k ? m->end[k - 1] : 0;
	n = m->end[k] - from;
	if (n)
		*blob = mem_array(n, sizeof(**blob));
	for (size_t i = 0; i < n; i++) {
		struct catalog_place at;

		blobtable_place(m->c, blobtable_entry(m->c, m->entry[from + i]), &at);
		(*blob)[i] = at.blob;
	}
	return n;
}
