/*
 * limit: at most so many operations inside, the others wait in the order they came.
 *
 * What is urgent passes at once: a lock that is not refreshed in time because packs fill the line
 * would end the run.  list, create and remove_many pass too, because they block their caller, and a
 * listing's fn may use the backend.
 *
 * One thread at a time hands operations inward (`pumping`), however they end: an inner backend that
 * finishes inside backend_start() would otherwise recurse as deep as the line is long.
 */
#include "backend/decorators.h"
#include "base/mem.h"

struct limit {
	struct backend b;
	struct backend *inner;
	unsigned at_once;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct backend_op *head, **tail;
	unsigned inside;
	unsigned calls; /* threads in limit_done that have called, or will call, the caller's
			   done(): free waits for them */
	bool pumping;
};

struct limit_op {
	struct limit *l;
	void (*done)(struct backend_op *op);
	void *arg;
};

static struct limit *limit_of(struct backend *b)
{
	return (struct limit *)(void *)b;
}

/* Called with the lock held, returns without it, and touches `l` no more. */
static void limit_pump(struct limit *l)
{
	if (!l->pumping) {
		l->pumping = true;
		while (l->head && l->inside < l->at_once) {
			struct backend_op *op = l->head;

			l->head = op->next;
			if (!l->head)
				l->tail = &l->head;
			l->inside++;
			pthread_mutex_unlock(&l->lock);
			backend_start(l->inner, op);
			pthread_mutex_lock(&l->lock);
		}
		l->pumping = false;
		if (!l->calls)
			pthread_cond_signal(&l->idle);
	}
	pthread_mutex_unlock(&l->lock);
}

static void limit_done(struct backend_op *op)
{
	struct limit_op *c = op->arg;
	struct limit *l = c->l;

	op->done = c->done;
	op->arg = c->arg;
	mem_free(c);
	pthread_mutex_lock(&l->lock);
	l->inside--;
	l->calls++;
	pthread_mutex_unlock(&l->lock);
	op->done(op);
	pthread_mutex_lock(&l->lock);
	l->calls--;
	limit_pump(l);
}

static void limit_start(struct backend *b, struct backend_op *op)
{
	struct limit *l = limit_of(b);
	struct limit_op *c;

	if (backend_op_urgent(op)) {
		backend_start(l->inner, op);
		return;
	}
	c = mem_alloc(sizeof(*c));
	*c = (struct limit_op){.l = l, .done = op->done, .arg = op->arg};
	op->done = limit_done;
	op->arg = c;
	op->next = NULL;
	pthread_mutex_lock(&l->lock);
	*l->tail = op;
	l->tail = &op->next;
	limit_pump(l);
}

static int limit_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(limit_of(b)->inner, t, to, err);
}

static int limit_create(struct backend *b, struct err *err)
{
	return backend_create(limit_of(b)->inner, err);
}

static int limit_remove_many(struct backend *b, enum backend_type t, const struct id *names,
	size_t n, bool *gone, struct err *err)
{
	return backend_remove_many(limit_of(b)->inner, t, names, n, gone, err);
}

static int limit_clear_temps(struct backend *b, enum backend_type t, int64_t before_s,
	uint64_t *removed, struct err *err)
{
	return backend_clear_temps(limit_of(b)->inner, t, before_s, removed, err);
}

static int limit_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	return backend_usage(limit_of(b)->inner, u, err);
}

/* The line is empty afterwards, so that what is given up inside lets nothing of it begin. */
static void limit_give_up(struct backend *b)
{
	struct limit *l = limit_of(b);
	struct backend_op *op;

	pthread_mutex_lock(&l->lock);
	while ((op = l->head) != NULL) {
		l->head = op->next;
		if (!l->head)
			l->tail = &l->head;
		l->inside++;
		pthread_mutex_unlock(&l->lock);
		err_set(&op->err, ERR_CANCELLED, "cancelled");
		limit_done(op);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	backend_give_up(l->inner);
}

static void limit_free(struct backend *b)
{
	struct limit *l = limit_of(b);

	pthread_mutex_lock(&l->lock);
	while (l->pumping || l->calls)
		pthread_cond_wait(&l->idle, &l->lock);
	pthread_mutex_unlock(&l->lock);
	backend_free(l->inner);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

static const struct backend_vtable limit_vtable = {
	.scheme = "limit",
	.start = limit_start,
	.list = limit_list,
	.create = limit_create,
	.free = limit_free,
	.usage = limit_usage,
	.remove_many = limit_remove_many,
	.clear_temps = limit_clear_temps,
	.give_up = limit_give_up,
};

struct backend *backend_limit_new(struct backend *inner, unsigned at_once)
{
	struct limit *l = mem_zalloc(sizeof(*l));

	l->b = *inner;
	l->b.vt = &limit_vtable;
	l->at_once = at_once ? at_once : 1;
	l->b.connections = l->at_once;
	l->inner = inner;
	l->tail = &l->head;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->idle, NULL);
	return &l->b;
}
