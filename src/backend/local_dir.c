#include "backend/local_dir.h"
#include "backend/layout.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir_sync(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = 0;

	if (fd < 0)
		return err_sys(err, errno, "open directory %s", dir);
	if (fsync(fd) < 0 && errno != ENOTSUP && errno != ENOSYS && errno != ENOENT && errno != EINVAL)
		code = err_sys(err, errno, "sync directory %s", dir);
	close(fd);
	return code;
}

int local_dir_sync_parent(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = !slash ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int code = dir_sync(dir, err);

	mem_free(dir);
	return code;
}

int local_dir_make(const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (!mkdir(path, mode))
		return local_dir_sync_parent(path, err);
	if (errno != EEXIST)
		return err_sys(err, errno, "create directory %s", path);
	if (stat(path, &st) < 0)
		return err_sys(err, errno, "create directory %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ENOTDIR, "create directory %s", path);
	return 0;
}

/* Like mkdir -p.  Only the last directory tells whether it worked: mkdir may be refused for parents that exist. */
static int root_make(const char *root, mode_t mode, struct err *err)
{
	char *path = mem_strdup(root);

	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		if (!mkdir(path, mode))
			(void)local_dir_sync_parent(path, NULL);
		*p = '/';
	}
	mem_free(path);
	return local_dir_make(root, mode, err);
}

/* All 256 at once: one sync for them together. */
static int pack_dirs_make(const char *data, mode_t mode, struct err *err)
{
	for (unsigned i = 0; i < 256; i++) {
		char *path = mem_printf("%s/%02x", data, i);
		int code = mkdir(path, mode) < 0 && errno != EEXIST ? err_sys(err, errno, "create directory %s", path) : 0;

		mem_free(path);
		if (code)
			return code;
	}
	return dir_sync(data, err);
}

int local_dir_create(const char *root, mode_t mode, struct err *err)
{
	static const enum backend_type types[] = {BACKEND_KEY, BACKEND_SNAPSHOT, BACKEND_INDEX, BACKEND_LOCK, BACKEND_PACK};
	int code = root_make(root, mode, err);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && !code; i++) {
		char *path = mem_printf("%s/%s", root, layout_dir(types[i]));

		code = local_dir_make(path, mode, err);
		if (!code && types[i] == BACKEND_PACK)
			code = pack_dirs_make(path, mode, err);
		mem_free(path);
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
	/* A link that leads nowhere is there; what another process removed since the directory was read is not, and that is no fault of the listing. */
	if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return BACKEND_ODD_KIND;
	return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
}

/* The name in `dir`, which lies at `below` (ends with /, or empty) in the type's own directory. */
static int list_name(const struct lister *l, int dirfd, const char *below, const char *name, const char *dir)
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
	if (*fd >= 0 || errno == ENOENT || (at != AT_FDCWD && errno == ENOTDIR))
		return 0;
	return err_sys(l->err, errno, "list %s", path);
}

static int list_below(const struct lister *l, int dirfd, const char *name, const char *dir);

/* What is to become the config lies in the root; everything else there is somebody else's business. */
static bool is_wanted(const struct lister *l, const char *name)
{
	return l->type != BACKEND_CONFIG || !strncmp(name, "config-tmp-", 11);
}

/* What lies in the directory `fd`, which is closed; deep: in the directories below it.  `below`: as for list_name. */
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
		code = deep ? list_below(l, fd, d->d_name, path) : list_name(l, fd, below, d->d_name, path);
	}
	closedir(dir);
	return code;
}

/* What lies in data/: directories of packs, and what is none of them, in which packs may lie all the same. */
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

int local_dir_list(const char *root, enum backend_type t, const struct backend_names *to, struct err *err)
{
	struct lister l = {.type = t, .to = to, .err = err};
	char *path = mem_printf("%s/%s", root, layout_dir(t));
	int fd, code = dir_open(&l, AT_FDCWD, path, path, &fd);

	if (!code && fd >= 0)
		code = list_dir(&l, fd, path, "", t == BACKEND_PACK);
	mem_free(path);
	return code;
}
