#include "repo/blobtable_priv.h"
#include "format/pack.h"

struct blobtable *blobtable_new(void)
{
	struct blobtable *c = mem_zalloc(sizeof(*c));

	slots_init(&c->index, SLOT_BITS);
	c->packs = packtable_new();
	return c;
}

void blobtable_free(struct blobtable *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->blocks; i++) {
		mem_free(c->block[i]);
		mem_free(c->marks[i]);
	}
	mem_free(c->block);
	mem_free(c->marks);
	mem_free(c->index.slot);
	packtable_free(c->packs);
	mem_free(c);
}

static void entries_grow(struct blobtable *c)
{
	struct slots bigger;

	if (!slots_full(&c->index, c->n))
		return;
	slots_next(&c->index, &bigger);
	for (size_t i = 0; i < c->n; i++)
		slots_insert(&bigger, &blobtable_entry(c, i)->id, i);
	mem_free(c->index.slot);
	c->index = bigger;
}

/* A new entry at the free slot where the walk ended. */
static struct entry *entry_new(struct blobtable *c, const struct walk *w, enum blob_type t,
	const struct id *id)
{
	struct entry *e;

	if (c->n == c->blocks * BLOCK) {
		c->block = mem_regrow(c->block, c->blocks + 1, sizeof(*c->block));
		c->marks = mem_regrow(c->marks, c->blocks + 1, sizeof(*c->marks));
		c->block[c->blocks] = mem_alloc(BLOCK * sizeof(struct entry));
		c->marks[c->blocks] = NULL;
		c->blocks++;
	}
	e = blobtable_entry(c, c->n);
	*e = (struct entry){.id = *id, .pack = NO_PACK | (t == BLOB_TREE ? TREE_BIT : 0)};
	walk_put(&c->index, w, c->n++);
	return e;
}

static bool add_one(struct blobtable *c, uint32_t pack, const struct blob *b)
{
	struct entry *e, *promise = NULL;
	bool known = false;
	struct walk w;
	size_t number;

	entries_grow(c);
	w = walk_begin(&c->index, &b->id);
	while ((e = blobtable_next(c, &w, b->type, &b->id, &number)) != NULL) {
		if (!blobtable_known(e)) {
			promise = e;
			continue;
		}
		if ((e->pack & PACK_NUMBER) == pack && e->offset == b->offset &&
			e->length == b->length && e->plain == b->plain)
			return false;
		known = true;
	}
	e = promise ? promise : entry_new(c, &w, b->type, &b->id);
	e->pack = pack | (e->pack & TREE_BIT);
	e->offset = b->offset;
	e->length = b->length;
	e->plain = b->plain;
	c->blobs += !known;
	return true;
}

void blobtable_add(struct blobtable *c, const struct id *pack, const struct blob *b, size_t n)
{
	size_t number = packtable_number(c->packs, pack);
	struct catalog_pack *p = packtable_at(c->packs, number);

	for (size_t i = 0; i < n; i++) {
		if (!add_one(c, (uint32_t)number, &b[i]))
			continue;
		p->size += b[i].length + pack_entry_size(&b[i]);
		p->digest += blob_digest(&b[i]);
		p->blobs++;
		p->data |= b[i].type == BLOB_DATA;
		p->tree |= b[i].type == BLOB_TREE;
		p->raw += !b[i].plain;
	}
}

struct packtable *blobtable_packs(const struct blobtable *c)
{
	return c->packs;
}

void blobtable_sum_marks(struct blobtable *c, unsigned bits)
{
	for (size_t i = 0; i < packtable_count(c->packs); i++) {
		struct catalog_pack *p = packtable_at(c->packs, i);

		p->marked = 0;
		p->marked_bytes = 0;
	}
	for (size_t i = 0; bits && i < c->n; i++) {
		const struct entry *e = blobtable_entry(c, i);
		struct catalog_pack *p;

		if (!blobtable_known(e) ||
			!(blobtable_marks(c, e->pack & TREE_BIT ? BLOB_TREE : BLOB_DATA, &e->id) &
				bits))
			continue;
		p = packtable_at(c->packs, e->pack & PACK_NUMBER);
		p->marked++;
		p->marked_bytes += e->length;
	}
}

bool blobtable_find(const struct blobtable *c, enum blob_type t, const struct id *id, unsigned nth,
	struct catalog_place *out)
{
	struct walk w = walk_begin(&c->index, id);
	struct entry *e;
	size_t number;

	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL) {
		if (!blobtable_known(e) || nth-- > 0)
			continue;
		blobtable_place(c, e, out);
		return true;
	}
	return false;
}

