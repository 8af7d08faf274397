/*
 * walk_look: one name of a directory that is walked: what it is, and whether it is as a parent
 * snapshot has it.  Part of walk.h; by readers.
 */
#ifndef ENGINE_WALK_LOOK_H
#define ENGINE_WALK_LOOK_H
#include "engine/then.h"
#include "engine/walk.h"

/* What is looked at: (fd, name) in the file system, also known as `path`. */
struct walk_look {
	int fd;
	const char *name, *path;
	bool named, above; /* `above` too is what the user wants to have: no exclude applies, and it
			      does not vanish */
	bool dir;          /* as the listing says */
	unsigned tries;
	bool again;                  /* it was not found, but is there now */
	uint64_t device, dir_device; /* --one-file-system: the target's, and that of the directory
					it lies in */
};

/* walk_look: fills *e; false when the entry is not part of the snapshot. */
bool walk_look(struct walk *w, struct walk_look *l, struct walk_entry *e,
	struct then t[PARENTS_MAX]);
/* walk_look_say: about the item at `path`.  walk_look_excluded: only if the user wants to hear of
 * each item. */
void walk_look_say(struct walk *w, const char *path, const char *action, const struct err *e);
void walk_look_excluded(struct walk *w, const struct walk_look *l);

#endif
