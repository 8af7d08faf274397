/*
 * idxshare: loads the repository's index files, rank r the files r, r + N, …, and ships each entry
 * to the rank that owns its blob.
 */
#ifndef RANKS_IDXSHARE_H
#define RANKS_IDXSHARE_H
#include "ranks/router.h"
#include "repo/blobtable.h"
#include "repo/repo.h"

/*
 * idxshare_load: collective, blocking (loop_until); returns the same code on all ranks (the
 * first error in rank order), once every rank has all entries that it owns: whoever is asked knows.
 * Bounded memory: a rank reads on only while its unsent messages are few.  watch, packs: as
 * catalog_load has them.
 */
int idxshare_load(struct router *r, struct repo *repo, struct blobtable *mine,
	const struct catalog_watch *watch, uint64_t *packs, struct err *err);

#endif
