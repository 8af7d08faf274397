/* swift_list: what a container lists (format=json).  A part of swift.c. */
#ifndef BACKEND_SWIFT_LIST_H
#define BACKEND_SWIFT_LIST_H
#include "backend/backend.h"

struct swift_keeper;
struct swift_wire;

/*
 * swift_page_read(p, n, last, count, fn, arg, err): calls fn for every object, with its whole name
 * and its size (UINT64_MAX: not said).  ERR_ODD: this is no listing.  *last is the name that the
 * page was asked to begin behind (NULL: any; owned) and becomes the name of the page's last object
 * of any kind; *count is their number.  A page whose end does not lie behind the old *last would
 * make a listing go round for ever: ERR_INVALID.  A result of fn that is not 0 ends the page and is
 * returned.
 */
int swift_page_read(const void *p, size_t n, char **last, size_t *count,
	int (*fn)(void *arg, const char *name, uint64_t size), void *arg, struct err *err);

/* The place whose files are listed, and how it is reached: as swift.c has it, borrowed. */
struct swift_dir {
	const char *container, *prefix; /* encoded */
	const char *base;               /* the prefix as it is */
	struct swift_keeper *keeper;
	const struct swift_wire *wire;
	bool seen; /* the container was there before */
};
int swift_list(const struct swift_dir *d, enum backend_type t, const struct backend_names *to,
	struct err *err);

#endif
