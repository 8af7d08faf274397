/*
 * mark: marks whatever is below trees, over all ranks: each tree is read once, by one rank, however
 * many snapshots hold it.
 *
 * Nobody walks paths.  A rank asks the catalog, in batches, to mark the subtrees and the contents
 * that a tree names; the trees that it is the first to mark become items of a run's phase, newest
 * first, and idle ranks steal them.  What was marked is a bit in the catalog afterwards, with sums
 * for each pack after catalog_gather.  What is wrong is told where it is seen, by the tree and not
 * by a path, of which it may have many.
 *
 * Loop thread only.  Bounded: trees being read, and bytes of what they name until the owners have
 * answered; what waits is one item for each directory beside the paths that are being gone down.
 */
#ifndef RANKS_MARK_H
#define RANKS_MARK_H
#include "ranks/run.h"
#include "repo/loader.h"

enum mark_bad {
	MARK_UNREADABLE, /* a tree that cannot be read, or is in no index: err says why */
	MARK_NODE,       /* a node of it that cannot be used, and is left out: err says why */
	MARK_NO_TREE,    /* a directory in it without a tree */
	MARK_NO_CONTENT, /* a file in it without a list of contents */
	MARK_UNKNOWN     /* a data blob of a file in it is in no index */
};

struct mark_ops {
	/* On the rank that has seen it.  tree: where; blob: of MARK_UNKNOWN, else NULL; err: or
	 * NULL.  Nothing is said once the run is cancelled. */
	void (*bad)(void *arg, enum mark_bad what, const struct id *tree, const struct id *blob,
		const struct err *err);
	void *arg;
};

/* Of this rank, until now. */
struct mark_counts {
	uint64_t found; /* trees that became items here */
	uint64_t read;  /* trees that were begun here and have ended */
	uint64_t trees; /* directories whose tree nobody had marked before; roots are none */
	uint64_t blobs; /* of data, newly marked */
	uint64_t bad;
};

/* mark_new: collective.  bit: the catalog's, 0 … 7, nobody else's meanwhile.  Borrows all. */
struct mark;
struct mark *mark_new(struct run *run, struct catalog *catalog, struct loader *loader, unsigned bit,
	const struct mark_ops *ops);
void mark_free(struct mark *m); /* NULL is fine */

/*
 * mark_run: collective, blocking: a phase of the run.  roots: n trees, each of which may come again
 * (on other ranks too, or n is 0 there); they are marked like all others.  Returns the run's end;
 * only RUN_GOES_ON says that all was marked.
 */
enum run_end mark_run(struct mark *m, const struct id *roots, size_t n);
struct mark_counts mark_counts(const struct mark *m);

#endif
