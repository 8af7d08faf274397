/*
 * lock: restic's lock files (docs/format.md 12), kept fresh by a thread of its own that never waits
 * behind uploads.
 */
#ifndef REPO_LOCK_H
#define REPO_LOCK_H
#include "repo/repo.h"

struct lock;
struct lock_owner {
	const char *hostname, *username;
	uint32_t uid, gid;
	uint64_t pid;
};
struct lock_timing { /* nanoseconds; lock_timing_default = restic's */
	int64_t recheck, refresh, give_up, stale;
	int64_t again; /* first pause before a conflict, a lock file that is unreadable or ours that
			  is not found is looked at again; doubles; 0 = 5 s */
};
extern const struct lock_timing lock_timing_default; /* 200 ms, 5 min, 22.5 min, 30 min, 5 s */

/*
 * lock_acquire: shared or exclusive.  retry_ns: how long to try again on a conflict (--retry-lock),
 * 0 = not.  on_lost (any thread, once): the lock could not be kept, the job must stop.  ERR_LOCKED
 * names the holder in the sentence.  From now on whatever `r` publishes (repo_guard) waits for
 * lock_check.
 */
int lock_acquire(struct repo *r, const struct lock_owner *who, bool exclusive, int64_t retry_ns,
	const struct lock_timing *timing, void (*on_lost)(void *arg, const struct err *why),
	void *arg, struct lock **out, struct err *err);
/* the name of its file now; another one after each refresh */
void lock_name(struct lock *l, struct id *id);
/*
 * lock_check: looks now whether our lock file is there; after a time in which it could have been
 * taken for abandoned, by refreshing it as carefully as a new one is written.  0; ERR_NOTFOUND: the
 * lock is lost (on_lost was told); other errors: it cannot be told now.  Blocking, any thread.
 */
int lock_check(struct lock *l, struct err *err);
void lock_release(struct lock *
		l); /* removes its file, joins its thread; NULL is fine.  Nobody is in lock_check */

/* lock_unlock: remove stale locks, or all.  *removed counts. */
int lock_unlock(struct repo *r, const struct lock_owner *who, bool all, size_t *removed,
	struct err *err);

#endif
