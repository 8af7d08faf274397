#include "repo/lock.h"
#include "base/mem.h"
#include "format/lockfile.h"
#include "repo/lock_scan.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define AGAIN    (5 * LOCK_SECOND)
#define PAUSE    (60 * LOCK_SECOND) /* the longest between two tries */
#define LEFT_MAX 16

const struct lock_timing lock_timing_default = {
	.recheck = LOCK_SECOND / 5,
	.refresh = 300 * LOCK_SECOND,
	.give_up = 1350 * LOCK_SECOND,
	.stale = 1800 * LOCK_SECOND,
	.again = AGAIN,
};

/*
 * Every `refresh` the thread writes a new file and deletes the old one.  Before that it looks whether the old one is still there: if
 * somebody removed it, a prune may have run meanwhile, and a snapshot saved now could name blobs that are gone.  For the same reason a
 * refresh after `give_up` (the process was stopped, or the store was away) is checked like a new lock.
 */
struct lock {
	struct repo *r;
	struct lock_owner who; /* own copies */
	bool exclusive;
	struct lock_timing timing;
	void (*on_lost)(void *arg, const struct err *why);
	void *arg;
	pthread_t thread;
	pthread_mutex_t files; /* held while lock files are read or written: outside of `state` */
	pthread_mutex_t state; /* what follows */
	pthread_cond_t wake;
	bool stop, op_done;
	struct id id;             /* our file now */
	struct id left[LEFT_MAX]; /* earlier ones that could not be deleted */
	size_t n_left;
	int64_t fresh_mono; /* when our file says it was written */
	struct ts fresh_wall;
	atomic_bool lost;
};

/* The bytes and name of a lock file of now. */
static int lock_seal(struct lock *l, struct buf *stored, struct id *id, struct ts *wall, int64_t *mono, struct err *err)
{
	struct lockfile f = {
		.exclusive = l->exclusive,
		.hostname = (char *)l->who.hostname,
		.username = (char *)l->who.username,
		.pid = l->who.pid,
		.uid = l->who.uid,
		.gid = l->who.gid,
	};
	struct buf json;
	int rc;

	*wall = f.time = clock_now(l->r->env->clock);
	*mono = clock_mono(l->r->env->clock);
	buf_init(&json, REPO_SMALL_MAX);
	buf_init(stored, 2 * REPO_SMALL_MAX);
	lockfile_write(&f, l->r->env->zone, &json);
	rc = repo_seal_file(l->r, BACKEND_LOCK, json.p, json.len, stored, id, err);
	buf_release(&json);
	return rc;
}

static void became_fresh(struct lock *l, const struct id *id, const struct ts *wall, int64_t mono)
{
	pthread_mutex_lock(&l->state);
	l->id = *id;
	l->fresh_wall = *wall;
	l->fresh_mono = mono;
	pthread_mutex_unlock(&l->state);
}

/* By both clocks: one stands still while the machine sleeps, the other may be set. */
static int64_t lock_unrefreshed(struct lock *l)
{
	const struct clock *c = l->r->env->clock;
	struct ts now = clock_now(c);
	int64_t mono, wall;

	pthread_mutex_lock(&l->state);
	mono = clock_mono(c) - l->fresh_mono;
	wall = (now.sec - l->fresh_wall.sec) * LOCK_SECOND + now.nsec - l->fresh_wall.nsec;
	pthread_mutex_unlock(&l->state);
	return mono > wall ? mono : wall;
}

static void declare_lost(struct lock *l, const struct err *why)
{
	if (atomic_exchange(&l->lost, true))
		return;
	log_msg(&l->r->env->log, LOG_ERROR, "%s", why->msg);
	if (l->on_lost)
		l->on_lost(l->arg, why);
}

static struct timespec deadline(int64_t ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns += ts.tv_nsec;
	return (struct timespec){.tv_sec = ts.tv_sec + (time_t)(ns / LOCK_SECOND), .tv_nsec = (long)(ns % LOCK_SECOND)};
}

/* Until `ns` have passed or the thread is to stop, which is returned.  Under l->state. */
static bool wait_stop(struct lock *l, int64_t ns)
{
	struct timespec ts = deadline(ns);
	int rc = 0;

	while (!l->stop && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&l->wake, &l->state, &ts);
	return l->stop;
}

static void op_done(struct backend_op *op)
{
	struct lock *l = op->arg;

	pthread_mutex_lock(&l->state);
	l->op_done = true;
	pthread_cond_broadcast(&l->wake);
	pthread_mutex_unlock(&l->state);
}

/* How often an idle thread looks at the clock. */
static int64_t tick(const struct lock *l)
{
	return l->timing.refresh / 5 < LOCK_SECOND ? l->timing.refresh / 5 : LOCK_SECOND;
}

