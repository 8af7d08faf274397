#include "fs/xattr.h"
#include "base/mem.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

/*
 * Most files have no attribute or a few short ones.  The kernel allocates as much as the caller
 * offers, so a small offer first is cheaper than one of the maximum (64 KiB, XATTR_LIST_MAX and
 * XATTR_SIZE_MAX), although a long answer then takes a second call.
 */
#define SMALL 1024
#define LARGE 65536

/*
 * Where the attributes are: there are calls for a path and for a descriptor, but none for
 * (descriptor, name).  `follow` is for a magic link of /proc only, which leads to the very file
 * that is open, also when that is a symbolic link.
 */
struct place {
	const char *path; /* NULL: fd */
	int fd;
	bool follow;
	char proc[SYS_PROC_MAX];
};

static ssize_t sys_list(const struct place *p, char *out, size_t n)
{
	if (!p->path)
		return flistxattr(p->fd, out, n);
	return p->follow ? listxattr(p->path, out, n) : llistxattr(p->path, out, n);
}

static ssize_t sys_get(const struct place *p, const char *name, void *out, size_t n)
{
	if (!p->path)
		return fgetxattr(p->fd, name, out, n);
	return p->follow ? getxattr(p->path, name, out, n) : lgetxattr(p->path, name, out, n);
}

static int sys_set(const struct place *p, const char *name, const void *v, size_t n)
{
	if (!p->path)
		return fsetxattr(p->fd, name, v, n, 0);
	return p->follow ? setxattr(p->path, name, v, n, 0) : lsetxattr(p->path, name, v, n, 0);
}

static int sys_remove(const struct place *p, const char *name)
{
	if (!p->path)
		return fremovexattr(p->fd, name);
	return p->follow ? removexattr(p->path, name) : lremovexattr(p->path, name);
}

static int place_init(struct place *p, int dirfd, const char *name, const char *path,
	struct err *err)
{
	*p = (struct place){.fd = dirfd};
	if (path && strlen(path) < PATH_MAX) {
		p->path = path;
	} else if (name && dirfd == AT_FDCWD) {
		p->path = name;
	} else if (name) {
		if (!sys_proc_name(p->proc, dirfd, name))
			return err_set(err, ERR_INVALID,
				"extended attributes of %.64s: the name is too long", name);
		p->path = p->proc;
	}
	return 0;
}

/* Descriptors opened with O_PATH refuse the calls for descriptors; /proc still leads to their file.
 */
static bool place_through_proc(struct place *p)
{
	if (errno != EBADF || p->path || p->fd < 0)
		return false;
	sys_proc_name(p->proc, p->fd, NULL);
	p->path = p->proc;
	p->follow = true;
	return true;
}

static int place_err(const struct place *p, struct err *err, int errnum, const char *what)
{
	errno = errnum;
	if (p->path == p->proc && sys_proc_missing())
		return err_set(err, ERR_IO, "%s extended attributes: /proc is not mounted", what);
	return err_sys(err, errnum, "%s extended attributes", what);
}

/* What restic takes for "there are none": the file system has no attributes, or not of this kind,
 * or they are gone. */
static bool is_none(int errnum)
{
	return errnum == ENOTSUP || errnum == EOPNOTSUPP || errnum == ENODATA || errnum == ENOSYS;
}

/*
 * list_names: the names as the kernel gives them, each with its 0, in *names, which is `small` or
 * owned memory.  Their bytes or a code.
 */
static ssize_t list_names(struct place *p, char small[SMALL], char **names, struct err *err)
{
	ssize_t n;

	*names = small;
	n = sys_list(p, small, SMALL);
	if (n < 0 && place_through_proc(p))
		n = sys_list(p, small, SMALL);
	if (n < 0 && errno == ERANGE) {
		*names = mem_alloc(LARGE);
		n = sys_list(p, *names, LARGE);
	}
	if (n >= 0)
		return n;
	int errnum = errno;

	if (*names != small)
		mem_free(*names);
	*names = small;
	return is_none(errnum) ? 0 : place_err(p, err, errnum, "list");
}

/* One value.  1 when it is there, 0 when it vanished, else a code. */
static int read_value(const struct place *p, struct xattr *x, struct err *err)
{
	uint8_t small[SMALL], *large = NULL;
	ssize_t n;
	int rc = 1;

	n = sys_get(p, x->name, small, sizeof(small));
	if (n < 0 && errno == ERANGE) {
		large = mem_alloc(LARGE);
		n = sys_get(p, x->name, large, LARGE);
	}
	if (n < 0) {
		rc = is_none(errno) ? 0
				    : err_sys(err, errno, "read extended attribute %s", x->name);
	} else {
		x->n = (size_t)n;
		x->value = n ? mem_dup(large ? large : small, x->n) : NULL;
	}
	mem_free(large);
	return rc;
}

static int read_place(struct place *p, struct xattr_list *l, struct err *warn, struct err *err)
{
	char small[SMALL], *names = small;
	size_t count = 0;
	ssize_t n;

	*l = (struct xattr_list){0};
	err_clear(warn);
	n = list_names(p, small, &names, err);
	if (n <= 0)
		return (int)n;
	for (ssize_t i = 0; i < n; i++)
		count += !names[i];
	l->x = mem_array(count, sizeof(*l->x));
	for (const char *s = names; s < names + n; s += strlen(s) + 1) {
		struct xattr *x = &l->x[l->n];
		struct err fault;
		int rc;

		*x = (struct xattr){.name = mem_strdup(s)};
		rc = read_value(p, x, &fault);
		x->vanished = rc == 0;
		if (rc >= 0) {
			l->n++;
			continue;
		}
		mem_free(x->name);
		if (warn && !warn->code)
			err_copy(warn, &fault);
	}
	if (names != small)
		mem_free(names);
	return 0;
}

