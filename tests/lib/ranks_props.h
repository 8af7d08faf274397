/*
 * ranks_props: what must hold over all ranks, whatever the number of ranks, the mailbox and the
 * order of arrivals.
 *
 * Each function is collective: every rank of the group calls it with the same arguments.  Failures
 * are counted by CHECK.
 */
#ifndef LIB_RANKS_PROPS_H
#define LIB_RANKS_PROPS_H
#include "backend/backend.h"
#include "ranks/router.h"

struct agree;

/* Worst error, sum and broadcast over several rounds, with ranks that come early and late. */
void props_agree(struct router *r, struct agree *a, uint64_t seed);

/* All ranks ask for the same blobs at once: each new one is YOURS exactly once, each known one is
 * known to all and is found by all. */
void props_claim(struct router *r, struct agree *a, uint64_t seed, size_t blobs);

/*
 * Two catalogs with different contents at once: all ranks mark the same blobs in both, one of them
 * being the first for each; the sums of each pack meet at its owner, in both.
 */
void props_catalogs(struct router *r, struct agree *a, uint64_t seed, size_t blobs);

/*
 * The index files in `be` (rank 0 makes them: so many, so many blobs each) end at their owners and
 * sum up; a damaged one fails on all ranks alike.
 */
void props_idxshare(struct router *r, struct agree *a, struct backend *be, size_t files,
	size_t blobs);

/*
 * A tree of items, pushed on rank 0 or anywhere, with random costs (ns, most): each is done exactly
 * once, a pinned one by who pushed it. With spread, each rank must have done a fair part.
 */
struct props_work {
	uint64_t seed;
	size_t items;
	int64_t cost;
	bool anywhere, spread;
};
void props_workq(struct router *r, struct agree *a, const struct props_work *w);

#endif
