/*
 * difftree: what differs between two trees, in restic's words and order (docs/format.md 13.12).
 *
 * Both are gone down side by side; equal subtrees are read only for what lies in them.  Memory:
 * the trees on the current path, and 40 bytes for each blob and tree that either side has.  Waits;
 * loop thread only.
 */
#ifndef ENGINE_DIFFTREE_H
#define ENGINE_DIFFTREE_H
#include "base/env.h"
#include "repo/loader.h"

struct difftree_side { /* of what was added, or removed */
	uint64_t files, dirs, others, data_blobs, tree_blobs, bytes;
};
struct difftree_sums {
	uint64_t changed_files;
	struct difftree_side added, removed;
};

struct difftree_fn {
	/* "+", "-", "T", "M", "U", "M?", "TU": a directory's path ends with "/".  Not 0: stop */
	int (*change)(void *arg, const char *modifier, const char *path, size_t len);
	/* a tree that cannot be read, or a blob whose size is not known: the rest goes on */
	void (*failed)(void *arg, const struct err *e);
	void *arg;
};

/* difftree_run: metadata: changes of it count too ("U").  0; or why one of the two trees themselves
 * cannot be read; stopping early is 0. */
int difftree_run(struct loader *l, struct catalog *c, const struct env *env,
	const struct id roots[2], bool metadata, const struct difftree_fn *fn,
	struct difftree_sums *sums, struct err *err);

#endif