int xattr_read(int dirfd, const char *name, const char *path, struct xattr_list *l,
	struct err *warn, struct err *err)
{
	struct place p;
	int rc = place_init(&p, dirfd, name, name ? path : NULL, err);

	if (rc == 0)
		return read_place(&p, l, warn, err);
	*l = (struct xattr_list){0};
	err_clear(warn);
	return rc;
}

int xattr_read_fd(int fd, struct xattr_list *l, struct err *warn, struct err *err)
{
	return xattr_read(fd, NULL, NULL, l, warn, err);
}

void xattr_list_release(struct xattr_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		mem_free(l->x[i].name);
		mem_free(l->x[i].value);
	}
	mem_free(l->x);
	*l = (struct xattr_list){0};
}

unsigned xattr_kinds(int fd)
{
	static const char *const probe[] = {"user.a_backup.probe", "system.posix_acl_access",
		"security.capability"};
	unsigned kinds = 0;

	for (unsigned i = 0; i < sizeof(probe) / sizeof(probe[0]); i++) {
		ssize_t n = fgetxattr(fd, probe[i], NULL, 0);

		if (n >= 0 || errno == ENODATA)
			kinds |= 2u << 2 * i;
		else if (errno == ENOTSUP || errno == EOPNOTSUPP || errno == ENOSYS)
			kinds |= 1u << 2 * i;
	}
	return kinds;
}

bool xattr_kinds_differ(unsigned a, unsigned b)
{
	/* no here is yes there: the lower bit of one above the higher bit of the other */
	return (a << 1 & b & 0xaaaaaaaau) || (b << 1 & a & 0xaaaaaaaau);
}

/* ---- writing ---- */

struct writing {
	struct place p;
	const struct xattr_list *l;
	bool (*may)(void *arg, const char *attr);
	void *arg;
	struct xattr_left *left;
	struct err first;
};

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* What could not be set or removed. */
static void fault(struct writing *w, int errnum, const char *verb, const char *name)
{
	bool refused = errnum == EPERM || errnum == EACCES;
	bool roots = starts(name, "security.") || starts(name, "trusted.");
	struct err e;

	/* SELinux labels every file itself and lets few change the label. */
	if (refused && strcmp(name, "security.selinux") == 0)
		return;
	if (refused && w->left && (w->left->forgive_all || (w->left->forgive_root && roots))) {
		w->left->refused++;
		return;
	}
	if (w->first.code)
		return;
	errno = errnum;
	if (w->p.path == w->p.proc && sys_proc_missing())
		place_err(&w->p, &e, errnum, verb);
	else
		err_sys(&e, errnum, "%s extended attribute %s", verb, name);
	err_copy(&w->first, &e);
}

static bool listed(const struct xattr_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->x[i].name, name) == 0)
			return true;
	return false;
}

static void set_listed(struct writing *w)
{
	for (size_t i = 0; i < w->l->n; i++) {
		const struct xattr *x = &w->l->x[i];
		const void *value = x->value ? (const void *)x->value : "";
		int rc;

		if (w->may && !w->may(w->arg, x->name))
			continue;
		rc = sys_set(&w->p, x->name, value, x->n);
		if (rc < 0 && place_through_proc(&w->p))
			rc = sys_set(&w->p, x->name, value, x->n);
		if (rc == 0)
			continue;
		if (!is_none(errno))
			fault(w, errno, "set", x->name);
		else if (w->left)
			*(starts(x->name, "system.posix_acl_") ? &w->left->acls
							       : &w->left->attrs) += 1;
	}
}

/*
 * Attributes that a file may have without anybody having set them must stay: NFS lists its ACL as
 * system.nfs4_acl and refuses to remove it, and Lustre shows root where a file's data lies as
 * trusted.lov, without which there is no file.
 */
static bool is_ours_to_remove(const char *name)
{
	static const char *const kinds[] = {"user.", "trusted.", "security."};
	static const char *const lustre[] = {"lov", "lma", "lmv", "dmv", "link", "fid", "hsm",
		"som", "version", "lfsck_bitmap"};

	if (strcmp(name, "system.posix_acl_access") == 0 ||
		strcmp(name, "system.posix_acl_default") == 0)
		return true;
	for (size_t i = 0; i < sizeof(lustre) / sizeof(lustre[0]); i++)
		if (starts(name, "trusted.") && strcmp(name + 8, lustre[i]) == 0)
			return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (starts(name, kinds[i]))
			return true;
	return false;
}

static void remove_others(struct writing *w)
{
	char small[SMALL], *names = small;
	struct err e;
	ssize_t n = list_names(&w->p, small, &names, &e);

	if (n < 0 && !w->first.code)
		err_copy(&w->first, &e);
	for (const char *s = names; n > 0 && s < names + n; s += strlen(s) + 1) {
		if (listed(w->l, s) || !is_ours_to_remove(s) || (w->may && !w->may(w->arg, s)) ||
			sys_remove(&w->p, s) == 0 || is_none(errno))
			continue;
		fault(w, errno, "remove", s);
	}
	if (names != small)
		mem_free(names);
}

int xattr_write(int dirfd, const char *name, const struct xattr_list *l,
	bool (*may)(void *arg, const char *attr), void *arg, struct xattr_left *left,
	struct err *err)
{
	static const struct xattr_list none;
	struct writing w = {.l = l ? l : &none, .may = may, .arg = arg, .left = left};
	int rc = place_init(&w.p, dirfd, name, NULL, err);

	if (rc < 0)
		return rc;
	set_listed(&w);
	remove_others(&w);
	return w.first.code ? err_copy(err, &w.first) : 0;
}
