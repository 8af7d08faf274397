#include "engine/restore_delete.h"
#include "base/mem.h"
#include "engine/restore_used.h"
#include "engine/treewalk.h"
#include "engine/restore_select.h"
#include "fs/dir.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct inode {
	uint64_t dev, ino;
};

/* A directory on the walk's path: its listing beside the snapshot's nodes, both in the order of
 * names. */
struct level {
	struct restore_dir *dir;
	struct dir_list list;
	size_t next;
	bool *expected; /* which names of the list are in the snapshot */
	/* What the snapshot has by another spelling, on a file system that takes upper case for
	 * lower. */
	struct inode *alias;
	size_t n_alias;
	bool self, restored; /* it is selected; something below it is */
	bool spared;         /* it is the repository, or in it */
	bool changed;
};

struct deleting {
	struct restore_dirs *s;
	const struct restore_used *used;
	const struct restore_shared *sh;
	struct level *level;
	size_t n, cap;
};

static bool stopped(const struct deleting *d)
{
	return restore_stopped(d->sh);
}

static void warn(const struct restore_dirs *s, const char *path, const char *message)
{
	if (s->ev->warn)
		s->ev->warn(s->ev->arg, *path ? path : "/", message);
}

static void enter(struct deleting *d, struct restore_dir *dir, bool self)
{
	struct restore_dirs *s = d->s;
	bool spared = d->n && d->level[d->n - 1].spared;
	struct level *l;
	struct err e;

	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 32;
		d->level = mem_regrow(d->level, d->cap, sizeof(*d->level));
	}
	l = &d->level[d->n++];
	*l = (struct level){.dir = dir, .self = self, .spared = spared};
	err_clear(&e);
	if (!restore_dir_need(s, dir) || dir->fd < 0)
		return;
	if (!spared && restore_spare_repository(s->spare, dir->fd)) {
		l->spared = true;
		warn(s, dir->path, "the repository is here: nothing of it is deleted");
	}
	if (dir_list(dir->fd, &l->list, &e) < 0)
		restore_say(s, dir->path, NULL, &e);
	l->expected = mem_array(l->list.n + 1, sizeof(*l->expected));
	memset(l->expected, 0, l->list.n + 1);
}

/* ---- what is in the snapshot ---- */

static int compare(const char *there, const struct str *name)
{
	size_t n = strlen(there), m = name->n;
	int c = memcmp(there, name->p, n < m ? n : m);

	return c ? c : (n > m) - (n < m);
}

/* A name that is not in the list, and yet is there: the list has it by another spelling. */
static void note_alias(struct deleting *d, struct level *l, const struct str *name)
{
	char *s;
	struct meta m;

	if (!restore_dir_need(d->s, l->dir) || l->dir->fd < 0)
		return;
	s = mem_strndup(name->p, name->n);
	if (meta_stat(l->dir->fd, s, false, &m, NULL) == 0) {
		l->alias = mem_regrow(l->alias, l->n_alias + 1, sizeof(*l->alias));
		l->alias[l->n_alias++] = (struct inode){m.dev, m.ino};
	}
	mem_free(s);
}

static void expect(struct deleting *d, struct level *l, const struct str *name)
{
	bool found = false;
	int c = 1;

	while (l->next < l->list.n && (c = compare(l->list.entry[l->next].name, name)) <= 0) {
		found = found || c == 0;
		l->expected[l->next++] = c == 0;
	}
	if (!found && l->list.n)
		note_alias(d, l, name);
}

/* ---- what is not ---- */

static bool is_alias(const struct level *l, const struct meta *m)
{
	for (size_t i = 0; i < l->n_alias; i++)
		if (l->alias[i].dev == m->dev && l->alias[i].ino == m->ino)
			return true;
	return false;
}

/* 0: it is gone, or would be; 1: it is kept, for a reason that is none to complain of. */
static int delete_it(struct deleting *d, struct level *l, const char *name, const char *path,
	struct err *e)
{
	const struct restore_dirs *s = d->s;
	struct meta m;
	int rc = meta_stat(l->dir->fd, name, false, &m, e);

