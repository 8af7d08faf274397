/*
 * decorators: backends over a backend, which backend_open puts one over the other: retry over limit
 * over look over the bare store.  Each takes `inner` and frees it with itself.
 */
#ifndef BACKEND_DECORATORS_H
#define BACKEND_DECORATORS_H
#include "backend/backend.h"
#include <pthread.h>

/* look.c: asks the store before a `fresh` PUT and after a REMOVE of what it does not find */
struct backend *backend_look_new(struct backend *inner);

/* limit.c: at most so many operations inside, in order; what is urgent, list and create pass at
 * once */
struct backend *backend_limit_new(struct backend *inner, unsigned at_once);

struct backend_retry_policy {
	int64_t first_ns, max_ns, total_ns; /* docs/format.md 16.1: 1 s, 60 s, 15 min */
};
extern const struct backend_retry_policy backend_retry_default;
/* retry.c */
struct backend *backend_retry_new(struct backend *inner, const struct backend_retry_policy *p,
	const struct env *env);

/* backend_retry_set_wait(b, fn, arg): how to wait `ns` or until `c` is signalled, for tests with a
 * clock of their own.  Before the first operation. */
typedef void backend_retry_wait_fn(void *arg, pthread_cond_t *c, pthread_mutex_t *m, int64_t ns);
void backend_retry_set_wait(struct backend *b, backend_retry_wait_fn *fn, void *arg);

#endif
