/*
 * lock_priv: what the lock's own files share: lock.c (its life) and lock_files.c (its files in the
 * store).
 */
#ifndef REPO_LOCK_PRIV_H
#define REPO_LOCK_PRIV_H
#include "repo/lock_scan.h"
#include <pthread.h>
#include <stdatomic.h>

#define LOCK_LEFT_MAX 16

/*
 * Every `refresh` the thread writes a new file and deletes the old one.  In between it looks
 * whether the old one is still there, so there was no moment without one: if somebody removed it, a
 * prune may have run meanwhile, and a snapshot saved now could name blobs that are gone.  For the
 * same reason a refresh after `give_up` (the process was stopped, or the store was away) is checked
 * like a new lock; until it has succeeded nothing is published.
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
	struct id id, next; /* our file now; the one that is being written, zero when none is */
	struct id left[LOCK_LEFT_MAX]; /* earlier ones that could not be deleted */
	size_t n_left;
	int64_t fresh_mono; /* when our file says it was written */
	struct ts fresh_wall;
	atomic_bool lost;
	struct rescue_item rescue;
};

/* lock_seal: the bytes and name of a lock file of now. */
int lock_seal(struct lock *l, struct buf *stored, struct id *id, struct ts *wall, int64_t *mono,
	struct err *err);
/* a file that may exist from now on: `next` */
void lock_will_write(struct lock *l, const struct id *id);
/* `next` is our file, and the old one is `next` */
void lock_became_fresh(struct lock *l, const struct ts *wall, int64_t mono);
int64_t lock_unrefreshed(struct lock *l); /* nanoseconds */
void lock_declare_lost(struct lock *l, const struct err *why);
int64_t lock_tick(const struct lock *l);    /* how often an idle thread looks at the clock */
bool lock_wait(struct lock *l, int64_t ns); /* until `ns` have passed or the thread is to stop,
					       which is returned.  Under l->state */
void lock_remove_left(
	struct lock *l); /* old files that are still there because a deletion failed */

/*
 * lock_look_for: is this file of ours there?  ERR_NOTFOUND: no, neither after a while nor in the
 * listing.  One odd answer of a balancer, or of a server that says "not found" to whatever fails,
 * must not end a run of days.  Under l->files.
 */
int lock_look_for(struct lock *l, const struct id *id, struct err *err);
/* lock_refresh: a new file, then the old one away.  careful: as when a lock is taken. ERR_NOTFOUND:
 * our lock is gone.  Under l->files. */
int lock_refresh(struct lock *l, bool careful, struct err *err);

#endif
