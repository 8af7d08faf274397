/*
 * dir: opening and listing directories, at any depth, without races on symbolic links below the
 * start.
 *
 * A path longer than PATH_MAX is opened piece by piece.  Everything below works on (directory
 * descriptor, name).  Thread safe: no shared state. Errors do not name the file: the caller knows
 * its whole path.
 */
#ifndef FS_DIR_H
#define FS_DIR_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* dir_open: O_DIRECTORY|O_NOFOLLOW on the last component (nofollow; a trailing slash follows it),
 * O_NOATIME tried first.  A descriptor, or an error code (ERR_NOTFOUND also for what is no
 * directory). */
int dir_open(const char *path, bool nofollow, struct err *err);
/* dir_stat: meta_stat of the last component of a path of any length, which is not followed. */
struct meta;
int dir_stat(const char *path, struct meta *m, struct err *err);
/* name is one component; never follows a link */
int dir_open_at(int dirfd, const char *name, struct err *err);

struct dir_entry {
	char *name; /* 0-terminated, in the list's own memory */
	uint64_t ino;
	uint8_t type; /* DT_*, DT_UNKNOWN when the file system does not say */
};
struct dir_list {
	struct dir_entry *entry; /* sorted by raw bytes; without "." and ".." */
	size_t n, cap;
	char **arena;
	size_t arenas, arena_used;
};
/*
 * dir_list: all names of the directory open at fd (which stays open, its offset moves), from its
 * beginning.  0 or an error; then the list is empty.  A name twice in a row is possible where the
 * file system says it twice.
 */
int dir_list(int fd, struct dir_list *l, struct err *err);
void dir_list_release(struct dir_list *l);

#endif
