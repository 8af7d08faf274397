/*
 * uploader: finished packs on their way to the store; bounded number in flight; buffers are reused.
 */
#ifndef REPO_UPLOADER_H
#define REPO_UPLOADER_H
#include "repo/repo.h"

/* A pack in memory. */
struct pack {
	struct id id;
	enum blob_type type;
	struct buf data;   /* the stored bytes */
	struct blob *blob; /* n of them in pack order */
	size_t n, cap;
	size_t pending;       /* packer's: reserved, not committed */
	bool closed, broken;  /* packer's */
	struct backend_op op; /* uploader's */
	struct task task;
	struct uploader *up;
	struct pack *next;
};

/*
 * Fewer could stop for ever: an open data pack and an open tree pack may both wait for more blobs
 * while a large blob needs a pack of its own.
 */
#define UPLOADER_MIN 3

struct uploader;
/*
 * uploader_new(r, in_flight, stored, failed, arg): at most in_flight packs (at least UPLOADER_MIN)
 * are open or under way.  stored(arg, pack) is called on the loop thread once the store
 * acknowledged it (the pack is borrowed); failed(arg, err) on the loop thread, for each failure.
 */
struct uploader *uploader_new(struct repo *r, unsigned in_flight,
	void (*stored)(void *arg, const struct pack *p),
	void (*failed)(void *arg, const struct err *e), void *arg);
void uploader_free(struct uploader *u); /* nothing may be in flight */
struct pack *uploader_take(struct uploader *u,
	size_t room); /* an empty pack with `room` bytes reserved; blocks; NULL after
			 uploader_cancel */
void uploader_put(struct uploader *u, struct pack *p);  /* takes it: starts the PUT.  Any thread */
void uploader_drop(struct uploader *u, struct pack *p); /* back to the pool unused */
void uploader_fail(struct uploader *u, struct pack *p,
	const struct err
		*why); /* takes it: failed() will say why, prefixed with the pack.  Any thread */
/*
 * uploader_hold: from now on a pack that is stored keeps its place among in_flight until
 * uploader_release is called, once for each: so whoever keeps count of all packs is never behind by
 * more than in_flight of them.  Its buffer is free at once.  A pack that failed keeps its place for
 * good: a store that is full or dead is not asked again while the news are on their way to whoever
 * cancels.
 */
void uploader_hold(struct uploader *u);
void uploader_release(struct uploader *u);
/* from now on packs are not sent: stored() comes as if they had been (--dry-run) */
void uploader_discard(struct uploader *u, bool yes);
/* wakes takers; from now on every take fails.  What is under way goes on */
void uploader_cancel(struct uploader *u);
bool uploader_idle(struct uploader *u); /* nothing under way.  Loop thread: all stored/failed calls
					   have been made (the one that asks: is the last) */

#endif