static bool is_known(const struct blobtable *c, enum blob_type t, const struct id *id)
{
	struct walk w = walk_begin(&c->index, id);
	struct entry *e;
	size_t number;

	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL)
		if (blobtable_known(e))
			return true;
	return false;
}

static bool promise(struct blobtable *c, enum blob_type t, const struct id *id)
{
	struct entry *e, *empty = NULL;
	struct walk w;
	size_t number;

	entries_grow(c);
	w = walk_begin(&c->index, id);
	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL) {
		if (blobtable_known(e) || blobtable_is_promise(e))
			return false;
		empty = e;
	}
	if (empty)
		empty->pack = NO_PACK | (empty->pack & TREE_BIT);
	else
		entry_new(c, &w, t, id);
	return true;
}

static void leave(struct blobtable *c, enum blob_type t, const struct id *id)
{
	struct walk w = walk_begin(&c->index, id);
	bool known = false;
	struct entry *e;
	size_t number;

	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL) {
		if (!blobtable_known(e))
			continue;
		known = true;
		e->pack = FORGOTTEN | (e->pack & TREE_BIT);
	}
	c->blobs -= known;
}

static bool promised(const struct blobtable *c, enum blob_type t, const struct id *id)
{
	struct walk w = walk_begin(&c->index, id);
	struct entry *e;
	size_t number;

	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL)
		if (blobtable_is_promise(e))
			return true;
	return false;
}

enum catalog_verdict blobtable_claim(struct blobtable *c, bool take, bool forget,
	enum blob_type type, const struct id *id)
{
	if (forget)
		leave(c, type, id);
	if (is_known(c, type, id))
		return CATALOG_KNOWN;
	if (take)
		return promise(c, type, id) ? CATALOG_YOURS : CATALOG_TAKEN;
	return promised(c, type, id) ? CATALOG_TAKEN : CATALOG_ABSENT;
}

int blobtable_mark(struct blobtable *c, enum blob_type t, const struct id *id, unsigned bit)
{
	struct walk w = walk_begin(&c->index, id);
	size_t number, block, at;
	struct entry *e;
	int was;

	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL && !blobtable_known(e))
		;
	if (!e)
		return -1;
	block = number >> BLOCK_BITS;
	at = number & (BLOCK - 1);
	if (!c->marks[block])
		c->marks[block] = mem_zalloc(BLOCK);
	was = c->marks[block][at] >> bit & 1;
	c->marks[block][at] = (uint8_t)(c->marks[block][at] | 1u << bit);
	return was;
}

unsigned blobtable_marks(const struct blobtable *c, enum blob_type t, const struct id *id)
{
	struct walk w = walk_begin(&c->index, id);
	struct entry *e;
	size_t number;

	while ((e = blobtable_next(c, &w, t, id, &number)) != NULL)
		if (blobtable_known(e))
			return c->marks[number >> BLOCK_BITS]
				       ? c->marks[number >> BLOCK_BITS][number & (BLOCK - 1)]
				       : 0;
	return 0;
}

int blobtable_each(const struct blobtable *c, int (*fn)(void *arg, const struct catalog_place *p),
	void *arg)
{
	struct catalog_place p;
	int rc = 0;

	for (size_t i = 0; i < c->n && !rc; i++) {
		const struct entry *e = blobtable_entry(c, i);

		if (!blobtable_known(e))
			continue;
		blobtable_place(c, e, &p);
		rc = fn(arg, &p);
	}
	return rc;
}

/* The first entry of a blob carries its marks. */
int blobtable_each_marked(const struct blobtable *c, unsigned bit,
	int (*fn)(void *arg, const struct catalog_place *p), void *arg)
{
	struct catalog_place p;
	int rc = 0;

	for (size_t i = 0; i < c->n && !rc; i++) {
		const uint8_t *marks = c->marks[i >> BLOCK_BITS];

		if (!marks || !(marks[i & (BLOCK - 1)] >> bit & 1) ||
			!blobtable_known(blobtable_entry(c, i)))
			continue;
		blobtable_place(c, blobtable_entry(c, i), &p);
		rc = fn(arg, &p);
	}
	return rc;
}

size_t blobtable_blobs(const struct blobtable *c)
{
	return c->blobs;
}

size_t blobtable_bytes(const struct blobtable *c)
{
	size_t bytes = sizeof(*c) + packtable_bytes(c->packs) +
		       c->blocks * (BLOCK * sizeof(struct entry) + sizeof(void *) * 2) +
		       ((size_t)1 << c->index.bits) * sizeof(uint32_t);

	for (size_t i = 0; i < c->blocks; i++)
		bytes += c->marks[i] ? BLOCK : 0;
	return bytes;
}
