/*
 * tails: what is left in the ranks' last packs goes into as few packs as one rank would leave.
 *
 * Without this a run of N ranks ends with 2 N packs that are not full (data and trees), every night; object stores have limits.
 * Sealed blobs do not depend on where they lie, so each rank gives them to another one, along a binomial tree: in the k-th step rank
 * r + 2^k gives to rank r, so log2(N) steps, most of them at the same time.  Whoever's pack is full uploads it as any other; at most one of
 * each type stays open, on rank 0.  A blob is recorded by the rank that has it in the end.  Loop thread only.
 */
#ifndef RANKS_TAILS_H
#define RANKS_TAILS_H
#include "ranks/router.h"
#include "repo/saver.h"

struct tails;
/* tails_new: borrows both.  done(arg): this rank has nothing more to take or give: its packs may be closed. */
struct tails *tails_new(struct router *r, struct saver *s, void (*done)(void *arg), void *arg);
/* tails_start: this rank's saver is drained.  Every rank must come to this, also when the run has failed. */
void tails_start(struct tails *t);
/* tails_cancel: nothing is moved any more; done() still comes, once all ranks below have started. */
void tails_cancel(struct tails *t);
void tails_free(struct tails *t); /* after done(), and after all ranks have met */

#endif
