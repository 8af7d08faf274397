#include "lib/gate.h"
#include "base/mem.h"

struct gate {
	struct backend b;
	struct backend *inner;
	gate_ask_fn *ask;
	void *arg;
};

static struct gate *gate_of(struct backend *b)
{
	return (struct gate *)(void *)b;
}

static void gate_start(struct backend *b, struct backend_op *op)
{
	struct gate *g = gate_of(b);
	int code = g->ask(g->arg, op, op->type);

	if (!code) {
		backend_start(g->inner, op);
		return;
	}
	if (op->verb == BACKEND_GET)
		buf_reset(&op->out);
	err_set(&op->err, code, "the gate is closed");
	op->done(op);
}

static int gate_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct gate *g = gate_of(b);
	int code = g->ask(g->arg, NULL, t);

	return code ? err_set(err, code, "the gate is closed")
		    : backend_list_all(g->inner, t, to, err);
}

static int gate_create(struct backend *b, struct err *err)
{
	struct gate *g = gate_of(b);
	int code = g->ask(g->arg, NULL, BACKEND_CONFIG);

	return code ? err_set(err, code, "the gate is closed") : backend_create(g->inner, err);
}

static void gate_free(struct backend *b)
{
	backend_free(gate_of(b)->inner);
	mem_free(b);
}

static const struct backend_vtable gate_vtable = {.scheme = "gate",
	.start = gate_start,
	.list = gate_list,
	.create = gate_create,
	.free = gate_free};

struct backend *gate_new(struct backend *inner, gate_ask_fn *ask, void *arg)
{
	struct gate *g = mem_zalloc(sizeof(*g));

	g->b = *inner;
	g->b.vt = &gate_vtable;
	g->inner = inner;
	g->ask = ask;
	g->arg = arg;
	return &g->b;
}
