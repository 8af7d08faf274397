/*
 * parents: a run's parent snapshots, and which trees of them one directory has.
 *
 * Partial snapshots that the run goes on from come first, the newest of all first, then the last
 * complete one: what is unchanged in any of them is not read again.
 */
#ifndef ENGINE_PARENTS_H
#define ENGINE_PARENTS_H
#include "base/wire.h"

#define PARENTS_MAX 4

struct parents {
	uint8_t has; /* bit i: parent i has the directory, as tree[i] */
	struct id tree[PARENTS_MAX];
};

static inline bool parents_have(const struct parents *p, unsigned i)
{
	return p->has >> i & 1;
}

static inline void parents_set(struct parents *p, unsigned i, const struct id *tree)
{
	p->has |= (uint8_t)(1 << i);
	p->tree[i] = *tree;
}

static inline void parents_drop(struct parents *p, unsigned i)
{
	p->has &= (uint8_t) ~(1 << i);
}

/* parents_know: some have it as this tree. */
static inline bool parents_know(const struct parents *p, const struct id *tree)
{
	for (unsigned i = 0; i < PARENTS_MAX; i++)
		if (parents_have(p, i) && id_equal(&p->tree[i], tree))
			return true;
	return false;
}

/* parents_first: the newest that has it; NULL: none. */
static inline const struct id *parents_first(const struct parents *p)
{
	for (unsigned i = 0; i < PARENTS_MAX; i++)
		if (parents_have(p, i))
			return &p->tree[i];
	return NULL;
}

static inline void parents_put(struct buf *b, const struct parents *p)
{
	wire_put_u8(b, p->has);
	for (unsigned i = 0; i < PARENTS_MAX; i++)
		if (parents_have(p, i))
			wire_put_id(b, &p->tree[i]);
}

static inline void parents_get(struct wire_in *in, struct parents *p)
{
	p->has = wire_u8(in);
	for (unsigned i = 0; i < PARENTS_MAX; i++)
		if (parents_have(p, i))
			wire_id(in, &p->tree[i]);
}

#endif
