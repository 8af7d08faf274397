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
	int (*fn)(void *, const struct id *, uint64_t);
	void *arg;
	struct err *err;
};

/* Only lower-case names: those are the ones a GET can find again. */
static bool name_parse(struct id *id, const char *name)
{
	return strlen(name) == ID_HEX && !id_parse(id, name, ID_HEX) && !strcmp(name, id_hex(id).s);
}

static int list_file(const struct lister *l, int dirfd, const struct dirent *d, const char *dir)
{
	struct stat st;
	struct id id;

	if (d->d_type == DT_DIR || !name_parse(&id, d->d_name))
		return 0;
	if (fstatat(dirfd, d->d_name, &st, 0) < 0) {
		/* Another process removed it since; that is no fault of the listing. */
		if (errno == ENOENT)
			return 0;
		return err_sys(l->err, errno, "stat %s/%s", dir, d->d_name);
	}
	return S_ISREG(st.st_mode) ? l->fn(l->arg, &id, (uint64_t)st.st_size) : 0;
}

/* The files of directory `name` in `at`, called `path` in messages; below: it is one of a deep listing, where what is no directory is skipped. */
static int list_dir(const struct lister *l, int at, const char *name, const char *path, bool deep, bool below)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;
	int code = 0;

	if (fd < 0) {
		if (errno == ENOENT || (below && errno == ENOTDIR))
			return 0;
		return err_sys(l->err, errno, "list %s", path);
	}
	dir = fdopendir(fd);
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
		if (!deep) {
			code = list_file(l, fd, d, path);
		} else if (d->d_type != DT_REG && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
			char *sub = mem_printf("%s/%s", path, d->d_name);

			code = list_dir(l, fd, d->d_name, sub, false, true);
			mem_free(sub);
		}
	}
	closedir(dir);
	return code;
}

int local_dir_list(const char *path, bool deep, int (*fn)(void *, const struct id *, uint64_t), void *arg, struct err *err)
{
	struct lister l = {.fn = fn, .arg = arg, .err = err};

	return list_dir(&l, AT_FDCWD, path, path, deep, false);
}
