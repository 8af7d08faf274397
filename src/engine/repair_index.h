/*
 * repair_index: an index that names what the packs hold, by their own headers: entries of packs
 * that are not there go, packs that no index names, or that are of another size than it says, are
 * read anew.  By rank 0 alone, under the exclusive lock; also for recover and repair packs.
 *
 * New index files are stored before old ones are removed: at each moment every pack that stays is
 * named by one.
 */
#ifndef ENGINE_REPAIR_INDEX_H
#define ENGINE_REPAIR_INDEX_H
#include "repo/lock.h"

struct repair_events {
	/* A sentence about what is done; found: about something that was wrong.  Any may be NULL.
	 */
	void (*say)(void *arg, const char *sentence);
	void (*found)(void *arg, const char *sentence);
	bool (*stopped)(void *arg);
	void *arg;
};

struct repair_index_options {
	bool read_all; /* all packs are read, whatever the index says */
	/* Packs that no index is to name any more, whatever they hold; borrowed. */
	const struct id *drop;
	size_t n_drop;
	bool only_drop; /* nothing else is looked for */
};

struct repair_index_result {
	uint64_t found; /* packs and index files that were not right */
	uint64_t packs_read, saved, removed;
};

/* repair_index_run: loop thread; waits (loop_until). */
int repair_index_run(struct repo *r, const struct repair_index_options *o,
	const struct repair_events *ev, struct repair_index_result *res, struct err *err);

#endif
