/*
 * strays: what lies among a repository's files and is none that a program reads by its name.  Most
 * of it is of no importance; but what looks like a snapshot, an index or a key may be one that
 * nobody finds, and what it needs must not be removed.
 */
#ifndef REPO_STRAYS_H
#define REPO_STRAYS_H
#include "backend/backend.h"

struct stray {
	enum backend_type type;
	enum backend_odd why;
	char *path; /* below the repository's root; hostile */
};

struct strays {
	enum backend_type type; /* of what is listed just now */
	struct stray *v;        /* owned */
	size_t n, cap;
};

/* strays_add: a backend_names.odd whose arg is a struct strays. */
void strays_add(void *arg, enum backend_odd why, const char *path);
/* strays_find(s, be, t, err): adds those of one type: a listing. */
int strays_find(struct strays *s, struct backend *be, enum backend_type t, struct err *err);
void strays_release(struct strays *s);

/* strays_tell: all of them in sentences: what hides something and packs in the wrong place as
 * errors; of the rest the first few, temporary files together. */
struct strays_events {
	void (*error)(void *arg, const char *message);
	void (*hint)(void *arg, const char *message);
	void *arg;
};
void strays_tell(const struct strays *s, const struct strays_events *ev);
/* strays_temps(s, b): at the end of b, one sentence about all temporary files; nothing if there are
 * none. */
void strays_temps(const struct strays *s, struct buf *b);

/*
 * strays_refuse(be, err): for what removes from a repository: ERR_INVALID with a sentence if a
 * snapshot, index or key may be hidden.  Three listings.
 */
int strays_refuse(struct backend *be, struct err *err);

#endif
