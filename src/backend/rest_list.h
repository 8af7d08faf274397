/*
 * rest_list: the listing of a REST server (docs/format.md 16.4): [{"name": …, "size": …}, …]
 * (version 2) or ["name", …] (version 1).
 *
 * Which of them it is shows in the text itself.  Names that are not 64 lower-case hex digits are
 * kept apart.
 */
#ifndef BACKEND_REST_LIST_H
#define BACKEND_REST_LIST_H
#include "backend/backend.h"

struct rest_entry {
	struct id name;
	uint64_t size; /* UINT64_MAX: not known */
};

struct rest_listing {
	struct rest_entry *v;
	size_t n, cap;
	bool sized;     /* no entry lacks its size */
	struct buf odd; /* the other names, each with a 0 behind it */
};

/* rest_listing_parse(l, p, n, err): fills `l`, which is zeroed.  ERR_INVALID if it is no listing;
 * `l` is released by the caller then too. */
int rest_listing_parse(struct rest_listing *l, const void *p, size_t n, struct err *err);
void rest_listing_release(struct rest_listing *l);

/* rest_listing_sizes(l, b, t, err): asks b for the sizes of what was listed without them.  A file
 * that went away meanwhile keeps UINT64_MAX and is to be left out. */
int rest_listing_sizes(struct rest_listing *l, struct backend *b, enum backend_type t,
	struct err *err);

#endif
