/*
 * dest: making files and their metadata appear below a target directory that an attacker may not
 * leave.
 *
 * Everything works on (directory descriptor, one name); no link is followed.  Names are checked by
 * the caller (format/tree.h does); what is no single component gets ERR_INVALID here all the same.
 * Needs /proc.  Errors do not name the file: the caller knows its whole path.
 */
#ifndef FS_DEST_H
#define FS_DEST_H
#include "base/err.h"
#include "fs/meta.h"
#include "fs/xattr.h"

/* dest_mkdirs: mkdir -p with 0700, following links that exist already in the path the user gave.  A
 * descriptor of the last one, or an error. */
int dest_mkdirs(const char *path, struct err *err);
/*
 * dest_mkdir: enter or make (0700) a directory; *made tells.  What is no directory is removed first
 * if `replace`, else ERR_EXISTS.  A directory of ours that we may not read, write or enter is made
 * so.  A descriptor or an error.
 */
int dest_mkdir(int dirfd, const char *name, bool replace, bool *made, struct err *err);
/* dest_dir_open: an existing directory, of ours made accessible as well (*opened: it was).
 * ERR_NOTFOUND also for what is none. */
int dest_dir_open(int dirfd, const char *name, bool *opened, struct err *err);

/* What lies below a directory that is to be removed, and is not to go with it. */
struct dest_spare {
	/* path: of `path` below, and the names from there on.  dir: an open directory is this;
	 * NULL: not known yet, ask again for directories. */
	bool (*keep)(void *arg, const char *path, const struct meta *dir);
	void *arg;
	const char *path; /* of what is removed */
};
/*
 * dest_remove: whatever lies there; a directory only when empty (else ERR_EXISTS), or, with
 * `spare`, with everything below that is not to be kept (ERR_EXISTS when something was); what is
 * mounted there is never entered (EBUSY).  Absent is fine.
 */
int dest_remove(int dirfd, const char *name, const struct dest_spare *spare, struct err *err);

/*
 * The mode of a file, FIFO or device that is not wholly restored yet.  Nothing else can tell a
 * later restore that keeps existing files: a process that was killed leaves files of the right
 * size.  The sticky bit means nothing there, so nobody has files of this mode.
 */
#define DEST_UNFINISHED 01600
bool dest_unfinished(const struct meta *m);

/* dest_create: a new regular file with the mode DEST_UNFINISHED, open for reading and writing;
 * ERR_EXISTS.  *is: what it is. */
int dest_create(int dirfd, const char *name, struct meta *is, struct err *err);
/*
 * dest_reopen: an existing regular file of ours for writing: it must be the very one that `is`
 * (device, inode, owner), and becomes DEST_UNFINISHED.  ERR_INVALID when another one lies there.
 */
int dest_reopen(int dirfd, const char *name, const struct meta *is, struct err *err);
/* dest_resize: from `old` to `size` bytes; new room is made now unless sparse. */
int dest_resize(int fd, uint64_t old, uint64_t size, bool sparse, struct err *err);
int dest_pwrite(int fd, const void *p, size_t n, uint64_t offset, struct err *err); /* all of it */
/* the contents of one file, from its beginning, to the beginning of another */
int dest_copy(int from, int to, struct err *err);
/*
 * dest_flush: some file systems (NFS, FUSE, those with quotas) tell only when a file is closed that
 * it could not be stored: asked for before the mode says that it is finished.
 */
int dest_flush(int fd, struct err *err);

/* The next three make a new name: ERR_EXISTS when it is taken (dest_remove first). */
int dest_symlink(int dirfd, const char *name, const char *target, struct err *err);
/* fifo, device; DEST_UNFINISHED */
int dest_special(int dirfd, const char *name, mode_t type, uint64_t rdev, struct err *err);
int dest_link(int dirfd, const char *name, int olddirfd, const char *oldname, struct err *err);

/*
 * dest_pin: a descriptor (O_PATH) of what lies there, for dest_metadata; name "" is dirfd itself.
 * It must be of this type, and the very one that `is`, unless that is NULL: else ERR_INVALID.
 */
int dest_pin(int dirfd, const char *name, mode_t type, const struct meta *is, struct err *err);

/* What to set on a file, in restic's order: owner, xattrs, times, mode (docs/format.md 13.6). */
struct dest_meta {
	mode_t type; /* S_IFREG, S_IFDIR, S_IFLNK, … */
	mode_t perm; /* with setuid, setgid, sticky */
	uint32_t uid, gid;
	struct ts atime, mtime;
	/* NULL: none, so existing ones are removed */
	const struct xattr_list *xattr;
	bool (*xattr_may)(void *arg, const char *name); /* NULL: all */
	void *arg;
	bool lenient; /* not root: what only root may do is no error */
};
/* What is not as restore_meta says, although that is no error: bits. */
enum dest_left {
	DEST_LEFT_OWNER,   /* only root may give files away; or, of somebody else's directory,
			      anything */
	DEST_LEFT_REFUSED, /* attributes that only root may set */
	DEST_LEFT_XATTR,   /* the file system has no such attributes … */
	DEST_LEFT_ACL,     /* … no access control lists */
	DEST_LEFT_TIME,    /* … no such times */
	DEST_LEFT_MODE, /* … no such mode; or setuid and setgid, which must not go to another owner
			 */
	DEST_LEFT_KINDS
};
/*
 * dest_metadata: fd is open in any way, from dest_pin too.  The first fault is returned, all are
 * tried; the mode is set whatever else failed, and last: a regular file that was there is
 * DEST_UNFINISHED until then.  *left: bits 1 << enum dest_left.
 */
int dest_metadata(int fd, const struct dest_meta *m, unsigned *left, struct err *err);

#endif
