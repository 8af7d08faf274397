#include "engine/restore_content.h"
#include "base/mem.h"
#include "fs/file.h"
#include <errno.h>
#include <unistd.h>

static const struct restore_options *options(const struct restore_file *f)
{
	return f->w->sh->dirs->opt;
}

static void note(struct restore_file *f, const struct err *e)
{
	pthread_mutex_lock(&f->lock);
	if (!f->err)
		f->err = mem_dup(e, sizeof(*e));
	pthread_mutex_unlock(&f->lock);
}

void restore_content_fail(struct restore_file *f, const struct err *e)
{
	note(f, e);
	atomic_store(&f->failed, true);
}

/* ---- the descriptor ---- */

/* A new file where nothing is, or nothing that may stay. */
static int make(struct restore_file *f, struct err *err)
{
	int rc = f->replace ? restore_spare_clear(f->w->sh->dirs->spare, f->dir->fd, f->dir->path,
				      f->name, err)
			    : 0;

	if (rc < 0)
		return rc;
	rc = dest_create(f->dir->fd, f->name, &f->is, err);
	if (rc == ERR_EXISTS)
		err_set(err, ERR_EXISTS, RESTORE_TWICE);
	return rc;
}

/* Under the lock.  Preallocation pays for files of several blobs; one write makes a small file's
 * size by itself. */
