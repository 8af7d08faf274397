#include "fs/dest.h"
#include "base/mem.h"
#include "fs/dir.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Somebody may put things in the way faster than they are removed; a few tries are enough against
 * anything but malice. */
#define TRIES 8

/* The callers check names too.  A name that leads elsewhere must not get past this room, whoever
 * forgot. */
static int check_name(const char *name, struct err *err)
{
	return sys_is_component(name)
		       ? 0
		       : err_set(err, ERR_INVALID, "'%.80s' is not the name of a file", name);
}

int dest_mkdirs(const char *path, struct err *err)
{
	char name[NAME_MAX + 1];
	const char *p = path;
	int at, fd, rc;

	at = sys_openat(AT_FDCWD, *p == '/' ? "/" : ".", O_PATH | O_DIRECTORY, 0);
	for (p += strspn(p, "/"); at >= 0 && *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			fd = -1;
		} else {
			memcpy(name, p, n);
			name[n] = 0;
			fd = sys_openat(at, name, O_PATH | O_DIRECTORY, 0);
			if (fd < 0 && errno == ENOENT &&
				(mkdirat(at, name, 0700) == 0 || errno == EEXIST))
				fd = sys_openat(at, name, O_PATH | O_DIRECTORY, 0);
		}
		p += n;
		int saved = errno;

		close(at);
		errno = saved;
		at = fd;
	}
	if (at < 0)
		return err_sys(err, errno, "create directory %s", path);
	rc = sys_openat(at, ".", O_RDONLY | O_DIRECTORY, 0);
	if (rc < 0)
		rc = err_sys(err, errno, "open directory %s", path);
	close(at);
	return rc;
}

/*
 * A directory of ours that its mode keeps us from reading, changing or entering: it gets its mode
 * later anyway.  True: it was changed.
 */
static bool make_accessible(int dirfd, const char *name)
{
	char proc[SYS_PROC_MAX];
	int pin = geteuid() == 0 ? -1
				 : sys_openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	struct meta m;
	bool changed;

	if (pin < 0)
		return false;
	sys_proc_name(proc, pin, NULL);
	changed = meta_stat(pin, "", false, &m, NULL) == 0 && m.uid == geteuid() &&
		  (m.mode & 0700) != 0700 && chmod(proc, (m.mode & 07777) | 0700) == 0;
	close(pin);
	return changed;
}

