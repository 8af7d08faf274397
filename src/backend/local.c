/*
 * local: a repository in a directory (restic-format.md 1).
 *
 * A small pool of threads does the blocking work, and one more serves lock files alone, so that refreshing a lock never waits behind packs.
 *
 * A file appears under its name only complete and synced: written beside it under a temporary name, fsync, rename, fsync of the directory.  What a crash
 * leaves behind has a name that is not 64 hex digits, which every reader skips.
 */
#include "backend/backend.h"
#include "backend/layout.h"
#include "backend/local_dir.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCAL_CONNECTIONS 2
#define TEMP_TRIES        100
#define WRITE_MAX         ((size_t)1 << 30) /* Linux moves at most 2 GiB - 4 KiB in one call */

struct local {
	struct backend b;
	char *root;
	mode_t dir_mode, file_mode; /* fixed at the beginning: threads read them */
	struct jobs *pool, *lock_pool;
};

struct local_op {
	struct task task;
	struct local *l;
	struct backend_op *op;
};

static struct local *local_of(struct backend *b)
{
	return (struct local *)(void *)b;
}

static bool not_supported(int errnum)
{
	return errnum == ENOTSUP || errnum == ENOSYS;
}

/*
 * Make the directories between the root and the file `rel`.  The root itself is never made here: a repository whose file system is not mounted must not
 * come to life again, empty, below the mount point.
 */
static int dirs_for(const struct local *l, const char *rel, struct err *err)
{
	int code = 0;

	for (const char *p = strchr(rel, '/'); p && !code; p = strchr(p + 1, '/')) {
		char *dir = mem_printf("%s/%.*s", l->root, (int)(p - rel), rel);

		code = local_dir_make(dir, l->dir_mode, err);
		mem_free(dir);
	}
	return code;
}

/* Temporary names need only be free, not secret, and O_EXCL settles who has one: their digits are no input of the run, so nothing is injected here. */
static int temp_open(const char *path, char **temp)
{
	int fd = -1;

	for (int i = 0; i < TEMP_TRIES && fd < 0; i++) {
		uint32_t digits;

		rnd_fill(rnd_real(), &digits, sizeof(digits));
		*temp = mem_printf("%s-tmp-%u", path, digits);
		fd = open(*temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0) {
			int e = errno;

			mem_free(*temp);
			*temp = NULL;
			errno = e;
			if (e != EEXIST)
				break;
		}
	}
	return fd;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n < WRITE_MAX ? n : WRITE_MAX);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w ? errno : EIO;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Fill, sync and close `fd`.  *synced: false if this file system cannot sync. */
static int temp_fill(int fd, const struct backend_op *op, bool *synced)
{
	int e;

	/* One piece on the disk, and a full disk shows before the bytes were moved.  Only an offer: not every file system can. */
	if (op->size && op->size <= INT64_MAX)
		(void)fallocate(fd, 0, 0, (off_t)op->size);
	e = write_all(fd, op->data, op->size);
	*synced = true;
	if (!e && fsync(fd) < 0) {
		if (not_supported(errno))
			*synced = false;
		else
			e = errno;
	}
	if (close(fd) < 0 && !e)
		e = errno;
	return e;
}

static void local_put(struct local *l, struct backend_op *op, const char *rel, const char *path)
{
	char *temp = NULL;
	bool synced;
	int fd = temp_open(path, &temp);
	int e;

	if (fd < 0 && errno == ENOENT) {
		if (dirs_for(l, rel, &op->err))
			return;
		fd = temp_open(path, &temp);
	}
	if (fd < 0) {
		err_sys(&op->err, errno, "create a temporary file for %s", path);
		return;
	}
	e = temp_fill(fd, op, &synced);
	if (e) {
		err_sys(&op->err, e, "write %s", path);
		goto out;
	}
	if (rename(temp, path) < 0) {
		err_sys(&op->err, errno, "rename to %s", path);
		goto out;
	}
	mem_free(temp);
	temp = NULL;
	if (synced && local_dir_sync_parent(path, &op->err))
		goto out;
	if (chmod(path, l->file_mode & 07555) < 0 && errno != EPERM && !not_supported(errno))
		err_sys(&op->err, errno, "make %s read-only", path);
out:
	if (temp)
		unlink(temp);
	mem_free(temp);
}

