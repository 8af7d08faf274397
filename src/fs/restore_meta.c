/* restore_metadata of restore_file.h: owner, attributes, times and mode, in this order. */
#include "fs/restore_file.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The file is held by an O_PATH descriptor, which reads and follows nothing, and its type is checked once: whoever can write to the
 * directory may exchange the name meanwhile, but the owner and mode meant for one file never reach another.
 */
struct target {
	int pin;
	char proc[SYS_PROC_MAX]; /* leads to the pinned file, for calls that refuse O_PATH descriptors */
	const struct restore_meta *m;
	struct err *err;
	int rc; /* the first fault */
};

static void fault(struct target *t, int errnum, const char *what)
{
	if (t->m->lenient && (errnum == EPERM || errnum == EACCES))
		return;
	if (t->rc)
		return;
	errno = errnum;
	t->rc = sys_proc_missing() ? err_set(t->err, ERR_IO, "set %s: /proc is not mounted", what)
				   : err_sys(t->err, errnum, "set %s", what);
}

static void set_xattrs(struct target *t)
{
	struct err e;
	int rc = xattr_write(t->pin, NULL, t->m->xattr, t->m->xattr_may, t->m->arg, &e);

	if (rc < 0 && !t->rc && !(t->m->lenient && rc == ERR_DENIED))
		t->rc = err_copy(t->err, &e);
}

static void set_times(struct target *t)
{
	const struct ts *a = &t->m->atime, *m = &t->m->mtime;
	struct timespec times[2] = {{.tv_sec = a->sec, .tv_nsec = a->nsec}, {.tv_sec = m->sec, .tv_nsec = m->nsec}};

	/* Beyond the range are UTIME_NOW and UTIME_OMIT, which a repository must not get to say. */
	if (a->nsec < 0 || a->nsec > 999999999 || m->nsec < 0 || m->nsec > 999999999)
		fault(t, EINVAL, "times");
	else if (utimensat(AT_FDCWD, t->proc, times, 0) < 0)
		fault(t, errno, "times");
}

int restore_metadata(int dirfd, const char *name, const struct restore_meta *m, struct err *err)
{
	struct target t = {.m = m, .err = err};
	struct meta now;
	int rc;

	/* "" is the open directory itself: the target folder has no name to go by. */
	if (*name && !sys_is_component(name))
		return err_set(err, ERR_INVALID, "'%.80s' is not the name of a file", name);
	t.pin = *name ? sys_openat(dirfd, name, O_PATH | O_NOFOLLOW, 0) : sys_openat(dirfd, ".", O_PATH | O_DIRECTORY, 0);
	if (t.pin < 0)
		return err_sys(err, errno, "open");
	sys_proc_name(t.proc, t.pin, NULL);
	rc = meta_stat(t.pin, "", false, &now, err);
	if (rc == 0 && (now.mode & S_IFMT) != (m->type & S_IFMT))
		rc = err_set(err, ERR_INVALID, "not the file that was restored");
	if (rc < 0)
		goto out;
	if (fchownat(t.pin, "", m->uid, m->gid, AT_EMPTY_PATH) < 0)
		fault(&t, errno, "owner");
	set_xattrs(&t);
	set_times(&t);
	if (!S_ISLNK(m->type) && chmod(t.proc, m->perm & 07777) < 0)
		fault(&t, errno, "mode");
	rc = t.rc;
out:
	close(t.pin);
	return rc;
}
