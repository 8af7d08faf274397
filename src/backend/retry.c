/*
 * retry: tries again what failed for a reason that may pass.
 *
 * How long is waited, and how often, is said in tries.h.  Waiting costs no thread: one timer
 * thread, started by the first wait, holds all waiting operations in the order they are due.  list
 * and create block their caller by contract, so they wait there.
 *
 * An answer that is none of the store's (ERR_ODD) is final, because it comes from a wrong address,
 * only until the store has answered well once; from then on it comes from something in between, and
 * is tried again.
 *
 * A listing is delivered only when it is complete (listing.h), and a GET that does not find what a
 * listing showed is tried a few times more.
 */
#include "backend/decorators.h"
#include "backend/listing.h"
#include "backend/tries.h"
#include "base/mem.h"
#include "base/thread.h"
#include <stdatomic.h>
#include <stdio.h>

#define SECOND     INT64_C(1000000000)
#define LOST_TRIES 4 /* of a GET for a name that was listed and is not found */

const struct backend_retry_policy backend_retry_default = {.first_ns = SECOND,
	.max_ns = 60 * SECOND,
	.total_ns = 900 * SECOND};

struct retry {
	struct backend b;
	struct backend *inner;
	struct backend_retry_policy p;
	const struct env *env;
	backend_retry_wait_fn *wait;
	void *wait_arg;
	_Atomic uint64_t again; /* tries beyond the first */
	atomic_bool well; /* the store has done something for us: it is the right one, and it is
			     there */
	struct seen seen;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t wake;
	struct retry_op *first; /* by due */
	pthread_t timer;
	bool has_timer, stop;
	atomic_bool cancelled; /* set under the lock */
};

struct retry_op {
	struct retry *r;
	struct backend_op *op;
	void (*done)(struct backend_op *op);
	void *arg;
	struct tries tries;
	int64_t due;
	struct retry_op *next;
};

static struct retry *retry_of(struct backend *b)
{
	return (struct retry *)(void *)b;
}

static int64_t retry_now(const struct retry *r)
{
	return clock_mono(r->env->clock);
}

static void wait_real(void *arg, pthread_cond_t *c, pthread_mutex_t *m, int64_t ns)
{
	(void)arg;
	thread_cond_wait(c, m, ns);
}

static void err_cancel(struct err *e)
{
	struct err last = *e;

	err_set(e, ERR_CANCELLED, "cancelled while waiting to try again: %s", last.msg);
}

/* What failed may pass.  From a store that has answered well before, an answer that no store gives
 * is a hiccup of something in between. */
static bool may_pass(const struct retry *r, int code)
{
	return !err_permanent(code) || (code == ERR_ODD && atomic_load(&r->well));
}

/* The operation finds no file where a listing showed one, and may try again. */
static bool is_lost(struct retry *r, const struct retry_op *c)
{
	const struct backend_op *op = c->op;

	return op->verb == BACKEND_GET && op->err.code == ERR_NOTFOUND && c->tries.n < LOST_TRIES &&
	       seen_has(&r->seen, op->type, &op->name);
}

static void retry_finish(struct retry_op *c)
{
	struct backend_op *op = c->op;

	op->done = c->done;
	op->arg = c->arg;
	op->tries = c->tries.n;
	mem_free(c);
	op->done(op);
}

/* Every try of an operation or a call begins here. */
static void tries_begin(struct retry *r, struct tries *t)
{
	if (t->n++)
		atomic_fetch_add_explicit(&r->again, 1, memory_order_relaxed);
}

static void retry_try(struct retry_op *c)
{
	tries_begin(c->r, &c->tries);
	c->op->retry_after_ns = 0;
	backend_start(c->r->inner, c->op);
}

static void finish_cancelled(struct retry_op *c)
{
	while (c) {
		struct retry_op *next = c->next;

		err_cancel(&c->op->err);
		retry_finish(c);
		c = next;
	}
}

/* What a run must leave behind: no cancel ends its tries. */
static bool must_be_done(const struct backend_op *op)
{
	return (op->verb == BACKEND_PUT && op->type == BACKEND_INDEX) ||
	       (op->verb == BACKEND_REMOVE && op->type == BACKEND_LOCK);
}

