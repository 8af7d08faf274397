/*
 * check_read: every byte of one pack: its name, its header against the index, and each blob's MAC,
 * contents and name.  Pure: any thread.
 */
#ifndef ENGINE_CHECK_READ_H
#define ENGINE_CHECK_READ_H
#include "repo/catalog.h"
#include "repo/repo.h"

struct check_read {
	size_t faults;
	struct err first; /* of them; ERR_NOMEM: memory is all that was missing, and nothing is
			     known */
	bool moved;       /* the header is not what the index says */
};

/* check_read: the n bytes at p are the whole file of `pack` (its sums gathered).  Ends early, with
 * what was found so far, when *stop (may be NULL) is set. */
void check_read(struct repo_ctx *ctx, const struct catalog_pack *pack, const uint8_t *p, size_t n,
	const volatile int *stop, struct check_read *out);

#endif
