/*
 * catalog_ranks: the catalog over all ranks.  The owner of a blob is decided by its id, so the
 * index needs blobs / N entries per rank (ADR in docs/adr); likewise that of a pack's sums.
 */
#ifndef RANKS_CATALOG_RANKS_H
#define RANKS_CATALOG_RANKS_H
#include "ranks/catalog_owner.h"
#include "ranks/router.h"
#include "repo/catalog.h"

struct blobtable;

/*
 * catalog_ranks_new: over this rank's share, which it borrows; NULL: over a table of its own,
 * empty. Borrows the router.  With one rank it is a catalog_local.  Before catalog_free all ranks
 * must have met (agree_all) with their questions answered: a rank that is gone answers nobody.
 */
struct catalog *catalog_ranks_new(struct router *r, struct blobtable *mine);

#endif
