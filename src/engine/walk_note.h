/* walk_note: what a reader has to say about items, kept until the loop says it. */
#ifndef ENGINE_WALK_NOTE_H
#define ENGINE_WALK_NOTE_H
#include <stddef.h>
#include <stdint.h>

#define WALK_WARNING                                                                               \
	"warning" /* an action: the item is in order, but what was asked for could not be done */

/* An action: what one of the partial snapshots has in a directory and the directory has not; the
 * path is that of the first such name, size its number + how many << 8. */
#define WALK_MISSING "missing"

struct walk_note { /* something to say about an item */
	char *path, *message;
	const char *action; /* NULL: an error; WALK_WARNING; else an item event.  Static */
	uint64_t size;
};

/* walk_say: appends a note about `name` in `dir`, or about `dir` itself (name NULL). */
void walk_say(struct walk_note **note, size_t *n, const char *dir, const char *name,
	const char *action, uint64_t size, const char *message);
void walk_notes_release(struct walk_note *note, size_t n);

#endif
