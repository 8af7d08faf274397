/*
 * repair_packs: what can still be read of damaged packs is stored in new ones, and the damaged ones
 * go: first out of the index, then out of the store.  By rank 0 alone, under the exclusive lock.
 *
 * What was indexed of a pack and what its header says are both tried; each blob is opened, and its
 * SHA-256 compared, before it counts as saved.
 */
#ifndef ENGINE_REPAIR_PACKS_H
#define ENGINE_REPAIR_PACKS_H
#include "engine/repair_index.h"
#include "engine/writing.h"

struct repair_packs_result {
	uint64_t saved, lost; /* blobs; lost: entries that could not be read */
};

/* repair_packs_run: catalog: loaded, of this process alone; it is of no use afterwards.  Waits
 * (loop_until). */
int repair_packs_run(struct router *r, struct agree *a, struct repo *repo, struct catalog *catalog,
	const struct id *pack, size_t n, const struct writing_options *o,
	const struct repair_events *ev, struct repair_packs_result *res, struct err *err);

#endif
