/*
 * guard: how many objects the place holds that the repository lies in, and how many it may hold.
 *
 * Object stores limit them (500 000 in a bucket of Allas), and a run that meets the limit in its
 * middle is worse than one that ends before.  This is arithmetic and sentences only: rank 0 asks
 * the store (objects.c) and counts what all ranks have stored.
 */
#ifndef ENGINE_GUARD_H
#define ENGINE_GUARD_H
#include "base/err.h"
#include "base/log.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard {
	uint64_t limit;   /* objects; 0: nothing is watched */
	uint64_t before;  /* in the place but for what the run has added */
	uint64_t added;   /* by the run so far */
	uint64_t reserve; /* what may still come once the run is told to stop: packs on their way,
			     the last index, … */
	size_t pack_size;
	bool warned, advised; /* said once */
	uint64_t ask_at; /* once the run has added so many, the store is to be asked again: others
			    may add objects too; 0: it does not tell */
};

/*
 * guard_begin: before anything is stored; `bytes` are likely to come (0: nobody knows). ERR_NOSPACE
 * when there is no room for a run at all.  Warns when four fifths are taken, and when this run may
 * need much of what is left: then with the pack size that would do.
 */
int guard_begin(struct guard *g, uint64_t bytes, const struct log *log, struct err *err);

/* guard_count: the run has added so many objects by now.  ERR_NOSPACE when it has to stop so that
 * the limit is kept. */
int guard_count(struct guard *g, uint64_t added, const struct log *log, struct err *err);

/* guard_asked: the store said that there are so many objects, when the run had added `added` of
 * them.  Sets ask_at. */
void guard_asked(struct guard *g, uint64_t objects, uint64_t added);

/* guard_pack_size: the smallest pack size (a power of two, at least `now`, at most restic's
 * largest) with which `bytes` need at most `objects`, else the largest. */
size_t guard_pack_size(uint64_t bytes, uint64_t objects, size_t now);

#endif
