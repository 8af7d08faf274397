/*
 * reindex: index files of what stays, out of old ones that name more; for prune and repair.
 *
 * Old files are read one after the other; what stays of those that have to change is collected in
 * new ones.  What one file says of a pack may be all of it, as every program of today writes it, or
 * a part, which very old ones did.  All of it is written once; a part is written as it is: no entry
 * of a pack that stays is ever lost.  Loop thread only.
 */
#ifndef REPO_REINDEX_H
#define REPO_REINDEX_H
#include "repo/packtable.h"
#include "repo/repo.h"

struct reindex {
	struct repo *repo;
	/* Sums of all packs that the files name; `user`: CATALOG_STAYS, or it goes (enum
	 * catalog_fate). */
	struct packtable *packs;
	const struct id *index; /* the old files, n of them */
	size_t n;
	bool (*stopped)(void *arg); /* to end early; then nothing is to be removed */
	void (*read)(void *arg);    /* one more of the files was */
	/* once: all that stays is stored, or err says why not.  After it: old, n_old: the files
	 * that may be removed */
	void (*done)(void *arg);
	void *arg;
	struct id *old; /* owned, by reindex_release */
	size_t n_old;
	struct err err;
	uint64_t saved;
	struct reindexing *own;
};

/* reindex_begin: what it is to do is set by the caller; files beside those of `index` may be given
 * what to name by reindex_add, until reindex_start. */
void reindex_begin(struct reindex *r);
void reindex_add(struct reindex *r, const struct id *pack, const struct blob *b, size_t n);
void reindex_start(struct reindex *r);
void reindex_release(struct reindex *r); /* after done */

#endif
