/*
 * sys: system calls of this room with the retries they need, and names for files that no path is
 * short enough for.  Only for src/fs.
 */
#ifndef FS_SYS_H
#define FS_SYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYS_PROC_MAX 320 /* "/proc/self/fd/", a number, a component of 255 bytes */

/* sys_openat: openat(2) with O_CLOEXEC, again after a signal.  A descriptor, or -1 and errno. */
int sys_openat(int dirfd, const char *name, int flags, mode_t mode);

/* sys_open_noatime: the same with O_NOATIME, and without it where that is not ours to ask for. */
int sys_open_noatime(int dirfd, const char *name, int flags);

/*
 * sys_proc_name: a path of (dirfd, name), or of the descriptor when name is NULL, through /proc.
 * For calls that have no *at form. False when the name does not fit in a component.  A path without
 * a name is a magic link: the call must follow it.  Not for AT_FDCWD.
 */
bool sys_proc_name(char out[SYS_PROC_MAX], int dirfd, const char *name);

/* sys_proc_missing: errno is ENOENT because there is no /proc, not because the file is gone. */
bool sys_proc_missing(void);

/* sys_is_component: one name that cannot lead out of its directory: not empty, ".", "..", and
 * without '/'. */
bool sys_is_component(const char *name);

#endif
