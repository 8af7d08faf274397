#include "engine/restore_link.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include "fs/dir.h"
#include "fs/file.h"
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)

struct restore_link {
	struct restore_dir *dir; /* held */
	char *name;
	bool taken; /* something lies there … */
	bool kept;  /* … that stays unless it is the same */
	const struct linkset_first *first;
	struct restore_keep keep;
};

void restore_links_add(struct restore_window *w, struct restore_dir *dir, const struct node *n,
	const struct linkset_first *first, bool taken)
{
	struct restore_link *k;

	if (w->n_link == w->cap_link) {
		w->cap_link = w->cap_link ? 2 * w->cap_link : 64;
		w->link = mem_regrow(w->link, w->cap_link, sizeof(*w->link));
	}
	k = &w->link[w->n_link++];
	*k = (struct restore_link){.dir = dir,
		.name = mem_strndup(n->name.p, n->name.n),
		.taken = taken,
		.first = first};
	restore_keep_node(&k->keep, n, w->sh->dirs->owners);
	restore_dir_hold(dir);
}

void restore_links_kept(struct restore_window *w, struct restore_dir *dir, const struct node *n,
	const struct linkset_first *first)
{
	restore_links_add(w, dir, n, first, true);
	w->link[w->n_link - 1].kept = true;
}

/* The directory that holds path. */
static int dir_of(const struct restore_dirs *s, const char *path, struct err *err)
{
	char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	int fd = restore_dir_below(s, dir, err);

	mem_free(dir);
	return fd;
}

static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* What an earlier restore has linked already may stay. */
static bool is_link_of(const struct restore_link *k, int fd, const char *base)
{
	struct meta a, b;

	return k->taken && meta_stat(k->dir->fd, k->name, false, &a, NULL) == 0 &&
	       meta_stat(fd, base, false, &b, NULL) == 0 && a.dev == b.dev && a.ino == b.ino;
}

/* The names have a file each, then. */
static int copy(struct restore_link *k, int fd, const char *base, struct err *err)
{
	struct meta m, is;
	int from = file_open(fd, base, &m, err), to = ERR_IO, rc;

	if (from < 0)
		return from;
	rc = to = dest_create(k->dir->fd, k->name, &is, err);
	if (to >= 0)
		rc = dest_copy(from, to, err);
	if (rc == 0)
		rc = dest_flush(to, err);
	if (rc == 0)
		rc = restore_keep_set(&k->keep, to, err);
	if (to >= 0)
		close(to);
	file_close(from);
	return rc;
}

/* A link was refused: by the file system, which has none or not so many, or by the kernel. */
static int copy_instead(struct restore_dirs *s, struct restore_link *k, int fd, const char *base,
	struct err *err)
{
	struct err why = *err;
	char *item;

	err_clear(err);
	if (copy(k, fd, base, err) < 0)
		return err_prefix(err, "%s; copy", why.msg);
	if (s->counts->copied++ == 0) {
		item = mem_printf("%s/%s", k->dir->path, k->name);
		err_prefix(&why, "it becomes a copy, and so do others like it");
		s->copied(s->ev->arg, item, why.msg);
		mem_free(item);
	}
	return 0;
}

static int make_link(struct restore_dirs *s, struct restore_link *k, struct err *e)
{
	const char *base = base_of(k->first->path);
	int fd = dir_of(s, k->first->path, e), rc = 0;

	if (fd < 0)
		return fd;
	if (!is_link_of(k, fd, base)) {
		if (k->taken)
			rc = restore_spare_clear(s->spare, k->dir->fd, k->dir->path, k->name, e);
		if (rc == 0)
			rc = dest_link(k->dir->fd, k->name, fd, base, e);
		if (rc == ERR_DENIED || rc == ERR_UNSUPPORTED || rc == ERR_IO)
			rc = copy_instead(s, k, fd, base, e);
	}
	close(fd);
	return rc;
}

static bool same_bytes(int a, int b)
{
	uint8_t *p = mem_alloc(2 * PIECE);
	off_t at = 0;
	ssize_t n, m;

	do {
		n = pread(a, p, PIECE, at);
		m = pread(b, p + PIECE, PIECE, at);
		at += n;
	} while (n > 0 && n == m && !memcmp(p, p + PIECE, (size_t)n));
	mem_free(p);
	return n == 0 && m == 0;
}

