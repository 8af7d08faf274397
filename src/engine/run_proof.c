/*
 * Where do the packs of other ranks lie?  A name of a store may lead another node to another server
 * from some moment on: to another repository, or to a copy of this one.  So rank 0 holds back what
 * a rank reports until that rank has found, after it reported it, the file of this run's lock by
 * its own way to the store: only then it reaches an index file.
 */
#include "engine/run.h"
#include "base/mem.h"
#include "ranks/wire_err.h"

#define ASK_NS  ((int64_t)30 * 1000 * 1000 * 1000)
#define LOST_NS ((int64_t)5 * 1000 * 1000 * 1000) /* stores may show a new file late */

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
	bool asked;                  /* and has not answered */
};

static void release(struct backup *b, struct proof *p, size_t n, bool proven)
{
	for (size_t i = 0; i < n; i++) {
		struct held *h = &p->held[i];

		if (proven)
			indexer_add(b->indexer, &h->pack, h->blob, h->n);
		mem_free(h->blob);
	}
	p->n -= n;
	p->released += n;
	for (size_t i = 0; i < p->n; i++)
		p->held[i] = p->held[n + i];
}

void run_proof_init(struct backup *b)
{
	b->proofs = mem_array((size_t)b->size, sizeof(*b->proofs));
	for (int i = 0; i < b->size; i++)
		b->proofs[i].asked_at = clock_mono(b->env->clock);
}

void run_proof_release(struct backup *b)
{
	for (int i = 0; b->proofs && i < b->size; i++) {
		release(b, &b->proofs[i], b->proofs[i].n, false);
		mem_free(b->proofs[i].held);
	}
	mem_free(b->proofs);
}

void run_proof_pack(struct backup *b, int rank, const struct id *pack, struct blob *blob, size_t n)
{
	struct proof *p = &b->proofs[rank];

	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->held = mem_regrow(p->held, p->cap, sizeof(*p->held));
	}
	p->held[p->n++] = (struct held){*pack, blob, n};
	if (!b->opt->lock)
		release(b, p, p->n, true);
}

static void ask(struct backup *b, int rank)
{
	struct proof *p = &b->proofs[rank];
	struct buf m;

	p->asked = true;
	p->asked_at = clock_mono(b->env->clock);
	lock_name(b->opt->lock, &p->lock);
	buf_init(&m, MESSAGE_MAX);
	wire_put_id(&m, &p->lock);
	router_send(b->r, rank, TAG_PROVE, &m);
}

void run_proof_tick(struct backup *b)
{
	int64_t now = clock_mono(b->env->clock);
	bool held = false;

	for (int i = 0; i < b->size; i++) {
		struct proof *p = &b->proofs[i];

		if (p->n && !p->asked && (b->ending || p->missed_at || now - p->asked_at >= ASK_NS))
			ask(b, i);
		held |= p->n || p->asked;
	}
	if (b->ending && !held) {
		b->ending = false;
		indexer_flush(b->indexer);
	}
}

void run_proof_end(struct backup *b)
{
	b->ending = true;
	run_proof_tick(b);
}

static void answered(struct backup *b, int rank, uint64_t sent, const struct err *why)
{
	struct proof *p = &b->proofs[rank];
	int64_t now = clock_mono(b->env->clock);
	struct id lock;
	struct err e;

	lock_name(b->opt->lock, &lock);
	if (!why->code) {
		p->missed_at = 0;
		release(b, p, sent - p->released < p->n ? (size_t)(sent - p->released) : p->n,
			true);
	} else if (why->code == ERR_NOTFOUND && !id_equal(&lock, &p->lock)) {
		p->missed_at = now; /* it was just renewed; asked again at the next tick */
	} else if (why->code == ERR_NOTFOUND && (!p->missed_at || now - p->missed_at < LOST_NS)) {
		p->missed_at = p->missed_at ? p->missed_at : now;
	} else {
		err_set(&e, why->code == ERR_NOTFOUND ? ERR_INVALID : why->code,
			"rank %d does not find the lock of this run in the repository any more "
			"(does another server answer it?): %.600s; what it stored last is stored "
			"again by the next run",
			rank, why->msg);
		run_fail(b, &e);
		release(b, p, p->n, false);
	}
	if (!p->missed_at)
		run_proof_tick(b);
}

void run_on_proven(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct proof *p = &b->proofs[m->from];
	struct wire_in w;
	struct err why = {0}, e;
	uint64_t sent;

	wire_in_init(&w, m->data.p, m->data.len);
	sent = wire_u64(&w);
	wire_err(&w, &why);
	if (wire_done(&w) && p->asked && sent >= p->released) {
		p->asked = false;
		answered(b, m->from, sent, &why);
		return;
	}
	err_set(&e, ERR_INVALID, "a damaged message from rank %d: its way to the store", m->from);
	run_fail(b, &e);
}

/* ---- on the other ranks ---- */

static void look(struct task *t)
{
	struct backup *b = task_of(t, struct backup, prove.task);
	struct buf file;

	err_clear(&b->prove.err);
	buf_init(&file, REPO_SMALL_MAX);
	backend_get(b->repo->be, BACKEND_LOCK, &b->prove.lock, &file, &b->prove.err);
	buf_release(&file);
}

static void looked(struct task *t)
{
	struct backup *b = task_of(t, struct backup, prove.task);
	struct buf m;

	buf_init(&m, MESSAGE_MAX);
	wire_put_u64(&m, b->prove.covers);
	wire_put_err(&m, &b->prove.err);
	router_send(b->r, 0, TAG_PROVEN, &m);
}

/* Rank 0 does not end before each question is answered. */
void run_on_prove(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;

	wire_in_init(&w, m->data.p, m->data.len);
	wire_id(&w, &b->prove.lock);
	b->prove.covers = b->prove.sent;
	b->prove.task = (struct task){.run = look, .done = looked};
	jobs_put(b->env->readers, &b->prove.task);
}
