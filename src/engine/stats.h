/*
 * stats: what files take, over snapshots, as restic counts it (docs/format.md 13.12).
 *
 * A tree that was visited is not read again: where it counts each time (restore size) its sums are
 * kept, but for what has several names, which counts once a snapshot; else whatever lies in it was
 * counted.  Memory: about 60 bytes for each tree, and hashes of 32 for each file of its own content
 * and, with STATS_BLOBS, for each blob of each path.  Waits; loop thread only.
 */
#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H
#include "base/env.h"
#include "repo/loader.h"

enum stats_mode {
	STATS_RESTORE,  /* what all of it takes when it is restored */
	STATS_CONTENTS, /* files of equal content count once */
	STATS_BLOBS     /* of these, each blob once a path */
};

struct stats_sums {
	uint64_t size, files, blobs;
};

struct stats;
struct stats *stats_new(enum stats_mode mode, struct loader *l, struct catalog *c,
	const struct env *env);
void stats_free(struct stats *s); /* NULL is fine */
/* stats_visit: one more snapshot's tree.  *stop (may be NULL) becomes non-zero: ERR_CANCELLED. */
int stats_visit(struct stats *s, const struct id *tree, const volatile int *stop, struct err *err);
struct stats_sums stats_sums(const struct stats *s);

#endif
