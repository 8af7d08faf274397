/*
 * lock_scan: looking at all lock files of a repository: who is in the way, and which are left over.
 * The room's own helper.
 */
#ifndef REPO_LOCK_SCAN_H
#define REPO_LOCK_SCAN_H
#include "repo/lock.h"

#define LOCK_SECOND ((int64_t)1000000000)

struct lock_scan {
	struct repo *r;
	const struct lock_owner *who; /* asks */
	bool exclusive;               /* what is wanted */
	int64_t stale_ns;     /* from this age on the sentence says that the lock seems abandoned */
	const struct id *own; /* files that do not conflict */
	size_t n_own;
	bool found_first; /* result: own[0] exists */
};

/* lock_scan_once: 0, ERR_LOCKED with a sentence that names the holder, or why the locks could not
 * be read. */
int lock_scan_once(struct lock_scan *s, struct err *err);
/* lock_scan_patiently: a lock that cannot be read may be one that is being written: three more
 * looks after `pause`, 2 and 4 times that. */
int lock_scan_patiently(struct lock_scan *s, int64_t pause, struct err *err);
/* lock_listed: does the listing have this lock file? */
int lock_listed(struct repo *r, const struct id *id, bool *found, struct err *err);

#endif
