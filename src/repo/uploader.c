#include "repo/uploader.h"
#include "base/mem.h"
#include "format/pack.h"
#include <assert.h>
#include <pthread.h>

/* Larger buffers (a tree blob of gigabytes in a pack of its own) are not kept. */
#define KEEP (PACK_SIZE_MAX + CHUNKER_MAX + PACK_HEADER_MAX + 4096)

struct uploader {
	struct repo *r;
	void (*stored)(void *arg, const struct pack *p);
	void (*failed)(void *arg, const struct err *e);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct pack *free; /* with their buffers, the last used first */
	unsigned limit, out,
		held; /* out: open, under way, or held: settled, but its place is not free */
	bool cancelled, discard, hold;
	size_t under_way;
};

struct uploader *uploader_new(struct repo *r, unsigned in_flight,
	void (*stored)(void *arg, const struct pack *p),
	void (*failed)(void *arg, const struct err *e), void *arg)
{
	struct uploader *u = mem_zalloc(sizeof(*u));

	u->r = r;
	u->stored = stored;
	u->failed = failed;
	u->arg = arg;
	u->limit = in_flight < UPLOADER_MIN ? UPLOADER_MIN : in_flight;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->room, NULL);
	return u;
}

static void pack_free(struct pack *p)
{
	buf_release(&p->data);
	mem_free(p->blob);
	mem_free(p);
}

void uploader_free(struct uploader *u)
{
	struct pack *p;

	if (!u)
		return;
	assert(u->out == u->held);
	while ((p = u->free) != NULL) {
		u->free = p->next;
		pack_free(p);
	}
	pthread_cond_destroy(&u->room);
	pthread_mutex_destroy(&u->lock);
	mem_free(u);
}

/* A free pack whose buffer is large enough, else any; NULL when there is none.  Under the lock. */
static struct pack *unused_pack(struct uploader *u, size_t room)
{
	struct pack **at = &u->free, *p;

	for (struct pack **i = &u->free; *i; i = &(*i)->next)
		if ((*i)->data.cap >= room) {
			at = i;
			break;
		}
	p = *at;
	if (p)
		*at = p->next;
	return p;
}

struct pack *uploader_take(struct uploader *u, size_t room)
{
	struct pack *p = NULL;
	bool cancelled;

	pthread_mutex_lock(&u->lock);
	while (!u->cancelled && u->out >= u->limit)
		pthread_cond_wait(&u->room, &u->lock);
	cancelled = u->cancelled;
	if (!cancelled) {
		u->out++;
		p = unused_pack(u, room);
	}
	pthread_mutex_unlock(&u->lock);
	if (cancelled)
		return NULL;
	if (!p)
		p = mem_zalloc(sizeof(*p));
	if (p->data.cap < room) {
		buf_release(&p->data);
		buf_init(&p->data, room);
		buf_reserve(&p->data, room);
	}
	p->data.max = p->data.cap;
	buf_reset(&p->data);
	p->n = p->pending = 0;
	p->closed = p->broken = false;
	p->up = u;
	return p;
}

static void put_back(struct uploader *u, struct pack *p, bool held)
{
	if (p->data.cap > KEEP)
		buf_release(&p->data);
	pthread_mutex_lock(&u->lock);
	p->next = u->free;
	u->free = p;
	if (!held) {
		u->out--;
		pthread_cond_signal(&u->room);
	}
	pthread_mutex_unlock(&u->lock);
}

void uploader_drop(struct uploader *u, struct pack *p)
{
	if (p)
		put_back(u, p, false);
}

void uploader_hold(struct uploader *u)
{
	u->hold = true;
}

void uploader_release(struct uploader *u)
{
	pthread_mutex_lock(&u->lock);
	assert(u->held);
	u->held--;
	u->out--;
	pthread_cond_signal(&u->room);
	pthread_mutex_unlock(&u->lock);
}

/* On the loop. */
static void pack_settled(struct task *t)
{
	struct pack *p = task_of(t, struct pack, task);
	struct uploader *u = p->up;
	bool stored = !p->op.err.code, held = u->hold && !u->discard;

	pthread_mutex_lock(&u->lock);
	u->under_way--;
	u->held += held;
	pthread_mutex_unlock(&u->lock);
	if (stored) {
		u->stored(u->arg, p);
	} else {
		err_prefix(&p->op.err, "upload pack %s", id_short(&p->id).s);
		u->failed(u->arg, &p->op.err);
	}
	put_back(u, p, held);
}

static void put_done(struct backend_op *op)
{
	struct pack *p = op->arg;

	loop_post(p->up->r->env->loop, &p->task);
}

static void under_way(struct uploader *u, struct pack *p)
{
	p->task = (struct task){.done = pack_settled};
	p->op = (struct backend_op){.verb = BACKEND_PUT,
		.type = BACKEND_PACK,
		.name = p->id,
		.data = p->data.p,
		.size = p->data.len,
		.done = put_done,
		.arg = p};
	pthread_mutex_lock(&u->lock);
	u->under_way++;
	pthread_mutex_unlock(&u->lock);
}

void uploader_put(struct uploader *u, struct pack *p)
{
	under_way(u, p);
	if (u->discard)
		put_done(&p->op);
	else
		backend_start(u->r->be, &p->op);
}

void uploader_fail(struct uploader *u, struct pack *p, const struct err *why)
{
	under_way(u, p);
	err_copy(&p->op.err, why);
	put_done(&p->op);
}

void uploader_discard(struct uploader *u, bool yes)
{
	u->discard = yes;
}

void uploader_cancel(struct uploader *u)
{
	pthread_mutex_lock(&u->lock);
	u->cancelled = true;
	pthread_cond_broadcast(&u->room);
	pthread_mutex_unlock(&u->lock);
}

bool uploader_idle(struct uploader *u)
{
	bool idle;

	pthread_mutex_lock(&u->lock);
	idle = u->under_way == 0;
	pthread_mutex_unlock(&u->lock);
	return idle;
}
