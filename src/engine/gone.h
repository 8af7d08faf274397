/*
 * gone: a name that was listed is not found: has it vanished, or is it hidden by a fault?
 *
 * "No such file" also comes from a file system whose mount is lost, from an automounter that fails
 * and from caches.  Only what a second lstat on the rank that listed it does not find either, below
 * a target that is still what it was, may be missing from the snapshot without an error.
 */
#ifndef ENGINE_GONE_H
#define ENGINE_GONE_H
#include "engine/view.h"

enum gone_verdict {
	GONE_VANISHED,
	GONE_THERE, /* it is there (again): worth another try, then an error of this item */
	GONE_FAULT, /* an error of this item */
	GONE_TARGET /* err says which target is another one now: the run must end */
};
/*
 * gone_ask: (dirfd, name) in the file system, or path alone when name is NULL; path in any case for
 * the target.  err comes with what was not found, and says more if that is an error.
 */
#define GONE_TRIES 3 /* by who has something that is there again and again, but is not found */
enum gone_verdict gone_ask(const struct view *v, int dirfd, const char *name, const char *path,
	struct err *err);

/*
 * gone_open: dir_open of a directory that others listed, or a rank a while ago, only where it lies
 * (view_holds): what a path leads to for a moment is not what was to be saved.  *fatal: err says
 * which target is another one now: the run must end.
 *
 * A directory that was removed and made anew, or replaced by another one, meanwhile is opened: it
 * is what there is now, as with restic.
 */
int gone_open(const struct view *v, const char *path, bool follow, bool *fatal, struct err *err);

#endif
