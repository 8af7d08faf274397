#include "base/latch.h"

void latch_init(struct latch *l, size_t n)
{
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->none, NULL);
	l->left = n;
}

/* Signalled under the lock: without it the waiter could free the latch before the signal. */
void latch_down(struct latch *l)
{
	pthread_mutex_lock(&l->lock);
	if (!--l->left)
		pthread_cond_signal(&l->none);
	pthread_mutex_unlock(&l->lock);
}

void latch_wait(struct latch *l)
{
	pthread_mutex_lock(&l->lock);
	while (l->left)
		pthread_cond_wait(&l->none, &l->lock);
	pthread_mutex_unlock(&l->lock);
	pthread_cond_destroy(&l->none);
	pthread_mutex_destroy(&l->lock);
}
