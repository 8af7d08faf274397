/*
 * FAIL and TOLD: u8 end, u8 bits (1: stopped, 2: lost), u64 nanoseconds left; FAIL: and the error.
 *
 * An end's way: asked (what this rank has asked for) -> FAIL -> told (rank 0: what all are being
 * told) -> TOLD -> now (what this rank was told).  Each of the three only gets stronger, and what
 * does not make it stronger is not sent on: so the messages are few, whatever goes wrong how often.
 *
 * What must be true: rank 0 acts on `told` only where it decides for all (run_told); what a rank
 * does to its own work depends on `now` alone, so that rank 0 is no exception.  flags.end is
 * `now`'s for other threads, and flags.late is set before flags.end is RUN_CANCELLED for long: what
 * is begun and looks at late alone stops as well.
 */
#include "base/stopped.h"
#include "ranks/run_priv.h"
#include "ranks/wire_err.h"

#define LATE     4 /* what is begun has this part of the time; the rest is for storing it */
#define STOPPED_ 1
#define LOST_    2

void run_pump(struct run *r)
{
	if (r->pumping || !r->phase)
		return;
	r->pumping = true;
	loop_post(r->env->loop, &r->pump);
}

/* Nobody can know any more what this rank would say now. */
static bool silent(const struct run *r)
{
	return r->phase && r->phase->leads && r->rank != 0;
}

/*
 * What t and *until are when `by` is added to it; false when that changes nothing.  A deadline
 * counts for a drain alone: what is cancelled ends as soon as it can.
 */
static bool strengthen(const struct run *r, struct run_told *t, int64_t *until,
	const struct run_told *by)
{
	int64_t now = clock_mono(r->env->clock), end = now + by->left_ns;
	bool sooner = by->end == RUN_DRAINS && t->end <= RUN_DRAINS && (!*until || end < *until);

	if (by->end <= t->end && by->stopped <= t->stopped && by->lost <= t->lost && !sooner)
		return false;
	if (by->end > t->end)
		t->end = by->end;
	t->stopped |= by->stopped;
	t->lost |= by->lost;
	if (sooner)
		*until = end;
	t->left_ns = *until > now ? *until - now : 0;
	return true;
}

/* Nanoseconds that are left, for the ranks' clocks are not compared: a deadline gets later by the
 * message's way, and that is all. */
static void put_told(struct buf *m, const struct run_told *t)
{
	wire_put_u8(m, (uint8_t)t->end);
	wire_put_u8(m, (uint8_t)((t->stopped ? STOPPED_ : 0) | (t->lost ? LOST_ : 0)));
	wire_put_u64(m, (uint64_t)t->left_ns);
}

static void get_told(struct wire_in *w, struct run_told *t)
{
	uint8_t end = wire_u8(w), bits = wire_u8(w);
	uint64_t left = wire_u64(w);

	/* Whatever it says, it is an end. */
	t->end = end == RUN_DRAINS ? RUN_DRAINS : RUN_CANCELLED;
	t->stopped = bits & STOPPED_;
	t->lost = bits & LOST_;
	t->left_ns = left < INT64_MAX / 2 ? (int64_t)left : 0;
	if (w->bad)
		*t = (struct run_told){.end = RUN_CANCELLED};
}

/* The first error is kept for run_meet: those that follow are mostly its consequences. */
static void ask_for(struct run *r, const struct run_told *want, const struct err *e)
{
	int64_t until = 0;
	struct buf m;

	if (silent(r) || !strengthen(r, &r->asked, &until, want))
		return;
	if (!r->err.code)
		err_copy(&r->err, e);
	buf_init(&m, COMM_MAX);
	put_told(&m, want);
	wire_put_err(&m, e);
	router_send(r->router, 0, r->tag + RUN_FAIL, &m);
}

void run_fail(struct run *r, const struct err *e)
{
	ask_for(r, &(struct run_told){.end = RUN_CANCELLED}, e);
}

void run_lose(struct run *r, const struct err *e)
{
	ask_for(r, &(struct run_told){.end = RUN_CANCELLED, .lost = true}, e);
}

