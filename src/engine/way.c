/*
 * PROVE   rank 0 -> each  the id of this run's lock: is it there?
 * PROVEN  each -> rank 0  u64 packs that were reported before the look, and its error
 */
#include "engine/way.h"
#include "base/mem.h"
#include "ranks/wire_err.h"

#define SECOND  ((int64_t)1000 * 1000 * 1000)
#define ASK_NS  (30 * SECOND)
#define SOON_NS (1 * SECOND) /* while the run ends */
#define LOST_NS (5 * SECOND) /* stores may show a new file late */

enum message { PROVE, PROVEN, TAGS };

struct held {
	struct id pack;
	struct blob *blob;
	size_t n;
};

struct proof { /* of one rank, on rank 0 */
	struct held *held;
	size_t n, cap;
	uint64_t released;           /* so many came before those */
	int64_t asked_at, missed_at; /* missed_at: it was not found first; 0: it was found last */
	struct id lock;              /* what it was asked about */
	bool asked;                  /* and has not answered, or its pack is looked for */
	struct way *way;
	uint64_t sent; /* the last of so many is looked for */
	struct backend_op op;
	struct task seen;
};

struct way {
	struct run *run;
	struct router *r;
	unsigned tag; /* of the first message */
	struct repo *repo;
	const struct env *env;
	int size;
	/* rank 0 */
	struct lock *lock;
	struct indexer *indexer;
	void (*settled)(void *arg);
	void *arg;
	struct proof *proof; /* of each rank */
	bool ending;         /* all ranks' packs are stored; are they in place? */
	/* other ranks: looking for rank 0's lock */
	struct backend_op op;
	struct task task;
	uint64_t sent, covers; /* packs: reported; before this look */
};

static void release(struct way *w, struct proof *p, size_t n, bool proven)
{
	for (size_t i = 0; i < n; i++) {
		struct held *h = &p->held[i];

		if (proven)
			indexer_add(w->indexer, &h->pack, h->blob, h->n);
		mem_free(h->blob);
	}
	p->n -= n;
	p->released += n;
	for (size_t i = 0; i < p->n; i++)
		p->held[i] = p->held[n + i];
}

void way_pack(struct way *w, int rank, const struct id *pack, struct blob *blob, size_t n)
{
	struct proof *p = &w->proof[rank];

	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->held = mem_regrow(p->held, p->cap, sizeof(*p->held));
	}
	p->held[p->n++] = (struct held){*pack, blob, n};
	if (!w->lock)
		release(w, p, p->n, true);
}

static void ask(struct way *w, int rank)
{
	struct proof *p = &w->proof[rank];
	struct buf m;

	p->asked = true;
	p->asked_at = clock_mono(w->env->clock);
	lock_name(w->lock, &p->lock);
	buf_init(&m, COMM_MAX);
	wire_put_id(&m, &p->lock);
	router_send(w->r, rank, w->tag + PROVE, &m);
}

/*
 * A run that ends may end by a rescue (base/rescue.h), at any moment: what hangs keeps the phase
 * that would ask for the rest.  So it is asked again and again from now on.
 */
static int64_t pause_ns(const struct way *w)
{
	return run_told(w->run)->end == RUN_GOES_ON ? ASK_NS : SOON_NS;
}

void way_tick(struct way *w)
{
	int64_t now = clock_mono(w->env->clock), pause = pause_ns(w);
	bool held = false;

	for (int i = 0; i < w->size; i++) {
		struct proof *p = &w->proof[i];

		if (p->n && !p->asked && (w->ending || p->missed_at || now - p->asked_at >= pause))
			ask(w, i);
		held |= p->n || p->asked;
	}
	if (w->ending && !held) {
		w->ending = false;
		w->settled(w->arg);
	}
}

void way_end(struct way *w)
{
	w->ending = true;
	way_tick(w);
}

/* why: what was not found, by that rank or by this one (here). */
static void answered(struct way *w, int rank, uint64_t sent, bool here, const struct err *why)
{
	struct proof *p = &w->proof[rank];
	int64_t now = clock_mono(w->env->clock);
	struct id lock;
	struct err e;

	lock_name(w->lock, &lock);
	if (!why->code) {
		p->missed_at = 0;
		release(w, p, sent - p->released < p->n ? (size_t)(sent - p->released) : p->n,
			true);
	} else if (why->code == ERR_NOTFOUND && !id_equal(&lock, &p->lock)) {
		p->missed_at = now; /* it was just renewed; asked again at the next tick */
	} else if (why->code == ERR_CANCELLED && here) {
		p->missed_at = now; /* it stood behind packs that were given up */
	} else if (why->code == ERR_NOTFOUND && (!p->missed_at || now - p->missed_at < LOST_NS)) {
		p->missed_at = p->missed_at ? p->missed_at : now;
	} else {
		err_set(&e, why->code == ERR_NOTFOUND ? ERR_INVALID : why->code,
			"%s rank %d %s (does another server answer it, or is another file system "
			"mounted there?): %.600s; what it stored last is stored again by the next "
			"run",
			here ? "this rank does not find what" : "the node of", rank,
			here ? "has stored in the repository"
			     : "does not find the lock of this run in the repository any more",
			why->msg);
		run_fail(w->run, &e);
		release(w, p, p->n, false);
	}
	if (!p->missed_at)
		way_tick(w);
}

