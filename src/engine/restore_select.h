/* restore_select: which of a snapshot's items the user wants to have.  Pure. */
#ifndef ENGINE_RESTORE_SELECT_H
#define ENGINE_RESTORE_SELECT_H
#include "engine/restore.h"

/* Whether the item itself, and whether something below it may be restored. */
struct restore_selection {
	bool self, below;
};
struct restore_selection restore_selected(const struct restore_options *o, const char *path,
	bool dir);

#endif