/* Those in the line that a cancel ends.  Under the lock. */
static struct retry_op *take_cancelled(struct retry *r)
{
	struct retry_op *taken = NULL, **last = &taken, **p = &r->first;

	while (*p) {
		struct retry_op *c = *p;

		if (must_be_done(c->op)) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		c->next = NULL;
		*last = c;
		last = &c->next;
	}
	return taken;
}

static void *timer_main(void *arg)
{
	struct retry *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		struct retry_op *c = r->cancelled ? take_cancelled(r) : NULL;
		int64_t wait;

		if (c) {
			pthread_mutex_unlock(&r->lock);
			finish_cancelled(c);
			pthread_mutex_lock(&r->lock);
			continue;
		}
		c = r->first;
		if (!c) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		wait = c->due - retry_now(r);
		if (wait > 0) {
			r->wait(r->wait_arg, &r->wake, &r->lock, wait);
			continue;
		}
		r->first = c->next;
		c->next = NULL;
		pthread_mutex_unlock(&r->lock);
		retry_try(c);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static bool timer_ensure(struct retry *r)
{
	if (!r->has_timer)
		r->has_timer = !thread_start(&r->timer, timer_main, r);
	return r->has_timer;
}

/* Takes c if it returns true. */
static bool retry_schedule(struct retry *r, struct retry_op *c)
{
	struct retry_op **p = &r->first;
	bool taken;

	pthread_mutex_lock(&r->lock);
	taken = (!r->cancelled || must_be_done(c->op)) && timer_ensure(r);
	if (taken) {
		while (*p && (*p)->due <= c->due)
			p = &(*p)->next;
		c->next = *p;
		*p = c;
		pthread_cond_broadcast(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	return taken;
}

static void retry_done(struct backend_op *op)
{
	struct retry_op *c = op->arg;
	struct retry *r = c->r;
	int64_t wait;
	bool again;

	if (!op->err.code) {
		/* To remove what is not there is no proof. */
		if (op->verb != BACKEND_REMOVE)
			atomic_store(&r->well, true);
		retry_finish(c);
		return;
	}
	again = may_pass(r, op->err.code) || is_lost(r, c);
	if (again && !must_be_done(op) && r->cancelled) {
		finish_cancelled(c);
		return;
	}
	wait = tries_failed(&c->tries, &r->p, r->env, backend_op_text(op).s, again,
		op->retry_after_ns, &op->err);
	if (wait >= 0) {
		c->due = retry_now(r) + wait;
		if (retry_schedule(r, c))
			return;
		/* Else no thread could be had, and the store's own error stands. */
		if (r->cancelled)
			err_cancel(&op->err);
	}
	retry_finish(c);
}

static void retry_start(struct backend *b, struct backend_op *op)
{
	struct retry *r = retry_of(b);
	struct retry_op *c = mem_zalloc(sizeof(*c));

	c->r = r;
	c->op = op;
	c->done = op->done;
	c->arg = op->arg;
	c->tries.began = retry_now(r);
	op->done = retry_done;
	op->arg = c;
	if (op->verb == BACKEND_REMOVE)
		seen_remove(&r->seen, op->type, &op->name);
	retry_try(c);
}

/* Wait in the caller's thread.  False: cancelled. */
static bool wait_here(struct retry *r, int64_t wait)
{
	int64_t due = retry_now(r) + wait;

	pthread_mutex_lock(&r->lock);
	while (!r->cancelled && (wait = due - retry_now(r)) > 0)
		r->wait(r->wait_arg, &r->wake, &r->lock, wait);
	pthread_mutex_unlock(&r->lock);
	return !r->cancelled;
}

/* The same tries for a call that blocks. */
static int retry_call(struct retry *r, const char *what,
	int (*call)(struct retry *r, void *arg, struct err *err), void *arg, struct err *err)
{
	struct tries t = {.began = retry_now(r)};
	struct err e;

	for (;;) {
		int64_t wait = -1;
		bool again;

		err_clear(&e);
		tries_begin(r, &t);
		if (!call(r, arg, &e))
			return 0;
		again = may_pass(r, e.code);
		if (!again || !r->cancelled)
			wait = tries_failed(&t, &r->p, r->env, what, again, 0, &e);
		else
			err_cancel(&e);
		if (wait < 0)
			break;
		if (!wait_here(r, wait)) {
			err_cancel(&e);
			break;
		}
	}
	return err_copy(err, &e);
}

static int call_list(struct retry *r, void *arg, struct err *err)
{
	struct listing *l = arg;
	int code = listing_read(l, r->inner, err);

	/* An empty one may come from anybody. */
	if (!code && l->n)
		atomic_store(&r->well, true);
	return code;
}

static int retry_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct retry *r = retry_of(b);
	struct listing l = {.type = t, .all = to->odd != NULL};
	char what[32];
	int code;

	snprintf(what, sizeof(what), "list %s files", backend_type_name(t));
	code = retry_call(r, what, call_list, &l, err);
	if (!code)
		seen_add(&r->seen, &l);
	if (!code)
		code = listing_tell(&l, to);
	listing_release(&l);
	return code;
}

static int call_create(struct retry *r, void *arg, struct err *err)
{
	int code = backend_create(r->inner, err);

	(void)arg;
	if (!code)
		atomic_store(&r->well, true);
	return code;
}

static int retry_create(struct backend *b, struct err *err)
{
	return retry_call(retry_of(b), "create the repository's place", call_create, NULL, err);
}

static int call_usage(struct retry *r, void *arg, struct err *err)
{
	return backend_usage(r->inner, arg, err);
}

static int retry_clear_temps(struct backend *b, enum backend_type t, int64_t before_s,
	uint64_t *removed, struct err *err)
{
	return backend_clear_temps(retry_of(b)->inner, t, before_s, removed, err);
}

static int retry_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	return retry_call(retry_of(b), "ask how full the place is", call_usage, u, err);
}

struct many {
	enum backend_type t;
	const struct id *names;
	size_t n;
	bool *gone;
};

static int call_remove_many(struct retry *r, void *arg, struct err *err)
{
	const struct many *m = arg;

	return backend_remove_many(r->inner, m->t, m->names, m->n, m->gone, err);
}

static int retry_remove_many(struct backend *b, enum backend_type t, const struct id *names,
	size_t n, bool *gone, struct err *err)
{
	struct retry *r = retry_of(b);
	struct many m = {t, names, n, gone};
	char what[40];

	snprintf(what, sizeof(what), "remove %zu %s files", n, backend_type_name(t));
	for (size_t i = 0; i < n; i++)
		seen_remove(&r->seen, t, &names[i]);
	return retry_call(r, what, call_remove_many, &m, err);
}

static void retry_give_up(struct backend *b)
{
	backend_retry_cancel(b);
	backend_give_up(retry_of(b)->inner);
}

static void retry_free(struct backend *b)
{
	struct retry *r = retry_of(b);

	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
	if (r->has_timer)
		pthread_join(r->timer, NULL);
	backend_free(r->inner);
	seen_release(&r->seen);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
}

static const struct backend_vtable retry_vtable = {
	.scheme = "retry",
	.start = retry_start,
	.list = retry_list,
	.create = retry_create,
	.free = retry_free,
	.usage = retry_usage,
	.remove_many = retry_remove_many,
	.clear_temps = retry_clear_temps,
	.give_up = retry_give_up,
};

struct backend *backend_retry_new(struct backend *inner, const struct backend_retry_policy *p,
	const struct env *env)
{
	struct retry *r = mem_zalloc(sizeof(*r));

	r->b = *inner;
	r->b.vt = &retry_vtable;
	r->inner = inner;
	r->p = *p;
	r->env = env;
	r->wait = wait_real;
	seen_init(&r->seen);
	pthread_mutex_init(&r->lock, NULL);
	thread_cond_init(&r->wake);
	return &r->b;
}

void backend_retry_set_wait(struct backend *b, backend_retry_wait_fn *fn, void *arg)
{
	if (b->vt != &retry_vtable)
		return;
	retry_of(b)->wait = fn;
	retry_of(b)->wait_arg = arg;
}

void backend_retry_cancel(struct backend *b)
{
	struct retry *r = retry_of(b);

	if (b->vt != &retry_vtable)
		return;
	pthread_mutex_lock(&r->lock);
	r->cancelled = true;
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

uint64_t backend_retry_count(struct backend *b)
{
	return b->vt == &retry_vtable
		       ? atomic_load_explicit(&retry_of(b)->again, memory_order_relaxed)
		       : 0;
}
