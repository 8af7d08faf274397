/* checking: a check over thread ranks, of a repository whose key the test holds. */
#ifndef LIB_CHECKING_H
#define LIB_CHECKING_H
#include "engine/check.h"

struct checking {
	int ranks;               /* 0: one */
	uint64_t seed;           /* of lib/ranks.h */
	struct backend *be;      /* borrowed, shared by all */
	const struct repo *repo; /* whose config and key it has */
	struct check_options opt;
	const struct check_events *ev; /* of rank 0 */
	const volatile int *stop;      /* of all */
	/* out, of rank 0 */
	struct check_result res; /* check_result_release */
	int code;
	struct err err;
};
/* All ranks must agree on the code. */
void checking_run(struct checking *k);

#endif
