/*
 * check: is everything there, and (read_data) is every byte right (docs/format.md 13.9).  By all
 * ranks together: each blob is looked at by one of them, and each pack is read by one.
 */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H
#include "ranks/run.h"
#include "repo/loader.h"
#include "repo/snapshots.h"

struct check_options {
	bool read_data;
	unsigned subset_n, subset_t; /* n/t, 0 = all */
	double subset_percent;       /* random x %, 0 = off */
	uint64_t subset_bytes;       /* random packs of about so many bytes, 0 = off */
	/* Only these snapshots, and of the data what they need; on rank 0, borrowed.  The structure
	 * of the repository itself is looked at all the same. */
	bool some;
	const struct snapshot *const *only;
	size_t n_only;
};

#define CHECK_COUNTS(X) X(trees_found) X(trees_read) X(trees) X(blobs) X(bad_trees) X(packs_read)
struct check_counts { /* in the order of the list: struct run_ops */
#define CHECK_COUNT(name) uint64_t name;
	CHECK_COUNTS(CHECK_COUNT)
#undef CHECK_COUNT
};

struct check_result {
	uint64_t errors, hints, packs_read, snapshots, trees, blobs;
	struct id *broken; /* packs; owned */
	size_t n_broken;
	bool suggest_repair_index, suggest_prune;
};
void check_result_release(struct check_result *r);

/* On rank 0, but for `stopped`.  Any of them may be NULL. */
struct check_events {
	void (*error)(void *arg, const char *message);
	void (*hint)(void *arg, const char *message);
	void (*stage)(void *arg,
		const char *what); /* "load indexes", "check all packs", "check snapshots, trees and
				      blobs", "read all data" */
	/* Now and then: so many of the stage's trees or packs; of trees total grows while they are
	 * found. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	/* each rank: some rank was stopped; now and then more than once */
	void (*stopped)(void *arg);
	void *arg;
};

/*
 * check_run: collective, with the same options.  0 when it could run to its end (on rank 0
 * result->errors says whether the repository is good); the same code on all ranks.  A damaged index
 * file ends it early, since what it does not tell would only look missing.  What is wrong with
 * trees is told as one rank would tell it, in its order.  A pack that is wrong is read a second
 * time: when it is right then, that is an error all the same, but the pack is not `broken`; neither
 * is one that the store did not give.
 */
int check_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env,
	const struct check_options *opt, const struct check_events *ev, const volatile int *stop,
	struct check_result *result, struct err *err);

#endif
