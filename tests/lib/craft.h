/*
 * craft: a repository in memory, or in a directory, whose blobs, trees and snapshots a test makes
 * one by one, also such as no writer would make.
 *
 * The key of one in memory is drawn, not derived.  One thread uses it; craft_save and craft_load
 * run the loop.
 */
#ifndef LIB_CRAFT_H
#define LIB_CRAFT_H
#include "base/env.h"
#include "format/tree.h"
#include "repo/catalog.h"
#include "repo/indexer.h"
#include "repo/loader.h"
#include "repo/reader.h"
#include "repo/saver.h"

struct craft {
	struct env env;
	struct backend *be; /* what the repository is read through; may be exchanged between
			       craft_save and craft_load */
	struct repo *repo;
	/* writing */
	struct blobtable *written;
	struct catalog *catalog;
	struct saver *saver;
	struct indexer *indexer;
	bool flushed;
	/* reading */
	struct blobtable *table;
	struct catalog *found;
	struct loader *loader;
	struct reader *reader;
};

void craft_init(struct craft *c, size_t threads);
/* at a local place that does not exist, for what opens it by a password */
void craft_init_at(struct craft *c, size_t threads, const char *dir, const char *password);
void craft_release(struct craft *c);

struct id craft_blob(struct craft *c, enum blob_type t, const void *p, size_t n);
struct id craft_text(struct craft *c, const char *text); /* a data blob */
/* what was put is in packs and an index file now; one pack a type and call */
void craft_save(struct craft *c);
/* what was put before is stored again when it is put again: second copies */
void craft_forget(struct craft *c);
/* (again) the catalog and a loader over all index files */
void craft_load(struct craft *c);

/* A tree of nodes in the order given; names are not checked. */
struct craft_tree {
	struct buf json;
	bool any;
};
void craft_tree(struct craft_tree *t);
/* mode 0755 or 0644, owner and times of 2001 */
struct node craft_node(enum node_type type, const char *name);
void craft_put(struct craft_tree *t, struct node *n);
void craft_file(struct craft_tree *t, const char *name, const struct id *content, size_t n,
	uint64_t size);
void craft_dir(struct craft_tree *t, const char *name, const struct id *subtree);
void craft_link(struct craft_tree *t, const char *name, const char *target);
void craft_raw(struct craft_tree *t, const char *json); /* a node as text */
struct id craft_end(struct craft *c, struct craft_tree *t);
struct id craft_empty(struct craft *c); /* the empty tree */

/* craft_place: the nth place of a blob, after craft_load; ends the program if there is none. */
struct catalog_place craft_place(struct craft *c, enum blob_type t, const struct id *id,
	unsigned nth);
/* craft_spoil: flips a bit of a stored pack at this offset; craft_cut: leaves only the first n
 * bytes. */
void craft_spoil(struct craft *c, const struct id *pack, size_t offset);
void craft_cut(struct craft *c, const struct id *pack, size_t n);

/* craft_index: an index file that says this of a pack. */
void craft_index(struct craft *c, const struct id *pack, const struct blob *b, size_t n);
/* craft_blobs: what the index says is in the pack, in the order of offsets; at most max.  After
 * craft_load. */
size_t craft_blobs(struct craft *c, const struct id *pack, struct blob *b, size_t max);

struct id craft_snapshot(struct craft *c, const struct id *tree);

#define CRAFT_TIME 1000000000 /* seconds */

#endif
