/*
 * tries: how often and after which pauses something is tried again.
 *
 * The n-th wait is first * 2^(n-1), at most max, times a random factor from 0.5 to 1.5; to give up
 * is right when the next try would begin more than total after the first, but not before the second
 * (docs/format.md 16.1).  A store that asks for a pause gets it, with some more at random so that
 * not all ranks come back at once; at most a third of total.  A pause that would lead beyond the
 * end is cut, so that to ask for one never makes the time shorter.
 */
#ifndef BACKEND_TRIES_H
#define BACKEND_TRIES_H
#include "backend/decorators.h"

/* Where one operation stands: when its first try began (monotonic), how many there were. */
struct tries {
	int64_t began;
	unsigned n;
};

/* tries_wait(t, p, env, pause): nanoseconds until the next try, -1: give up.  pause: what the store
 * asked for, in nanoseconds. */
int64_t tries_wait(const struct tries *t, const struct backend_retry_policy *p,
	const struct env *env, int64_t pause);

/* tries_failed(t, p, env, what, again, pause, e): the same for a try that failed with `e`, if it
 * may be tried again: tells the log.  -1: e is final, and says after how many tries. */
int64_t tries_failed(const struct tries *t, const struct backend_retry_policy *p,
	const struct env *env, const char *what, bool again, int64_t pause, struct err *e);

#endif
