#include "repo/packtable.h"
#include "format/pack.h"
#include "repo/idslots.h"

struct packtable {
	struct catalog_pack *pack;
	size_t n, cap;
	struct slots index;
};

struct packtable *packtable_new(void)
{
	struct packtable *t = mem_zalloc(sizeof(*t));

	slots_init(&t->index, SLOT_BITS);
	return t;
}

void packtable_free(struct packtable *t)
{
	if (!t)
		return;
	mem_free(t->index.slot);
	mem_free(t->pack);
	mem_free(t);
}

struct catalog_pack *packtable_find(struct packtable *t, const struct id *pack)
{
	struct walk w = walk_begin(&t->index, pack);
	size_t i;

	while (walk_next(&t->index, &w, &i))
		if (id_equal(&t->pack[i].id, pack))
			return &t->pack[i];
	return NULL;
}

static void grow(struct packtable *t)
{
	struct slots bigger;

	slots_next(&t->index, &bigger);
	for (size_t i = 0; i < t->n; i++)
		slots_insert(&bigger, &t->pack[i].id, i);
	mem_free(t->index.slot);
	t->index = bigger;
}

size_t packtable_number(struct packtable *t, const struct id *pack)
{
	const struct catalog_pack *p = packtable_find(t, pack);

	if (p)
		return (size_t)(p - t->pack);
	if (slots_full(&t->index, t->n))
		grow(t);
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->pack = mem_regrow(t->pack, t->cap, sizeof(*t->pack));
	}
	t->pack[t->n] = (struct catalog_pack){.id = *pack, .size = PACK_OVERHEAD};
	slots_insert(&t->index, pack, t->n);
	return t->n++;
}

size_t packtable_count(const struct packtable *t)
{
	return t->n;
}

struct catalog_pack *packtable_at(struct packtable *t, size_t number)
{
	return &t->pack[number];
}

size_t packtable_bytes(const struct packtable *t)
{
	return sizeof(*t) + t->cap * sizeof(*t->pack) +
	       ((size_t)1 << t->index.bits) * sizeof(uint32_t);
}
