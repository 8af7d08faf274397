/*
 * target: the upper part of a snapshot's tree, made of the targets' path components (restic-format.md 11.1).  Lexical, but for reading the directory that "." or "/" stands for.
 */
#ifndef ENGINE_TARGET_H
#define ENGINE_TARGET_H
#include "base/err.h"
#include "format/snapshot.h"

struct target {
	char *name;            /* of the node; NULL at the root */
	char *path;            /* absolute: where it lies */
	bool leaf;             /* a target itself; else a directory above targets */
	struct target **child; /* sorted by raw name bytes */
	size_t n;
	char *root; /* top-level components: where the name was looked up: "/", ".", ".." … */
};

/* target_tree: an owned tree.  A target below another one is part of it.  ERR_* when "." or "/" cannot be listed. */
int target_tree(const struct strlist *targets, const char *cwd, struct target **out, struct err *err);
void target_free(struct target *t);

#endif
