#include "engine/restore_link.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "fs/dir.h"
#include <string.h>
#include <unistd.h>

struct restore_link {
	struct restore_dir *dir; /* held */
	char *name;
	bool taken; /* something lies there */
	const struct restore_first *first;
};

struct inode {
	uint64_t key[3]; /* inode, device, type: whoever wrote the repository may call two things one */
	struct restore_first *first;
};

struct restore_links {
	struct hashtab *inodes;
};

struct restore_links *restore_links_new(void)
{
	struct restore_links *l = mem_zalloc(sizeof(*l));

	l->inodes = hashtab_new(sizeof(struct inode), sizeof(((struct inode *)0)->key), HASHTAB_MIX);
	return l;
}

static int free_first(void *arg, void *entry)
{
	struct restore_first *f = ((struct inode *)entry)->first;

	(void)arg;
	mem_free(f->path);
	mem_free(f);
	return 0;
}

void restore_links_free(struct restore_links *l)
{
	hashtab_each(l->inodes, free_first, NULL);
	hashtab_free(l->inodes);
	mem_free(l);
}

struct restore_first *restore_links_first(struct restore_links *l, const struct node *n, const char *path, bool *is_new)
{
	uint64_t key[3] = {n->inode, n->device_id, n->type};
	struct inode *i = hashtab_add(l->inodes, key, is_new);

	if (*is_new) {
		i->first = mem_zalloc(sizeof(*i->first));
		i->first->path = mem_strdup(path);
	}
	return i->first;
}

struct restore_first *restore_links_find(struct restore_links *l, const struct node *n)
{
	uint64_t key[3] = {n->inode, n->device_id, n->type};
	struct inode *i = hashtab_find(l->inodes, key);

	return i ? i->first : NULL;
}

void restore_links_add(
	struct restore_window *w, struct restore_dir *dir, const struct node *n, const struct restore_first *first, bool taken)
{
	if (w->n_link == w->cap_link) {
		w->cap_link = w->cap_link ? 2 * w->cap_link : 64;
		w->link = mem_regrow(w->link, w->cap_link, sizeof(*w->link));
	}
	w->link[w->n_link++] = (struct restore_link){dir, mem_strndup(n->name.p, n->name.n), taken, first};
	restore_dir_hold(dir);
}

/* The directory that holds path, entered step by step from the target, following no link. */
static int dir_of(const struct restore_dirs *s, const char *path, struct err *err)
{
	char *dir = mem_strdup(path), *save = NULL;
	int fd = dir_open_at(s->top->fd, ".", err);

	*strrchr(dir, '/') = 0;
	for (char *c = strtok_r(dir, "/", &save); c && fd >= 0; c = strtok_r(NULL, "/", &save)) {
		int next = dir_open_at(fd, c, err);

		close(fd);
		fd = next;
	}
	mem_free(dir);
	return fd;
}

/* What an earlier restore has linked already may stay. */
static bool is_link_of(const struct restore_link *k, int fd, const char *base)
{
	struct meta a, b;

	return k->taken && meta_stat(k->dir->fd, k->name, false, &a, NULL) == 0 && meta_stat(fd, base, false, &b, NULL) == 0 &&
	       a.dev == b.dev && a.ino == b.ino;
}

static int make_link(struct restore_dirs *s, const struct restore_link *k, struct err *e)
{
	const char *base = strrchr(k->first->path, '/') + 1;
	int fd = dir_of(s, k->first->path, e), rc;

	if (fd < 0)
		return fd;
	rc = 0;
	if (!is_link_of(k, fd, base)) {
		if (k->taken)
			rc = restore_remove(k->dir->fd, k->name, s->opt->delete, e);
		if (rc == 0)
			rc = restore_link(k->dir->fd, k->name, fd, base, e);
	}
	close(fd);
	return rc;
}

static void make(struct restore_dirs *s, const struct restore_link *k)
{
	struct err e;

	err_clear(&e);
	if (!s->opt->dry_run && k->first->lost)
		err_set(&e, ERR_NOTFOUND, "%s, which has its content, could not be restored", k->first->path);
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
		mem_free(k->name);
	}
	mem_free(w->link);
	w->link = NULL;
	w->n_link = w->cap_link = 0;
}
