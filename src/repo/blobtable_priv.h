/* What the files of the blobtable share. */
#ifndef REPO_BLOBTABLE_PRIV_H
#define REPO_BLOBTABLE_PRIV_H
#include "base/mem.h"
#include "repo/blobtable.h"
#include "repo/idslots.h"

/*
 * Entries lie densely in blocks, in the order they came, so that growing copies nothing: 48 bytes
 * an entry, and its slot (idslots.h).  nth is stable, and the first entry of a blob carries its
 * marks.
 */
#define BLOCK_BITS 14
#define BLOCK      ((size_t)1 << BLOCK_BITS)
#define NO_PACK    0x7fffffffu /* a promise */
#define FORGOTTEN                                                                                  \
	0x7ffffffeu /* an entry that says nothing, until its blob is promised or added again */
#define PACK_NUMBER 0x7fffffffu
#define TREE_BIT    0x80000000u

struct entry {
	struct id id;
	uint32_t pack; /* number of the pack, TREE_BIT */
	uint32_t offset, length, plain;
};

struct blobtable {
	struct entry **block;
	uint8_t **marks;  /* per block, NULL until something in it is marked */
	size_t blocks, n; /* n: entries */
	struct slots index;
	size_t blobs;
	struct packtable *packs;
};

static inline struct entry *blobtable_entry(const struct blobtable *c, size_t number)
{
	return &c->block[number >> BLOCK_BITS][number & (BLOCK - 1)];
}

/* The next entry of a blob on its sequence, promises too. */
static inline struct entry *blobtable_next(const struct blobtable *c, struct walk *w,
	enum blob_type t, const struct id *id, size_t *number)
{
	while (walk_next(&c->index, w, number)) {
		struct entry *e = blobtable_entry(c, *number);

		if ((e->pack & TREE_BIT) == (t == BLOB_TREE ? TREE_BIT : 0) && id_equal(&e->id, id))
			return e;
	}
	return NULL;
}

static inline bool blobtable_is_promise(const struct entry *e)
{
	return (e->pack & PACK_NUMBER) == NO_PACK;
}

static inline bool blobtable_known(const struct entry *e)
{
	return !blobtable_is_promise(e) && (e->pack & PACK_NUMBER) != FORGOTTEN;
}

static inline void blobtable_place(const struct blobtable *c, const struct entry *e,
	struct catalog_place *out)
{
	out->pack = packtable_at(c->packs, e->pack & PACK_NUMBER)->id;
	out->blob = (struct blob){.id = e->id,
		.type = e->pack & TREE_BIT ? BLOB_TREE : BLOB_DATA,
		.offset = e->offset,
		.length = e->length,
		.plain = e->plain};
}

#endif
