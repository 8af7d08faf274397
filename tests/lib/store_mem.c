/*
 * store_mem: a store in memory, and a second handle on any store.  Operations finish inside
 * backend_start().
 *
 * The lock guards only the tables.  Objects are immutable and counted, so that ranks copy large
 * ones at the same time.
 */
#include "lib/stores.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>

struct object {
	atomic_uint refs;
	size_t size;
	uint8_t bytes[];
};

struct entry {
	struct id name;
	struct object *obj;
};

struct ram {
	struct backend b;
	pthread_mutex_t lock;
	struct hashtab *tab[BACKEND_TYPES];
};

static struct ram *ram_of(struct backend *b)
{
	return (struct ram *)(void *)b;
}

static void object_drop(struct object *o)
{
	if (o && atomic_fetch_sub(&o->refs, 1) == 1)
		mem_free(o);
}

static struct object *object_find(struct ram *m, const struct backend_op *op)
{
	struct object *o = NULL;
	struct entry *e;

	pthread_mutex_lock(&m->lock);
	e = hashtab_find(m->tab[op->type], &op->name);
	if (e) {
		o = e->obj;
		atomic_fetch_add(&o->refs, 1);
	}
	pthread_mutex_unlock(&m->lock);
	return o;
}

static void ram_put(struct ram *m, struct backend_op *op)
{
	struct object *o = mem_alloc(sizeof(*o) + op->size);
	struct object *old = NULL;
	struct entry *e;
	bool is_new;

	atomic_init(&o->refs, 1);
	o->size = op->size;
	if (op->size)
		memcpy(o->bytes, op->data, op->size);
	pthread_mutex_lock(&m->lock);
	e = hashtab_add(m->tab[op->type], &op->name, &is_new);
	old = is_new ? NULL : e->obj;
	if (old && op->fresh) {
		err_set(&op->err, ERR_EXISTS, "there is such an object");
		old = o;
	} else {
		e->obj = o;
	}
	pthread_mutex_unlock(&m->lock);
	object_drop(old);
}

static void ram_get(struct backend_op *op, const struct object *o)
{
	uint64_t rest = op->offset <= o->size ? o->size - op->offset : 0;
	uint64_t want = op->length ? op->length : rest;

	if (op->offset > o->size || want > rest) {
		err_set(&op->err, ERR_TOOSHORT, "the object is too short: %zu bytes", o->size);
		return;
	}
	if (buf_add(&op->out, o->bytes + op->offset, (size_t)want))
		err_set(&op->err, ERR_NOMEM,
			"the object is larger than expected: %zu bytes, not %zu", o->size,
			op->out.max);
}

static void ram_remove(struct ram *m, const struct backend_op *op)
{
	struct object *o = NULL;
	struct entry *e;

	pthread_mutex_lock(&m->lock);
	e = hashtab_find(m->tab[op->type], &op->name);
	if (e) {
		o = e->obj;
		hashtab_remove(m->tab[op->type], &op->name);
	}
	pthread_mutex_unlock(&m->lock);
	object_drop(o);
}

static void ram_start(struct backend *b, struct backend_op *op)
{
	struct ram *m = ram_of(b);
	struct object *o;

	err_clear(&op->err);
	switch (op->verb) {
	case BACKEND_PUT:
		ram_put(m, op);
		break;
	case BACKEND_REMOVE:
		ram_remove(m, op);
		break;
	case BACKEND_GET:
	case BACKEND_STAT:
		if (op->verb == BACKEND_GET)
			buf_reset(&op->out);
		o = object_find(m, op);
		if (!o)
			err_set(&op->err, ERR_NOTFOUND, "no such object");
		else if (op->verb == BACKEND_STAT)
			op->size = o->size;
		else
			ram_get(op, o);
		object_drop(o);
		break;
	}
	op->done(op);
}

struct listed {
	struct id name;
	uint64_t size;
};

struct listing {
	struct listed *v;
	size_t n;
};

static int listing_add(void *arg, void *entry)
{
	struct listing *l = arg;
	const struct entry *e = entry;

	l->v[l->n++] = (struct listed){.name = e->name, .size = e->obj->size};
	return 0;
}

static int ram_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct ram *m = ram_of(b);
	struct listing l = {0};
	int code = 0;

	(void)err;
	if (t == BACKEND_CONFIG)
		return 0;
	pthread_mutex_lock(&m->lock);
	l.v = mem_array(hashtab_count(m->tab[t]) + 1, sizeof(*l.v));
	hashtab_each(m->tab[t], listing_add, &l);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < l.n && !code; i++)
		code = to->file(to->arg, &l.v[i].name, l.v[i].size);
	mem_free(l.v);
	return code;
}

static int ram_create(struct backend *b, struct err *err)
{
	(void)b;
	(void)err;
	return 0;
}

static int entry_drop(void *arg, void *entry)
{
	(void)arg;
	object_drop(((struct entry *)entry)->obj);
	return 0;
}

static void ram_free(struct backend *b)
{
	struct ram *m = ram_of(b);

	for (int t = 0; t < BACKEND_TYPES; t++) {
		hashtab_each(m->tab[t], entry_drop, NULL);
		hashtab_free(m->tab[t]);
	}
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

static const struct backend_vtable ram_vtable = {
	.scheme = "mem",
	.start = ram_start,
	.list = ram_list,
	.create = ram_create,
	.free = ram_free,
};

struct backend *backend_mem_new(void)
{
	struct ram *m = mem_zalloc(sizeof(*m));

	m->b.vt = &ram_vtable;
	m->b.connections = 4;
	pthread_mutex_init(&m->lock, NULL);
	for (int t = 0; t < BACKEND_TYPES; t++)
		m->tab[t] = hashtab_new(sizeof(struct entry), ID_SIZE, HASHTAB_MIX);
	return &m->b;
}

struct share {
	struct backend b;
	struct backend *of;
};

static struct backend *shared(struct backend *b)
{
	return ((struct share *)(void *)b)->of;
}

static void share_start(struct backend *b, struct backend_op *op)
{
	backend_start(shared(b), op);
}

static int share_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(shared(b), t, to, err);
}

static int share_create(struct backend *b, struct err *err)
{
	return backend_create(shared(b), err);
}

static int share_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	return backend_usage(shared(b), u, err);
}

static void share_give_up(struct backend *b)
{
	backend_give_up(shared(b));
}

static void share_free(struct backend *b)
{
	mem_free(b);
}

static const struct backend_vtable share_vtable = {
	.scheme = "share",
	.start = share_start,
	.list = share_list,
	.create = share_create,
	.free = share_free,
	.usage = share_usage,
	.give_up = share_give_up,
};

struct backend *backend_share(struct backend *b)
{
	struct share *s = mem_zalloc(sizeof(*s));

	s->b = *b;
	s->b.vt = &share_vtable;
	s->of = b;
	return &s->b;
}