/* An operation that may hang for longer than the lock lives: then the lock is lost at once, not when the operation ends. */
static int run_watched(struct lock *l, struct backend_op *op, struct err *err)
{
	op->done = op_done;
	op->arg = l;
	l->op_done = false; /* nobody else runs one: l->files is held */
	backend_start(l->r->be, op);
	pthread_mutex_lock(&l->state);
	while (!l->op_done) {
		struct timespec ts = deadline(tick(l));

		if (pthread_cond_timedwait(&l->wake, &l->state, &ts) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&l->state);
		if (lock_unrefreshed(l) >= l->timing.give_up) {
			struct err why;

			err_set(&why, ERR_IO, "the repository's lock could not be refreshed in time: the store does not answer");
			declare_lost(l, &why);
		}
		pthread_mutex_lock(&l->state);
	}
	pthread_mutex_unlock(&l->state);
	if (op->err.code)
		err_copy(err, &op->err);
	return op->err.code;
}

static int run_verb(struct lock *l, enum backend_verb verb, const struct id *id, struct err *err)
{
	struct backend_op op = {.verb = verb, .type = BACKEND_LOCK, .name = *id};

	return run_watched(l, &op, err);
}

/* Old files that are still there because a deletion failed. */
static void remove_left(struct lock *l)
{
	struct err err = {0};
	size_t kept = 0;

	for (size_t i = 0; i < l->n_left; i++)
		if (run_verb(l, BACKEND_REMOVE, &l->left[i], &err))
			l->left[kept++] = l->left[i];
	l->n_left = kept;
	if (kept)
		log_msg(&l->r->env->log, LOG_WARN, "a lock file of ours cannot be removed: %s", err.msg);
}

static int check_new(struct lock *l, const struct id *id, struct err *err)
{
	struct id own[LEFT_MAX + 2];
	struct lock_scan s = {.r = l->r, .who = &l->who, .exclusive = l->exclusive, .stale_ns = l->timing.stale, .own = own};

	own[s.n_own++] = *id;
	own[s.n_own++] = l->id;
	for (size_t i = 0; i < l->n_left; i++)
		own[s.n_own++] = l->left[i];
	if (lock_scan_once(&s, err))
		return err->code;
	return s.found_first ? 0 : err_set(err, ERR_NOTFOUND, "our lock file is gone");
}

/* A new file, then the old one away.  careful: as when a lock is taken.  ERR_NOTFOUND: our lock is gone. */
static int refresh(struct lock *l, bool careful, struct err *err)
{
	struct backend_op op = {.verb = BACKEND_PUT, .type = BACKEND_LOCK};
	struct buf stored = {0};
	struct id id = {0}, old;
	struct ts wall;
	int64_t mono;
	int rc;

	pthread_mutex_lock(&l->files);
	remove_left(l);
	old = l->id;
	rc = run_verb(l, BACKEND_STAT, &old, err);
	if (!rc)
		rc = lock_seal(l, &stored, &id, &wall, &mono, err);
	if (rc)
		goto out;
	op.name = id;
	op.data = stored.p;
	op.size = stored.len;
	rc = run_watched(l, &op, err);
	if (rc)
		goto forget;
	if (careful) {
		pthread_mutex_lock(&l->state);
		wait_stop(l, l->timing.recheck);
		pthread_mutex_unlock(&l->state);
		rc = check_new(l, &id, err);
		if (rc)
			goto forget;
	}
	became_fresh(l, &id, &wall, mono);
	id = old;
forget:
	/* The old file; or the new one, of which an answer that was lost may have left something. */
	if (l->n_left < LEFT_MAX)
		l->left[l->n_left++] = id;
	remove_left(l);
out:
	pthread_mutex_unlock(&l->files);
	buf_release(&stored);
	return rc;
}

static void refresh_due(struct lock *l, int64_t *due)
{
	int64_t age = lock_unrefreshed(l);
	bool careful = age >= l->timing.give_up;
	struct err err = {0};
	int rc;

	if (!careful && clock_mono(l->r->env->clock) < *due)
		return;
	rc = refresh(l, careful, &err);
	if (!rc) {
		*due = l->fresh_mono + l->timing.refresh;
		return;
	}
	if (careful || rc == ERR_NOTFOUND) {
		if (rc == ERR_NOTFOUND)
			err_set(&err, ERR_IO, "somebody has removed it");
		err_prefix(&err, "the repository's lock is lost");
		declare_lost(l, &err);
		return;
	}
	log_msg(&l->r->env->log, LOG_WARN, "the repository's lock could not be refreshed, trying again: %s", err.msg);
	*due = clock_mono(l->r->env->clock) + l->timing.refresh / 5;
}

static void *refresher(void *arg)
{
	struct lock *l = arg;
	int64_t due = l->fresh_mono + l->timing.refresh;

	pthread_mutex_lock(&l->state);
	while (!wait_stop(l, tick(l)) && !atomic_load(&l->lost)) {
		pthread_mutex_unlock(&l->state);
		refresh_due(l, &due);
		pthread_mutex_lock(&l->state);
	}
	pthread_mutex_unlock(&l->state);
	return NULL;
}

