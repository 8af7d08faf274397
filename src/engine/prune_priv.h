/*
 * prune_priv: one rank's part of a prune, for the files prune*.c.  Each of them uses only those
 * above it here:
 *
 *     prune_plan.c    which packs go; pure
 *     prune_say.c     what is told to the user, and to all ranks
 *     prune_sums.c    what it is planned from
 *     prune_move.c    what is needed of packs that go, into new ones
 *     prune_index.c   index files of what stays
 *     prune_remove.c  files are removed, while the lock is held
 *     prune.c         their order
 *
 * Every function is for the loop thread.  "Collective": all ranks call it.
 */
#ifndef ENGINE_PRUNE_PRIV_H
#define ENGINE_PRUNE_PRIV_H
#include "engine/prune.h"
#include "engine/storing.h"
#include "ranks/mark.h"
#include "repo/packtable.h"
#include "repo/snapshots.h"

enum { PRUNE_NEEDED, PRUNE_SEVERAL, PRUNE_NAMED }; /* bits of the catalog */

/* A note to rank 0: a blob that no copy of can be read; only some of them are told. */
enum { PRUNE_BAD_BLOB };
#define PRUNE_BAD_MAX 64

/* What a rank has besides the catalog, one after the other: packs of trees; packs on their way in
 * and out. */
#define PRUNE_TREE_CACHE ((size_t)96 << 20)
#define PRUNE_IN         ((size_t)32 << 20)
#define PRUNE_OUT        ((size_t)128 << 20)

struct prune_ids {
	struct id *id; /* owned */
	size_t n;
};
void prune_ids_add(struct prune_ids *s, const struct id *id);

struct prune {
	struct router *router;
	struct agree *agree;
	struct run *run;
	struct repo *repo;
	const struct env *env;
	const struct prune_options *opt;
	const struct prune_events *ev;
	const volatile int *stop; /* of this rank */
	volatile int halted;      /* likewise; also for what happens on other ranks */
	struct catalog *catalog;
	struct mark *mark;       /* while it goes on */
	struct storing *storing; /* likewise */
	struct prune_counts n;   /* of this rank */
	_Atomic uint64_t named;  /* packs in the index files that this rank has read */
	bool told_stopped;

	/* rank 0 */
	struct prune_result *res;
	struct snapshots snapshots;
	struct packtable *packs; /* sums of all packs; with one rank the catalog's own */
	struct packtable *own;   /* the same where it is to be freed, else NULL */
	struct prune_pack *plan; /* of all packs, n_plan of them */
	size_t n_plan;
	struct prune_ids indexes;      /* index files before anything was done */
	struct prune_ids unreferenced; /* packs */
	struct prune_ids old_indexes;  /* to be removed */
	struct prune_ids bad_blobs;    /* that no copy of can be read; some of them */
	bool named_twice;              /* some pack is, by two index files */
	enum prune_stage { PRUNE_TREES = 1, PRUNE_MOVE, PRUNE_FILES } stage;
	uint64_t total, done; /* of PRUNE_FILES */
};

/* ---- prune_say.c ---- */

/* On rank 0: something begins; why nothing may go; what is good to know.  Nothing on others. */
void prune_stage(struct prune *p, enum prune_stage stage, const char *what, uint64_t total);
void prune_bad(struct prune *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void prune_hint(struct prune *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void prune_progress(struct prune *p);
/* This rank was stopped, or the run is over. */
bool prune_stopped(const struct prune *p);
/* On rank 0: the counts of all ranks. */
struct prune_counts prune_sum(const struct prune *p);
/* Collective: rank 0's answer. */
bool prune_agreed(struct prune *p, bool yes);
/* On rank 0: whose data that is: below the snapshots, what is in no index, cannot be read, is one
 * of p->bad_blobs, or lies in packs that the plan calls missing or of a wrong size. */
void prune_name(struct prune *p);
/* struct run_ops.note */
void prune_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n);

/* ---- the steps; what ends them is told by run_fail, if they return nothing ---- */

/*
 * prune_sums: collective, once all that is needed is marked: what the store has and what is needed
 * of it: p->plan without fates, the figures that a plan begins with, p->unreferenced.  The same
 * code on all ranks; here it is an error of its own.
 */
int prune_sums(struct prune *p, struct err *err);
/* prune_sums_tell: collective: the fates of all packs, to each rank's share of the catalog. */
void prune_sums_tell(struct prune *p);
/* prune_move: collective: what is to be moved lies in new packs, indexed, or the run has ended.  An
 * error that it returns is that of all: nothing was begun. */
int prune_move(struct prune *p, struct err *err);
/* prune_index: collective: index files without what goes; then p->old_indexes may be removed. */
void prune_index(struct prune *p);
/* prune_remove: collective: these files; must: one that may still exist ends the run. */
struct prune_remove {
	const char *phase;
	enum backend_type type;
	const struct prune_ids *ids; /* of rank 0 */
	bool must;
	uint64_t removed, left; /* out, on rank 0 */
};
void prune_remove(struct prune *p, struct prune_remove *r);

#endif
