#include "base/rescue.h"
#include "base/mem.h"
#include <pthread.h>

enum state { IDLE, RUNNING, DONE };

struct rescue {
	pthread_mutex_t lock;
	pthread_cond_t ran;
	struct rescue_item *first;
};

struct rescue *rescue_new(void)
{
	struct rescue *r = mem_zalloc(sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->ran, NULL);
	return r;
}

void rescue_free(struct rescue *r)
{
	if (!r)
		return;
	pthread_cond_destroy(&r->ran);
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
}

void rescue_add(struct rescue *r, struct rescue_item *i)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	i->state = IDLE;
	i->next = r->first;
	r->first = i;
	pthread_mutex_unlock(&r->lock);
}

void rescue_drop(struct rescue *r, struct rescue_item *i)
{
	struct rescue_item **p;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	while (i->state == RUNNING)
		pthread_cond_wait(&r->ran, &r->lock);
	for (p = &r->first; *p && *p != i; p = &(*p)->next)
		;
	if (*p)
		*p = i->next;
	pthread_mutex_unlock(&r->lock);
}

static struct rescue_item *next_of(struct rescue *r, enum rescue_stage stage)
{
	struct rescue_item *i = r->first;

	while (i && (i->stage != stage || i->state != IDLE))
		i = i->next;
	return i;
}

size_t rescue_run(struct rescue *r, enum rescue_stage stage)
{
	struct rescue_item *i;
	size_t n = 0;

	pthread_mutex_lock(&r->lock);
	while ((i = next_of(r, stage)) != NULL) {
		i->state = RUNNING;
		pthread_mutex_unlock(&r->lock);
		i->fn(i->arg);
		n++;
		pthread_mutex_lock(&r->lock);
		i->state = DONE;
		pthread_cond_broadcast(&r->ran);
	}
	pthread_mutex_unlock(&r->lock);
	return n;
}

bool rescue_empty(struct rescue *r)
{
	bool empty;

	pthread_mutex_lock(&r->lock);
	empty = !r->first;
	pthread_mutex_unlock(&r->lock);
	return empty;
}
