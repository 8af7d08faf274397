#include "repo/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "repo/lock_priv.h"

#define PAUSE (60 * LOCK_SECOND) /* the longest between two tries */

/* What came of a look or a refresh; ERR_NOTFOUND: the lock is lost. */
static int judge(struct lock *l, bool careful, int rc, struct err *err)
{
	if (!rc || (!careful && rc != ERR_NOTFOUND))
		return rc;
	err_prefix(err, "the repository's lock is lost");
	lock_declare_lost(l, err);
	return err->code = ERR_NOTFOUND;
}

static int stop_if_lost(struct lock *l, struct err *err)
{
	return atomic_load(&l->lost) ? err_set(err, ERR_NOTFOUND, "the repository's lock is lost")
				     : 0;
}

void lock_name(struct lock *l, struct id *id)
{
	pthread_mutex_lock(&l->state);
	*id = l->id;
	pthread_mutex_unlock(&l->state);
}

int lock_check(struct lock *l, struct err *err)
{
	bool careful;
	int rc;

	pthread_mutex_lock(&l->files);
	careful = lock_unrefreshed(l) >= l->timing.give_up;
	rc = stop_if_lost(l, err);
	if (!rc)
		rc = judge(l, careful,
			careful ? lock_refresh(l, true, err) : lock_look_for(l, &l->id, err), err);
	pthread_mutex_unlock(&l->files);
	return rc;
}

static int may_publish(void *arg, struct err *err)
{
	return lock_check(arg, err);
}

static void refresh_due(struct lock *l, int64_t *due)
{
	struct err err = {0};
	bool careful;
	int rc = 0;

	pthread_mutex_lock(&l->files);
	careful = lock_unrefreshed(l) >= l->timing.give_up;
	if (careful || clock_mono(l->r->env->clock) >= *due) {
		rc = judge(l, careful, lock_refresh(l, careful, &err), &err);
		*due = rc ? clock_mono(l->r->env->clock) + l->timing.refresh / 5
			  : l->fresh_mono + l->timing.refresh;
	}
	pthread_mutex_unlock(&l->files);
	if (rc && rc != ERR_NOTFOUND)
		log_msg(&l->r->env->log, LOG_WARN,
			"the repository's lock could not be refreshed, trying again: %s", err.msg);
}

static void *refresher(void *arg)
{
	struct lock *l = arg;
	int64_t due = l->fresh_mono + l->timing.refresh;

	pthread_mutex_lock(&l->state);
	while (!lock_wait(l, lock_tick(l)) && !atomic_load(&l->lost)) {
		pthread_mutex_unlock(&l->state);
		refresh_due(l, &due);
		pthread_mutex_lock(&l->state);
	}
	pthread_mutex_unlock(&l->state);
	return NULL;
}

/* The process is about to end: no file of ours may stay, nor a new one come. */
static void rescue_lock(void *arg)
{
	struct lock *l = arg;
	struct id id[LOCK_LEFT_MAX + 2];
	size_t n = 0;

	pthread_mutex_lock(&l->state);
	l->stop = true;
	id[n++] = l->id;
	id[n++] = l->next;
	for (size_t i = 0; i < l->n_left; i++)
		id[n++] = l->left[i];
	pthread_cond_broadcast(&l->wake);
	pthread_mutex_unlock(&l->state);
	for (size_t i = 0; i < n; i++)
		if (!id_is_zero(&id[i]))
			backend_remove(l->r->be, BACKEND_LOCK, &id[i], NULL);
}

static struct lock *lock_new(struct repo *r, const struct lock_owner *who, bool exclusive,
	const struct lock_timing *timing, void (*on_lost)(void *arg, const struct err *why),
	void *arg)
{
	struct lock *l = mem_zalloc(sizeof(*l));

	l->r = r;
	l->who = *who;
	l->who.hostname = mem_strdup(who->hostname ? who->hostname : "");
	l->who.username = mem_strdup(who->username ? who->username : "");
	l->exclusive = exclusive;
	l->timing = timing ? *timing : lock_timing_default;
	if (!l->timing.again)
		l->timing.again = lock_timing_default.again;
	l->on_lost = on_lost;
	l->arg = arg;
	pthread_mutex_init(&l->files, NULL);
	pthread_mutex_init(&l->state, NULL);
	thread_cond_init(&l->wake);
	l->rescue = (struct rescue_item){.stage = RESCUE_LOCK, .fn = rescue_lock, .arg = l};
	rescue_add(r->env->rescue, &l->rescue);
	return l;
}

static void lock_free(struct lock *l)
{
	rescue_drop(l->r->env->rescue, &l->rescue);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->state);
	pthread_mutex_destroy(&l->files);
	mem_free((char *)l->who.hostname);
	mem_free((char *)l->who.username);
	mem_free(l);
}

static int try_acquire(struct lock *l, struct err *err)
{
	struct lock_scan s = {.r = l->r,
		.who = &l->who,
		.exclusive = l->exclusive,
		.stale_ns = l->timing.stale,
		.own = &l->id};
	struct err ignored;
	struct buf stored;
	struct id id;
	struct ts wall;
	int64_t mono;
	int rc = lock_scan_patiently(&s, l->timing.again, err);

	if (rc)
		return rc;
	rc = lock_seal(l, &stored, &id, &wall, &mono, err);
	if (!rc) {
		lock_will_write(l, &id);
		rc = backend_put(l->r->be, BACKEND_LOCK, &id, stored.p, stored.len, err);
	}
	buf_release(&stored);
	if (rc)
		return err_prefix(err, "save lock");
	lock_became_fresh(l, &wall, mono);
	/* Who wrote a lock at the same time is visible by now, or sees ours. */
	clock_sleep(l->r->env->clock, l->timing.recheck);
	s.n_own = 1;
	rc = lock_scan_patiently(&s, l->timing.again, err);
	if (!rc && !s.found_first)
		rc = err_set(err, ERR_IO, "our new lock file %s cannot be seen in the repository",
			id_short(&id).s);
	if (rc && backend_remove(l->r->be, BACKEND_LOCK, &id, &ignored))
		log_msg(&l->r->env->log, LOG_WARN, "our lock %s could not be removed: %s",
			id_short(&id).s, ignored.msg);
	return rc;
}

/* Three quarters to five quarters: two that stopped each other must not meet again. */
static int64_t jitter(const struct env *env, int64_t ns)
{
	uint16_t r;

	rnd_fill(env->rnd, &r, sizeof(r));
	return ns - ns / 4 + ns / 2 * r / UINT16_MAX;
}

int lock_acquire(struct repo *r, const struct lock_owner *who, bool exclusive, int64_t retry_ns,
	const struct lock_timing *timing, void (*on_lost)(void *arg, const struct err *why),
	void *arg, struct lock **out, struct err *err)
{
	struct lock *l = lock_new(r, who, exclusive, timing, on_lost, arg);
	int64_t end = clock_mono(r->env->clock) + retry_ns, pause = l->timing.again, left;
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
	rc = thread_start(&l->thread, refresher, l);
	if (rc) {
		backend_remove(r->be, BACKEND_LOCK, &l->id, NULL);
		lock_free(l);
		return err_sys(err, rc, "start the thread that refreshes the lock");
	}
	repo_guard(r, may_publish, l);
	*out = l;
	return 0;
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
	repo_unguard(l->r, l);
	if (l->n_left == LOCK_LEFT_MAX)
		l->n_left--;
	l->left[l->n_left++] = l->id;
	lock_remove_left(l);
	lock_free(l);
}
