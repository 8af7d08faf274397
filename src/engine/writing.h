/*
 * writing: blobs that one rank stores outside of a backup: what repair, rewrite and recover make.
 * A run of one rank: packs, then the index that names them (engine/storing.h).  Waits (loop_until);
 * loop thread only.
 */
#ifndef ENGINE_WRITING_H
#define ENGINE_WRITING_H
#include "engine/storing.h"
#include "ranks/agree.h"

struct writing_options {
	size_t pack_size;
	bool dry_run;
	struct lock *lock; /* NULL: none */
	const volatile int *stop;
};

struct writing;
struct writing *writing_new(struct router *r, struct agree *a, struct repo *repo,
	struct catalog *catalog, const struct writing_options *o);
/* writing_put: takes `plain`, whose SHA-256 is id; nothing is stored of what the catalog knows.
 * An error: the run cannot succeed any more. */
int writing_put(struct writing *w, enum blob_type t, const struct id *id, struct buf *plain,
	struct err *err);
/* writing_end: once: 0 when all of it is stored and indexed. */
int writing_end(struct writing *w, struct err *err);
void writing_free(struct writing *w); /* after writing_end; NULL is fine */

#endif
