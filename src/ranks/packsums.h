/*
 * packsums: what each rank's share of the index says about each pack, added up at the pack's owner;
 * and what all owners have, on rank 0.
 */
#ifndef RANKS_PACKSUMS_H
#define RANKS_PACKSUMS_H
#include "ranks/agree.h"
#include "repo/packtable.h"

/*
 * packsums_gather: collective; waits (loop_until).  parts: this rank's; sums: those of the packs
 * that it owns (catalog_owner), which are set anew, but for `user`.  Bounded memory: a rank goes on
 * only when what it has sent was taken.  An error is this rank's own.
 */
int packsums_gather(struct router *r, struct packtable *parts, struct packtable *sums,
	struct err *err);

/* packsums_collect: likewise: rank 0 gets the sums that all ranks own (mine) in `all`; it is empty
 * before, and on other ranks stays so. */
int packsums_collect(struct router *r, struct packtable *mine, struct packtable *all,
	struct err *err);

/*
 * packsums_tell: collective; waits: rank 0's `user` of all packs becomes that of each rank's parts
 * (catalog_share); 0 where rank 0 has none.  On rank 0 `all` may be its parts themselves.
 */
void packsums_tell(struct agree *a, struct packtable *all, struct packtable *parts);

#endif
