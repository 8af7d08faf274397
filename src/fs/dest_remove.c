/* dest_remove of dest.h: deleting what is in the way, as deep as it goes. */
#include "base/buf.h"
#include "base/mem.h"
#include "fs/dir.h"
#include "fs/dest.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * One directory on the way down.  Only the lowest is open, so the depth is not limited by the
 * number of descriptors.  The way up is
 * "..", which somebody who moves directories about could bend: only the very directory that we came
 * from is entered.
 */
struct level {
	struct dir_list list;
	size_t next;
	uint64_t dev, ino;
	size_t path_len; /* of the level above */
	bool entered;    /* the directory at `next`: what is still in it stays */
};

struct removal {
	struct level *level;
	size_t n, cap;
	int fd; /* of the lowest level */
	const struct dest_spare *spare;
	struct buf path; /* of the lowest level, as `spare` knows it */
	bool kept;       /* something */
};

/* The way a plain name goes.  1: it is a directory that is not empty, 0: gone, else an error. */
static int remove_one(int dirfd, const char *name, struct err *err)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* EISDIR from Linux, EPERM from POSIX and from some network file systems. */
	if (errno == EISDIR || errno == EPERM) {
		int why = errno;

		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno == ENOTEMPTY || errno == EEXIST)
			return 1;
		/* No directory after all: then the first refusal is the true one. */
		if (errno == ENOTDIR)
			errno = why;
	}
	return err_sys(err, errno, "remove %s", name);
}

static bool keep(struct removal *r, const struct meta *dir)
{
	return r->spare->keep && r->spare->keep(r->spare->arg, buf_str(&r->path), dir);
}

/* The directory's level, below r->path, which its name is the end of.  1: it is kept. */
static int enter(struct removal *r, int dirfd, const char *name, size_t path_len, struct err *err)
{
	struct level *l;
	struct meta m;
	int fd = dir_open_at(dirfd, name, err), rc;

	if (fd < 0)
		return fd;
	rc = meta_stat(fd, "", false, &m, err);
	if (rc == 0 && keep(r, &m))
		rc = 1;
	if (rc) {
		close(fd);
		return rc;
	}
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->level = mem_regrow(r->level, r->cap, sizeof(*r->level));
	}
	l = &r->level[r->n];
	*l = (struct level){.path_len = path_len};
	rc = dir_list(fd, &l->list, err);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	l->dev = m.dev;
	l->ino = m.ino;
	if (r->n)
		close(r->fd);
	r->n++;
	r->fd = fd;
	return 0;
}

static int leave(struct removal *r, struct err *err)
{
	struct meta m;
	int up, rc;

	dir_list_release(&r->level[--r->n].list);
	r->path.len = r->level[r->n].path_len;
	if (!r->n) {
		close(r->fd);
		return 0;
	}
	up = sys_openat(r->fd, "..", O_RDONLY | O_DIRECTORY, 0);
	if (up < 0)
		return err_sys(err, errno, "open parent directory");
	close(r->fd);
	r->fd = up;
	rc = meta_stat(up, "", false, &m, err);
	if (rc == 0 && (m.dev != r->level[r->n - 1].dev || m.ino != r->level[r->n - 1].ino))
		rc = err_set(err, ERR_INVALID, "remove: a directory was moved away meanwhile");
	return rc;
}

/*
 * The next name of the lowest level.  A directory with contents stays at `next` until it is empty
 * and this removes it; or, when something in it was kept, cannot.
 */
static int step(struct removal *r, struct err *err)
{
	struct level *l = &r->level[r->n - 1];
	const char *name = l->list.entry[l->next].name;
	size_t len = r->path.len;
	int rc;

	buf_addf(&r->path, "/%s", name);
	if (keep(r, NULL)) {
		r->kept = true;
		rc = 0;
	} else {
		rc = remove_one(r->fd, name, err);
	}
	if (rc > 0 && l->entered) {
		rc = 0;
	} else if (rc > 0) {
		l->entered = true;
		rc = enter(r, r->fd, name, len, err);
		if (rc == 0)
			return 0; /* its path stays */
		r->kept = r->kept || rc > 0;
		rc = rc > 0 ? 0 : rc;
	}
	r->path.len = len;
	if (rc == 0) {
		r->level[r->n - 1].next++;
		r->level[r->n - 1].entered = false;
	}
	return rc;
}

/* Everything below (dirfd, name). */
static int remove_tree(int dirfd, const char *name, const struct dest_spare *spare, struct err *err)
{
	struct removal r = {.fd = -1, .spare = spare};
	int rc;

	buf_init(&r.path, SIZE_MAX / 2);
	buf_adds(&r.path, spare->path);
	rc = enter(&r, dirfd, name, r.path.len, err);
	r.kept = rc > 0;
	while (rc == 0 && r.n)
		rc = r.level[r.n - 1].next == r.level[r.n - 1].list.n ? leave(&r, err)
								      : step(&r, err);
	if (r.n)
		close(r.fd);
	while (r.n)
		dir_list_release(&r.level[--r.n].list);
	mem_free(r.level);
	buf_release(&r.path);
	return rc < 0 ? rc : r.kept ? err_set(err, ERR_EXISTS, "something in it is kept") : 0;
}

int dest_remove(int dirfd, const char *name, const struct dest_spare *spare, struct err *err)
{
	int rc;

	if (!sys_is_component(name))
		return err_set(err, ERR_INVALID, "'%.80s' is not the name of a file", name);
	rc = remove_one(dirfd, name, err);
	if (rc > 0 && spare) {
		rc = remove_tree(dirfd, name, spare, err);
		if (rc == 0)
			rc = remove_one(dirfd, name, err);
		if (rc < 0 && rc != ERR_EXISTS)
			err_prefix(err, "remove %s", name);
		if (rc <= 0)
			return rc;
	}
	return rc > 0 ? err_set(err, ERR_EXISTS,
				"remove what is in the way: directory is not empty")
		      : rc;
}
