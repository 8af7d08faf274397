/*
 * NOTE: u8 kind, two strings, u64.
 *
 * Five times a second a rank looks whether it is to end (a signal may come while nothing else
 * happens), and tells rank 0 its counters; both in a phase only.  Between two phases nobody looks:
 * the next one does.
 */
#include "base/mem.h"
#include "ranks/run_priv.h"
#include <string.h>

#define TICK_NS ((int64_t)200 * 1000 * 1000)

void run_note(struct run *r, unsigned kind, const char *a, const char *b, uint64_t n)
{
	struct buf m;

	a = a ? a : "";
	b = b ? b : "";
	if (r->rank == 0) {
		r->ops.note(r->ops.arg, kind, a, b, n);
		return;
	}
	buf_init(&m, COMM_MAX);
	wire_put_u8(&m, (uint8_t)kind);
	wire_put_bytes(&m, a, strlen(a));
	wire_put_bytes(&m, b, strlen(b));
	wire_put_u64(&m, n);
	router_send(r->router, 0, r->tag + RUN_NOTE, &m);
}

static void on_note(void *arg, struct comm_msg *m)
{
	struct run *r = arg;
	struct wire_in w;
	unsigned kind;
	uint64_t n;
	char *a, *b;

	wire_in_init(&w, m->data.p, m->data.len);
	kind = wire_u8(&w);
	a = wire_text(&w);
	b = wire_text(&w);
	n = wire_u64(&w);
	if (wire_done(&w))
		r->ops.note(r->ops.arg, kind, a, b, n);
	else
		run_damaged(r, "note", m->from);
	mem_free(a);
	mem_free(b);
}

static void tick(struct task *t)
{
	struct run *r = task_of(t, struct run, tick);

	run_look(r);
	if (r->rank != 0 && r->phase)
		run_say(r);
	if (r->rank == 0 && r->phase && r->ops.progress)
		r->ops.progress(r->ops.arg);
	loop_after(r->env->loop, TICK_NS, &r->tick);
}

/* ---- life ---- */

struct run *run_new(struct router *router, struct agree *a, const struct run_ops *ops)
{
	struct run *r = mem_zalloc(sizeof(*r));

	r->router = router;
	r->agree = a;
	r->env = router_env(router);
	r->ops = *ops;
	r->rank = router_rank(router);
	r->size = router_size(router);
	run_ends_init(r);
	r->pump.done = run_pumped;
	r->tick.done = tick;
	if (r->rank == 0) {
		r->of_rank = mem_array((size_t)r->size, sizeof(*r->of_rank));
		r->counts = mem_array((size_t)r->size * ops->n_counts + 1, sizeof(*r->counts));
	}
	r->tag = router_tags(router, RUN_TAGS);
	router_open(router, r->tag + RUN_FAIL, r->rank ? NULL : run_on_fail, r);
	router_open(router, r->tag + RUN_TOLD, run_on_told, r);
	router_open(router, r->tag + RUN_NOTE, r->rank ? NULL : on_note, r);
	router_open(router, r->tag + RUN_COUNTS, r->rank ? NULL : run_on_counts, r);
	loop_after(r->env->loop, TICK_NS, &r->tick);
	return r;
}

void run_free(struct run *r)
{
	if (!r)
		return;
	loop_cancel(r->env->loop, &r->tick);
	loop_cancel(r->env->loop, &r->late);
	loop_cancel(r->env->loop, &r->deadline);
	for (unsigned m = RUN_FAIL; m <= RUN_COUNTS; m++)
		router_close(r->router, r->tag + m);
	router_tags_free(r->router, r->tag, RUN_TAGS);
	mem_free(r->of_rank);
	mem_free(r->counts);
	mem_free(r);
}

int run_rank(const struct run *r)
{
	return r->rank;
}

int run_size(const struct run *r)
{
	return r->size;
}

int run_meet(struct run *r, struct err *err)
{
	if (r->err.code)
		err_copy(err, &r->err);
	return agree_all(r->agree, err);
}
