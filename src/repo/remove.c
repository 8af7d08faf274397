#include "repo/remove.h"
#include "base/mem.h"
#include "repo/parallel.h"
#include "repo/repo_priv.h"

#define BATCH 64 /* files: a second or two, and as many sentences as there may be */

struct removing {
	struct repo *r;
	enum backend_type type;
	const struct remove_events *ev;
	const struct id *id; /* of the batch */
	struct err err[BATCH];
	bool tried[BATCH];
	struct err guard; /* the guards' answer */
	bool asked;
	struct task task;
};

static bool stopped(const struct remove_events *ev)
{
	return ev->stop && ev->stop(ev->arg);
}

static int remove_one(void *arg, const struct id *id, struct err *err)
{
	struct removing *m = arg;
	size_t i = (size_t)(id - m->id);

	if (stopped(m->ev))
		return err_set(err, ERR_CANCELLED, "interrupted");
	backend_remove(m->r->be, m->type, id, &m->err[i]);
	m->tried[i] = true;
	return 0;
}

static int end(void *arg, const struct id *id, const struct err *e)
{
	(void)arg;
	(void)id;
	return e->code;
}

static void guards_run(struct task *t)
{
	struct removing *m = task_of(t, struct removing, task);
	bool gone;

	repo_guards_ask(m->r, &gone, &m->guard);
}

static void guards_done(struct task *t)
{
	task_of(t, struct removing, task)->asked = true;
}

/* On a reader: they wait for the store. */
static int ask_guards(struct removing *m, struct err *err)
{
	m->asked = false;
	m->task = (struct task){.run = guards_run, .done = guards_done};
	jobs_put(m->r->env->readers, &m->task);
	loop_until(m->r->env->loop, &m->asked);
	return m->guard.code ? err_copy(err, &m->guard) : 0;
}

static int remove_batch(struct removing *m, size_t first, size_t n, struct err *err)
{
	int rc = ask_guards(m, err);

	for (size_t i = 0; i < n; i++) {
		err_clear(&m->err[i]);
		m->tried[i] = false;
	}
	if (!rc)
		rc = parallel_ids(m->r, m->type, m->id, n, remove_one, end, m, err);
	for (size_t i = 0; i < n; i++)
		if (m->tried[i])
			m->ev->told(m->ev->arg, first + i, m->err[i].code ? &m->err[i] : NULL);
	return rc;
}

int remove_files(struct repo *r, enum backend_type t, const struct id *id, size_t n,
	const struct remove_events *ev, struct err *err)
{
	struct removing *m = mem_zalloc(sizeof(*m));
	int rc = 0;

	m->r = r;
	m->type = t;
	m->ev = ev;
	for (size_t i = 0; i < n && !rc; i += BATCH) {
		m->id = id + i;
		rc = remove_batch(m, i, n - i < BATCH ? n - i : BATCH, err);
	}
	mem_free(m);
	return rc;
}
