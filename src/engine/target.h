/*
 * target: the upper part of a snapshot's tree, made of the targets' path components
 * (docs/format.md 11.1).
 *
 * Lexical, but for reading directories that a target only stands for: "." and "/" are what lies in
 * them, and a target that has other targets below it is what lies in it together with them.  What
 * was found so is not `named`, so that excludes apply to it.
 */
#ifndef ENGINE_TARGET_H
#define ENGINE_TARGET_H
#include "base/err.h"
#include "format/snapshot.h"

struct target {
	char *name;      /* of the node; NULL at the root */
	char *path;      /* absolute: where it lies */
	bool leaf;       /* all of it belongs to the snapshot; else a directory above such */
	bool named;      /* a leaf the user named: no exclude applies to it */
	uint64_t device; /* a leaf that is not named: st_dev of the target it was found in, for
			    --one-file-system */
	struct target **child; /* sorted by raw name bytes; none in a leaf */
	size_t n, cap;
	char *root; /* top-level components: where the name was looked up: "/", ".", ".." … */
};

/* target_tree: an owned tree.  A directory that has to be read and cannot be is an error. */
int target_tree(const struct strlist *targets, const char *cwd, struct target **out,
	struct err *err);
void target_free(struct target *t);

#endif
