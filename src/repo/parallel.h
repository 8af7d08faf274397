/*
 * parallel: the same work for every file of one type, or for some, several files at a time over
 * env->readers.  The room's own helper.
 */
#ifndef REPO_PARALLEL_H
#define REPO_PARALLEL_H
#include "repo/repo.h"

/*
 * parallel_files: lists the files of type t (on a reader) and calls work(arg, id) for each, in the
 * order of their names, at most backend->connections at once, on readers. When work fails,
 * failed(arg, id, err) decides on the loop thread: 0 goes on, another value ends it: nothing more
 * is started, the value is returned and err tells the first such. Loop thread only; waits
 * (loop_until).
 */
int parallel_files(struct repo *r, enum backend_type t,
	int (*work)(void *arg, const struct id *id, struct err *err),
	int (*failed)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err);
/* parallel_ids: the same for these n files, which are borrowed; nothing is listed. */
int parallel_ids(struct repo *r, enum backend_type t, const struct id *id, size_t n,
	int (*work)(void *arg, const struct id *id, struct err *err),
	int (*failed)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err);

#endif
