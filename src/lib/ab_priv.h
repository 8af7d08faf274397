/* What the files of the library share: a repository, its thread, and errors on their way out. */
#ifndef LIB_AB_PRIV_H
#define LIB_AB_PRIV_H
#include "a_backup/a_backup.h"
#include "lib/blobcache.h"
#include "repo/loader.h"
#include "repo/opening.h"
#include "repo/snapshots.h"
#include <pthread.h>

/*
 * One thread has the loop, from opening to closing; it alone touches catalog and loader.  What is
 * in `snaps` does not change once the repository is open, so that all may look there.
 */
struct ab_repo {
	struct env env;
	struct opening open;
	char *place, *host, *user; /* owned */
	struct snapshots snaps;
	struct catalog *catalog;
	struct loader *loader;
	struct reader *reader;
	struct blobcache *cache;
	pthread_t thread;
	struct task closing;
	bool end; /* on the loop */
};

/* ab_fail: what went wrong in here, as the caller has it (`to` may be NULL); the code. */
int ab_fail(struct ab_error *to, const struct err *e);
/* ab_say: the same for what the caller did wrong. */
int ab_say(struct ab_error *to, int code, const char *what);

/*
 * ab_tree: the tree `id`, such that tree_in reads all of it: one out of order is put in order, one
 * with a node that cannot be used is ERR_INVALID, for nobody could be told what is missing.  plain
 * is set up by this call, owned.  Any thread but the loop's.
 */
int ab_tree(struct ab_repo *r, const struct id *id, struct buf *plain, struct err *err);

/* ab_ends: where in the file each of n blobs ends, as the index has it; an owned array. */
int ab_ends(struct ab_repo *r, const struct id *id, size_t n, uint64_t **end, struct err *err);

#endif
