#include "backend/local_dir.h"
#include "backend/layout.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens it now if it was not there before. */
static int hold(_Atomic int *held, int at, const char *path)
{
	int fd = atomic_load(held), none = -1;

	if (fd >= 0)
		return fd;
	fd = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !atomic_compare_exchange_strong(held, &none, fd)) {
		close(fd); /* another thread was first */
		fd = none;
	}
	return fd;
}

int local_root_open(struct local_root *r)
{
	bool first = atomic_load(&r->fd) < 0;
	int fd = hold(&r->fd, AT_FDCWD, r->path);

	if (first && fd >= 0)
		(void)hold(&r->packs, fd, layout_dir(BACKEND_PACK));
	return fd;
}

int local_root_packs(struct local_root *r)
{
	int fd = local_root_open(r);

	return fd < 0 ? fd : hold(&r->packs, fd, layout_dir(BACKEND_PACK));
}

static int dir_still(int held, int at, const char *name, const char *path, struct err *err)
{
	struct stat then, now;
	bool gone;

	if (fstat(held, &then) < 0)
		return err_sys(err, errno, "open directory %s", path);
	gone = fstatat(at, name, &now, 0) < 0;
	if (gone && err_of_errno(errno) != ERR_NOTFOUND) /* it may be back soon */
		return err_sys(err, errno, "look at %s", path);
	if (gone || now.st_dev != then.st_dev || now.st_ino != then.st_ino)
		return err_set(err, ERR_INVALID,
			"%s is no longer the directory that it was when the run began: unmounted, "
			"mounted again, moved, or a link on the "
			"way to it was switched; what is saved now would not be found there",
			path);
	return 0;
}

int local_root_still(struct local_root *r, struct err *err)
{
	const char *rel = layout_dir(BACKEND_PACK);
	int fd = local_root_open(r), packs = atomic_load(&r->packs), code;
	char *path;

	if (fd < 0)
		return err_sys(err, errno, "open directory %s", r->path);
	code = dir_still(fd, AT_FDCWD, r->path, r->path, err);
	if (code || packs < 0)
		return code;
	path = mem_printf("%s/%s", r->path, rel);
	code = dir_still(packs, fd, rel, path, err);
	mem_free(path);
	return code;
}

static int dir_sync(int at, const char *dir, const char *path, struct err *err)
{
	int fd = openat(at, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = 0;

	if (fd < 0)
		return err_sys(err, errno, "open directory %s", path);
	if (fsync(fd) < 0 && errno != ENOTSUP && errno != ENOSYS && errno != ENOENT &&
		errno != EINVAL)
		code = err_sys(err, errno, "sync directory %s", path);
	close(fd);
	return code;
}

int local_dir_sync_parent(int at, const char *name, const char *root, struct err *err)
{
	const char *slash = strrchr(name, '/');
	char *dir = !slash ? mem_strdup(".")
			   : mem_strndup(name, slash == name ? 1 : (size_t)(slash - name));
	char *path = mem_printf("%s%s%s", root, *root ? "/" : "", dir);
	int code = dir_sync(at, dir, path, err);

	mem_free(path);
	mem_free(dir);
	return code;
}

/* `name` is a path of its own when the root's is empty. */
int local_dir_make(int at, const char *name, const char *root, mode_t mode, struct err *err)
{
	const char *between = *root ? "/" : "";
	struct stat st;

	if (!mkdirat(at, name, mode))
		return local_dir_sync_parent(at, name, root, err);
	if (errno != EEXIST)
		return err_sys(err, errno, "create directory %s%s%s", root, between, name);
	if (fstatat(at, name, &st, 0) < 0)
		return err_sys(err, errno, "create directory %s%s%s", root, between, name);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ENOTDIR, "create directory %s%s%s", root, between, name);
	return 0;
}

/* Like mkdir -p.  Only the last directory tells whether it worked: mkdir may be refused for parents
 * that exist. */
static int root_make(const char *root, mode_t mode, struct err *err)
{
	char *path = mem_strdup(root);

	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		if (!mkdir(path, mode))
			(void)local_dir_sync_parent(AT_FDCWD, path, "", NULL);
		*p = '/';
	}
	mem_free(path);
	return local_dir_make(AT_FDCWD, root, "", mode, err);
}

/* All 256 at once: one sync for them together. */
static int pack_dirs_make(struct local_root *r, const char *data, mode_t mode, struct err *err)
{
	int fd = local_root_packs(r), code;
	char *path;

	for (unsigned i = 0; i < 256; i++) {
		char rel[8];

		snprintf(rel, sizeof(rel), "%02x", i);
		if (mkdirat(fd, rel, mode) < 0 && errno != EEXIST)
			return err_sys(err, errno, "create directory %s/%s/%s", r->path, data, rel);
	}
	path = mem_printf("%s/%s", r->path, data);
	code = dir_sync(fd, ".", path, err);
	mem_free(path);
	return code;
}

int local_dir_create(struct local_root *r, mode_t mode, struct err *err)
{
	static const enum backend_type types[] = {BACKEND_KEY, BACKEND_SNAPSHOT, BACKEND_INDEX,
		BACKEND_LOCK, BACKEND_PACK};
	int code = local_root_open(r) >= 0 ? 0 : root_make(r->path, mode, err);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && !code; i++) {
		code = local_dir_make(local_root_open(r), layout_dir(types[i]), r->path, mode, err);
		if (!code && types[i] == BACKEND_PACK)
			code = pack_dirs_make(r, layout_dir(types[i]), mode, err);
	}
	return code;
}

struct lister {
	enum backend_type type;
	const struct backend_names *to;
	struct err *err;
};

