#include "repo/parallel.h"
#include "base/mem.h"
#include <stdlib.h>

struct slot {
	struct task task;
	struct parallel *all;
	const struct id *id;
	struct err err;
};

struct parallel {
	struct repo *r;
	enum backend_type type;
	int (*work)(void *arg, const struct id *id, struct err *err);
	int (*failed)(void *arg, const struct id *id, const struct err *e);
	void *arg;
	struct id *id;
	size_t n, cap, next, busy;
	int rc;
	struct err err;
	bool done;
};

static int remember(void *arg, const struct id *name, uint64_t size)
{
	struct parallel *p = arg;

	(void)size;
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->id = mem_regrow(p->id, p->cap, sizeof(*p->id));
	}
	p->id[p->n++] = *name;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return id_cmp(a, b);
}

static void list_run(struct task *t)
{
	struct slot *s = task_of(t, struct slot, task);
	struct parallel *p = s->all;

	backend_list(p->r->be, p->type, remember, p, &s->err);
	if (p->n)
		qsort(p->id, p->n, sizeof(*p->id), by_id);
}

static void work_run(struct task *t)
{
	struct slot *s = task_of(t, struct slot, task);
	struct parallel *p = s->all;
	int rc = p->work(p->arg, s->id, &s->err);

	/* A callee that fails without a sentence must not count as success. */
	if (rc && !s->err.code)
		err_set(&s->err, rc, "%s %s", backend_type_name(p->type), id_short(s->id).s);
}

static void slot_next(struct slot *s);

static void work_done(struct task *t)
{
	struct slot *s = task_of(t, struct slot, task);
	struct parallel *p = s->all;
	int rc;

	p->busy--;
	if (s->err.code) {
		rc = p->failed(p->arg, s->id, &s->err);
		if (rc && !p->rc) {
			p->rc = rc;
			err_copy(&p->err, &s->err);
		}
	}
	slot_next(s);
}

static void slot_next(struct slot *s)
{
	struct parallel *p = s->all;

	if (p->rc || p->next == p->n) {
		p->done = p->busy == 0;
		return;
	}
	p->busy++;
	s->id = &p->id[p->next++];
	err_clear(&s->err);
	s->task = (struct task){.run = work_run, .done = work_done};
	jobs_put(p->r->env->readers, &s->task);
}

static void list_done(struct task *t)
{
	struct slot *s = task_of(t, struct slot, task);

	s->all->done = true;
}

int parallel_files(struct repo *r, enum backend_type t,
	int (*work)(void *arg, const struct id *id, struct err *err),
	int (*failed)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err)
{
	struct parallel p = {.r = r, .type = t, .work = work, .failed = failed, .arg = arg};
	size_t slots = r->be->connections ? r->be->connections : 1;
	struct slot *slot;

	if (slots > jobs_threads(r->env->readers))
		slots = jobs_threads(r->env->readers);
	slot = mem_array(slots, sizeof(*slot));
	for (size_t i = 0; i < slots; i++)
		slot[i].all = &p;

	slot[0].task = (struct task){.run = list_run, .done = list_done};
	jobs_put(r->env->readers, &slot[0].task);
	loop_until(r->env->loop, &p.done);
	if (slot[0].err.code) {
		p.rc = slot[0].err.code;
		err_copy(&p.err, &slot[0].err);
		err_prefix(&p.err, "list %s files", backend_type_name(t));
		goto out;
	}
	p.done = p.n == 0;
	for (size_t i = 0; i < slots && p.next < p.n; i++)
		slot_next(&slot[i]);
	loop_until(r->env->loop, &p.done);
out:
	if (p.rc)
		err_copy(err, &p.err);
	mem_free(p.id);
	mem_free(slot);
	return p.rc;
}
