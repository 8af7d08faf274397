/*
 * jitter: a mailbox over another one that lets messages of different senders overtake each other,
 * and all of them linger, as a seeded random says.  Messages of one sender stay in order: that much
 * a mailbox promises.
 */
#ifndef LIB_JITTER_H
#define LIB_JITTER_H
#include "comm/comm.h"

/* jitter_new: borrows `inner`.  The same seed gives each rank its own sequence. */
struct comm *jitter_new(struct comm *inner, uint64_t seed);

/* random_next: the next number of a sequence whose state is *x: splitmix64, for tests that want to
 * be repeated. */
uint64_t random_next(uint64_t *x);

#endif
