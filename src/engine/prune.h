/*
 * prune: removes what no snapshot needs (docs/format.md 14; docs/run.md, "The phases of prune"; ADR
 * 15).  By all ranks together: packs that hold nothing needed go, what is needed of others is moved
 * into new ones.  In an order in which no moment leaves a snapshot without its data.
 *
 * The caller has the exclusive lock, unless it is a dry run.
 */
#ifndef ENGINE_PRUNE_H
#define ENGINE_PRUNE_H
#include "engine/prune_plan.h"
#include "ranks/run.h"
#include "repo/lock.h"

struct prune_options {
	bool dry_run;             /* nothing is written or removed: only the figures are made */
	struct prune_rules rules; /* `version` is filled in */
	size_t pack_size;
	uint64_t memory;   /* bytes that a rank may have; 0: any number */
	int64_t signal_ns; /* struct run_ops */
	const int64_t *early_ns;
	struct lock *lock; /* rank 0; NULL: none */
	/* rank 0: snapshots that count as removed, whatever a listing shows; borrowed */
	const struct id *gone;
	size_t n_gone;
};

/* Figures of what goes on, in the order of the list: struct run_ops. */
#define PRUNE_COUNTS(X) X(trees_found) X(trees_read) X(bad) X(packs_read) X(to_move) X(moved)
struct prune_counts {
#define PRUNE_COUNT(name) uint64_t name;
	PRUNE_COUNTS(PRUNE_COUNT)
#undef PRUNE_COUNT
};

struct prune_result {
	struct prune_stats stats;
	struct prune_counts counts;
	uint64_t packs_removed,
		packs_left; /* left: that could not be removed; they are in no index */
	uint64_t indexes_removed, indexes_saved;
	uint64_t temps_removed; /* files that killed writers had left */
	uint64_t too_large;     /* nothing was done: a rank would need about so many bytes */
};

/* On rank 0, but for `stopped`.  Any of them may be NULL. */
struct prune_events {
	void (*stage)(void *arg, const char *what); /* what begins */
	/* now and then: so many of the stage's are done */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	/* Why nothing may be removed, or what could not be: a sentence. */
	void (*error)(void *arg, const char *message);
	void (*hint)(void *arg, const char *message);
	/* The plan is made; in a dry run nothing follows. */
	void (*planned)(void *arg, const struct prune_stats *s);
	/* each rank: some rank was stopped; now and then more than once */
	void (*stopped)(void *arg);
	void *arg;
};

/*
 * prune_run: collective, with the same options; the same code on all ranks.  ERR_INVALID where
 * something that is needed is missing or damaged: then it was said, and nothing that an index names
 * was removed.  ERR_NOMEM where the index is too large for opt->memory, before it is read.
 */
int prune_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env,
	const struct prune_options *opt, const struct prune_events *ev, const volatile int *stop,
	struct prune_result *result, struct err *err);

#endif
