/*
 * idslots: an open-addressing table of 32-bit slots that finds numbered things by their ids: the
 * things lie elsewhere, in the order they came.  The room's own helper.
 *
 * A slot holds the thing's number + 1 in as many low bits as the table has address bits (the number
 * always fits, because the table is never full), and hash bits in the rest: a lookup touches the
 * memory of hardly any thing but the one it wants.  At a load of 3/8 to 3/4 that is 5 to 11 bytes a
 * thing.  Things of one id follow each other on its probe sequence in the order they were added,
 * also after growing, which reinserts in that order.
 */
#ifndef REPO_IDSLOTS_H
#define REPO_IDSLOTS_H
#include "base/id.h"
#include "base/le.h"
#include "base/mem.h"

#define SLOT_BITS 10 /* the first table */
#define SLOT_MAX  31

struct slots {
	uint32_t *slot;
	unsigned bits;
};

/* A place on a probe sequence. */
struct walk {
	size_t i;
	uint32_t tag;
};

/* The owner of a blob among ranks is decided by other bytes of the id; the multiplication spreads
 * what such a choice leaves uneven. */
static inline uint64_t id_hash(const struct id *id)
{
	uint64_t a = le64_get(id->b + 8), b = le64_get(id->b + 16);

	return (a ^ (b << 32 | b >> 32)) * 0x9e3779b97f4a7c15u;
}

static inline void slots_init(struct slots *s, unsigned bits)
{
	s->bits = bits;
	s->slot = mem_array((size_t)1 << bits, sizeof(*s->slot));
}

static inline bool slots_full(const struct slots *s, size_t n)
{
	size_t size = (size_t)1 << s->bits;

	return n + 1 > size - size / 4;
}

static inline struct walk walk_begin(const struct slots *s, const struct id *id)
{
	uint64_t h = id_hash(id);

	return (struct walk){.i = (size_t)(h >> (64 - s->bits)), .tag = (uint32_t)h << s->bits};
}

/* The next number on the sequence whose hash bits fit; false at its end, where walk->i is the free
 * slot. */
static inline bool walk_next(const struct slots *s, struct walk *w, size_t *number)
{
	uint32_t mask = ((uint32_t)1 << s->bits) - 1, v;

	while ((v = s->slot[w->i]) != 0) {
		w->i = (w->i + 1) & mask;
		if ((v & ~mask) == w->tag) {
			*number = (v & mask) - 1;
			return true;
		}
	}
	return false;
}

static inline void walk_put(struct slots *s, const struct walk *w, size_t number)
{
	s->slot[w->i] = w->tag | (uint32_t)(number + 1);
}

/* Ends as exhausted memory does: 10^9 blobs do not fit into a machine for which this is too few. */
static inline void slots_next(const struct slots *s, struct slots *bigger)
{
	if (s->bits == SLOT_MAX)
		mem_array(SIZE_MAX, 2);
	slots_init(bigger, s->bits + 1);
}

static inline void slots_insert(struct slots *s, const struct id *id, size_t number)
{
	struct walk w = walk_begin(s, id);
	size_t other;

	while (walk_next(s, &w, &other))
		;
	walk_put(s, &w, number);
}

#endif
