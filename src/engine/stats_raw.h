/*
 * stats_raw: the blobs that trees need, each counted once, and their sizes: by all ranks together,
 * by the mark (ranks/mark.h).
 */
#ifndef ENGINE_STATS_RAW_H
#define ENGINE_STATS_RAW_H
#include "ranks/run.h"
#include "repo/loader.h"

/* Bytes: stored; as they would be uncompressed and sealed; the same two of those that are
 * compressed. */
#define STATS_RAW(X) X(blobs) X(stored) X(plain) X(packed) X(packed_plain)
struct stats_raw { /* in the order of the list: struct run_ops */
#define STATS_RAW_MEMBER(name) uint64_t name;
	STATS_RAW(STATS_RAW_MEMBER)
#undef STATS_RAW_MEMBER
};

/*
 * stats_raw_run: collective.  roots: n trees, on rank 0; the sums are in *sum there.  A tree that
 * cannot be read, and a blob that no index has, end it.  stopped(arg): some rank was stopped; now
 * and then more than once.  The same code on all ranks.
 */
int stats_raw_run(struct router *r, struct agree *a, struct repo *repo, const struct id *roots,
	size_t n, void (*stopped)(void *arg), void *arg, const volatile int *stop,
	struct stats_raw *sum, struct err *err);

#endif
