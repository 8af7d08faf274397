/*
 * loader: trees out of packs, few requests (../design "Reading trees").
 *
 * A pack that a second tree is wanted from is fetched whole and kept in an LRU bounded in bytes;
 * one that has left it comes back in parts. Several requests for one pack share its fetch. Decoding
 * runs on env->cpu. A damaged copy is replaced by another place of the same blob if there is one.
 * Loop thread only.
 */
#ifndef REPO_LOADER_H
#define REPO_LOADER_H
#include "base/env.h"
#include "repo/seek.h"
#include "repo/repo.h"

#define LOADER_CACHE ((size_t)160 << 20) /* two and a half packs of the default size */

/* loader_new: keeps so many bytes of packs. */
struct loader;
struct loader *loader_new(struct repo *r, struct catalog *catalog, size_t cache_bytes);
void loader_free(struct loader *l); /* no request may be under way */

struct loader_tree {
	struct id id;
	struct buf plain;                    /* result, owned by the request's owner */
	struct err err;                      /* code 0 on success */
	void (*done)(struct loader_tree *t); /* on the loop */
	void *arg;
	/* the loader's own */
	struct seek seek;
	struct task task;
	struct loader *loader;
	struct loader_pack *pack;
	struct loader_fetch *fetch;
	struct loader_tree *next;
	bool alone, again; /* this copy: by a request of its own; for the second time */
	struct err first;  /* what was wrong with the first copy */
};
/* loader_tree_get: id, done, arg set by the caller; t must live until done. */
void loader_tree_get(struct loader *l, struct loader_tree *t);
/* loader_tree_wait: the same, waiting until it is there (loop_until). */
int loader_tree_wait(struct loader *l, const struct id *id, struct buf *plain, struct err *err);

struct loader_stats {
	uint64_t gets, bytes, trees, hits;
};
void loader_stats(const struct loader *l, struct loader_stats *out);

#endif
