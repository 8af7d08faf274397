/*
 * listing: the names of one kind of file, kept (40 bytes each) until the listing is complete and
 * only then delivered: a second try can neither repeat names nor lose them.
 *
 * seen: those names of keys, snapshots and indexes.  A store may list what it does not deliver yet,
 * so who is told that there is no such file asks here whether a listing showed one.  Locks are not
 * remembered: they come and go.  Nor are packs: nobody lists them to read them.  Thread safe.
 */
#ifndef BACKEND_LISTING_H
#define BACKEND_LISTING_H
#include "backend/backend.h"
#include "base/hashtab.h"
#include <pthread.h>

struct listing {
	enum backend_type type;
	bool all; /* what is odd, too */
	size_t n;
	/* listing.c's */
	struct listed *v;
	size_t cap;
	struct odd *odd;
	size_t n_odd, cap_odd;
};

/* listing_read(l, b, err): b's listing, in place of what an earlier call brought. */
int listing_read(struct listing *l, struct backend *b, struct err *err);
/* listing_tell(l, to): a non-zero result of to->file ends it and is returned. */
int listing_tell(const struct listing *l, const struct backend_names *to);
void listing_release(struct listing *l);

struct seen {
	pthread_mutex_t lock;
	struct hashtab *names[BACKEND_TYPES]; /* of struct id; NULL: none yet */
};
void seen_init(struct seen *s);
void seen_release(struct seen *s);
void seen_add(struct seen *s, const struct listing *l); /* up to SEEN_MAX names of a type */
void seen_remove(struct seen *s, enum backend_type t, const struct id *name);
bool seen_has(struct seen *s, enum backend_type t, const struct id *name);

#endif
