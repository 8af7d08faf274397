#include "base/mem.h"
#include "format/lockfile.h"
#include "repo/lock_priv.h"
#include <errno.h>

/* The lock's files in the store: written, looked for, replaced, removed. */

#define LOOKS 4 /* for what is not as it should be, before that is believed */

/* The bytes and name of a lock file of now. */
int lock_seal(struct lock *l, struct buf *stored, struct id *id, struct ts *wall, int64_t *mono,
	struct err *err)
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

/* A file that may exist from now on. */
void lock_will_write(struct lock *l, const struct id *id)
{
	pthread_mutex_lock(&l->state);
	l->next = *id;
	pthread_mutex_unlock(&l->state);
}

void lock_became_fresh(struct lock *l, const struct ts *wall, int64_t mono)
{
	struct id old;

	pthread_mutex_lock(&l->state);
	old = l->id;
	l->id = l->next;
	l->next = old;
	l->fresh_wall = *wall;
	l->fresh_mono = mono;
	pthread_mutex_unlock(&l->state);
}

/* `next` is not needed (any more), and may exist. */
static void leave_next(struct lock *l)
{
	pthread_mutex_lock(&l->state);
	if (l->n_left < LOCK_LEFT_MAX)
		l->left[l->n_left++] = l->next;
	l->next = (struct id){{0}};
	pthread_mutex_unlock(&l->state);
}

/* By both clocks: one stands still while the machine sleeps, the other may be set. */
int64_t lock_unrefreshed(struct lock *l)
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

void lock_declare_lost(struct lock *l, const struct err *why)
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
	return (struct timespec){.tv_sec = ts.tv_sec + (time_t)(ns / LOCK_SECOND),
		.tv_nsec = (long)(ns % LOCK_SECOND)};
}

/* Until `ns` have passed or the thread is to stop, which is returned.  Under l->state. */
bool lock_wait(struct lock *l, int64_t ns)
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
int64_t lock_tick(const struct lock *l)
{
	return l->timing.refresh / 5 < LOCK_SECOND ? l->timing.refresh / 5 : LOCK_SECOND;
}

/*
 * An operation that may hang for longer than the lock lives: then the lock is lost at once, not
 * when the operation ends.  What counts is time that this thread did wait: a process that was
 * stopped in the middle hears the answer first.
 */
static int run_watched(struct lock *l, struct backend_op *op, struct err *err)
{
	int64_t age = lock_unrefreshed(l),
		left = age < l->timing.give_up ? l->timing.give_up - age : l->timing.refresh;

	op->done = op_done;
	op->arg = l;
	l->op_done = false; /* nobody else runs one: l->files is held */
	backend_start(l->r->be, op);
	pthread_mutex_lock(&l->state);
	while (!l->op_done) {
		struct timespec ts = deadline(lock_tick(l));

		if (pthread_cond_timedwait(&l->wake, &l->state, &ts) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&l->state);
		left -= lock_tick(l);
		if (left <= 0) {
			struct err why;

			err_set(&why, ERR_IO,
				"the repository's lock could not be refreshed in time: the store "
				"does not answer");
			lock_declare_lost(l, &why);
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

/* The i-th file that is left over.  False: there are no more. */
static bool left_over(struct lock *l, size_t i, struct id *id)
{
	bool is;

	pthread_mutex_lock(&l->state);
	is = i < l->n_left;
	if (is)
		*id = l->left[i];
	pthread_mutex_unlock(&l->state);
	return is;
}

/* Old files that are still there because a deletion failed. */
void lock_remove_left(struct lock *l)
{
	struct err err = {0};
	size_t kept = 0;
	struct id id;

	while (left_over(l, kept, &id)) {
		if (run_verb(l, BACKEND_REMOVE, &id, &err)) {
			kept++;
			continue;
		}
		pthread_mutex_lock(&l->state);
		l->left[kept] = l->left[--l->n_left];
		pthread_mutex_unlock(&l->state);
	}
	if (kept)
		log_msg(&l->r->env->log, LOG_WARN, "a lock file of ours cannot be removed: %s",
			err.msg);
}

static void pause_for(struct lock *l, int64_t ns)
{
	pthread_mutex_lock(&l->state);
	lock_wait(l, ns);
	pthread_mutex_unlock(&l->state);
}

/*
 * Is this file of ours there?  ERR_NOTFOUND: no, neither after a while nor in the listing.  One odd
 * answer of a balancer, or of a server that says "not found" to whatever fails, must not end a run
 * of days.  Under l->files.
 */
int lock_look_for(struct lock *l, const struct id *id, struct err *err)
{
	int64_t pause = l->timing.again;

	for (int looks = 1;; looks++) {
		int rc = run_verb(l, BACKEND_STAT, id, err);
		bool listed = true;

		if (rc != ERR_NOTFOUND)
			return rc;
		rc = looks > 1 ? lock_listed(l->r, id, &listed, err) : 0;
		if (rc)
			return rc;
		if (!listed)
			return err_set(err, ERR_NOTFOUND, "somebody has removed it");
		if (looks == LOOKS)
			return err_set(err, ERR_IO, "our lock file %s is listed, but not found",
				id_short(id).s);
		pause_for(l, pause);
		pause *= 2;
	}
}

/* Is nobody else in our way?  Who finds our lock while taking one goes away again soon.  Under
 * l->files. */
static int look_for_others(struct lock *l, struct err *err)
{
	int64_t pause = l->timing.again;
	struct id own[LOCK_LEFT_MAX + 2];
	struct lock_scan s = {.r = l->r,
		.who = &l->who,
		.exclusive = l->exclusive,
		.stale_ns = l->timing.stale,
		.own = own};

	own[s.n_own++] = l->id;
	own[s.n_own++] = l->next;
	for (size_t i = 0; left_over(l, i, &own[s.n_own]); i++)
		s.n_own++;
	for (int looks = 1;; looks++) {
		int rc = lock_scan_once(&s, err);

		if (rc != ERR_LOCKED || looks == LOOKS)
			return rc;
		pause_for(l, pause);
		pause *= 2;
	}
}

/* A new file, then the old one away.  careful: as when a lock is taken.  ERR_NOTFOUND: our lock is
 * gone.  Under l->files. */
int lock_refresh(struct lock *l, bool careful, struct err *err)
{
	struct backend_op op = {.verb = BACKEND_PUT, .type = BACKEND_LOCK};
	struct buf stored = {0};
	struct id id = {{0}};
	struct ts wall;
	int64_t mono;
	int rc;

	lock_remove_left(l);
	rc = lock_seal(l, &stored, &id, &wall, &mono, err);
	if (rc)
		goto out;
	lock_will_write(l, &id);
	op.name = id;
	op.data = stored.p;
	op.size = stored.len;
	rc = run_watched(l, &op, err);
	if (!rc)
		rc = lock_look_for(l, &l->id, err);
	if (!rc && (careful || lock_unrefreshed(l) >= l->timing.give_up)) {
		pause_for(l, l->timing.recheck);
		rc = look_for_others(l, err);
		if (!rc)
			rc = lock_look_for(l, &id, err);
	}
	if (!rc)
		lock_became_fresh(l, &wall, mono);
	/* The old file; or the new one, of which an answer that was lost may have left something.
	 */
	leave_next(l);
	lock_remove_left(l);
out:
	buf_release(&stored);
	return rc;
}