/* O_NONBLOCK: a FIFO that somebody put there must not hold a thread for ever. */
static int file_open(const char *path, uint64_t *size, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	if (fstat(fd, &st) < 0) {
		int code = err_sys(err, errno, "open %s", path);

		close(fd);
		return code;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_INVALID, "%s is not a regular file", path);
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

static int read_all(int fd, struct buf *out, size_t want, uint64_t offset, const char *path, struct err *err)
{
	while (want) {
		ssize_t r = pread(fd, out->p + out->len, want < WRITE_MAX ? want : WRITE_MAX, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(err, errno, "read %s", path);
		if (!r)
			return err_set(err, ERR_TOOSHORT, "%s is too short: it shrank while it was read", path);
		out->len += (size_t)r;
		offset += (uint64_t)r;
		want -= (size_t)r;
	}
	return 0;
}

static void local_get(struct backend_op *op, const char *path)
{
	uint64_t size = 0, want;
	int fd;

	fd = file_open(path, &size, &op->err);
	if (fd < 0)
		return;
	if (op->offset > size || op->length > size - op->offset) {
		err_set(&op->err, ERR_TOOSHORT, "%s is too short: %llu bytes, wanted %llu from %llu on", path, (unsigned long long)size,
			(unsigned long long)op->length, (unsigned long long)op->offset);
		goto out;
	}
	want = op->length ? op->length : size - op->offset;
	if (buf_reserve(&op->out, (size_t)want)) {
		err_set(&op->err, ERR_NOMEM, "%s is larger than it may be: %llu bytes, not %zu", path, (unsigned long long)want,
			op->out.max);
		goto out;
	}
	if (read_all(fd, &op->out, (size_t)want, op->offset, path, &op->err))
		buf_reset(&op->out);
out:
	close(fd);
}

static void local_stat(struct backend_op *op, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		err_sys(&op->err, errno, "stat %s", path);
	else if (!S_ISREG(st.st_mode))
		err_set(&op->err, ERR_INVALID, "%s is not a regular file", path);
	else
		op->size = (size_t)st.st_size;
}

/*
 * Removed packs are of no use to any reader, but a removed index or snapshot that comes back after a power failure may name packs that do not: those
 * removals are made durable before the caller goes on to packs.
 */
static void local_remove(struct backend_op *op, const char *path)
{
	if (unlink(path) < 0) {
		if (errno != ENOENT)
			err_sys(&op->err, errno, "remove %s", path);
	} else if (op->type == BACKEND_INDEX || op->type == BACKEND_SNAPSHOT) {
		local_dir_sync_parent(path, &op->err);
	}
}

static void local_run(struct task *t)
{
	struct local_op *c = task_of(t, struct local_op, task);
	struct backend_op *op = c->op;
	char rel[LAYOUT_MAX];
	char *path;

	err_clear(&op->err);
	layout_path(op->type, &op->name, rel);
	path = mem_printf("%s/%s", c->l->root, rel);
	switch (op->verb) {
	case BACKEND_PUT:
		local_put(c->l, op, rel, path);
		break;
	case BACKEND_GET:
		buf_reset(&op->out);
		local_get(op, path);
		break;
	case BACKEND_STAT:
		local_stat(op, path);
		break;
	case BACKEND_REMOVE:
		local_remove(op, path);
		break;
	}
	mem_free(path);
}

static void local_done(struct task *t)
{
	struct local_op *c = task_of(t, struct local_op, task);
	struct backend_op *op = c->op;

	mem_free(c);
	op->done(op);
}

static void local_start(struct backend *b, struct backend_op *op)
{
	struct local *l = local_of(b);
	struct local_op *c = mem_alloc(sizeof(*c));

	*c = (struct local_op){.task = {.run = local_run, .done = local_done}, .l = l, .op = op};
	jobs_put(op->type == BACKEND_LOCK ? l->lock_pool : l->pool, &c->task);
}

static int local_list(struct backend *b, enum backend_type t, const struct backend_names *to, struct err *err)
{
	return local_dir_list(local_of(b)->root, t, to, err);
}

static int local_create(struct backend *b, struct err *err)
{
	const struct local *l = local_of(b);

	return local_dir_create(l->root, l->dir_mode, err);
}

static void local_free(struct backend *b)
{
	struct local *l = local_of(b);

	jobs_free(l->pool);
	jobs_free(l->lock_pool);
	mem_free(l->root);
	mem_free(l);
}

static const struct backend_vtable local_vtable = {
	.scheme = "local",
	.start = local_start,
	.list = local_list,
	.create = local_create,
	.free = local_free,
};

/* restic's rule: a repository whose config the group may read is shared by the group. */
static void modes_derive(struct local *l)
{
	char *config = mem_printf("%s/config", l->root);
	struct stat st;
	bool shared = !stat(config, &st) && (st.st_mode & S_IRGRP);

	l->dir_mode = shared ? 0770 : 0700;
	l->file_mode = shared ? 0660 : 0600;
	mem_free(config);
}

struct backend *backend_local_new(const char *path, unsigned connections)
{
	struct local *l = mem_zalloc(sizeof(*l));

	l->b.vt = &local_vtable;
	l->b.temps = true;
	l->b.connections = connections ? connections : LOCAL_CONNECTIONS;
	l->root = mem_strdup(*path ? path : ".");
	modes_derive(l);
	l->pool = jobs_new(l->b.connections, NULL, "store");
	l->lock_pool = jobs_new(1, NULL, "store-lock");
	return &l->b;
}
