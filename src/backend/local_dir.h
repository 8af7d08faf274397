/* local_dir: the directories of a repository in a directory: made, made durable, listed.  A part of local.c, of use to nobody else. */
#ifndef BACKEND_LOCAL_DIR_H
#define BACKEND_LOCAL_DIR_H
#include "backend/backend.h"
#include <sys/types.h>

/* local_dir_create(root, mode, err): the root with its parents, and all directories of restic-format.md 1 in it.  Fine if they exist. */
int local_dir_create(const char *root, mode_t mode, struct err *err);

/* local_dir_make(path, mode, err): one directory whose parent exists; a new one is made durable in its parent.  Fine if it exists. */
int local_dir_make(const char *path, mode_t mode, struct err *err);

/* local_dir_sync_parent(path, err): make the name `path` durable.  A file system that cannot do that is no error. */
int local_dir_sync_parent(const char *path, struct err *err);

/* local_dir_list(root, t, to, err): as the list of a backend. */
int local_dir_list(const char *root, enum backend_type t, const struct backend_names *to, struct err *err);

#endif
