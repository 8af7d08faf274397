/*
 * packlist: what a pack says of itself: the blobs in its header (docs/format.md 4).
 */
#ifndef REPO_PACKLIST_H
#define REPO_PACKLIST_H
#include "repo/repo.h"

/*
 * packlist_read: the header of a pack whose file has so many bytes: *out is a heap array of *n
 * blobs.  ERR_INVALID when it is none, or was read wrong twice.  Reads the end of the file alone.
 * Blocking, any thread.
 */
int packlist_read(struct repo *r, const struct id *pack, uint64_t size, struct blob **out,
	size_t *n, struct err *err);
/* packlist_find: the same of a whole pack in memory. */
int packlist_find(struct repo *r, const uint8_t *p, size_t size, struct blob **out, size_t *n,
	struct err *err);

#endif
