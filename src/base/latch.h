/*
 * latch: one thread waits until so many things have happened, each of which another thread says
 * once.  For what is asynchronous and is wanted here and now; never on a thread that others wait
 * for.
 */
#ifndef BASE_LATCH_H
#define BASE_LATCH_H
#include <pthread.h>
#include <stddef.h>

struct latch {
	pthread_mutex_t lock;
	pthread_cond_t none;
	size_t left;
};

void latch_init(struct latch *l, size_t n); /* n things will happen */
/* latch_down(l): one has.  Any thread; the last call may be the end of l's life. */
void latch_down(struct latch *l);
void latch_wait(struct latch *l); /* until all have, and release l */

#endif
