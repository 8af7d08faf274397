/*
 * restore_delete: --delete: what lies in restored directories and is not in the snapshot.
 *
 * A walk of its own, after everything has been restored and only if every tree could be read, so
 * that nothing is deleted on a false belief.
 */
#ifndef ENGINE_RESTORE_DELETE_H
#define ENGINE_RESTORE_DELETE_H
#include "engine/restore_window.h"
#include "repo/loader.h"

/*
 * restore_delete: sh->dirs->top is the target, with nothing pending.  `used` says which patterns
 * mean something in this snapshot.  Errors of single items are said; a tree that cannot be read
 * ends it.
 */
struct restore_used;
int restore_delete(const struct restore_shared *sh, const struct restore_used *used,
	struct loader *l, const struct id *root, struct err *err);

#endif
