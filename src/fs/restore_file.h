/*
 * restore_file: making files and their metadata appear below a target directory that an attacker may not leave.
 *
 * Everything works on (directory descriptor, one name); no link is followed.  Names are checked by the caller (format/tree.h does); what is no
 * single component gets ERR_INVALID here all the same.  Needs /proc.  Errors do not name the file: the caller knows its whole path.
 */
#ifndef FS_RESTORE_FILE_H
#define FS_RESTORE_FILE_H
#include "base/err.h"
#include "fs/meta.h"
#include "fs/xattr.h"

/* restore_mkdirs: mkdir -p with 0700, following links that exist already in the path the user gave.  A descriptor of the last one, or an error. */
int restore_mkdirs(const char *path, struct err *err);
/* restore_mkdir: enter or make (0700) a directory; a non-directory in the way is removed first.  A descriptor or an error. *made tells. */
int restore_mkdir(int dirfd, const char *name, bool *made, struct err *err);
/* restore_remove: whatever lies there; a directory only when empty (else ERR_EXISTS), or with everything below when recursive.  Absent is fine. */
int restore_remove(int dirfd, const char *name, bool recursive, struct err *err);
/*
 * restore_create: a regular file of `size` bytes, open for reading and writing: existing single-linked regular files are reused in place (reused =
 * true) unless fresh is asked for, anything else in the way removed (as restore_remove).  Until restore_metadata sets its own, it has the
 * mode RESTORE_UNFINISHED.
 * sparse: no preallocation, only ftruncate.  A descriptor or an error.
 */
int restore_create(int dirfd, const char *name, uint64_t size, bool fresh, bool sparse, bool recursive, bool *reused, struct err *err);
/*
 * The mode of a file whose content is not all there yet.  Nothing else can tell a later restore that keeps existing files: a process that was
 * killed leaves files of the right size.  The sticky bit means nothing on a regular file, so nobody has files of this mode.
 */
#define RESTORE_UNFINISHED 01600
bool restore_unfinished(const struct meta *m);                                         /* a regular file of this user that was left so */
int restore_pwrite(int fd, const void *p, size_t n, uint64_t offset, struct err *err); /* all of it */
/* The next three make a new name: ERR_EXISTS when it is taken (restore_remove first). */
int restore_symlink(int dirfd, const char *name, const char *target, struct err *err);
int restore_special(int dirfd, const char *name, mode_t type_and_perm, uint64_t rdev, struct err *err); /* fifo, device */
int restore_link(int dirfd, const char *name, int olddirfd, const char *oldname, struct err *err);

/* What to set on (dirfd, name), in restic's order: owner, xattrs, times, mode (restic-format.md 13.6). */
struct restore_meta {
	mode_t type; /* S_IFREG, S_IFDIR, S_IFLNK, … */
	mode_t perm; /* with setuid, setgid, sticky */
	uint32_t uid, gid;
	struct ts atime, mtime;
	const struct xattr_list *xattr;                 /* NULL: none, so existing ones are removed */
	bool (*xattr_may)(void *arg, const char *name); /* NULL: all */
	void *arg;
	bool lenient; /* not root: EPERM and EACCES are no errors */
};
/* restore_metadata: name "" is dirfd itself.  ERR_INVALID when a file of another type is there.  The first fault is returned, all are tried. */
int restore_metadata(int dirfd, const char *name, const struct restore_meta *m, struct err *err);

#endif
