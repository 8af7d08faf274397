/*
 * recover: a tree of all trees that nothing refers to: what is left of snapshots that were removed.
 *
 * Memory: 40 bytes for each tree of the repository.  Waits (loop_until); loop thread only.
 */
#ifndef ENGINE_RECOVER_H
#define ENGINE_RECOVER_H
#include "engine/repair_index.h"
#include "engine/writing.h"
#include "repo/loader.h"
#include "repo/snapshots.h"

struct recover_result {
	size_t roots;   /* trees that nothing refers to */
	size_t unread;  /* trees that could not be read, and were told */
	struct id tree; /* of which those are the entries; stored, if there are any */
};

int recover_run(struct router *r, struct agree *a, struct repo *repo, struct catalog *catalog,
	struct loader *loader, const struct snapshots *all, const struct writing_options *o,
	const struct repair_events *ev, struct recover_result *res, struct err *err);

#endif
