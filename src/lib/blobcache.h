/*
 * blobcache: the data blobs that were read last, for many threads that read parts of them.
 *
 * Several that want one blob at once wait for one request.  Bounded in bytes and in blobs; what is
 * held by somebody is kept beyond that.  Any thread but the loop's.
 */
#ifndef LIB_BLOBCACHE_H
#define LIB_BLOBCACHE_H
#include "repo/reader.h"

struct blobcache;
struct blobcache *blobcache_new(size_t bytes);
void blobcache_free(struct blobcache *c); /* nothing may be held.  NULL is fine */

/* blobcache_get: its plaintext, which is lent until blobcache_put.  Nobody holds two at once: so
 * who waits for room waits for others. */
int blobcache_get(struct blobcache *c, struct reader *rd, const struct id *id,
	const struct buf **plain, struct err *err);
void blobcache_put(struct blobcache *c, const struct buf *plain);

#endif
