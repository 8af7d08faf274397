/*
 * look: the store is asked once more where its own word is not enough: before a file is put where
 * none may be yet (op->fresh), and when it finds none to remove.
 *
 * Below the retry decorator, so that each try looks again: a server may have stored what it
 * answered with an error, and a second try may come a quarter of an hour after the first.  For
 * stores that cannot create conditionally, this is all there is; it also stops a server that takes
 * no notice of the condition.
 *
 * A 404 to a deletion may come from a proxy, or from a server whose own storage fails: bare stores
 * pass it on as ERR_NOTFOUND, and only what is not seen then either was removed, be it by a try
 * whose answer was lost.
 */
#include "backend/decorators.h"
#include "base/mem.h"

struct look {
	struct backend b;
	struct backend *inner;
};

/* What the STAT in the same operation overwrites. */
struct look_op {
	struct look *l;
	void (*done)(struct backend_op *op);
	void *arg;
	size_t size;
};

static struct look *look_of(struct backend *b)
{
	return (struct look *)(void *)b;
}

/* The operation is what it was, with what it got. */
static struct look *own_again(struct backend_op *op, enum backend_verb verb)
{
	struct look_op *c = op->arg;
	struct look *l = c->l;

	op->verb = verb;
	op->done = c->done;
	op->arg = c->arg;
	op->size = c->size;
	mem_free(c);
	return l;
}

static void put_looked(struct backend_op *op)
{
	struct look *l = own_again(op, BACKEND_PUT);

	if (op->err.code == ERR_NOTFOUND) {
		backend_start(l->inner, op);
		return;
	}
	if (!op->err.code)
		err_set(&op->err, ERR_EXISTS, "there is such a file already");
	op->done(op);
}

static void removed_looked(struct backend_op *op)
{
	own_again(op, BACKEND_REMOVE);
	if (!op->err.code)
		err_set(&op->err, ERR_IO,
			"the server does not find the file to delete it, but has it still");
	else if (op->err.code == ERR_NOTFOUND)
		err_clear(&op->err);
	op->done(op);
}

static void removed(struct backend_op *op)
{
	struct look_op *c = op->arg;

	if (op->err.code == ERR_NOTFOUND) {
		op->verb = BACKEND_STAT;
		op->done = removed_looked;
		backend_start(c->l->inner, op);
		return;
	}
	own_again(op, BACKEND_REMOVE);
	op->done(op);
}

static void look_start(struct backend *b, struct backend_op *op)
{
	struct look *l = look_of(b);

	if (op->verb == BACKEND_REMOVE || (op->verb == BACKEND_PUT && op->fresh)) {
		struct look_op *c = mem_alloc(sizeof(*c));

		*c = (struct look_op){.l = l, .done = op->done, .arg = op->arg, .size = op->size};
		op->done = op->verb == BACKEND_PUT ? put_looked : removed;
		op->arg = c;
		if (op->verb == BACKEND_PUT)
			op->verb = BACKEND_STAT;
	}
	backend_start(l->inner, op);
}

static int look_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(look_of(b)->inner, t, to, err);
}

static int look_create(struct backend *b, struct err *err)
{
	return backend_create(look_of(b)->inner, err);
}

static int look_remove_many(struct backend *b, enum backend_type t, const struct id *names,
	size_t n, bool *gone, struct err *err)
{
	return backend_remove_many(look_of(b)->inner, t, names, n, gone, err);
}

static int look_clear_temps(struct backend *b, enum backend_type t, int64_t before_s,
	uint64_t *removed, struct err *err)
{
	return backend_clear_temps(look_of(b)->inner, t, before_s, removed, err);
}

static int look_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	return backend_usage(look_of(b)->inner, u, err);
}

static void look_give_up(struct backend *b)
{
	backend_give_up(look_of(b)->inner);
}

static void look_free(struct backend *b)
{
	backend_free(look_of(b)->inner);
	mem_free(b);
}

static const struct backend_vtable look_vtable = {
	.scheme = "look",
	.start = look_start,
	.list = look_list,
	.create = look_create,
	.free = look_free,
	.usage = look_usage,
	.remove_many = look_remove_many,
	.clear_temps = look_clear_temps,
	.give_up = look_give_up,
};

struct backend *backend_look_new(struct backend *inner)
{
	struct look *l = mem_zalloc(sizeof(*l));

	l->b = *inner;
	l->b.vt = &look_vtable;
	l->inner = inner;
	return &l->b;
}
