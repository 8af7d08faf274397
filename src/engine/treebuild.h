/*
 * treebuild: directories that wait for their children; the last child's arrival turns one into a
 * tree.
 *
 * A slot holds the finished children's JSON until pending is zero.  Loop thread only, except
 * treebuild_tree(), which a worker runs on a slot nobody else touches any more.
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
	bool settled;
};

struct treebuild_slot {
	uint32_t number;
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
	uint32_t pending;
	/* results of treebuild_tree */
	struct task task;
	void *arg;
	struct id tree;
	size_t kept; /* children that are included */
	struct buf tree_json, node_json;
	struct err err;
};

struct treebuild;
struct treebuild *treebuild_new(void);
void treebuild_free(struct treebuild *t); /* with all slots left */
/* treebuild_open: a slot for n children, all pending. */
struct treebuild_slot *treebuild_open(struct treebuild *t, size_t n);
/*
 * treebuild_set: a child is settled: takes json (heap; NULL: not included).  The slot when it was
 * the last one, else NULL.  A slot or child that does not exist or is settled already: NULL and
 * *bad is set.
 */
struct treebuild_slot *treebuild_set(struct treebuild *t, uint32_t slot, uint32_t child,
	uint8_t *json, size_t n, bool *bad);
/* treebuild_ready: a child that was pending and whose JSON lies in the slot's arena, which does not
 * change any more. */
void treebuild_ready(struct treebuild_slot *s, uint32_t child, size_t offset, size_t n);
void treebuild_close(struct treebuild *t, struct treebuild_slot *s); /* frees it */
size_t treebuild_count(const struct treebuild *t);

/* treebuild_tree: the tree's JSON and id, and the directory's node in its parent (none for the
 * root); or s->err. */
void treebuild_tree(struct treebuild_slot *s, const struct nodemake *k, struct hash *h);

#endif
