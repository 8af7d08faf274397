/*
 * lastpacks: what is left in the ranks' last packs goes into as few packs as one rank would leave.
 *
 * Without this a run of N ranks ends with 2 N packs that are not full (data and trees), every
 * night; object stores have limits. Sealed blobs do not depend on where they lie, so each rank
 * gives them to another one, along a binomial tree: in the k-th step rank r + 2^k gives to rank r,
 * so log2(N) steps, most of them at the same time.  Whoever's pack is full uploads it as any other;
 * at most one of each type stays open, on rank 0.  A blob is recorded by the rank that has it in
 * the end.  Loop thread only.
 */
#ifndef RANKS_LASTPACKS_H
#define RANKS_LASTPACKS_H
#include "ranks/router.h"
#include "repo/saver.h"

struct lastpacks;
/* lastpacks_new: borrows both.  done(arg): this rank has nothing more to take or give: its packs
 * may be closed. */
struct lastpacks *lastpacks_new(struct router *r, struct saver *s, void (*done)(void *arg),
	void *arg);
/* lastpacks_start: this rank's saver is drained.  Every rank must come to this, also when the run
 * has failed. */
void lastpacks_start(struct lastpacks *t);
/* lastpacks_cancel: nothing is moved any more; done() still comes, once all ranks below have
 * started. */
void lastpacks_cancel(struct lastpacks *t);
void lastpacks_free(struct lastpacks *t); /* after done(), and after all ranks have met */

#endif
