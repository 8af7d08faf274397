#include "repo/remove.h"
#include "base/mem.h"
#include "repo/parallel.h"
#include "repo/repo_priv.h"
#include <stdatomic.h>

#define BATCH   64 /* files one by one: a second or two, and as many sentences as there may be */
#define MANY    16 /* fewer are not worth a request that the server may not know */
#define LOOK_NS ((int64_t)20 * 1000000000)

struct removing {
	struct repo *r;
	enum backend_type type;
	const struct remove_events *ev;
	size_t most; /* in a batch */
	/* the batch; n of them */
	const struct id *id;
	size_t n;
	struct err *err; /* of each that was tried and is not gone */
	bool *gone, *tried;
	struct task many;
	struct err many_err;
	bool answered;
	/* The guards' answer.  They have a thread of their own: all readers may stand in removals
	 * that are tried again and again. */
	struct jobs *jobs;
	struct task ask, look;
	struct err guard;
	bool asked; /* no question is open */
	atomic_bool lost;
};

static bool ends(const struct removing *m)
{
	return atomic_load(&m->lost) || (m->ev->stop && m->ev->stop(m->ev->arg));
}

/* ---- the guards ---- */

static void guards_run(struct task *t)
{
	struct removing *m = task_of(t, struct removing, ask);
	struct err e = {0};
	bool gone;

	if (!repo_guards_ask(m->r, &gone, &e))
		return;
	if (!atomic_exchange(&m->lost, true))
		err_copy(&m->guard, &e);
	/* What waits for another try must not be tried. */
	backend_retry_cancel(m->r->be);
}

static void guards_done(struct task *t)
{
	task_of(t, struct removing, ask)->asked = true;
}

static void ask(struct removing *m)
{
	m->asked = false;
	m->ask = (struct task){.run = guards_run, .done = guards_done};
	jobs_put(m->jobs, &m->ask);
}

static void look(struct task *t)
{
	struct removing *m = task_of(t, struct removing, look);

	if (m->asked)
		ask(m);
	loop_after(m->r->env->loop, m->ev->look_ns ? m->ev->look_ns : LOOK_NS, &m->look);
}

/* ---- a batch ---- */

static void many_run(struct task *t)
{
	struct removing *m = task_of(t, struct removing, many);

	if (!ends(m))
		backend_remove_many(m->r->be, m->type, m->id, m->n, m->gone, &m->many_err);
}

static void many_done(struct task *t)
{
	task_of(t, struct removing, many)->answered = true;
}

static void remove_many(struct removing *m)
{
	m->answered = false;
	err_clear(&m->many_err);
	m->many = (struct task){.run = many_run, .done = many_done};
	jobs_put(m->r->env->readers, &m->many);
	loop_until(m->r->env->loop, &m->answered);
	/* A server that knows no such request is not asked again and again. */
	if (m->many_err.code)
		m->most = BATCH;
	for (size_t i = 0; i < m->n; i++)
		m->tried[i] = m->gone[i];
}

static int remove_one(void *arg, const struct id *id, struct err *err)
{
	struct removing *m = arg;
	size_t i = (size_t)(id - m->id);

	if (m->gone[i])
		return 0;
	if (ends(m))
		return err_set(err, ERR_CANCELLED, "interrupted");
	m->gone[i] = !backend_remove(m->r->be, m->type, id, &m->err[i]);
	m->tried[i] = true;
	return 0;
}

static int end(void *arg, const struct id *id, const struct err *e)
{
	(void)arg;
	(void)id;
	return e->code;
}

static void tell(struct removing *m, size_t first)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->tried[i])
			m->ev->told(m->ev->arg, first + i, m->gone[i] ? NULL : &m->err[i]);
}

static int remove_batch(struct removing *m, size_t first, struct err *err)
{
	int rc = 0;

	ask(m);
	loop_until(m->r->env->loop, &m->asked);
	for (size_t i = 0; i < m->n; i++) {
		err_clear(&m->err[i]);
		m->gone[i] = m->tried[i] = false;
	}
	if (!atomic_load(&m->lost) && m->most > BATCH && m->n >= MANY)
		remove_many(m);
	if (!atomic_load(&m->lost))
		rc = parallel_ids(m->r, m->type, m->id, m->n, remove_one, end, m, err);
	loop_until(m->r->env->loop, &m->asked);
	tell(m, first);
	return atomic_load(&m->lost) ? err_copy(err, &m->guard) : rc;
}

int remove_files(struct repo *r, enum backend_type t, const struct id *id, size_t n,
	const struct remove_events *ev, struct err *err)
{
	struct removing *m = mem_zalloc(sizeof(*m));
	size_t most = r->be->removes_many ? BACKEND_REMOVE_MANY : BATCH;
	int rc = 0;

	*m = (struct removing){.r = r, .type = t, .ev = ev, .most = most, .asked = true};
	m->err = mem_array(most, sizeof(*m->err));
	m->gone = mem_array(most, sizeof(*m->gone));
	m->tried = mem_array(most, sizeof(*m->tried));
	m->jobs = jobs_new(1, r->env->loop, "guards");
	m->look = (struct task){.done = look};
	loop_after(r->env->loop, ev->look_ns ? ev->look_ns : LOOK_NS, &m->look);
	for (size_t i = 0; i < n && !rc; i += m->n) {
		m->id = id + i;
		m->n = n - i < m->most ? n - i : m->most;
		rc = remove_batch(m, i, err);
	}
	loop_cancel(r->env->loop, &m->look);
	jobs_free(m->jobs);
	mem_free(m->err);
	mem_free(m->gone);
	mem_free(m->tried);
	mem_free(m);
	return rc;
}
