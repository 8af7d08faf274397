#include "repo/seek.h"
#include "kern/seal.h"

static bool fits(struct seek *s)
{
	const struct blob *b = &s->find.place.blob;

	if (!s->find.found)
		return true; /* that is the answer */
	if (b->length > SEAL_OVERHEAD && (!s->exact || blob_plain_size(b) == s->plain))
		return true;
	s->odd = s->find.place;
	return false;
}

static void place_came(struct catalog_find *find)
{
	struct seek *s = find->arg;

	s->came = true;
	if (s->inside)
		return;
	if (fits(s)) {
		s->done(s);
	} else {
		find->nth++;
		seek_next(s->catalog, s);
	}
}

/* Answers come within the call or later. */
void seek_next(struct catalog *c, struct seek *s)
{
	s->catalog = c;
	s->find.done = place_came;
	s->find.arg = s;
	for (;; s->find.nth++) {
		s->came = false;
		s->inside = true;
		catalog_find(c, &s->find);
		s->inside = false;
		if (!s->came)
			return;
		if (fits(s)) {
			s->done(s);
			return;
		}
	}
}
