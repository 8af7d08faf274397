/*
 * FAIL and TOLD: u8 end, u8 bits (1: stopped, 2: lost), u64 nanoseconds left; FAIL: and the error.
 * NOTE: u8 kind, two strings, u64.  COUNTS: u8 1: the answer to a wave, u64 pushed, u64 finished, a
 * u64 for each counter.
 */
#include "base/mem.h"
#include "base/stopped.h"
#include "ranks/run_priv.h"
#include "ranks/wire_err.h"
#include <string.h>

#define TICK_NS  ((int64_t)200 * 1000 * 1000)
#define LATE     4 /* what is begun has this part of the time; the rest is for storing it */
#define STOPPED_ 1
#define LOST_    2

/* ---- ends ---- */

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

	t->end = end == RUN_DRAINS ? RUN_DRAINS : RUN_CANCELLED;
	t->stopped = bits & STOPPED_;
	t->lost = bits & LOST_;
	t->left_ns = left < INT64_MAX / 2 ? (int64_t)left : 0;
	if (w->bad)
		*t = (struct run_told){.end = RUN_CANCELLED};
}

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
	router_send(r->router, 0, ROUTER_RUN_FAIL, &m);
}

void run_fail(struct run *r, const struct err *e)
{
	ask_for(r, &(struct run_told){.end = RUN_CANCELLED}, e);
}

void run_failed(void *arg, const struct err *e)
{
	run_fail(arg, e);
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
	if (how == STOPPED_EARLY && (r->phase->final || r->rank != 0))
		return;
	if (how == STOPPED_EARLY)
		t = drain(r->ops.early_ns);
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
		router_send(r->router, i, ROUTER_RUN_TOLD, &m);
	}
}

static void on_fail(void *arg, struct comm_msg *m)
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

static void on_told(void *arg, struct comm_msg *m)
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

/* ---- rank 0 hears ---- */

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
	router_send(r->router, 0, ROUTER_RUN_NOTE, &m);
}

static void damaged(struct run *r, const char *what, int from)
{
	struct err e;

	err_set(&e, ERR_INVALID, "a damaged %s from rank %d", what, from);
	run_fail(r, &e);
}

static char *get_string(struct wire_in *w)
{
	size_t n;
	const uint8_t *p = wire_bytes(w, &n);

	return mem_strndup((const char *)p, n);
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
	a = get_string(&w);
	b = get_string(&w);
	n = wire_u64(&w);
	if (wire_done(&w))
		r->ops.note(r->ops.arg, kind, a, b, n);
	else
		damaged(r, "note", m->from);
	mem_free(a);
	mem_free(b);
}

void run_say(struct run *r, bool answer)
{
	size_t n = r->ops.n_counts;
	uint64_t *v;
	struct buf m;

	r->said = r->mine;
	if (r->rank == 0) {
		run_heard(r, 0, &r->mine, answer);
		return;
	}
	v = mem_array(n ? n : 1, sizeof(*v));
	r->ops.count(r->ops.arg, v);
	buf_init(&m, COMM_MAX);
	wire_put_u8(&m, answer);
	wire_put_u64(&m, r->mine.pushed);
	wire_put_u64(&m, r->mine.finished);
	for (size_t i = 0; i < n; i++)
		wire_put_u64(&m, v[i]);
	mem_free(v);
	router_send(r->router, 0, ROUTER_RUN_COUNTS, &m);
}

static void on_counts(void *arg, struct comm_msg *m)
{
	struct run *r = arg;
	struct run_numbers n;
	struct wire_in w;
	bool answer;

	if (m->data.len != 1 + 8 * (2 + r->ops.n_counts)) {
		damaged(r, "message with numbers", m->from);
		return;
	}
	wire_in_init(&w, m->data.p, m->data.len);
	answer = wire_u8(&w);
	n.pushed = wire_u64(&w);
	n.finished = wire_u64(&w);
	for (size_t i = 0; i < r->ops.n_counts; i++)
		r->counts[(size_t)m->from * r->ops.n_counts + i] = wire_u64(&w);
	run_heard(r, m->from, &n, answer);
}

const uint64_t *run_counts(const struct run *r, int rank)
{
	if (rank == 0)
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

static void tick(struct task *t)
{
	struct run *r = task_of(t, struct run, tick);

	run_look(r);
	if (r->rank != 0 && r->phase)
		run_say(r, false);
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
	r->late.done = too_late;
	r->deadline.done = deadline;
	r->tick.done = tick;
	if (r->rank == 0) {
		r->of_rank = mem_array((size_t)r->size, sizeof(*r->of_rank));
		r->counts = mem_array((size_t)r->size * ops->n_counts + 1, sizeof(*r->counts));
	}
	router_open(router, ROUTER_RUN_FAIL, r->rank ? NULL : on_fail, r);
	router_open(router, ROUTER_RUN_NOTE, r->rank ? NULL : on_note, r);
	router_open(router, ROUTER_RUN_COUNTS, r->rank ? NULL : on_counts, r);
	router_open(router, ROUTER_RUN_TOLD, on_told, r);
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
	for (unsigned t = ROUTER_RUN_FAIL; t <= ROUTER_RUN_COUNTS; t++)
		router_close(r->router, t);
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
