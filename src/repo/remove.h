/*
 * remove: files of a repository removed, several at a time, while the lock is held that allows it.
 */
#ifndef REPO_REMOVE_H
#define REPO_REMOVE_H
#include "repo/repo.h"

struct remove_events {
	/* What became of id[i], in the order of i.  failed: why it is, or may be, still there;
	 * NULL: it is not.  Loop thread. */
	void (*told)(void *arg, size_t i, const struct err *failed);
	/* true: end before the next file; any thread.  NULL: nothing stops it */
	bool (*stop)(void *arg);
	int64_t look_ns; /* 0: 20 s; see below */
	void *arg;
};

/*
 * remove_files: the n files of type t.  Before each batch of them all guards (repo_guard) are
 * asked, and every look_ns while one goes on, for it may have to be tried for long: without the
 * lock nothing is removed.  Where the store removes many with one request, a batch is one, and what
 * its answer does not call removed is tried by itself.  One that cannot be removed is told and does
 * not keep the others.  ERR_CANCELLED: stopped; what a guard said otherwise; the rest is untouched
 * then, and not told of.  Loop thread only; waits (loop_until).
 */
int remove_files(struct repo *r, enum backend_type t, const struct id *id, size_t n,
	const struct remove_events *ev, struct err *err);

#endif