static int open_for_write(struct restore_file *f, struct err *err)
{
	bool sparse = options(f)->sparse || (f->uses <= 1 && !f->there);
	int fd = ERR_NOTFOUND, rc;

	/* It was closed because many are open.  What has been written must still be there. */
	if (f->made)
		return dest_reopen(f->dir->fd, f->name, &f->is, err);
	if (f->there)
		fd = dest_reopen(f->dir->fd, f->name, &f->was, err);
	f->reused = fd >= 0;
	if (f->reused)
		f->is = f->was;
	f->replace = f->replace || f->there;
	if (!f->reused)
		fd = make(f, err);
	if (fd < 0)
		return fd;
	rc = dest_resize(fd, f->reused ? f->was.size : 0, f->size, sparse, err);
	f->made = rc == 0;
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

/* The descriptor, open until put_fd. */
static int get_fd(struct restore_file *f, struct err *err)
{
	int fd;

	pthread_mutex_lock(&f->lock);
	if (f->fd < 0) {
		f->fd = open_for_write(f, err);
		if (f->fd >= 0)
			atomic_fetch_add(&f->w->sh->files_open, 1);
	}
	fd = f->fd;
	if (fd >= 0)
		f->busy++;
	pthread_mutex_unlock(&f->lock);
	return fd;
}

/* Under the lock, or when nobody else touches the file any more. */
static int shut(struct restore_file *f, struct err *err)
{
	int rc = close(f->fd);

	f->fd = -1;
	atomic_fetch_sub(&f->w->sh->files_open, 1);
	return rc < 0 && errno != EINTR ? err_sys(err, errno, "write") : 0;
}

static void put_fd(struct restore_file *f)
{
	struct restore_shared *sh = f->w->sh;
	struct err e;
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	if (--f->busy == 0 && atomic_load(&sh->files_open) > sh->files_max)
		rc = shut(f, &e);
	pthread_mutex_unlock(&f->lock);
	if (rc < 0)
		restore_content_fail(f, &e);
}

/* The metadata, through the descriptor that has the content: owner and mode must not go to what
 * lies under that name by now. */
static void set_metadata(struct restore_file *f, int fd)
{
	struct err e;

	err_clear(&e);
	if (f->made && dest_flush(fd, &e) < 0)
		restore_content_fail(f, &e);
	else if (!f->part && restore_keep_set(&f->keep, fd, &e) < 0)
		note(f, &e);
}

/* Nothing is pending any more: nobody else touches the file. */
static void finish(struct restore_file *f)
{
	struct err e;

	err_clear(&e);
	if (!atomic_load(&f->failed)) {
		int fd = get_fd(f, &e);

		if (fd < 0) {
			restore_content_fail(f, &e);
		} else {
			set_metadata(f, fd);
			put_fd(f);
		}
	}
	if (f->fd >= 0 && shut(f, &e) < 0)
		restore_content_fail(f, &e);
}

/* ---- what is there ---- */

static bool has_blob(int fd, const struct restore_use *u, struct repo_ctx *ctx)
{
	size_t n = blob_plain_size(&u->want.at.blob), got = 0;
	struct id id;

	buf_reset(&ctx->tmp);
	if (buf_try_reserve(&ctx->tmp, n) < 0)
		return false;
	while (got < n) {
		ssize_t r = pread(fd, ctx->tmp.p + got, n - got, (off_t)(u->offset + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	hash_once(ctx->hash, ctx->tmp.p, n, &id);
	return id_equal(&id, &u->want.at.blob.id);
}

void restore_content_drop(struct restore_file *f)
{
	for (uint32_t i = 0; i < f->uses; i++)
		f->w->use[f->first_use + i].done = false;
}

static void replace(struct restore_file *f)
{
	f->there = false;
	f->replace = true;
	restore_content_drop(f);
}

/* Opens it for writing, in place if it is still the file that was looked at; else nothing of it is
 * kept. */
static void write_over(struct restore_file *f)
{
	struct err e;

	err_clear(&e);
	if (get_fd(f, &e) < 0) {
		restore_content_fail(f, &e);
		return;
	}
	if (!f->reused)
		restore_content_drop(f);
	put_fd(f);
}

bool restore_content_has(struct restore_file *f, int fd, const struct meta *m, struct repo_ctx *ctx)
{
	struct restore_use *use = &f->w->use[f->first_use];
	uint32_t same = 0;

	for (uint32_t i = 0; i < f->uses && !restore_stopped(f->w->sh); i++) {
		use[i].done = has_blob(fd, &use[i], ctx);
		same += use[i].done;
	}
	return same == f->uses && m->size == f->size;
}

void restore_content_compare(struct restore_file *f, struct repo_ctx *ctx)
{
	struct restore_use *use = &f->w->use[f->first_use];
	uint32_t left = 0;
	struct meta m;
	struct err e;
	int fd;

	err_clear(&e);
	fd = file_open(f->dir->fd, f->name, &m, &e);
	if (fd >= 0 && (m.dev != f->was.dev || m.ino != f->was.ino || m.uid != f->was.uid))
		replace(f);
	else if (fd >= 0)
		f->unchanged = restore_content_has(f, fd, &m, ctx);
	if (!restore_stopped(f->w->sh) && f->unchanged && !options(f)->dry_run)
		set_metadata(f, fd);
	if (fd >= 0)
		file_close(fd);
	if (restore_stopped(f->w->sh))
		return;
	if (!f->unchanged && f->there &&
		f->was.nlink > 1) /* the content of its other names is not ours to change */
		replace(f);
	if (!f->unchanged && !options(f)->dry_run)
		write_over(f);
	for (uint32_t i = 0; i < f->uses; i++)
		left += !use[i].done;
	atomic_store(&f->pending, left);
	if (!left && !f->unchanged && !options(f)->dry_run)
		finish(f);
}

void restore_content_range(struct restore_file *f, struct repo_ctx *ctx)
{
	struct restore_use *use = &f->w->use[f->first_use];
	struct meta m;
	uint32_t left = f->uses;
	int fd = file_open(f->dir->fd, f->name, &m, NULL);

	f->reused = true;
	for (uint32_t i = 0; fd >= 0 && i < f->uses && !restore_stopped(f->w->sh); i++) {
		use[i].done = has_blob(fd, &use[i], ctx);
		left -= use[i].done;
	}
	if (fd >= 0)
		file_close(fd);
	if (restore_stopped(f->w->sh))
		return;
	atomic_store(&f->pending, left);
	if (!left)
		finish(f);
}

void restore_content_empty(struct restore_file *f)
{
	if (!options(f)->dry_run)
		finish(f);
}

/* ---- writing ---- */

static size_t leading_zeros(const uint8_t *p, size_t n)
{
	static const uint8_t zeros[4096];
	size_t i = 0;

	while (n - i >= sizeof(zeros) && !memcmp(p + i, zeros, sizeof(zeros)))
		i += sizeof(zeros);
	while (i < n && !p[i])
		i++;
	return i;
}

static void settle(struct restore_file *f)
{
	if (atomic_fetch_sub(&f->pending, 1) == 1)
		finish(f);
}

bool restore_content_write(struct restore_use *u, const uint8_t *p, size_t n)
{
	struct restore_file *f = u->file;
	struct err e;
	int rc = ERR_CANCELLED;

	err_clear(&e);
	if (!atomic_load(&f->failed)) {
		/* The places of all that follows depend on it. */
		int fd = rc = n == blob_plain_size(&u->want.at.blob)
				      ? get_fd(f, &e)
				      : err_set(&e, ERR_INVALID, "a blob of %zu bytes, not %u", n,
						blob_plain_size(&u->want.at.blob));

		if (fd >= 0) {
			/* A file that was there has other bytes where zeros belong. */
			size_t skip = options(f)->sparse && !f->reused ? leading_zeros(p, n) : 0;

			rc = skip < n ? dest_pwrite(fd, p + skip, n - skip, u->offset + skip, &e)
				      : 0;
			put_fd(f);
		}
		if (rc < 0)
			restore_content_fail(f, &e);
	}
	settle(f);
	return rc >= 0;
}

void restore_content_lose(struct restore_use *u, const struct err *e)
{
	restore_content_fail(u->file, e);
	settle(u->file);
}

void restore_content_verify(struct restore_file *f, size_t first, size_t end, struct repo_ctx *ctx)
{
	struct meta m;
	struct err e;
	int fd;

	err_clear(&e);
	fd = file_open(f->dir->fd, f->name, &m, &e);
	if (fd >= 0 && m.size != (f->part ? f->of.whole : f->size))
		err_set(&e, ERR_INVALID, "verify: the file has %llu bytes, not %llu",
			(unsigned long long)m.size,
			(unsigned long long)(f->part ? f->of.whole : f->size));
	for (size_t i = first; i < end && !e.code && !restore_stopped(f->w->sh); i++)
		if (!has_blob(fd, &f->w->use[i], ctx))
			err_set(&e, ERR_INVALID,
				"verify: the file's content at offset %llu is not what was "
				"restored",
				(unsigned long long)f->w->use[i].offset);
	if (fd >= 0)
		file_close(fd);
	if (e.code)
		restore_content_fail(f, &e);
}
