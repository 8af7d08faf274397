#include "base/budget.h"
#include "base/mem.h"
#include <assert.h>
#include <pthread.h>

struct budget {
	pthread_mutex_t lock;
	pthread_cond_t room;
	size_t limit, used;
	size_t waiting;
};

struct budget *budget_new(size_t bytes)
{
	struct budget *b = mem_zalloc(sizeof(*b));

	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->room, NULL);
	b->limit = bytes;
	return b;
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	pthread_cond_destroy(&b->room);
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
}

static bool fits(const struct budget *b, size_t bytes)
{
	return b->used == 0 || (b->used <= b->limit && bytes <= b->limit - b->used);
}

/*
 * Whoever fits passes, also ahead of a larger one that waits: in first-come order a thread that
 * holds bytes and takes a few more would wait behind a large taker that waits for those very bytes.
 */
void budget_take(struct budget *b, size_t bytes)
{
	pthread_mutex_lock(&b->lock);
	b->waiting++;
	while (!fits(b, bytes))
		pthread_cond_wait(&b->room, &b->lock);
	b->waiting--;
	b->used += bytes;
	pthread_mutex_unlock(&b->lock);
}

bool budget_try(struct budget *b, size_t bytes)
{
	bool ok;

	pthread_mutex_lock(&b->lock);
	ok = fits(b, bytes);
	if (ok)
		b->used += bytes;
	pthread_mutex_unlock(&b->lock);
	return ok;
}

void budget_give(struct budget *b, size_t bytes)
{
	pthread_mutex_lock(&b->lock);
	assert(bytes <= b->used);
	b->used -= bytes;
	if (b->waiting)
		pthread_cond_broadcast(&b->room);
	pthread_mutex_unlock(&b->lock);
}

size_t budget_used(struct budget *b)
{
	size_t used;

	pthread_mutex_lock(&b->lock);
	used = b->used;
	pthread_mutex_unlock(&b->lock);
	return used;
}
