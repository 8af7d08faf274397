/*
 * packs_there: before anything is stored: is some pack of those that the index names where it
 * should be?  Packs may lie on a file system of their own (`data`), and where that is not mounted,
 * on all nodes alike, nothing else would show it: what is known would be believed stored.
 */
#ifndef ENGINE_PACKS_THERE_H
#define ENGINE_PACKS_THERE_H
#include "ranks/agree.h"
#include "repo/catalog.h"
#include "repo/repo.h"

/*
 * packs_there: collective; waits.  Each rank looks for a few of the packs that its share of the
 * catalog names, until one is found: one request as a rule.  An error on rank 0 when packs are
 * known and nobody has found any; on each rank what its store says.
 */
int packs_there(struct agree *a, struct router *r, struct repo *repo, struct catalog *c,
	struct err *err);

#endif
