/*
 * join: rank 0 opens the repository once (scrypt is slow on purpose) and the other ranks get its config and master key.
 */
#ifndef ENGINE_JOIN_H
#define ENGINE_JOIN_H
#include "dist/agree.h"
#include "repo/repo.h"

/*
 * join_repo: collective.  On rank 0 *repo is the open repository, or NULL with err set to why; on the others *repo is made over `be`.
 * Every rank returns the same code: rank 0's error reaches all, so that all can leave together.
 */
int join_repo(struct agree *a, struct router *r, struct backend *be, const struct env *env, struct repo **repo, struct err *err);

#endif
