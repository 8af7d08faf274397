/*
 * loader_cache: the packs that trees come from: a small record of each that was ever wanted, for
 * tree packs are few, and the bytes of those used last, within a bound.  Part of loader.h; loop
 * thread only.
 *
 * A pack that had to leave the cache and is wanted again comes in parts from then on: the trees of
 * many ranks' runs lie side by side, and with more packs in use at once than there is room for,
 * each tree would cost a whole pack.  What is wanted at one time lies close together in each of
 * them.
 */
#ifndef REPO_LOADER_CACHE_H
#define REPO_LOADER_CACHE_H
#include "base/buf.h"
#include "format/blob.h"

#define LOADER_FEW 3 /* trees of a large pack that come by themselves */

/* A pack, or a part of one. */
struct loader_pack {
	struct id id;
	uint64_t at;              /* a part: its first byte in the pack */
	size_t size;              /* 0: not known */
	struct loader_pack *part; /* n_part of them, once it has left the cache */
	size_t n_part;
	uint64_t end;    /* behind the last byte that was wanted of it */
	unsigned wanted; /* so often, while it was not there */
	bool single;     /* too large to be fetched whole */
	bool cached;
	struct buf data; /* when cached */
	size_t refs;     /* decodes that read it */
	struct loader_pack *newer, *older;
	struct loader_fetch
		*fetch; /* that more trees may join: not started, or of the whole pack */
};

struct loader_cache {         /* to be read only */
	size_t bytes, cached; /* at most, and now (more while decodes read them) */
	size_t part;          /* bytes of one, without its overlap with the next */
	struct hashtab *packs;
	struct loader_pack *newest, *oldest; /* cached ones */
};

struct loader_cache *loader_cache_new(size_t bytes);
void loader_cache_free(struct loader_cache *c);
/* loader_cache_pack: the record of this pack, made when there is none. */
struct loader_pack *loader_cache_pack(struct loader_cache *c, const struct id *id);
/* loader_cache_part: where the blob is to be had from: the pack, or a part of it; NULL: it lies
 * across a border. */
struct loader_pack *loader_cache_part(struct loader_cache *c, struct loader_pack *p,
	const struct blob *b);
/* loader_cache_add: p->data is there now.  loader_cache_touch: it was used.  loader_cache_shrink:
 * lets go what was not used longest and is read by nobody, until the bound is kept. */
void loader_cache_add(struct loader_cache *c, struct loader_pack *p);
void loader_cache_touch(struct loader_cache *c, struct loader_pack *p);
void loader_cache_shrink(struct loader_cache *c);

#endif
