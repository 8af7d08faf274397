#include "repo/loader_cache.h"
#include "base/hashtab.h"
#include "base/mem.h"

#define PARTS    32                 /* so many parts fit into the cache */
#define PART_MIN ((size_t)64 << 10) /* but they are not smaller than this */
#define OVERLAP(part)                                                                              \
	((part) / 16) /* of a part with the next, so that few trees lie across a border */

struct pack_entry {
	struct id id;
	struct loader_pack *pack;
};

struct loader_cache *loader_cache_new(size_t bytes)
{
	struct loader_cache *c = mem_zalloc(sizeof(*c));

	c->bytes = bytes;
	c->packs = hashtab_new(sizeof(struct pack_entry), ID_SIZE, 0);
	c->part = bytes / PARTS > PART_MIN ? bytes / PARTS : PART_MIN;
	return c;
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

void loader_cache_free(struct loader_cache *c)
{
	hashtab_each(c->packs, pack_free, NULL);
	hashtab_free(c->packs);
	mem_free(c);
}

struct loader_pack *loader_cache_pack(struct loader_cache *c, const struct id *id)
{
	bool is_new;
	struct pack_entry *e = hashtab_add(c->packs, id, &is_new);

	if (is_new) {
		e->pack = mem_zalloc(sizeof(*e->pack));
		e->pack->id = *id;
	}
	return e->pack;
}

/* A pack that did not stay in the cache. */
static void divide(struct loader_cache *c, struct loader_pack *p)
{
	p->n_part = (p->size + c->part - 1) / c->part;
	p->part = mem_zalloc(p->n_part * sizeof(*p->part));
	for (size_t i = 0; i < p->n_part; i++) {
		size_t at = i * c->part, most = c->part + OVERLAP(c->part);

		p->part[i] = (struct loader_pack){.id = p->id,
			.at = at,
			.size = p->size - at < most ? p->size - at : most,
			.wanted = LOADER_FEW};
	}
}

struct loader_pack *loader_cache_part(struct loader_cache *c, struct loader_pack *p,
	const struct blob *b)
{
	struct loader_pack *part;

	if (p->cached || p->fetch || p->size <= c->part)
		return p;
	if (!p->part)
		divide(c, p);
	if (b->offset / c->part >= p->n_part)
		return NULL;
	part = &p->part[b->offset / c->part];
	return b->offset - part->at + b->length <= part->size ? part : NULL;
}

static void lru_remove(struct loader_cache *c, struct loader_pack *p)
{
	*(p->newer ? &p->newer->older : &c->newest) = p->older;
	*(p->older ? &p->older->newer : &c->oldest) = p->newer;
	p->newer = p->older = NULL;
}

static void lru_add(struct loader_cache *c, struct loader_pack *p)
{
	p->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = p;
	c->newest = p;
}

void loader_cache_add(struct loader_cache *c, struct loader_pack *p)
{
	c->cached += p->data.cap;
	lru_add(c, p);
}

void loader_cache_touch(struct loader_cache *c, struct loader_pack *p)
{
	lru_remove(c, p);
	lru_add(c, p);
}

void loader_cache_shrink(struct loader_cache *c)
{
	struct loader_pack *p, *newer;

	for (p = c->oldest; p && c->cached > c->bytes; p = newer) {
		newer = p->newer;
		if (p->refs)
			continue;
		lru_remove(c, p);
		c->cached -= p->data.cap;
		p->size = p->data.len;
		buf_release(&p->data);
		p->cached = false;
	}
}
