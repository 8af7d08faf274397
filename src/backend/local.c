/*
 * local: a repository in a directory (docs/format.md 1).
 *
 * A small pool of threads does the blocking work, and one more serves lock files alone, so that
 * refreshing a lock never waits behind packs.
 *
 * A file appears under its name only complete and synced: written beside it under a temporary name,
 * fsync, rename, fsync of the directory.  What a crash leaves behind has a name that is not 64 hex
 * digits, which every reader skips.
 */
#include "backend/local.h"
#include "backend/layout.h"
#include "backend/local_dir.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/publish.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCAL_CONNECTIONS 2
#define TEMP_TRIES        100
#define WRITE_MAX         ((size_t)1 << 30) /* Linux moves at most 2 GiB - 4 KiB in one call */

struct local {
	struct backend b;
	struct local_root root;
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

/* One file of the repository: where it lies below the root, or below the directory of packs, and
 * how messages call it. */
struct file {
	struct local *l;
	int at;    /* that directory, */
	char *dir; /* and its name in messages */
	const char *rel;
	char below_root[LAYOUT_MAX];
	char *path;
};

/*
 * Make the directories between that one and the file.  The root itself is never made here: a
 * repository whose file system is not mounted must not come to life again, empty, below the mount
 * point.
 */
static int dirs_for(const struct file *f, struct err *err)
{
	int code = 0;

	for (const char *p = strchr(f->rel, '/'); p && !code; p = strchr(p + 1, '/')) {
		char *dir = mem_strndup(f->rel, (size_t)(p - f->rel));

		code = local_dir_make(f->at, dir, f->dir, f->l->dir_mode, err);
		mem_free(dir);
	}
	return code;
}

/* Temporary names need only be free, not secret, and O_EXCL settles who has one: their digits are
 * no input of the run, so nothing is injected here. */
static int temp_open(const struct file *f, char **temp)
{
	int fd = -1;

	for (int i = 0; i < TEMP_TRIES && fd < 0; i++) {
		uint32_t digits;

		rnd_fill(rnd_real(), &digits, sizeof(digits));
		*temp = mem_printf("%s-tmp-%u", f->rel, digits);
		fd = openat(f->at, *temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
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

	/* One piece on the disk, and a full disk shows before the bytes were moved.  Only an offer:
	 * not every file system can. */
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

/*
 * What names packs or is found by its own name is of no use where nobody looks for it.  Packs go
 * where the run began, whatever becomes of the path; and so does the lock, for its end has to
 * remove it.
 */
static bool is_public(enum backend_type t)
{
	return t != BACKEND_PACK && t != BACKEND_LOCK;
}

static void local_put(const struct file *f, struct backend_op *op)
{
	char *temp = NULL;
	bool synced;
	int fd, e;

	if (is_public(op->type) && local_root_still(&f->l->root, &op->err)) {
		err_prefix(&op->err, "write %s", f->path);
		return;
	}
	fd = temp_open(f, &temp);
	if (fd < 0 && errno == ENOENT) {
		if (dirs_for(f, &op->err))
			return;
		fd = temp_open(f, &temp);
	}
	if (fd < 0) {
		err_sys(&op->err, errno, "create a temporary file for %s", f->path);
		return;
	}
	e = temp_fill(fd, op, &synced);
	if (e) {
		err_sys(&op->err, e, "write %s", f->path);
		goto out;
	}
	e = op->fresh                                  ? publish_new(f->at, temp, f->rel)
	    : renameat(f->at, temp, f->at, f->rel) < 0 ? errno
						       : 0;
	if (e) {
		err_sys(&op->err, e, "rename to %s", f->path);
		goto out;
	}
	mem_free(temp);
	temp = NULL;
	if (synced && local_dir_sync_parent(f->at, f->rel, f->dir, &op->err))
		goto out;
	if (fchmodat(f->at, f->rel, f->l->file_mode & 07555, 0) < 0 && errno != EPERM &&
		!not_supported(errno))
		err_sys(&op->err, errno, "make %s read-only", f->path);
out:
	if (temp)
		unlinkat(f->at, temp, 0);
	mem_free(temp);
}

/* O_NONBLOCK: a FIFO that somebody put there must not hold a thread for ever. */
static int file_open(const struct file *f, uint64_t *size, struct err *err)
{
	int fd = openat(f->at, f->rel, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "open %s", f->path);
	if (fstat(fd, &st) < 0) {
		int code = err_sys(err, errno, "open %s", f->path);

		close(fd);
		return code;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_INVALID, "%s is not a regular file", f->path);
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

static int read_all(int fd, struct buf *out, size_t want, uint64_t offset, const char *path,
	struct err *err)
{
	while (want) {
		ssize_t r = pread(fd, out->p + out->len, want < WRITE_MAX ? want : WRITE_MAX,
			(off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(err, errno, "read %s", path);
		if (!r)
			return err_set(err, ERR_TOOSHORT,
				"%s is too short: it shrank while it was read", path);
		out->len += (size_t)r;
		offset += (uint64_t)r;
		want -= (size_t)r;
	}
	return 0;
}

static void local_get(const struct file *f, struct backend_op *op)
{
	uint64_t size = 0, want;
	int fd;

	fd = file_open(f, &size, &op->err);
	if (fd < 0)
		return;
	if (op->offset > size || op->length > size - op->offset) {
		err_set(&op->err, ERR_TOOSHORT,
			"%s is too short: %llu bytes, wanted %llu from %llu on", f->path,
			(unsigned long long)size, (unsigned long long)op->length,
			(unsigned long long)op->offset);
		goto out;
	}
	want = op->length ? op->length : size - op->offset;
	if (buf_try_reserve(&op->out, (size_t)want)) {
		err_set(&op->err, ERR_NOMEM,
			"%s is larger than it may be, or than the memory that is left: %llu bytes, "
			"not %zu",
			f->path, (unsigned long long)want, op->out.max);
		goto out;
	}
	if (read_all(fd, &op->out, (size_t)want, op->offset, f->path, &op->err))
		buf_reset(&op->out);
out:
	close(fd);
}

static void local_stat(const struct file *f, struct backend_op *op)
{
	struct stat st;

	if (fstatat(f->at, f->rel, &st, 0) < 0)
		err_sys(&op->err, errno, "stat %s", f->path);
	else if (!S_ISREG(st.st_mode))
		err_set(&op->err, ERR_INVALID, "%s is not a regular file", f->path);
	else
		op->size = (size_t)st.st_size;
}

/*
 * Removed packs are of no use to any reader, but a removed index or snapshot that comes back after
 * a power failure may name packs that do not: those removals are made durable before the caller
 * goes on to packs.
 */
static void local_remove(const struct file *f, struct backend_op *op)
{
	if (unlinkat(f->at, f->rel, 0) < 0) {
		if (errno != ENOENT)
			err_sys(&op->err, errno, "remove %s", f->path);
	} else if (op->type == BACKEND_INDEX || op->type == BACKEND_SNAPSHOT) {
		local_dir_sync_parent(f->at, f->rel, f->dir, &op->err);
	}
}

/* The directory of packs; a repository that was copied without its empty directories has none
 * before the first pack. */
static int packs_open(struct local *l, struct backend_op *op)
{
	int root = local_root_open(&l->root), fd = local_root_packs(&l->root);

	if (fd >= 0 || root < 0 || errno != ENOENT || op->verb != BACKEND_PUT)
		return fd;
	if (local_dir_make(root, layout_dir(op->type), l->root.path, l->dir_mode, &op->err))
		return -1;
	return local_root_packs(&l->root);
}

/* Whatever is missing where there is no root, it is not there. */
static bool file_of(struct file *f, struct local *l, struct backend_op *op)
{
	bool pack = op->type == BACKEND_PACK;
	const char *below = pack ? layout_dir(op->type) : "";

	f->l = l;
	layout_path(op->type, &op->name, f->below_root);
	f->rel = f->below_root + strlen(below) + pack;
	f->dir = mem_printf("%s%s%s", l->root.path, pack ? "/" : "", below);
	f->path = mem_printf("%s/%s", f->dir, f->rel);
	f->at = pack ? packs_open(l, op) : local_root_open(&l->root);
	if (f->at < 0 && !op->err.code)
		err_sys(&op->err, errno, "%s %s", backend_verb_name(op->verb), f->path);
	return f->at >= 0;
}

static void local_run(struct task *t)
{
	struct local_op *c = task_of(t, struct local_op, task);
	struct backend_op *op = c->op;
	struct file f;

	err_clear(&op->err);
	if (op->verb == BACKEND_GET)
		buf_reset(&op->out);
	if (file_of(&f, c->l, op)) {
		switch (op->verb) {
		case BACKEND_PUT:
			local_put(&f, op);
			break;
		case BACKEND_GET:
			local_get(&f, op);
			break;
		case BACKEND_STAT:
			local_stat(&f, op);
			break;
		case BACKEND_REMOVE:
			local_remove(&f, op);
			break;
		}
	} else if (op->verb == BACKEND_REMOVE && op->err.code == ERR_NOTFOUND) {
		err_clear(&op->err);
	}
	mem_free(f.path);
	mem_free(f.dir);
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
	if (op->type == BACKEND_LOCK)
		jobs_put(l->lock_pool, &c->task);
	else if (backend_op_urgent(op))
		jobs_put_front(l->pool, &c->task);
	else
		jobs_put(l->pool, &c->task);
}

static int local_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return local_dir_list(&local_of(b)->root, t, to, err);
}

static int local_clear(struct backend *b, enum backend_type t, int64_t before_s, uint64_t *removed,
	struct err *err)
{
	return local_dir_clear(&local_of(b)->root, t, before_s, removed, err);
}

static int local_create(struct backend *b, struct err *err)
{
	struct local *l = local_of(b);

	return local_dir_create(&l->root, l->dir_mode, err);
}

static void local_free(struct backend *b)
{
	struct local *l = local_of(b);

	jobs_free(l->pool);
	jobs_free(l->lock_pool);
	if (l->root.fd >= 0)
		close(l->root.fd);
	if (l->root.packs >= 0)
		close(l->root.packs);
	mem_free(l->root.path);
	mem_free(l);
}

static const struct backend_vtable local_vtable = {
	.scheme = "local",
	.start = local_start,
	.list = local_list,
	.create = local_create,
	.free = local_free,
	.clear_temps = local_clear,
};

/* restic's rule: a repository whose config the group may read is shared by the group. */
static void modes_derive(struct local *l)
{
	int fd = local_root_open(&l->root);
	struct stat st;
	bool shared = fd >= 0 && !fstatat(fd, "config", &st, 0) && (st.st_mode & S_IRGRP);

	l->dir_mode = shared ? 0770 : 0700;
	l->file_mode = shared ? 0660 : 0600;
}

struct backend *backend_local_new(const char *path, unsigned connections)
{
	struct local *l = mem_zalloc(sizeof(*l));

	l->b.vt = &local_vtable;
	l->b.temps = true;
	l->b.connections = connections ? connections : LOCAL_CONNECTIONS;
	l->root.path = mem_strdup(*path ? path : ".");
	l->root.fd = l->root.packs = -1;
	modes_derive(l);
	l->pool = jobs_new(l->b.connections, NULL, "store");
	l->lock_pool = jobs_new(1, NULL, "store-lock");
	return &l->b;
}
