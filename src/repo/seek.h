/*
 * seek: the places of a blob that can hold it, one after the other, asked of the catalog.  Whoever
 * wrote the repository may have given it any number of places, also such as hold nothing: they are
 * passed over without recursion.  Loop thread only.
 */
#ifndef REPO_SEEK_H
#define REPO_SEEK_H
#include "repo/catalog.h"

struct seek {
	/* Set by the caller: type and id; nth, where to begin.  Then place is the answer, if found;
	 * for the next one add 1 to nth. */
	struct catalog_find find;
	bool exact; /* the plaintext must be of this length: */
	uint32_t plain;
	void (*done)(struct seek *s); /* once, maybe before seek_next returns */
	void *arg;
	struct catalog_place odd; /* one that was passed over; zero: none */
	/* seek's own */
	struct catalog *catalog;
	bool inside, came;
};
void seek_next(struct catalog *c, struct seek *s);

#endif
