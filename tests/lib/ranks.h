/*
 * ranks: runs a function as N ranks, threads of this process, each with a loop, workers and a
 * budget of its own.
 *
 * With a seed other than 0 each mailbox is wrapped in a jitter (lib/jitter.h), so that messages of
 * different senders overtake each other.
 */
#ifndef LIB_RANKS_H
#define LIB_RANKS_H
#include "base/env.h"
#include "comm/comm.h"

typedef int ranks_fn(void *arg, struct comm *c, const struct env *env);

/* ranks_test: returns the largest result of fn.  Log messages up to LOG_WARN go to stderr. */
int ranks_test(int n, uint64_t seed, ranks_fn *fn, void *arg);

/* ranks_env_init: an environment for one rank of a test program; env_release after the last user.
 */
void ranks_env_init(struct env *env, unsigned workers);

#endif
