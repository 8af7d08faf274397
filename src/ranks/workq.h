/*
 * workq: this rank's deque of items, and work stealing between ranks.
 *
 * Own items are taken newest first (depth first, so few directories are open); thieves get the
 * oldest half, which are the largest pieces. The queue does not know what an item is: the engine
 * packs and unpacks it.  Loop thread only.  Of items that were stolen at least one stays until the
 * engine has called workq_pop or workq_want: so each theft brings work on.  An idle rank asks
 * random victims, with growing pauses while all are empty. Termination is not its business:
 * ranks/run.h counts.
 */
#ifndef RANKS_WORKQ_H
#define RANKS_WORKQ_H
#include "ranks/router.h"

struct workq_item { /* embedded in the engine's item */
	struct workq_item *newer, *older;
	bool pinned; /* never given to a thief */
};

struct workq_ops {
	/* appends; takes the item (frees it) */
	void (*pack)(void *arg, struct workq_item *it, struct buf *out);
	struct workq_item *(*unpack)(void *arg, struct wire_in *in); /* NULL: damaged message */
	/* stolen items have come: take them */
	void (*arrived)(void *arg);
	void (*failed)(void *arg, const struct err *e);
	void *arg;
};

#define WORKQ_TAGS 2

/* workq_new: tag: the first of WORKQ_TAGS, which are the queue's until it is freed. */
struct workq;
struct workq *workq_new(struct router *r, unsigned tag, const struct env *env,
	const struct workq_ops *ops);
void workq_push(struct workq *q, struct workq_item *it); /* takes it */
/* the newest, owned by the caller; NULL when empty */
struct workq_item *workq_pop(struct workq *q);
size_t workq_count(const struct workq *q);
/* workq_want(q, yes): whether this rank could do more than it has: while true and the queue is
 * empty, others are asked. */
void workq_want(struct workq *q, bool yes);
void workq_stop(struct workq *q); /* no more asking; questions are answered with nothing */
uint64_t workq_stolen(const struct workq *q); /* items that came from others */
uint64_t workq_lost(const struct workq *q);   /* that a damaged message should have brought */
void workq_free(struct workq *q);             /* must be empty */

#endif
