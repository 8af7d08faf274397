/*
 * exclude: which files a backup leaves out: by their path, by a marker file beside them, by size or
 * by file system (docs/format.md 11.2, 11.4).
 *
 * None of this applies to what the user named as a target; the caller sees to that.  Reads options
 * only; any thread.
 */
#ifndef ENGINE_EXCLUDE_H
#define ENGINE_EXCLUDE_H
#include "engine/backup.h"
#include "fs/dir.h"
#include "fs/meta.h"

/* exclude_path: an exclude list rejects this absolute path. */
bool exclude_path(const struct backup_options *o, const char *path);

/* The markers (--exclude-if-present) that lie in one directory. */
struct exclude_marks {
	const char **name; /* borrowed from the options */
	size_t n;
};
/*
 * exclude_marks_find: looks into the directory open at fd; `list` (may be NULL) is its listing and
 * saves looking.  A marker that cannot be read or begins otherwise marks nothing and warn(arg,
 * name, why) is called.  Released by exclude_marks_release.
 */
void exclude_marks_find(const struct backup_options *o, int fd, const struct dir_list *list,
	struct exclude_marks *out, void (*warn)(void *arg, const char *name, const struct err *why),
	void *arg);
void exclude_marks_release(struct exclude_marks *m);
/* exclude_marked: an entry of that directory is left out.  A marker keeps itself, but not other
 * markers. */
bool exclude_marked(const struct exclude_marks *m, const char *name);

/*
 * exclude_meta: too large, or on another file system than `device`.  A directory on another one
 * stays, empty, when the directory that it lies in (dir_device) is on ours: a mount point.
 */
bool exclude_meta(const struct backup_options *o, const struct meta *m, uint64_t device,
	uint64_t dir_device);

#endif
