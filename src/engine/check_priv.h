/*
 * check_priv: one rank's part of a check, for the files check*.c.  Each of them uses only those
 * above it here:
 *
 *     check_say.c     what is found, told to rank 0, and what that makes of the result
 *     check_index.c, check_packs.c, check_trees.c, check_data.c   the steps
 *     check.c         their order
 *
 * Every function is for the loop thread.  "Collective": all ranks call it.
 */
#ifndef ENGINE_CHECK_PRIV_H
#define ENGINE_CHECK_PRIV_H
#include "engine/check.h"
#include "repo/packtable.h"
#include "repo/strays.h"

/* catalog_pack.user, on rank 0 */
enum { CHECK_PACK_LISTED = 1, CHECK_PACK_BAD = 2 };

struct check {
	struct router *router;
	struct agree *agree;
	struct run *run;
	struct repo *repo;
	struct catalog *catalog;
	struct loader *loader;
	struct mark *mark; /* while it goes on */
	const struct env *env;
	const struct check_options *opt;
	const struct check_events *ev;
	const volatile int *stop; /* of this rank */
	volatile int halted;      /* likewise; also for what happens on other ranks */
	struct check_counts n;    /* of this rank */

	/* rank 0 */
	struct snapshots all; /* those that are checked */
	struct hashtab *said; /* hashes of the sentences that say where something is wrong */
	struct check_result *res;
	struct packtable *packs; /* of all ranks; with one rank the catalog's own */
	struct packtable *own;   /* the same where it is to be freed, else NULL */
	struct strays strays;    /* what lies among the files */
	size_t orphans;          /* packs in no index */
	uint64_t total;          /* packs to be read; 0: not that far */
	bool damaged;            /* an index */
	bool unindexed;          /* a blob that is needed is in no index */
	struct err odd_tree;     /* the first tree that could not be read */
};

/* ---- check_say.c ---- */

/* On any rank: a sentence for the user, counted as an error or a hint; a pack that is broken; what
 * to suggest.  On rank 0 all is done when they return; of another rank before a phase or the run is
 * over. */
enum check_advice { CHECK_REPAIR_INDEX = 1, CHECK_PRUNE = 2, CHECK_INDEX_DAMAGED = 4 };
void check_bad(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_hint(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_broken(struct check *c, const struct id *pack);
void check_advise(struct check *c, unsigned advice); /* of enum check_advice */
void check_odd_tree(struct check *c, const struct id *tree, const char *why);
/* On rank 0: struct run_ops.note */
void check_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n);
/* On rank 0: what is done from here on; nothing on others. */
void check_stage(struct check *c, const char *what, uint64_t total);
/* This rank was stopped, or the run is over. */
bool check_stopped(const struct check *c);

/* On rank 0: the counts of all ranks. */
struct check_counts check_sum(const struct check *c);

/* ---- the steps: what ends them is told by run_fail ---- */

/* check_index: collective: all index files into the catalog, the packs that several of them name,
 * and on rank 0 the sums of all packs.  The same code on all ranks; here it is an error of its own.
 */
int check_index(struct check *c, struct err *err);
/* check_packs: rank 0: what the store has, against those sums.  check_orphans: rank 0, after the
 * trees, which say whether anything is missed: packs that no index names may be just that, and must
 * not be called superfluous. */
void check_packs(struct check *c);
void check_orphans(struct check *c);
/* check_trees: collective: everything below the snapshots, which rank 0 loads.  check_trees_count:
 * what this rank has seen of it goes to c->n.  check_needed: collective, after it: on rank 0
 * `marked` of the packs: whether one of these snapshots needs anything in it. */
void check_trees(struct check *c);
void check_needed(struct check *c);
void check_trees_count(struct check *c);
/* check_data: collective: reads packs whole, as the options say. */
void check_data(struct check *c);
/* check_damage: rank 0, after all else: which files and directories need what is in broken packs:
 * hints, for the packs themselves were counted. */
void check_damage(struct check *c);
void check_trees_release(struct check *c);

#endif
