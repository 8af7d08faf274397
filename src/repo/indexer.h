/*
 * indexer: collects the packs that are stored and saves them as index files (docs/format.md 6): one
 * every 50 000 blobs or few minutes, so that a run that dies leaves reusable packs. Loop thread
 * only; saving happens on a thread of its own.  A pack is never split over two files. In a rescue
 * (base/rescue.h) what is not saved yet is saved; then a pack may be named by two files.
 */
#ifndef REPO_INDEXER_H
#define REPO_INDEXER_H
#include "repo/repo.h"

#define INDEXER_BLOBS 50000

struct indexer;
/* failed: the run cannot succeed.  max_age_ns: save what there is after so long (default 5 min =
 * 0). */
struct indexer *indexer_new(struct repo *r, int64_t max_age_ns,
	void (*failed)(void *arg, const struct err *e), void (*flushed)(void *arg), void *arg);
void indexer_add(struct indexer *x, const struct id *pack, const struct blob *b, size_t n);
void indexer_tick(struct indexer *x); /* now and then: looks at the age */
/* save the rest; flushed() when every index file is stored or failed */
void indexer_flush(struct indexer *x);
/* indexer_drop: what is not on its way yet is not saved, now or later.  Whether there was any. */
bool indexer_drop(struct indexer *x);
size_t indexer_saved(const struct indexer *x); /* index files written */
void indexer_free(struct indexer *x);

#endif
