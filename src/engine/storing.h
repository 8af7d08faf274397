/*
 * storing: what one rank has saved becomes packs, and the packs of all ranks index files: of
 * add, and of whatever else stores blobs (prune, copy).
 *
 * Blobs go to storing_saver.  A pack that is stored is recorded on rank 0, which saves an index
 * file now and then; a rank may be ahead of what rank 0 has counted by some packs only
 * (engine/objects.h).  Two phases at the end bring all of it into the store (docs/run.md).  Loop
 * thread only.
 */
#ifndef ENGINE_STORING_H
#define ENGINE_STORING_H
#include "ranks/run.h"
#include "repo/lock.h"
#include "repo/saver.h"

struct storing_options {
	size_t pack_size;
	unsigned packs_in_flight; /* 0: by the backend's connections */
	bool dry_run;
	uint64_t objects_max; /* struct objects_options */
	bool objects_max_given;
	struct lock *lock; /* rank 0: of this run (engine/way.h); NULL: none */
};

/* storing_new: on each rank; borrows all but o. */
struct storing;
struct storing *storing_new(struct run *run, struct router *r, struct repo *repo,
	struct catalog *catalog, const struct storing_options *o);
void storing_free(struct storing *s); /* after storing_end, or unused; NULL is fine */

/* storing_begin: rank 0, blocking: objects_begin. */
int storing_begin(struct storing *s, uint64_t packs, uint64_t bytes, struct err *err);
struct saver *storing_saver(struct storing *s);
void storing_tick(struct storing *s); /* rank 0, now and then: looks at the index's age */
/* storing_cancel: the run was cancelled: what is not yet on its way is dropped.  storing_end still
 * completes. */
void storing_cancel(struct storing *s);

/*
 * storing_end: collective, blocking, whatever the run's end is; once: packs are filled with what
 * all ranks have left, stored, and indexed, as far as the run's end allows.  Returns the end as
 * run_phase does: RUN_GOES_ON: all that was saved is stored and indexed.
 */
enum run_end storing_end(struct storing *s);

/* Of rank 0, after storing_end. */
struct storing_result {
	uint64_t objects, objects_max; /* objects_there, objects_max */
	bool objects_full;             /* that is what has ended the run */
	bool index_lost;               /* an index file could not be saved */
};
void storing_result(const struct storing *s, struct storing_result *res);

#endif
