/*
 * catalog_ranks: the catalog over all ranks.  The owner of a blob is decided by its id, so the
 * index needs blobs / N entries per rank (ADR in docs/adr).
 *
 * Questions are batched by owner and sent at the end of each turn, or when a batch is full.  The
 * own share is answered at once. Ranks trust each other: they are one program; still every message
 * is checked for length.
 */
#ifndef RANKS_CATALOG_RANKS_H
#define RANKS_CATALOG_RANKS_H
#include "ranks/router.h"
#include "repo/blobtable.h"

/* catalog_owner: the rank that answers for this id; evenly spread; the same on all ranks. */
int catalog_owner(const struct id *id, int ranks);

/*
 * catalog_ranks_new: borrows the router and this rank's share of the catalog.  With one rank use
 * catalog_local. Before catalog_free all ranks must have met (agree_all) with their questions
 * answered: a rank that is gone answers nobody.
 */
struct catalog *catalog_ranks_new(struct router *r, struct blobtable *mine);

#endif
