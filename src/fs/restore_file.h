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
/*
 * restore_mkdir: enter or make (0700) a directory; *made tells.  What is no directory is removed first if `replace`, else ERR_EXISTS.  A
 * directory of ours that we may not read, write or enter is made so.  A descriptor or an error.
 */
int restore_mkdir(int dirfd, const char *name, bool replace, bool *made, struct err *err);
/* restore_dir_open: an existing directory, of ours made accessible as well (*opened: it was).  ERR_NOTFOUND also for what is none. */
int restore_dir_open(int dirfd, const char *name, bool *opened, struct err *err);

/* What lies below a directory that is to be removed, and is not to go with it. */
struct restore_spare {
	/* path: of `path` below, and the names from there on.  dir: an open directory is this; NULL: not known yet, ask again for directories. */
	bool (*keep)(void *arg, const char *path, const struct meta *dir);
	void *arg;
	const char *path; /* of what is removed */
};
/*
 * restore_remove: whatever lies there; a directory only when empty (else ERR_EXISTS), or, with `spare`, with everything below that is not to
 * be kept (ERR_EXISTS when something was); what is mounted there is never entered (EBUSY).  Absent is fine.
 */
int restore_remove(int dirfd, const char *name, const struct restore_spare *spare, struct err *err);

/*
 * The mode of a file, FIFO or device that is not wholly restored yet.  Nothing else can tell a later restore that keeps existing files: a
 * process that was killed leaves files of the right size.  The sticky bit means nothing there, so nobody has files of this mode.
 */
#define RESTORE_UNFINISHED 01600
bool restore_unfinished(const struct meta *m);

/* restore_create: a new regular file with the mode RESTORE_UNFINISHED, open for reading and writing; ERR_EXISTS.  *is: what it is. */
int restore_create(int dirfd, const char *name, struct meta *is, struct err *err);
/*
 * restore_reopen: an existing regular file of ours for writing: it must be the very one that `is` (device, inode, owner), and becomes
 * RESTORE_UNFINISHED.  ERR_INVALID when another one lies there.
 */
int restore_reopen(int dirfd, const char *name, const struct meta *is, struct err *err);
/* restore_resize: from `old` to `size` bytes; new room is made now unless sparse. */
int restore_resize(int fd, uint64_t old, uint64_t size, bool sparse, struct err *err);
int restore_pwrite(int fd, const void *p, size_t n, uint64_t offset, struct err *err); /* all of it */
int restore_copy(int from, int to, struct err *err); /* the contents of one file, from its beginning, to the beginning of another */
/*
 * restore_flush: some file systems (NFS, FUSE, those with quotas) tell only when a file is closed that it could not be stored: asked for
 * before the mode says that it is finished.
 */
int restore_flush(int fd, struct err *err);

/* The next three make a new name: ERR_EXISTS when it is taken (restore_remove first). */
int restore_symlink(int dirfd, const char *name, const char *target, struct err *err);
int restore_special(int dirfd, const char *name, mode_t type, uint64_t rdev, struct err *err); /* fifo, device; RESTORE_UNFINISHED */
int restore_link(int dirfd, const char *name, int olddirfd, const char *oldname, struct err *err);

/*
 * restore_pin: a descriptor (O_PATH) of what lies there, for restore_metadata; name "" is dirfd itself.  It must be of this type, and the
 * very one that `is`, unless that is NULL: else ERR_INVALID.
 */
int restore_pin(int dirfd, const char *name, mode_t type, const struct meta *is, struct err *err);

/* What to set on a file, in restic's order: owner, xattrs, times, mode (docs/format.md 13.6). */
struct restore_meta {
	mode_t type; /* S_IFREG, S_IFDIR, S_IFLNK, … */
	mode_t perm; /* with setuid, setgid, sticky */
	uint32_t uid, gid;
	struct ts atime, mtime;
	const struct xattr_list *xattr;                 /* NULL: none, so existing ones are removed */
	bool (*xattr_may)(void *arg, const char *name); /* NULL: all */
	void *arg;
	bool lenient; /* not root: what only root may do is no error */
};
/* What is not as restore_meta says, although that is no error: bits. */
enum restore_left {
	RESTORE_LEFT_OWNER,   /* only root may give files away; or, of somebody else's directory, anything */
	RESTORE_LEFT_REFUSED, /* attributes that only root may set */
	RESTORE_LEFT_XATTR,   /* the file system has no such attributes … */
	RESTORE_LEFT_ACL,     /* … no access control lists */
	RESTORE_LEFT_TIME,    /* … no such times */
	RESTORE_LEFT_MODE,    /* … no such mode; or setuid and setgid, which must not go to another owner */
	RESTORE_LEFT_KINDS
};
/*
 * restore_metadata: fd is open in any way, from restore_pin too.  The first fault is returned, all are tried; the mode is set whatever
 * else failed, and last: a regular file that was there is RESTORE_UNFINISHED until then.  *left: bits 1 << enum restore_left.
 */
int restore_metadata(int fd, const struct restore_meta *m, unsigned *left, struct err *err);

#endif
