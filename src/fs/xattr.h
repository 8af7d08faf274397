/*
 * xattr: extended attributes, in the order listxattr(2) gives them; POSIX ACLs are among them.
 * Never follows a final link.
 */
#ifndef FS_XATTR_H
#define FS_XATTR_H
#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>

struct xattr {
	char *name;
	uint8_t *value; /* owned; may be NULL with n = 0 */
	size_t n;
	bool vanished; /* was listed, but gone when read */
};
struct xattr_list {
	struct xattr *x;
	size_t n;
};

/*
 * xattr_read: all attributes of (dirfd, name) — or of the open descriptor fd when name is NULL.
 * `path` (may be NULL) is a usable path of the same file, used when short enough, because it saves
 * the kernel a look-up through /proc.  An unsupported file system has none (0). One unreadable
 * attribute is left out and said in *warn (a sentence, err code set) while 0 is returned.
 */
int xattr_read(int dirfd, const char *name, const char *path, struct xattr_list *l,
	struct err *warn, struct err *err);
int xattr_read_fd(int fd, struct xattr_list *l, struct err *warn, struct err *err);
void xattr_list_release(struct xattr_list *l);

/*
 * xattr_kinds: which kinds of attributes the file system lets us read, asked at the directory open
 * at fd: two bits a kind (user.*, ACLs, security.*): 1 no, 2 yes, 0 nobody can tell.  A mount may
 * leave them out (NFS before 4.2, Lustre's noacl and nouser_xattr, FUSE).
 */
unsigned xattr_kinds(int fd);
/* xattr_kinds_differ: one says yes where the other says no. */
bool xattr_kinds_differ(unsigned a, unsigned b);

/*
 * What xattr_write left undone without a fault.  In: which refusals (EPERM, EACCES) are counted
 * instead of being faults: those of attributes that only root may set (security.*, trusted.*), or
 * all.  Out: such refusals, and what the file system has no place for.
 */
struct xattr_left {
	bool forgive_root, forgive_all;
	size_t refused, attrs, acls;
};
/*
 * xattr_write: make the attributes of (dirfd, name) — or of the open descriptor dirfd, O_PATH too,
 * when name is NULL — be exactly `l` (NULL = none): set these, remove others, both only where `may`
 * (NULL = all) says true.  What the file system has no attributes for is left out without a fault,
 * as in restic.  Removed are user.*, trusted.*, security.* and POSIX ACLs; not what the file system
 * itself shows (Lustre's, NFS's). All are tried, then the first fault is returned.  left (may be
 * NULL): what it forgives is added up there.
 */
int xattr_write(int dirfd, const char *name, const struct xattr_list *l,
	bool (*may)(void *arg, const char *attr), void *arg, struct xattr_left *left,
	struct err *err);

#endif
