/* backend: what is the same for all stores: names for messages, and blocking conveniences. */
#include "backend/backend.h"
#include "base/latch.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

const char *backend_type_name(enum backend_type t)
{
	static const char *const names[BACKEND_TYPES] = {
		[BACKEND_CONFIG] = "config",
		[BACKEND_KEY] = "key",
		[BACKEND_SNAPSHOT] = "snapshot",
		[BACKEND_INDEX] = "index",
		[BACKEND_LOCK] = "lock",
		[BACKEND_PACK] = "pack",
	};

	return (unsigned)t < BACKEND_TYPES ? names[t] : "unknown";
}

const char *backend_verb_name(enum backend_verb v)
{
	static const char *const names[] = {
		[BACKEND_PUT] = "put",
		[BACKEND_GET] = "get",
		[BACKEND_STAT] = "stat",
		[BACKEND_REMOVE] = "remove",
	};

	return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}

void backend_give_up(struct backend *b)
{
	if (b->vt->give_up)
		b->vt->give_up(b);
}

struct backend_text backend_op_text(const struct backend_op *op)
{
	struct backend_text t;
	const char *verb = backend_verb_name(op->verb);
	const char *type = backend_type_name(op->type);

	if (op->type == BACKEND_CONFIG)
		snprintf(t.s, sizeof(t.s), "%s %s", verb, type);
	else
		snprintf(t.s, sizeof(t.s), "%s %s %.8s", verb, type, id_hex(&op->name).s);
	return t;
}

int backend_remove_many(struct backend *b, enum backend_type t, const struct id *names, size_t n,
	bool *gone, struct err *err)
{
	memset(gone, 0, n * sizeof(*gone));
	return b->vt->remove_many
		       ? b->vt->remove_many(b, t, names, n, gone, err)
		       : err_set(err, ERR_UNSUPPORTED, "this store removes one file at a time");
}

void backend_free(struct backend *b)
{
	if (b)
		b->vt->free(b);
}

static void run_done(struct backend_op *op)
{
	latch_down(op->arg);
}

int backend_run(struct backend *b, struct backend_op *op, struct err *err)
{
	void *arg = op->arg;
	struct latch l;

	latch_init(&l, 1);
	op->done = run_done;
	op->arg = &l;
	backend_start(b, op);
	latch_wait(&l);
	op->arg = arg;
	return err_copy(err, &op->err);
}

static struct backend_op op_for(enum backend_verb v, enum backend_type t, const struct id *name)
{
	struct backend_op op = {.verb = v, .type = t};

	if (name)
		op.name = *name;
	return op;
}

int backend_get(struct backend *b, enum backend_type t, const struct id *name, struct buf *out,
	struct err *err)
{
	struct backend_op op = op_for(BACKEND_GET, t, name);
	int code;

	op.out = *out;
	code = backend_run(b, &op, err);
	*out = op.out;
	return code;
}

int backend_put(struct backend *b, enum backend_type t, const struct id *name, const void *p,
	size_t n, struct err *err)
{
	struct backend_op op = op_for(BACKEND_PUT, t, name);

	op.data = p;
	op.size = n;
	return backend_run(b, &op, err);
}

int backend_put_fresh(struct backend *b, enum backend_type t, const struct id *name, const void *p,
	size_t n, struct err *err)
{
	struct backend_op op = op_for(BACKEND_PUT, t, name);

	op.data = p;
	op.size = n;
	op.fresh = true;
	return backend_run(b, &op, err);
}

int backend_remove(struct backend *b, enum backend_type t, const struct id *name, struct err *err)
{
	struct backend_op op = op_for(BACKEND_REMOVE, t, name);

	return backend_run(b, &op, err);
}

int backend_stat(struct backend *b, enum backend_type t, const struct id *name, uint64_t *size,
	struct err *err)
{
	struct backend_op op = op_for(BACKEND_STAT, t, name);
	int code = backend_run(b, &op, err);

	if (!code)
		*size = op.size;
	return code;
}
