/*
 * The proof that a phase is over is in docs/run.md.  WAVE: u8 0: say your numbers, 1: it is over.
 * COUNTS: u8 1: the answer to a wave, u64 pushed, u64 finished, a u64 for each counter.
 *
 * What must be true:
 * - `mine` changes only by the five calls of docs/run.md and by what the queue drops or loses.
 *   Whatever may leave this rank idle is followed by run_pump, which says the numbers then.
 * - `busy` is what was begun or held here and is not done; items in the queue are not in it.
 * - Items are begun and dropped in `pump`'s task alone, so the client is never called back from
 *   within a call of its own; the task is posted once at a time (`pumping`).
 * - A rank leaves the phase when it has heard OVER and its own task has run: then its queue is
 *   empty, by the proof.
 */
#include "base/mem.h"
#include "ranks/run_priv.h"
#include <assert.h>
#include <string.h>

enum wave { WAVE_SAY, WAVE_OVER };

/* ---- what is outstanding ---- */

void run_push(struct run *r, struct workq_item *it)
{
	r->mine.pushed++;
	workq_push(r->queue, it);
	run_pump(r);
}

void run_hold(struct run *r)
{
	r->mine.pushed++;
	r->busy++;
}

void run_done(struct run *r)
{
	assert(r->busy);
	r->busy--;
	r->mine.finished++;
	run_pump(r);
}

void run_sent(struct run *r)
{
	r->mine.pushed++;
}

void run_came(struct run *r)
{
	r->mine.finished++;
	run_pump(r);
}

void run_more(struct run *r)
{
	run_pump(r);
}

/* ---- rank 0: is all done? ---- */

static void send_wave(struct run *r, enum wave what)
{
	for (int i = 0; i < r->size; i++) {
		struct buf m;

		buf_init(&m, 1);
		wire_put_u8(&m, (uint8_t)what);
		router_send(r->router, i, r->tag + RUN_WAVE, &m);
	}
}

/* `sum` is that of of_rank, all of it: nothing is summed up again. */
static void set_numbers(struct run *r, int rank, const struct run_numbers *n)
{
	struct run_numbers *old = &r->of_rank[rank];

	r->sum.pushed += n->pushed - old->pushed;
	r->sum.finished += n->finished - old->finished;
	*old = *n;
}

/* The first of the two sums is equal: asks for the second.  One wave at a time. */
static void maybe_ask(struct run *r)
{
	set_numbers(r, 0, &r->mine);
	if (!r->phase || r->ending || r->missing || r->sum.pushed != r->sum.finished)
		return;
	r->wave_finished = r->sum.finished;
	r->missing = r->size;
	send_wave(r, WAVE_SAY);
}

/* A rank's numbers have come.  With the last answer to a wave the phase is over, or was not when it
 * was asked; then these newest sums may ask again. */
static void heard(struct run *r, int rank, const struct run_numbers *n, bool answer)
{
	set_numbers(r, rank, n);
	if (answer && r->missing && --r->missing == 0 && r->sum.pushed == r->wave_finished) {
		r->ending = true;
		send_wave(r, WAVE_OVER);
		return;
	}
	maybe_ask(r);
}

/* Rank 0's own numbers need no message. */
static void say(struct run *r, bool answer)
{
	size_t n = r->ops.n_counts;
	uint64_t *v;
	struct buf m;

	r->said = r->mine;
	if (r->rank == 0) {
		heard(r, 0, &r->mine, answer);
		return;
	}
	v = mem_array(n ? n : 1, sizeof(*v));
	if (n)
		r->ops.count(r->ops.arg, v);
	buf_init(&m, COMM_MAX);
	wire_put_u8(&m, answer);
	wire_put_u64(&m, r->mine.pushed);
	wire_put_u64(&m, r->mine.finished);
	for (size_t i = 0; i < n; i++)
		wire_put_u64(&m, v[i]);
	mem_free(v);
	router_send(r->router, 0, r->tag + RUN_COUNTS, &m);
}

void run_say(struct run *r)
{
	say(r, false);
}

void run_on_counts(void *arg, struct comm_msg *m)
{
	struct run *r = arg;
	struct run_numbers n;
	struct wire_in w;
	bool answer;

	if (m->data.len != 1 + 8 * (2 + r->ops.n_counts)) {
		run_damaged(r, "message with numbers", m->from);
		return;
	}
	wire_in_init(&w, m->data.p, m->data.len);
	answer = wire_u8(&w);
	n.pushed = wire_u64(&w);
	n.finished = wire_u64(&w);
	for (size_t i = 0; i < r->ops.n_counts; i++)
		r->counts[(size_t)m->from * r->ops.n_counts + i] = wire_u64(&w);
	heard(r, m->from, &n, answer);
}

const uint64_t *run_counts(const struct run *r, int rank)
{
	if (rank == 0 && r->ops.n_counts)
		r->ops.count(r->ops.arg, r->counts);
	return r->counts + (size_t)rank * r->ops.n_counts;
}