static void seen(struct task *t)
{
	struct proof *p = task_of(t, struct proof, seen);

	p->asked = false;
	answered(p->way, (int)(p - p->way->proof), p->sent, true, &p->op.err);
}

static void stat_done(struct backend_op *op)
{
	struct proof *p = op->arg;

	loop_post(p->way->env->loop, &p->seen);
}

/*
 * Its way leads to the lock; but packs may lie on a file system of their own, which its node has
 * not mounted.  One of them shows that.
 */
static bool look_for_pack(struct way *w, struct proof *p, uint64_t sent)
{
	size_t n = sent - p->released < p->n ? (size_t)(sent - p->released) : p->n;

	if (!n)
		return false;
	p->sent = sent;
	p->seen = (struct task){.done = seen};
	p->op = (struct backend_op){.verb = BACKEND_STAT,
		.type = BACKEND_PACK,
		.name = p->held[n - 1].pack,
		.done = stat_done,
		.arg = p};
	backend_start(w->repo->be, &p->op);
	return true;
}

static void on_proven(void *arg, struct comm_msg *m)
{
	struct way *w = arg;
	struct proof *p = &w->proof[m->from];
	struct wire_in in;
	struct err why = {0}, e;
	uint64_t sent;

	wire_in_init(&in, m->data.p, m->data.len);
	sent = wire_u64(&in);
	wire_err(&in, &why);
	if (wire_done(&in) && p->asked && sent >= p->released) {
		if (!why.code && look_for_pack(w, p, sent))
			return;
		p->asked = false;
		answered(w, m->from, sent, false, &why);
		return;
	}
	err_set(&e, ERR_INVALID, "a damaged message from rank %d: its way to the store", m->from);
	run_fail(w->run, &e);
}

/* ---- on the other ranks ---- */

void way_reported(struct way *w)
{
	w->sent++;
}

static void looked(struct task *t)
{
	struct way *w = task_of(t, struct way, task);
	struct buf m;

	buf_release(&w->op.out);
	buf_init(&m, COMM_MAX);
	wire_put_u64(&m, w->covers);
	wire_put_err(&m, &w->op.err);
	router_send(w->r, 0, w->tag + PROVEN, &m);
}

static void get_done(struct backend_op *op)
{
	struct way *w = op->arg;

	loop_post(w->env->loop, &w->task);
}

/* Rank 0 does not end before each question is answered.  No reader is needed: all of them may hang
 * in the file system. */
static void on_prove(void *arg, struct comm_msg *m)
{
	struct way *w = arg;
	struct wire_in in;

	w->covers = w->sent;
	w->task = (struct task){.done = looked};
	w->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_LOCK,
		.done = get_done,
		.arg = w};
	buf_init(&w->op.out, REPO_SMALL_MAX);
	wire_in_init(&in, m->data.p, m->data.len);
	wire_id(&in, &w->op.name);
	backend_start(w->repo->be, &w->op);
}

/* ---- life ---- */

struct way *way_new(struct run *run, struct router *r, struct repo *repo, struct lock *lock,
	struct indexer *x, void (*settled)(void *arg), void *arg)
{
	struct way *w = mem_zalloc(sizeof(*w));

	w->run = run;
	w->r = r;
	w->repo = repo;
	w->env = repo->env;
	w->size = run_size(run);
	w->lock = lock;
	w->indexer = x;
	w->settled = settled;
	w->arg = arg;
	if (run_rank(run) == 0)
		w->proof = mem_array((size_t)w->size, sizeof(*w->proof));
	for (int i = 0; w->proof && i < w->size; i++) {
		w->proof[i].asked_at = clock_mono(w->env->clock);
		w->proof[i].way = w;
	}
	w->tag = router_tags(r, TAGS);
	router_open(r, w->tag + PROVE, on_prove, w);
	router_open(r, w->tag + PROVEN, w->proof ? on_proven : NULL, w);
	return w;
}

void way_free(struct way *w)
{
	if (!w)
		return;
	router_close(w->r, w->tag + PROVE);
	router_close(w->r, w->tag + PROVEN);
	router_tags_free(w->r, w->tag, TAGS);
	for (int i = 0; w->proof && i < w->size; i++) {
		release(w, &w->proof[i], w->proof[i].n, false);
		mem_free(w->proof[i].held);
	}
	mem_free(w->proof);
	mem_free(w);
}