static struct run_told drain(int64_t left_ns)
{
	return left_ns > 0 ? (struct run_told){.end = RUN_DRAINS, .left_ns = left_ns}
			   : (struct run_told){.end = RUN_CANCELLED};
}

void run_drain(struct run *r, const struct err *why, int64_t left_ns)
{
	struct run_told t = drain(left_ns);

	ask_for(r, &t, why);
}

void run_look(struct run *r)
{
	enum stopped_how how = stopped_how(r->ops.stop);
	struct run_told t = {.end = RUN_CANCELLED};
	struct err e;

	if (how == STOPPED_NOT || !r->phase)
		return;
	if (how == STOPPED_EARLY && r->phase->final)
		return;
	if (how == STOPPED_EARLY && r->ops.early_ns)
		t = drain(__atomic_load_n(r->ops.early_ns, __ATOMIC_RELAXED));
	else if (how == STOPPED_SIGNAL)
		t = drain(r->ops.signal_ns);
	t.stopped = how != STOPPED_EARLY;
	t.lost = how == STOPPED_LOST;
	err_set(&e, ERR_CANCELLED, how == STOPPED_EARLY ? "ended early" : "stopped by a signal");
	/* Each moment that it is still set would be a drain of its own. */
	if (t.end > r->asked.end || t.stopped > r->asked.stopped || t.lost > r->asked.lost)
		ask_for(r, &t, &e);
}

/* Time is up: what is stored by now is what will be indexed. */
static void deadline(struct task *t)
{
	struct run *r = task_of(t, struct run, deadline);

	run_tell(r, &(struct run_told){.end = RUN_CANCELLED});
}

void run_tell(struct run *r, const struct run_told *t)
{
	if (!strengthen(r, &r->told, &r->told_until, t))
		return;
	loop_cancel(r->env->loop, &r->deadline);
	if (r->told.end == RUN_DRAINS)
		loop_after(r->env->loop, r->told.left_ns, &r->deadline);
	for (int i = 0; i < r->size; i++) {
		struct buf m;

		buf_init(&m, COMM_MAX);
		put_told(&m, &r->told);
		router_send(r->router, i, r->tag + RUN_TOLD, &m);
	}
}

void run_on_fail(void *arg, struct comm_msg *m)
{
	struct run *r = arg;
	struct wire_in w;
	struct run_told t;

	wire_in_init(&w, m->data.p, m->data.len);
	get_told(&w, &t);
	run_tell(r, &t);
}

static void too_late(struct task *t)
{
	atomic_store(&task_of(t, struct run, late)->flags.late, true);
}

void run_on_told(void *arg, struct comm_msg *m)
{
	struct run *r = arg;
	struct run_told t;
	struct wire_in w;

	wire_in_init(&w, m->data.p, m->data.len);
	get_told(&w, &t);
	if (!strengthen(r, &r->now, &r->until, &t))
		return;
	loop_cancel(r->env->loop, &r->late);
	atomic_store(&r->flags.end, (int)r->now.end);
	if (r->now.end == RUN_CANCELLED)
		atomic_store(&r->flags.late, true);
	else
		loop_after(r->env->loop, r->now.left_ns / LATE, &r->late);
	r->ops.ended(r->ops.arg, &r->now);
	if (r->queue)
		workq_stop(r->queue);
	run_pump(r);
}

const struct run_flags *run_flags(const struct run *r)
{
	return &r->flags;
}

enum run_end run_end(const struct run *r)
{
	return run_flags_end(&r->flags);
}

const struct run_told *run_told(const struct run *r)
{
	return r->rank == 0 ? &r->told : &r->now;
}

const struct err *run_error(const struct run *r)
{
	return &r->err;
}

void run_ends_init(struct run *r)
{
	r->late.done = too_late;
	r->deadline.done = deadline;
}

void run_damaged(struct run *r, const char *what, int from)
{
	struct err e;

	err_set(&e, ERR_INVALID, "a damaged %s from rank %d", what, from);
	run_fail(r, &e);
}
