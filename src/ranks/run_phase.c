/* The proof that a phase is over is in docs/run.md.  WAVE: u8 0: say your numbers, 1: it is over.
 */
#include "base/mem.h"
#include "ranks/run_priv.h"
#include <assert.h>

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
		router_send(r->router, i, ROUTER_RUN_WAVE, &m);
	}
}

static void set_numbers(struct run *r, int rank, const struct run_numbers *n)
{
	struct run_numbers *old = &r->of_rank[rank];

	r->sum.pushed += n->pushed - old->pushed;
	r->sum.finished += n->finished - old->finished;
	*old = *n;
}

static void maybe_ask(struct run *r)
{
	set_numbers(r, 0, &r->mine);
	if (!r->phase || r->ending || r->missing || r->sum.pushed != r->sum.finished)
		return;
	r->wave_finished = r->sum.finished;
	r->missing = r->size;
	send_wave(r, WAVE_SAY);
}

void run_heard(struct run *r, int rank, const struct run_numbers *n, bool answer)
{
	set_numbers(r, rank, n);
	if (answer && r->missing && --r->missing == 0 && r->sum.pushed == r->wave_finished) {
		r->ending = true;
		send_wave(r, WAVE_OVER);
		return;
	}
	maybe_ask(r);
}

static void on_wave(void *arg, struct comm_msg *m)
{
	struct run *r = arg;

	if (m->data.len == 1 && m->data.p[0] == WAVE_SAY) {
		run_say(r, true);
		return;
	}
	r->over = true;
	r->over_end = r->now.end;
}

/* ---- this rank ---- */

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

static void pump(struct task *t)
{
	struct run *r = task_of(t, struct run, pump);

	r->pumping = false;
	run_look(r);
	if (r->queue)
		begin_or_drop(r);
	if (!r->busy && (!r->queue || !workq_count(r->queue)) &&
		(r->mine.pushed != r->said.pushed || r->mine.finished != r->said.finished))
		run_say(r, false);
}

void run_pump(struct run *r)
{
	if (r->pumping || !r->phase)
		return;
	r->pumping = true;
	r->pump.done = pump;
	loop_post(r->env->loop, &r->pump);
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
		r->queue = workq_new(r->router, r->env, &ops);
	if (r->queue && run_end(r) != RUN_GOES_ON)
		workq_stop(r->queue);
	run_hold(r);
	if (p->start)
		p->start(p->arg);
	router_open(r->router, ROUTER_RUN_WAVE, on_wave, r);
	run_done(r);
	loop_until_fn(r->env->loop, settled, r);
	router_close(r->router, ROUTER_RUN_WAVE);
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
