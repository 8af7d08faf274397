#include "engine/walk_note.h"
#include "base/mem.h"
#include "base/path.h"

void walk_say(struct walk_note **note, size_t *n, const char *dir, const char *name,
	const char *action, uint64_t size, const char *message)
{
	if ((*n & (*n + 1)) == 0)
		*note = mem_regrow(*note, *n * 2 + 1, sizeof(**note));
	(*note)[(*n)++] = (struct walk_note){.path = name ? path_join(dir, name) : mem_strdup(dir),
		.message = message ? mem_strdup(message) : NULL,
		.action = action,
		.size = size};
}

void walk_notes_release(struct walk_note *note, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		mem_free(note[i].path);
		mem_free(note[i].message);
	}
	mem_free(note);
}
