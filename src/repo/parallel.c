#include "repo/parallel.h"
#include "base/mem.h"
#include <stdlib.h>

struct names {
	struct repo *r;
	enum backend_type type;
	struct id *id;
	size_t n, cap;
	struct task task;
	struct err err;
	bool done;
};

static int remember(void *arg, const struct id *name, uint64_t size)
{
	struct names *l = arg;

	(void)size;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->id = mem_regrow(l->id, l->cap, sizeof(*l->id));
	}
	l->id[l->n++] = *name;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return id_cmp(a, b);
}

static void list_run(struct task *t)
{
	struct names *l = task_of(t, struct names, task);

	backend_list(l->r->be, l->type, remember, l, &l->err);
	if (l->n)
		qsort(l->id, l->n, sizeof(*l->id), by_id);
}

static void list_done(struct task *t)
{
	task_of(t, struct names, task)->done = true;
}

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
	const struct id *id;
	size_t n, next, busy;
	int rc;
	struct err err;
	bool done;
};

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

int parallel_ids(struct repo *r, enum backend_type t, const struct id *id, size_t n,
	int (*work)(void *arg, const struct id *id, struct err *err),
	int (*failed)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err)
{
	struct parallel p = {.r = r,
		.type = t,
		.work = work,
		.failed = failed,
		.arg = arg,
		.id = id,
		.n = n,
		.done = n == 0};
	size_t slots = r->be->connections ? r->be->connections : 1;
	struct slot *slot;

	if (slots > jobs_threads(r->env->readers))
		slots = jobs_threads(r->env->readers);
	slot = mem_array(slots, sizeof(*slot));
	for (size_t i = 0; i < slots; i++)
		slot[i].all = &p;
	for (size_t i = 0; i < slots && p.next < p.n; i++)
		slot_next(&slot[i]);
	loop_until(r->env->loop, &p.done);
	if (p.rc)
		err_copy(err, &p.err);
	mem_free(slot);
	return p.rc;
}

int parallel_files(struct repo *r, enum backend_type t,
	int (*work)(void *arg, const struct id *id, struct err *err),
	int (*failed)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err)
{
	struct names l = {.r = r, .type = t, .task = {.run = list_run, .done = list_done}};
	int rc;

	jobs_put(r->env->readers, &l.task);
	loop_until(r->env->loop, &l.done);
	if (l.err.code) {
		rc = err_copy(err, &l.err);
		if (err)
			err_prefix(err, "list %s files", backend_type_name(t));
	} else {
		rc = parallel_ids(r, t, l.id, l.n, work, failed, arg, err);
	}
	mem_free(l.id);
	return rc;
}
