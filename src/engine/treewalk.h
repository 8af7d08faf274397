/*
 * treewalk: reads the trees of a snapshot depth first in restic's order, with children fetched
 * ahead.  For files, find, dump, restore, check. Waits for them; loop thread only.  Memory: the
 * trees on the current path and a bounded read-ahead.
 */
#ifndef ENGINE_TREEWALK_H
#define ENGINE_TREEWALK_H
#include "format/tree.h"
#include "repo/loader.h"

enum treewalk_next { TREEWALK_GO, TREEWALK_SKIP /* do not enter this directory */, TREEWALK_STOP };

struct treewalk_entry {
	const char *path; /* "/a/b", below the root given */
	size_t path_len;
	const struct node *node;
	const struct id *tree; /* the tree that holds the node */
	unsigned depth;        /* 0 = entries of the root */
	const uint8_t *json;   /* the node as it is stored; not with `leave` */
	size_t json_len;
};

struct treewalk_fn {
	/* every node, directories before their contents */
	enum treewalk_next (*enter)(void *arg, const struct treewalk_entry *e);
	/* a directory that was entered, after its contents; may be NULL */
	void (*leave)(void *arg, const struct treewalk_entry *e);
	/* a directory's tree that cannot be read, or a node of it that cannot be used, which is
	   left out (its name is ? if it has none; its path is never one that was entered); NULL:
	   the walk ends with the error */
	enum treewalk_next (*failed)(void *arg, const char *path, const struct err *e);
	void *arg;
};
/* treewalk_run: root_path is put in front of all paths ("" or "/sub").  0, or the first error;
 * stopping early is 0. */
int treewalk_run(struct loader *l, const struct env *env, const struct id *root,
	const char *root_path, const struct treewalk_fn *fn, struct err *err);

/*
 * treewalk_find: the node at a clean absolute path below the tree; `names` of *out point into *hold
 * (released by the caller).  "/" gives a directory node with subtree = root.
 */
struct treewalk_node {
	struct tree_in in;
	struct buf plain;
	struct node node;
	struct id tree; /* holding it */
};
/* ERR_NOTFOUND */
int treewalk_find(struct loader *l, const struct id *root, const char *path,
	struct treewalk_node *out, struct err *err);
void treewalk_node_release(struct treewalk_node *n);

#endif
