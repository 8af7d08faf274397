/* dest_pin and dest_metadata of dest.h: owner, attributes, times and mode, in this order.
 */
#include "fs/dest.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COARSEST 2 /* seconds: what a file system may round times to (FAT) */

int dest_pin(int dirfd, const char *name, mode_t type, const struct meta *is, struct err *err)
{
	struct meta m;
	int pin, rc;

	/* "" is the open directory itself: the target folder has no name to go by. */
	if (*name && !sys_is_component(name))
		return err_set(err, ERR_INVALID, "'%.80s' is not the name of a file", name);
	pin = *name ? sys_openat(dirfd, name, O_PATH | O_NOFOLLOW, 0)
		    : sys_openat(dirfd, ".", O_PATH | O_DIRECTORY, 0);
	if (pin < 0)
		return err_sys(err, errno, "open");
	rc = meta_stat(pin, "", false, &m, err);
	if (rc == 0 && ((m.mode & S_IFMT) != type ||
			       (is && (m.dev != is->dev || m.ino != is->ino || m.uid != is->uid))))
		rc = err_set(err, ERR_INVALID, "it was replaced while it was being restored");
	if (rc < 0)
		close(pin);
	return rc < 0 ? rc : pin;
}

/*
 * The file is held by a descriptor: whoever can write to the directory may exchange the name
 * meanwhile, but the owner and mode meant for one file never reach another.
 */
struct setting {
	int fd;
	char proc[SYS_PROC_MAX]; /* leads to the same file, for calls that refuse O_PATH descriptors
				  */
	const struct dest_meta *m;
	struct meta now;
	bool ours; /* or root's to change */
	unsigned left;
	struct err *err;
	int rc; /* the first fault */
};

static void leave(struct setting *t, enum dest_left what)
{
	t->left |= 1u << what;
}

static void fault(struct setting *t, int errnum, const char *what)
{
	/* Nobody but the owner and root may change anything about a directory that was there
	 * already. */
	if (!t->ours && t->m->lenient && (errnum == EPERM || errnum == EACCES)) {
		leave(t, DEST_LEFT_OWNER);
		return;
	}
	if (t->rc)
		return;
	errno = errnum;
	t->rc = sys_proc_missing() ? err_set(t->err, ERR_IO, "set %s: /proc is not mounted", what)
				   : err_sys(t->err, errnum, "set %s", what);
}

static int change_mode(struct setting *t, mode_t mode)
{
	/* Not fchmod, which refuses O_PATH. */
	return chmod(t->proc, mode & 07777);
}

/* Whoever is killed from now on leaves a file that has not got all that it should have. */
static bool differs(const struct setting *t)
{
	const struct meta *now = &t->now;
	const struct dest_meta *m = t->m;

	return (now->mode & 07777) != DEST_UNFINISHED &&
	       ((now->mode & 07777) != (m->perm & 07777) || now->uid != m->uid ||
		       now->gid != m->gid || ts_cmp(&now->mtime, &m->mtime) != 0);
}

static void set_owner(struct setting *t)
{
	const struct dest_meta *m = t->m;
	int why;

	if (t->now.uid == m->uid && t->now.gid == m->gid)
		return;
	if (fchownat(t->fd, "", m->uid, m->gid, AT_EMPTY_PATH) == 0) {
		t->now.uid = m->uid;
		t->now.gid = m->gid;
		return;
	}
	why = errno;
	/* A user may still give it to a group of his. */
	if (t->now.gid != m->gid && fchownat(t->fd, "", (uid_t)-1, m->gid, AT_EMPTY_PATH) == 0)
		t->now.gid = m->gid;
	if (m->lenient && (why == EPERM || why == EACCES))
		leave(t, DEST_LEFT_OWNER);
	else
		fault(t, why, "owner");
}

/* A user needs the right to write for attributes, of his own files too.  The mode is set at the
 * end. */
