/*
 * damage: where something is wrong: a walk of snapshots, by paths, that names the files and
 * directories whose trees or blobs are not there.  For what a mark has found without paths
 * (ranks/mark.h); a good repository does not pay for it.
 *
 * On rank 0, by itself; the others answer for what they own.  Waits (loop_until).
 */
#ifndef ENGINE_DAMAGE_H
#define ENGINE_DAMAGE_H
#include "repo/loader.h"
#include "repo/snapshots.h"

struct damage_ops {
	/* A sentence about one thing.  unindexed: it needs what is in no index. */
	void (*say)(void *arg, const char *sentence, bool unindexed);
	bool (*stopped)(void *arg);
	/* Why this place, which an index names, does not count: a word or two about its pack; NULL:
	 * it does.  A blob none of whose places counts is told of.  May be NULL. */
	const char *(*bad_place)(void *arg, const struct catalog_place *at);
	void *arg;
};

/* damage_name: all that is wrong below these snapshots, each tree once.  bit: the catalog's, nobody
 * else's, not set before. */
int damage_name(struct catalog *c, struct loader *l, const struct env *env, unsigned bit,
	const struct snapshots *all, const struct damage_ops *ops, struct err *err);

#endif