void run_sum_counts(const struct run *r, uint64_t *sum)
{
	memset(sum, 0, r->ops.n_counts * sizeof(*sum));
	for (int i = 0; i < r->size; i++) {
		const uint64_t *v = run_counts(r, i);

		for (size_t k = 0; k < r->ops.n_counts; k++)
			sum[k] += v[k];
	}
}

/* TOLD goes the same way before OVER: all ranks leave with the same end. */
static void on_wave(void *arg, struct comm_msg *m)
{
	struct run *r = arg;

	if (m->data.len == 1 && m->data.p[0] == WAVE_SAY) {
		say(r, true);
		return;
	}
	r->over = true;
	r->over_end = r->now.end;
}

/* ---- this rank ---- */

/* The end may become stronger within begin(): so it is looked at for each item. */
static void begin_or_drop(struct run *r)
{
	const struct run_phase *p = r->phase;
	struct workq_item *it;

	while (run_end(r) == RUN_GOES_ON && p->room(p->arg) && (it = workq_pop(r->queue)) != NULL) {
		r->busy++;
		p->begin(p->arg, it);
	}
	while (run_end(r) != RUN_GOES_ON && (it = workq_pop(r->queue)) != NULL) {
		p->drop(p->arg, it);
		r->mine.finished++;
	}
	workq_want(r->queue, run_end(r) == RUN_GOES_ON && p->room(p->arg));
}

void run_pumped(struct task *t)
{
	struct run *r = task_of(t, struct run, pump);

	r->pumping = false;
	run_look(r);
	if (r->queue)
		begin_or_drop(r);
	if (!r->busy && (!r->queue || !workq_count(r->queue)) &&
		(r->mine.pushed != r->said.pushed || r->mine.finished != r->said.finished))
		say(r, false);
}

static void queue_arrived(void *arg)
{
	run_pump(arg);
}

static void queue_pack(void *arg, struct workq_item *it, struct buf *out)
{
	struct run *r = arg;

	r->phase->pack(r->phase->arg, it, out);
}

static struct workq_item *queue_unpack(void *arg, struct wire_in *in)
{
	struct run *r = arg;

	return r->phase->unpack(r->phase->arg, in);
}

/* What a damaged message did not bring will never end. */
static void queue_failed(void *arg, const struct err *e)
{
	struct run *r = arg;

	r->mine.finished += workq_lost(r->queue) - r->lost;
	r->lost = workq_lost(r->queue);
	run_fail(r, e);
	run_pump(r);
}

static void guard_run(void *arg)
{
	struct run *r = arg;

	r->ops.guard(r->ops.arg, &r->guard_err);
}

static bool heard_so(void *arg)
{
	return ((const struct run *)arg)->now.lost;
}

/* All hear of it before they go on. */
static void ask_guard(struct run *r)
{
	struct buf go;

	buf_init(&go, COMM_MAX);
	if (r->rank == 0 && r->ops.guard && r->told.end != RUN_CANCELLED) {
		router_aside(r->router, guard_run, r);
		if (r->guard_err.code) {
			if (!r->err.code)
				err_copy(&r->err, &r->guard_err);
			run_tell(r, &(struct run_told){.end = RUN_CANCELLED, .lost = true});
			loop_until_fn(r->env->loop, heard_so, r);
		}
	}
	agree_bcast(r->agree, &go);
	buf_release(&go);
}

static bool settled(void *arg)
{
	const struct run *r = arg;

	return r->over && !r->pumping;
}

enum run_end run_phase(struct run *r, const struct run_phase *p)
{
	struct workq_ops ops = {queue_pack, queue_unpack, queue_arrived, queue_failed, r};

	assert(!r->phase && !r->busy);
	if (p->guarded)
		ask_guard(r);
	r->over = r->ending = false;
	r->phase = p;
	if (p->room)
		r->queue = workq_new(r->router, r->tag + RUN_QUEUE, r->env, &ops);
	if (r->queue && run_end(r) != RUN_GOES_ON)
		workq_stop(r->queue);
	/* start() is work, so that this rank is not idle before it has begun; and no wave is
	 * answered before it: what it pushes is in the numbers. */
	run_hold(r);
	if (p->start)
		p->start(p->arg);
	router_open(r->router, r->tag + RUN_WAVE, on_wave, r);
	run_done(r);
	loop_until_fn(r->env->loop, settled, r);
	router_close(r->router, r->tag + RUN_WAVE);
	if (r->queue)
		r->stolen += workq_stolen(r->queue);
	workq_free(r->queue);
	r->queue = NULL;
	r->lost = 0;
	r->phase = NULL;
	return r->over_end;
}

uint64_t run_stolen(const struct run *r)
{
	return r->stolen + (r->queue ? workq_stolen(r->queue) : 0);
}
