/*
 * packsums: what each rank's share of the index says about each pack, added up at the pack's owner.
 */
#ifndef RANKS_PACKSUMS_H
#define RANKS_PACKSUMS_H
#include "ranks/router.h"
#include "repo/packtable.h"

/*
 * packsums_gather: collective; waits (loop_until).  parts: this rank's; sums: those of the packs
 * that it owns (catalog_owner), which are set anew, but for `user`.  Bounded memory: a rank goes on
 * only when what it has sent was taken.  An error is this rank's own.
 */
int packsums_gather(struct router *r, struct packtable *parts, struct packtable *sums,
	struct err *err);

#endif
