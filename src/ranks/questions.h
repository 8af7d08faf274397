/*
 * questions: many small questions to other ranks, of a few kinds, and their answers: batched by
 * kind and rank, sent when a batch is full and at the end of each turn.  Several may exist at once.
 *
 * Ranks trust each other, they are one program; still every message is checked for length.  A rank
 * answers another's batches in the order they came, and messages between two ranks stay in order,
 * so answers belong to the oldest batch that is out; a number only confirms it.
 */
#ifndef RANKS_QUESTIONS_H
#define RANKS_QUESTIONS_H
#include "ranks/router.h"

#define QUESTIONS_KINDS 5 /* at most */

struct questions_kind {
	size_t size; /* bytes of an answer, each the same; 0: they differ */
	/* The asked rank: reads one question, puts its answer; false: it cannot be read. */
	bool (*reply)(void *arg, struct wire_in *in, struct buf *out);
	/* The asker: the answer to q's part i; NULL: there is none that can be read.  in->bad too
	 * says that. */
	void (*answered)(void *arg, void *q, size_t i, struct wire_in *in);
};

struct questions;
/* questions_new: on all ranks in the same order; borrows all.  questions_free: what is still out is
 * answered to nobody; before it all ranks must have met: a rank that is gone answers nobody. */
struct questions *questions_new(struct router *r, const struct questions_kind *kinds, unsigned n,
	void *arg);
void questions_free(struct questions *qs);
/*
 * questions_begin: where the caller puts the bytes of one question to rank `to`, never itself.
 * questions_end: it is put; q and i come back with the answer, which never comes before this
 * returns.
 */
struct buf *questions_begin(struct questions *qs, unsigned kind, int to);
void questions_end(struct questions *qs, unsigned kind, int to, void *q, size_t i);
void questions_flush(struct questions *qs);

#endif