/* The descriptor, or -1 and errno. */
static int enter(int dirfd, const char *name, bool *opened)
{
	*opened = make_accessible(dirfd, name);
	return sys_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int dest_dir_open(int dirfd, const char *name, bool *opened, struct err *err)
{
	int rc = check_name(name, err), fd;

	if (rc < 0)
		return rc;
	fd = enter(dirfd, name, opened);
	if (fd >= 0)
		return fd;
	return err_sys(err, errno == ELOOP ? ENOTDIR : errno, "open directory");
}

int dest_mkdir(int dirfd, const char *name, bool replace, bool *made, struct err *err)
{
	int fd = -1, rc = check_name(name, err);
	bool opened;

	*made = false;
	if (rc < 0)
		return rc;
	for (int i = 0; i < TRIES; i++) {
		fd = enter(dirfd, name, &opened);
		if (fd >= 0 || (errno != ENOTDIR && errno != ELOOP && errno != ENOENT))
			break;
		/* ENOTDIR, or ELOOP from some file systems for a link: something else is in the
		 * way. */
		if (errno != ENOENT && !replace)
			return err_set(err, ERR_EXISTS,
				"a file is here where the snapshot has a directory; it is kept "
				"(--overwrite always replaces it)");
		if (errno != ENOENT && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
			return err_sys(err, errno, "remove what is in the way");
		if (mkdirat(dirfd, name, 0700) == 0)
			*made = true;
		else if (errno != EEXIST)
			return err_sys(err, errno, "create directory");
	}
	return fd < 0 ? err_sys(err, errno, "open directory") : fd;
}

static void preallocate(int fd, uint64_t size, int *errnum)
{
	int rc;

	do
		rc = fallocate(fd, 0, 0, (off_t)size);
	while (rc < 0 && errno == EINTR);
	/* A full disk is better known before the data comes; where it is merely not supported, a
	 * hole must do. */
	*errnum = rc < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) ? errno : 0;
	if (rc < 0 && !*errnum && ftruncate(fd, (off_t)size) < 0)
		*errnum = errno;
}

int dest_resize(int fd, uint64_t old, uint64_t size, bool sparse, struct err *err)
{
	int errnum = 0;

	if (size > INT64_MAX)
		return err_set(err, ERR_INVALID, "a size of %llu is impossible",
			(unsigned long long)size);
	if (size == old)
		return 0;
	if (sparse || size < old)
		errnum = ftruncate(fd, (off_t)size) < 0 ? errno : 0;
	else
		preallocate(fd, size, &errnum);
	return errnum ? err_sys(err, errnum, "make room for %llu bytes", (unsigned long long)size)
		      : 0;
}

bool dest_unfinished(const struct meta *m)
{
	return (S_ISREG(m->mode) || S_ISFIFO(m->mode) || S_ISCHR(m->mode) || S_ISBLK(m->mode)) &&
	       (m->mode & 07777) == DEST_UNFINISHED;
}

static int mark(int fd, struct meta *m, struct err *err)
{
	if ((m->mode & 07777) == DEST_UNFINISHED)
		return 0;
	if (fchmod(fd, DEST_UNFINISHED) < 0)
		return err_sys(err, errno, "set mode");
	m->mode = (m->mode & S_IFMT) | DEST_UNFINISHED;
	return 0;
}

int dest_create(int dirfd, const char *name, struct meta *is, struct err *err)
{
	int rc = check_name(name, err), fd;

	if (rc < 0)
		return rc;
	fd = sys_openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, DEST_UNFINISHED);
	if (fd < 0)
		return err_sys(err, errno, "create");
	/* A mask or a default access control list may have taken bits of the mode away. */
	rc = meta_stat(fd, "", false, is, err);
	if (rc == 0)
		rc = mark(fd, is, err);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int dest_reopen(int dirfd, const char *name, const struct meta *is, struct err *err)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	char proc[SYS_PROC_MAX];
	struct meta m;
	int pin, fd, rc = check_name(name, err);

	if (rc < 0)
		return rc;
	pin = dest_pin(dirfd, name, S_IFREG, is, err);
	if (pin < 0)
		return pin;
	sys_proc_name(proc, pin, NULL);
	fd = sys_openat(dirfd, name, flags, 0);
	/* A read-only file of ours; its mode is restored later anyway. */
	if (fd < 0 && errno == EACCES && chmod(proc, DEST_UNFINISHED) == 0)
		fd = sys_openat(dirfd, name, flags, 0);
	rc = fd < 0 ? err_sys(err, errno, "open for writing") : meta_stat(fd, "", false, &m, err);
	close(pin);
	/* What is open now need not be what was looked at; and an inode number that was freed may
	 * belong to somebody else's file. */
	if (rc == 0 && (m.dev != is->dev || m.ino != is->ino || m.uid != is->uid))
		rc = err_set(err, ERR_INVALID, "it was replaced while it was being restored");
	if (rc == 0)
		rc = mark(fd, &m, err);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int dest_flush(int fd, struct err *err)
{
	int twin = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (twin < 0)
		return err_sys(err, errno, "write");
	return close(twin) < 0 && errno != EINTR ? err_sys(err, errno, "write") : 0;
}

int dest_pwrite(int fd, const void *p, size_t n, uint64_t offset, struct err *err)
{
	const char *q = p;

	if (offset > INT64_MAX || n > INT64_MAX - offset)
		return err_set(err, ERR_INVALID, "write at %llu: beyond any file",
			(unsigned long long)offset);
	while (n) {
		ssize_t done = pwrite(fd, q, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_sys(err, done < 0 ? errno : EIO, "write");
		q += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

int dest_copy(int from, int to, struct err *err)
{
	size_t room = (size_t)1 << 20;
	void *p = mem_alloc(room);
	uint64_t at = 0;
	int rc = 0;

	for (;;) {
		ssize_t n = pread(from, p, room, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(err, errno, "read");
		else if (n > 0)
			rc = dest_pwrite(to, p, (size_t)n, at, err);
		if (n <= 0 || rc < 0)
			break;
		at += (uint64_t)n;
	}
	mem_free(p);
	return rc;
}

int dest_symlink(int dirfd, const char *name, const char *target, struct err *err)
{
	int rc = check_name(name, err);

	if (rc == 0 && symlinkat(target, dirfd, name) < 0)
		rc = err_sys(err, errno, "create symbolic link");
	return rc;
}

int dest_special(int dirfd, const char *name, mode_t type, uint64_t rdev, struct err *err)
{
	int rc = check_name(name, err);

	if (rc < 0)
		return rc;
	if (type != S_IFIFO && type != S_IFCHR && type != S_IFBLK)
		return err_set(err, ERR_INVALID, "create: not a fifo or a device");
	if (mknodat(dirfd, name, type | DEST_UNFINISHED, type == S_IFIFO ? 0 : (dev_t)rdev) < 0)
		return err_sys(err, errno, type == S_IFIFO ? "create fifo" : "create device");
	return 0;
}

int dest_link(int dirfd, const char *name, int olddirfd, const char *oldname, struct err *err)
{
	int rc = check_name(name, err);

	if (rc == 0)
		rc = check_name(oldname, err);
	/* Without AT_SYMLINK_FOLLOW a symbolic link gets a second name itself. */
	if (rc == 0 && linkat(olddirfd, oldname, dirfd, name, 0) < 0)
		rc = err_sys(err, errno, "create hard link to %s", oldname);
	return rc;
}
