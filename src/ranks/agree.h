/*
 * agree: the collective moments: everybody learns the worst result; rank 0 tells everybody
 * something.  Nobody leaves alone (invariant 5). Nobody spins.
 */
#ifndef RANKS_AGREE_H
#define RANKS_AGREE_H
#include "ranks/router.h"

struct agree;
struct agree *agree_new(struct router *r); /* one per rank, for its life */
void agree_free(struct agree *a);

/*
 * agree_all: collective, blocking (loop_until).  Every rank brings its err (code 0 = fine);
 * all return the error of the lowest failing rank, prefixed "rank K: node NAME: " when there are
 * several ranks.
 */
int agree_all(struct agree *a, struct err *err);
/* agree_bcast: collective, blocking: rank 0's bytes arrive in out on every rank (on rank 0 too). */
void agree_bcast(struct agree *a, struct buf *inout);
/*
 * agree_gather: collective, blocking: rank 0 gets each rank's bytes (taken, at most COMM_MAX) in
 * of_rank[rank], router_size buffers initialised by the caller; the others give NULL for it.
 */
void agree_gather(struct agree *a, struct buf *mine, struct buf *of_rank);
/* agree_sum: collective, blocking: rank 0 gets the sum of n numbers of all ranks; others keep
 * theirs. */
void agree_sum(struct agree *a, uint64_t *v, size_t n);

#endif