static void make_writable(struct setting *t)
{
	mode_t mode = t->now.mode & 07777;

	if (!t->m->lenient || !t->ours)
		return;
	if (S_ISREG(t->m->type) && !(mode & S_IWUSR))
		change_mode(t, DEST_UNFINISHED);
	else if (S_ISDIR(t->m->type) && (mode & 0700) != 0700)
		change_mode(t, mode | 0700);
}

static void set_xattrs(struct setting *t)
{
	struct xattr_left left = {.forgive_root = t->m->lenient,
		.forgive_all = t->m->lenient && !t->ours};
	struct err e;
	int rc;

	make_writable(t);
	rc = xattr_write(t->fd, NULL, t->m->xattr, t->m->xattr_may, t->m->arg, &left, &e);
	if (rc < 0 && !t->rc)
		t->rc = err_copy(t->err, &e);
	if (left.refused)
		leave(t, DEST_LEFT_REFUSED);
	if (left.attrs)
		leave(t, DEST_LEFT_XATTR);
	if (left.acls)
		leave(t, DEST_LEFT_ACL);
}

static bool set_times(struct setting *t)
{
	const struct ts *a = &t->m->atime, *m = &t->m->mtime;
	struct timespec times[2] = {{.tv_sec = a->sec, .tv_nsec = a->nsec},
		{.tv_sec = m->sec, .tv_nsec = m->nsec}};

	/* Beyond the range are UTIME_NOW and UTIME_OMIT, which a repository must not get to say. */
	if (a->nsec < 0 || a->nsec > 999999999 || m->nsec < 0 || m->nsec > 999999999)
		fault(t, EINVAL, "times");
	else if (utimensat(AT_FDCWD, t->proc, times, 0) < 0)
		fault(t, errno, "times");
	else
		return true;
	return false;
}

/* Of another owner or group than the snapshot says, setuid and setgid would let everybody be
 * somebody whom nobody meant. */
static mode_t fitting_mode(struct setting *t)
{
	mode_t perm = t->m->perm & 07777;

	if (t->now.uid != t->m->uid)
		perm &= ~(mode_t)S_ISUID;
	if (t->now.gid != t->m->gid)
		perm &= ~(mode_t)S_ISGID;
	if (perm != (t->m->perm & 07777))
		leave(t, DEST_LEFT_MODE);
	return perm;
}

/* File systems and kernels change what they cannot keep without a word. */
static void read_back(struct setting *t, mode_t perm, bool dated)
{
	struct meta m;
	int64_t off;

	if (meta_stat(t->fd, "", false, &m, NULL) < 0)
		return;
	if (!S_ISLNK(m.mode) && (m.mode & 07777) != perm)
		leave(t, DEST_LEFT_MODE);
	off = m.mtime.sec - t->m->mtime.sec;
	if (dated && (off > COARSEST || off < -COARSEST))
		leave(t, DEST_LEFT_TIME);
}

int dest_metadata(int fd, const struct dest_meta *m, unsigned *left, struct err *err)
{
	struct setting t = {.fd = fd, .m = m, .err = err};
	bool link = S_ISLNK(m->type), dated;
	mode_t perm;
	int rc;

	*left = 0;
	sys_proc_name(t.proc, fd, NULL);
	rc = meta_stat(fd, "", false, &t.now, err);
	if (rc == 0 && (t.now.mode & S_IFMT) != (m->type & S_IFMT))
		rc = err_set(err, ERR_INVALID, "not the file that was restored");
	if (rc < 0)
		return rc;
	t.ours = !m->lenient || t.now.uid == geteuid();
	if (S_ISREG(m->type) && t.ours && differs(&t))
		change_mode(&t, DEST_UNFINISHED);
	set_owner(&t);
	set_xattrs(&t);
	dated = set_times(&t);
	perm = fitting_mode(&t);
	if (!link && change_mode(&t, perm) < 0)
		fault(&t, errno, "mode");
	else
		read_back(&t, perm, dated);
	*left = t.left;
	return t.rc;
}