	if (rc < 0)
		return rc == ERR_NOTFOUND ? (err_clear(e), 1) : rc;
	if (is_alias(l, &m))
		return 1;
	if (restore_spare_holds(s->spare, &m)) {
		warn(s, path, "the repository is here: it is not deleted");
		return 1;
	}
	if (s->opt->dry_run)
		return 0;
	l->changed = true;
	rc = restore_spare_clear(s->spare, l->dir->fd, l->dir->path, name, e);
	if (rc == ERR_EXISTS && (s->opt->n_exclude || s->opt->repository)) {
		warn(s, path, e->msg);
		err_clear(e);
		return 1;
	}
	return rc;
}

static void delete_one(struct deleting *d, struct level *l, const char *name)
{
	struct restore_dirs *s = d->s;
	char *path = mem_printf("%s/%s", l->dir->path, name);
	struct err e;
	int rc = 1;

	err_clear(&e);
	if (restore_selected(s->opt, path, false).self && restore_used_covers(d->used, path) &&
		restore_dir_need(s, l->dir) && l->dir->fd >= 0)
		rc = delete_it(d, l, name, path, &e);
	restore_say(s, l->dir->path, name, &e);
	if (rc == 0) {
		s->counts->files_deleted++;
		restore_item(s, "deleted", path, NULL, 0);
	}
	mem_free(path);
}

/*
 * As restic: only in directories that are in the snapshot and selected, or below which something
 * was restored.
 */
static void delete_rest(struct deleting *d, struct level *l)
{
	if (l->spared || !(l->self || l->restored))
		return;
	for (size_t i = 0; i < l->list.n && !stopped(d); i++)
		if (!l->expected[i])
			delete_one(d, l, l->list.entry[i].name);
}

/* ---- the walk ---- */

static enum treewalk_next on_enter(void *arg, const struct treewalk_entry *e)
{
	struct deleting *d = arg;
	bool dir = e->node->type == NODE_DIR;
	struct restore_selection sel = restore_selected(d->s->opt, e->path, dir);
	struct level *l = &d->level[d->n - 1];

	if (stopped(d))
		return TREEWALK_STOP;
	expect(d, l, &e->node->name);
	l->restored |= sel.self;
	if (!dir)
		return TREEWALK_GO;
	if (!sel.self && !sel.below)
		return TREEWALK_SKIP;
	enter(d, restore_dir_enter(d->s, l->dir, e->path, e->node), sel.self);
	return TREEWALK_GO;
}

/* Deleting changed the directory's time, and looking into it perhaps its mode; setting them again
 * is all that is left to be done. */
static void leave(struct deleting *d, bool whole)
{
	struct level *l = &d->level[--d->n];
	struct restore_dir *dir = l->dir;
	struct err e;

	if (whole)
		delete_rest(d, l);
	if (d->n)
		d->level[d->n - 1].restored |= l->restored;
	dir_list_release(&l->list);
	mem_free(l->expected);
	mem_free(l->alias);
	err_clear(&e);
	if (dir->up) {
		if ((l->changed || dir->opened) && !d->s->opt->dry_run)
			restore_dir_set(d->s, dir, &e);
		restore_say(d->s, dir->path, NULL, &e);
		restore_dir_forget(d->s, dir);
	}
}

static void on_leave(void *arg, const struct treewalk_entry *e)
{
	(void)e;
	leave(arg, true);
}

int restore_delete(const struct restore_shared *sh, const struct restore_used *used,
	struct loader *l, const struct id *root, struct err *err)
{
	struct restore_dirs *s = sh->dirs;
	struct deleting d = {.s = s, .used = used, .sh = sh};
	struct treewalk_fn fn = {.enter = on_enter, .leave = on_leave, .arg = &d};
	int rc;

	s->existing = true;
	enter(&d, s->top, false);
	rc = treewalk_run(l, sh->env, root, "", &fn, err);
	while (d.n) /* what was not walked is not known to be superfluous */
		leave(&d, d.n == 1 && rc == 0 && !stopped(&d));
	mem_free(d.level);
	return rc;
}
