/* local_dir: the directories of a repository in a directory: made, made durable, listed.  A part of
 * local.c, of use to nobody else. */
#ifndef BACKEND_LOCAL_DIR_H
#define BACKEND_LOCAL_DIR_H
#include "backend/backend.h"
#include <sys/types.h>

/*
 * The root of a repository, held: whatever becomes of its path, what is done in it is done in this
 * directory and in no other.  Below it files have relative names; `path` is for messages.  The
 * directory of packs is held too, for it may be a link to a larger disk, or a mount point.
 */
struct local_root {
	_Atomic int fd;    /* O_PATH; -1: not there yet */
	_Atomic int packs; /* likewise */
	char *path;
};

/* local_root_open(r): the descriptor; opened now if it was not there before.  -1 and errno. */
int local_root_open(struct local_root *r);
int local_root_packs(struct local_root *r); /* likewise, of the directory of packs */
/*
 * local_root_still(r, err): the path still leads to the directories that are held.  Else
 * ERR_INVALID: what is stored now would not be found by anybody who looks there.
 */
int local_root_still(struct local_root *r, struct err *err);

/* local_dir_create(r, mode, err): the root with its parents, and all directories of docs/format.md
 * 1 in it.  Fine if they exist. */
int local_dir_create(struct local_root *r, mode_t mode, struct err *err);

/* local_dir_make(at, rel, path, mode, err): one directory whose parent exists, at `rel` below what
 * is open as `at` and called `path`; a new one is made durable in its parent.  Fine if it exists.
 */
int local_dir_make(int at, const char *rel, const char *path, mode_t mode, struct err *err);

/* local_dir_sync_parent(at, rel, path, err): make the name `rel` durable.  A file system that
 * cannot do that is no error. */
int local_dir_sync_parent(int at, const char *rel, const char *path, struct err *err);

/* local_dir_clear: as backend_clear_temps says. */
int local_dir_clear(struct local_root *r, enum backend_type t, int64_t before_s, uint64_t *removed,
	struct err *err);

/* local_dir_list(r, t, to, err): as the list of a backend. */
int local_dir_list(struct local_root *r, enum backend_type t, const struct backend_names *to,
	struct err *err);

#endif