/* A file by its name: is it one that can be read?  0, an odd kind, or a negative code. */
static int file_look(int dirfd, const char *name, uint64_t *size)
{
	struct stat st;

	if (!fstatat(dirfd, name, &st, 0)) {
		*size = (uint64_t)st.st_size;
		return S_ISREG(st.st_mode) ? 0 : BACKEND_ODD_KIND;
	}
	if (errno != ENOENT)
		return ERR_IO;
	/* A link that leads nowhere is there; what another process removed since the directory was
	 * read is not, and that is no fault of the listing. */
	if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return BACKEND_ODD_KIND;
	return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
}

/* The name in `dir`, which lies at `below` (ends with /, or empty) in the type's own directory. */
static int list_name(const struct lister *l, int dirfd, const char *below, const char *name,
	const char *dir)
{
	char *rel = mem_printf("%s%s", below, name);
	uint64_t size = 0;
	struct id id;
	int why = (int)layout_read(l->type, rel, &id), code = 0;

	if (!why)
		why = file_look(dirfd, name, &size);
	if (!why)
		code = l->to->file(l->to->arg, &id, size);
	else if (why > 0)
		layout_odd(l->to, l->type, (enum backend_odd)why, rel);
	else if (why != ERR_NOTFOUND)
		code = err_sys(l->err, errno, "stat %s/%s", dir, name);
	mem_free(rel);
	return code;
}

static bool is_pack_dir(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

/* *fd: -1 if `name` of `at`, called `path` in messages, is no directory that is there. */
static int dir_open(const struct lister *l, int at, const char *name, const char *path, int *fd)
{
	*fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	return err_sys(l->err, errno, "list %s", path);
}

static int list_below(const struct lister *l, int dirfd, const char *name, const char *dir);

/* What is to become the config lies in the root; everything else there is somebody else's business.
 */
static bool is_wanted(const struct lister *l, const char *name)
{
	return l->type != BACKEND_CONFIG || !strncmp(name, "config-tmp-", 11);
}

/* What lies in the directory `fd`, which is closed; deep: in the directories below it.  `below`: as
 * for list_name. */
static int list_dir(const struct lister *l, int fd, const char *path, const char *below, bool deep)
{
	DIR *dir = fdopendir(fd);
	int code = 0;

	if (!dir) {
		code = err_sys(l->err, errno, "list %s", path);
		close(fd);
		return code;
	}
	while (!code) {
		const struct dirent *d;

		errno = 0;
		d = readdir(dir);
		if (!d) {
			if (errno)
				code = err_sys(l->err, errno, "list %s", path);
			break;
		}
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || !is_wanted(l, d->d_name))
			continue;
		code = deep ? list_below(l, fd, d->d_name, path)
			    : list_name(l, fd, below, d->d_name, path);
	}
	closedir(dir);
	return code;
}

/* What lies in data/: directories of packs, and what is none of them, in which packs may lie all
 * the same. */
static int list_below(const struct lister *l, int dirfd, const char *name, const char *dir)
{
	char *path = mem_printf("%s/%s", dir, name), *below = mem_printf("%s/", name);
	int fd, code = dir_open(l, dirfd, name, path, &fd);

	if (!code && fd < 0)
		code = list_name(l, dirfd, "", name, dir);
	else if (!code)
		code = list_dir(l, fd, path, below, false);
	if (!code && fd >= 0 && !is_pack_dir(name))
		layout_odd(l->to, l->type, BACKEND_ODD_NAME, name);
	mem_free(path);
	mem_free(below);
	return code;
}

int local_dir_list(struct local_root *r, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct lister l = {.type = t, .to = to, .err = err};
	const char *rel = layout_dir(t);
	char *path = mem_printf("%s/%s", r->path, rel);
	bool packs = t == BACKEND_PACK;
	int at = packs ? local_root_packs(r) : local_root_open(r),
	    fd = at < 0 ? -1
			: openat(at, *rel && !packs ? rel : ".",
				  O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    code = 0;

	if (fd >= 0)
		code = list_dir(&l, fd, path, "", t == BACKEND_PACK);
	else if (errno != ENOENT)
		code = err_sys(err, errno, "list %s", path);
	else
		layout_gone(to, t);
	mem_free(path);
	return code;
}

/* ---- what killed writers have left ---- */

struct clearing {
	int at;       /* the directory that names are below of */
	size_t strip; /* of a path below the root, to be below that */
	int64_t before;
	uint64_t *removed;
	struct err err;
};

static int no_file(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	(void)size;
	return 0;
}

/* The file may be finished, or removed by another, since it was listed: both are fine. */
static void clear_one(void *arg, enum backend_odd why, const char *path)
{
	struct clearing *c = arg;
	const char *rel = path + c->strip;
	struct stat st;

	if (why != BACKEND_ODD_TEMP || strlen(path) <= c->strip ||
		fstatat(c->at, rel, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		st.st_mtime >= c->before)
		return;
	if (!unlinkat(c->at, rel, 0))
		++*c->removed;
	else if (errno != ENOENT && !c->err.code)
		err_sys(&c->err, errno, "remove %s", path);
}

int local_dir_clear(struct local_root *r, enum backend_type t, int64_t before_s, uint64_t *removed,
	struct err *err)
{
	bool packs = t == BACKEND_PACK;
	struct clearing c = {.at = packs ? local_root_packs(r) : local_root_open(r),
		.strip = packs ? strlen(layout_dir(t)) + 1 : 0,
		.before = before_s,
		.removed = removed};
	struct backend_names to = {.file = no_file, .odd = clear_one, .arg = &c};
	int code;

	if (c.at < 0)
		return 0;
	code = local_dir_list(r, t, &to, err);
	return code ? code : err_copy(err, &c.err);
}
