/*
 * rewrite: trees made anew without some of their entries, for rewrite and repair snapshots.
 *
 * Post-order, each tree once: what became of one is remembered by its id (and by its path, where
 * what happens to an entry depends on that).  Entries that stay are copied byte for byte but for
 * the ids of changed subtrees, so a tree in which nothing changes keeps its id.  Memory: the trees
 * on the current path, and about 100 bytes for each tree.  Waits; loop thread only.
 */
#ifndef ENGINE_REWRITE_H
#define ENGINE_REWRITE_H
#include "engine/treewalk.h"
#include "format/nodeedit.h"

struct rewrite_ops {
	/* Is this entry to stay?  *edit (zeroed) may say how it changes; what it points to is
	 * borrowed until the next call. */
	bool (*node)(void *arg, const struct treewalk_entry *e, struct nodeedit *edit);
	/* A directory in which nothing is left: does it stay?  NULL: yes. */
	bool (*keep_empty)(void *arg, const char *path);
	/* A tree that is damaged: true: an empty one takes its place (of the root: nothing).  An
	 * entry that is (entry is true) goes in any case.  NULL, or false: that ends it. */
	bool (*damaged)(void *arg, const char *path, bool entry, const struct err *e);
	/* A tree that is new: takes `json`.  0, or an error that ends it. */
	int (*save)(void *arg, const struct id *id, struct buf *json, struct err *err);
	bool by_path; /* what node and keep_empty say depends on the path */
	const volatile int *stop;
	void *arg;
};

struct rewritten {
	struct id tree;
	bool gone;             /* nothing is left of it */
	uint64_t files, bytes; /* in it */
};

struct rewrite;
struct rewrite *rewrite_new(struct loader *l, const struct env *env, const struct rewrite_ops *o);
void rewrite_free(struct rewrite *w); /* NULL is fine */
int rewrite_tree(struct rewrite *w, const struct id *root, struct rewritten *out, struct err *err);

#endif