static struct lock *lock_new(struct repo *r, const struct lock_owner *who, bool exclusive, const struct lock_timing *timing,
	void (*on_lost)(void *arg, const struct err *why), void *arg)
{
	struct lock *l = mem_zalloc(sizeof(*l));
	pthread_condattr_t attr;

	l->r = r;
	l->who = *who;
	l->who.hostname = mem_strdup(who->hostname ? who->hostname : "");
	l->who.username = mem_strdup(who->username ? who->username : "");
	l->exclusive = exclusive;
	l->timing = timing ? *timing : lock_timing_default;
	if (!l->timing.again)
		l->timing.again = AGAIN;
	l->on_lost = on_lost;
	l->arg = arg;
	pthread_mutex_init(&l->files, NULL);
	pthread_mutex_init(&l->state, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	return l;
}

static void lock_free(struct lock *l)
{
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->state);
	pthread_mutex_destroy(&l->files);
	mem_free((char *)l->who.hostname);
	mem_free((char *)l->who.username);
	mem_free(l);
}

static int try_acquire(struct lock *l, struct err *err)
{
	struct lock_scan s = {.r = l->r, .who = &l->who, .exclusive = l->exclusive, .stale_ns = l->timing.stale, .own = &l->id};
	struct err ignored;
	struct buf stored;
	struct id id;
	struct ts wall;
	int64_t mono;
	int rc = lock_scan_patiently(&s, l->timing.again, err);

	if (rc)
		return rc;
	rc = lock_seal(l, &stored, &id, &wall, &mono, err);
	if (!rc)
		rc = backend_put(l->r->be, BACKEND_LOCK, &id, stored.p, stored.len, err);
	buf_release(&stored);
	if (rc)
		return err_prefix(err, "save lock");
	became_fresh(l, &id, &wall, mono);
	/* Who wrote a lock at the same time is visible by now, or sees ours. */
	clock_sleep(l->r->env->clock, l->timing.recheck);
	s.n_own = 1;
	rc = lock_scan_patiently(&s, l->timing.again, err);
	if (!rc && !s.found_first)
		rc = err_set(err, ERR_IO, "our new lock file %s cannot be seen in the repository", id_short(&id).s);
	if (rc && backend_remove(l->r->be, BACKEND_LOCK, &id, &ignored))
		log_msg(&l->r->env->log, LOG_WARN, "our lock %s could not be removed: %s", id_short(&id).s, ignored.msg);
	return rc;
}

/* Three quarters to five quarters: two that stopped each other must not meet again. */
static int64_t jitter(const struct env *env, int64_t ns)
{
	uint16_t r;

	rnd_fill(env->rnd, &r, sizeof(r));
	return ns - ns / 4 + ns / 2 * r / UINT16_MAX;
}

int lock_acquire(struct repo *r, const struct lock_owner *who, bool exclusive, int64_t retry_ns, const struct lock_timing *timing,
	void (*on_lost)(void *arg, const struct err *why), void *arg, struct lock **out, struct err *err)
{
	struct lock *l = lock_new(r, who, exclusive, timing, on_lost, arg);
	int64_t end = clock_mono(r->env->clock) + retry_ns, pause = l->timing.again, left;
	sigset_t all, old;
	int rc;

	*out = NULL;
	for (;;) {
		rc = try_acquire(l, err);
		left = end - clock_mono(r->env->clock);
		if (rc != ERR_LOCKED || left <= 0)
			break;
		log_msg(&r->env->log, LOG_INFO, "waiting: %s", err->msg);
		clock_sleep(r->env->clock, left < pause ? left : jitter(r->env, pause));
		pause = 2 * pause < PAUSE ? 2 * pause : PAUSE;
	}
	if (rc) {
		lock_free(l);
		return rc;
	}
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&l->thread, NULL, refresher, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		backend_remove(r->be, BACKEND_LOCK, &l->id, NULL);
		lock_free(l);
		return err_sys(err, rc, "start the thread that refreshes the lock");
	}
	*out = l;
	return 0;
}

bool lock_lost(struct lock *l)
{
	/* The thread may not have had its turn yet, as after a suspended job continues. */
	return atomic_load(&l->lost) || lock_unrefreshed(l) >= l->timing.stale;
}

int lock_check(struct lock *l, struct err *err)
{
	int rc;

	if (lock_lost(l))
		return err_set(err, ERR_IO, "the repository's lock is lost");
	pthread_mutex_lock(&l->files);
	rc = check_new(l, &l->id, err);
	pthread_mutex_unlock(&l->files);
	if (rc == ERR_NOTFOUND)
		return err_set(err, ERR_IO, "the repository's lock is lost: somebody has removed it");
	return rc;
}

void lock_release(struct lock *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->state);
	l->stop = true;
	pthread_cond_broadcast(&l->wake);
	pthread_mutex_unlock(&l->state);
	pthread_join(l->thread, NULL);
	if (l->n_left == LEFT_MAX)
		l->n_left--;
	l->left[l->n_left++] = l->id;
	remove_left(l);
	lock_free(l);
}
