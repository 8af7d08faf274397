/* pruning: a prune over thread ranks, of a repository whose key the test holds. */
#ifndef LIB_PRUNING_H
#define LIB_PRUNING_H
#include "engine/prune.h"

struct pruning {
	int ranks;                     /* 0: one */
	uint64_t seed;                 /* of lib/ranks.h */
	struct backend *be;            /* borrowed, shared by all */
	const struct repo *repo;       /* whose config and key it has */
	struct prune_options opt;      /* zeros: nothing may stay unused; pack_size is filled in */
	const struct prune_events *ev; /* of rank 0; may be NULL */
	const volatile int *stop;      /* of all; may be NULL */
	/* Takes a lock on rank 0, which it has; may be NULL. */
	struct lock *(*lock)(struct pruning *k, struct repo *repo);
	void *arg;
	/* out, of rank 0 */
	struct prune_result res;
	int code;
	struct err err;
};
/* All ranks must agree on the code. */
void pruning_run(struct pruning *k);

#endif
