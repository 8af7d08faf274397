/*
 * treebuild: a directory that waits for its children (ranks/pending.h), and then becomes a tree.
 *
 * A slot holds the finished children's JSON.  Loop thread only, except treebuild_tree(), which a
 * worker runs on a slot nobody else touches any more.
 */
#ifndef ENGINE_TREEBUILD_H
#define ENGINE_TREEBUILD_H
#include "engine/item.h"
#include "engine/nodemake.h"
#include "kern/hash.h"

struct treebuild_child {
	const uint8_t *json; /* NULL: not included (yet, or ever) */
	size_t n;
	bool owned; /* json is on the heap */
};

struct treebuild_slot {
	struct dirref up;
	bool root; /* no node, no dirref: the tree is the snapshot's */
	char *name;
	char *path; /* only where it will be said; paths of deep directories that are open at once
		       would fill the memory */
	struct meta meta;
	struct xattr_list xattr;
	bool has_parent, meta_same, doubt; /* doubt: see struct item */
	struct id parent;                  /* the parent's tree of this directory */
	struct buf arena;                  /* JSON of children that were ready at once */
	struct treebuild_child *child;
	size_t n;
	/* results of treebuild_tree */
	struct task task;
	void *arg;
	struct id tree;
	size_t kept; /* children that are included */
	struct buf tree_json, node_json;
	struct err err;
};

/* treebuild_new: a directory of n children, none of which is included.  treebuild_free: NULL is
 * fine. */
struct treebuild_slot *treebuild_new(size_t n);
void treebuild_free(struct treebuild_slot *s);
/* treebuild_set: a child's json (heap, taken; NULL: it is not included). */
void treebuild_set(struct treebuild_slot *s, uint32_t child, uint8_t *json, size_t n);
/* treebuild_ready: a child whose JSON lies in the slot's arena, which does not change any more. */
void treebuild_ready(struct treebuild_slot *s, uint32_t child, size_t offset, size_t n);

/* treebuild_tree: the tree's JSON and id, and the directory's node in its parent (none for the
 * root); or s->err. */
void treebuild_tree(struct treebuild_slot *s, const struct nodemake *k, struct hash *h);

#endif
