/* thread: threads that leave signals to others, and waiting by a clock that nobody sets. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H
#include <pthread.h>
#include <stdint.h>

/* thread_start(t, fn, arg): a thread that takes no signals, which are for the main one, but for
 * those that a faulty instruction raises: these must stay where they happen.  0 or an errno. */
int thread_start(pthread_t *t, void *(*fn)(void *arg), void *arg);

/* thread_cond_init(c): a condition for thread_cond_wait. */
void thread_cond_init(pthread_cond_t *c);
/* thread_cond_wait(c, m, ns): until c is signalled or, at most, so long.  0 or ETIMEDOUT. */
int thread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t ns);

#endif
