/* hand: a few ranks with routers in one thread, turned by hand, so that a test decides what happens
 * when. */
#ifndef LIB_HAND_H
#define LIB_HAND_H
#include "base/env.h"
#include "ranks/router.h"

#define HAND_MAX 4

struct hand {
	int n;
	struct comm *comm[HAND_MAX];
	struct env env[HAND_MAX];
	struct router *r[HAND_MAX];
	int errors;     /* messages logged as LOG_ERROR or LOG_WARN by all */
	char last[256]; /* the last of them */
};

void hand_init(struct hand *h, int n);
void hand_release(struct hand *h);
void hand_settle(
	struct hand *h); /* turn all until nothing happens; timers that are not due do not count */

/* hand_send: a message from outside of the modules: `n` bytes. */
void hand_send(struct hand *h, int from, int to, unsigned tag, const void *p, size_t n);

#endif
