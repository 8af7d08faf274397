/*
 * join: rank 0 opens the repository once (scrypt is slow on purpose) and the other ranks get its
 * config and master key.
 */
#ifndef ENGINE_JOIN_H
#define ENGINE_JOIN_H
#include "ranks/agree.h"
#include "repo/lock.h"

/*
 * join_repo: collective.  On rank 0 *repo is the open repository, or NULL with err set to why; on
 * the others *repo is made over `be`. Every rank returns the same code: rank 0's error reaches all,
 * so that all can leave together.
 */
int join_repo(struct agree *a, struct router *r, struct backend *be, const struct env *env,
	struct repo **repo, struct err *err);

/*
 * join_same: collective, after join_repo, before anything is stored: that every rank reaches the
 * same repository by its own way.  Each reads the config, which must have the same bytes, and the
 * file of rank 0's lock (others give NULL; NULL on rank 0 too: the config alone), which a copy or
 * another server of the same name does not have.  place: the repository's, for messages.
 * ERR_INVALID: it is another one.
 */
int join_same(struct agree *a, struct router *r, struct repo *repo, struct lock *lock,
	const char *place, struct err *err);
#endif