/* As a restore leaves it: then the user has not made it something of his own. */
static bool as_restored(const struct restore_keep *k, const struct meta *m)
{
	const struct dest_meta *want = &k->meta;

	return ts_cmp(&m->mtime, &want->mtime) == 0 && (m->mode & 0777) == (want->perm & 0777) &&
	       (want->lenient || (m->uid == want->uid && m->gid == want->gid));
}

static void replace_kept(struct restore_dirs *s, struct restore_link *k)
{
	const char *base = base_of(k->first->path);
	int fd = k->first->lost || s->opt->dry_run ? ERR_NOTFOUND : dir_of(s, k->first->path, NULL);
	int a = ERR_NOTFOUND, b = ERR_NOTFOUND;
	struct meta m = {0}, is = {0};
	bool same;

	if (fd >= 0 && restore_dir_need(s, k->dir) && !is_link_of(k, fd, base)) {
		a = file_open(k->dir->fd, k->name, &m, NULL);
		b = file_open(fd, base, &is, NULL);
	}
	same = a >= 0 && b >= 0 && m.size == is.size && as_restored(&k->keep, &m) &&
	       as_restored(&k->keep, &is) && same_bytes(a, b);
	if (same && dest_remove(k->dir->fd, k->name, NULL, NULL) == 0)
		dest_link(k->dir->fd, k->name, fd, base, NULL);
	if (a >= 0)
		file_close(a);
	if (b >= 0)
		file_close(b);
	if (fd >= 0)
		close(fd);
}

static void make(struct restore_dirs *s, struct restore_link *k)
{
	struct err e;

	if (k->kept) {
		replace_kept(s, k);
		return;
	}
	err_clear(&e);
	if (!s->opt->dry_run && k->first->lost)
		err_set(&e, ERR_NOTFOUND, "%s, which has its content, could not be restored",
			k->first->path);
	else if (!s->opt->dry_run && !restore_dir_need(s, k->dir))
		return;
	else if (!s->opt->dry_run)
		make_link(s, k, &e);
	restore_say(s, k->dir->path, k->name, &e);
	if (!e.code) {
		s->counts->files_restored++;
		restore_item(s, "restored", k->dir->path, k->name, 0);
	}
}

void restore_links_make(struct restore_window *w)
{
	for (size_t i = 0; i < w->n_link; i++) {
		struct restore_link *k = &w->link[i];

		if (!restore_stopped(w->sh))
			make(w->sh->dirs, k);
		restore_dir_drop(w->sh->dirs, k->dir);
		restore_keep_release(&k->keep);
		mem_free(k->name);
	}
	mem_free(w->link);
	w->link = NULL;
	w->n_link = w->cap_link = 0;
}

/* ---- what was kept ---- */

static bool link_twin(struct restore_file *f, struct repo_ctx *ctx)
{
	const char *base = base_of(f->twin);
	int dir = dir_of(f->w->sh->dirs, f->twin, NULL), fd = ERR_NOTFOUND;
	struct meta m = {0}, now;
	bool same;

	if (dir >= 0)
		fd = file_open(dir, base, &m, NULL);
	same = fd >= 0 && m.size == f->size && as_restored(&f->keep, &m) &&
	       restore_content_has(f, fd, &m, ctx);
	same = same &&
	       ((!f->replace && !f->there) || dest_remove(f->dir->fd, f->name, NULL, NULL) == 0);
	same = same && dest_link(f->dir->fd, f->name, dir, base, NULL) == 0;
	/* It may be another file by now. */
	if (same && (meta_stat(f->dir->fd, f->name, false, &now, NULL) < 0 || now.ino != m.ino ||
			    now.dev != m.dev)) {
		dest_remove(f->dir->fd, f->name, NULL, NULL);
		same = false;
	}
	if (fd >= 0)
		file_close(fd);
	if (dir >= 0)
		close(dir);
	return same;
}

bool restore_link_twin(struct restore_file *f, struct repo_ctx *ctx)
{
	if (!f->twin || f->w->sh->dirs->opt->dry_run)
		return false;
	f->linked = link_twin(f, ctx);
	if (f->linked)
		atomic_store(&f->pending, 0);
	else
		restore_content_drop(f);
	return f->linked;
}
