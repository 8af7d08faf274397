/*
 * way: do the packs of other ranks lie where rank 0's lie?
 *
 * A name of a store may lead another node to another server from some moment on: to another
 * repository, or to a copy of this one.  So rank 0 holds back what a rank reports until that rank
 * has found, after it reported it, the file of this run's lock by its own way to the store, and
 * rank 0 the last of these packs by its own: packs may lie on a file system of their own, which one
 * node has not mounted.  Only then it reaches an index file.  That is asked twice a minute, as long
 * as there are such packs, every second from the moment that the run ends early, and in the end.
 * Loop thread only.
 */
#ifndef ENGINE_WAY_H
#define ENGINE_WAY_H
#include "ranks/run.h"
#include "repo/indexer.h"
#include "repo/lock.h"

/*
 * way_new: on each rank; borrows all.  On rank 0: packs go to x; lock NULL: at once.  settled(arg):
 * after way_end, nothing is held back any more.  A way that leads elsewhere fails the run.
 */
struct way;
struct way *way_new(struct run *run, struct router *r, struct repo *repo, struct lock *lock,
	struct indexer *x, void (*settled)(void *arg), void *arg);
void way_free(struct way *w); /* no question may be open; NULL is fine */

void way_reported(struct way *w); /* other ranks: one more pack was reported to rank 0 */

/* Rank 0.  way_pack: rank has stored this (blob is taken).  way_tick: some times a second. way_end:
 * ask for all that is held back. */
void way_pack(struct way *w, int rank, const struct id *pack, struct blob *blob, size_t n);
void way_tick(struct way *w);
void way_end(struct way *w);

#endif
