#include "engine/restore_delete.h"
#include "base/mem.h"
#include "engine/stopped.h"
#include "engine/treewalk.h"
#include "fs/dir.h"
#include <string.h>

/* A directory on the walk's path: its listing beside the snapshot's nodes, both in the order of names. */
struct level {
	struct restore_dir *dir;
	struct dir_list list;
	size_t next;
	bool changed;
};

struct deleting {
	struct restore_dirs *s;
	const volatile int *stop;
	struct level *level;
	size_t n, cap;
};

static void enter(struct deleting *d, struct restore_dir *dir)
{
	struct restore_dirs *s = d->s;
	struct level *l;
	struct err e;

	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 32;
		d->level = mem_regrow(d->level, d->cap, sizeof(*d->level));
	}
	l = &d->level[d->n++];
	*l = (struct level){.dir = dir};
	err_clear(&e);
	if (restore_dir_need(s, dir) && dir->fd >= 0 && dir_list(dir->fd, &l->list, &e) < 0)
		restore_say(s, dir->path, NULL, &e);
}

static void delete_one(struct deleting *d, struct level *l, const char *name)
{
	struct restore_dirs *s = d->s;
	char *path = mem_printf("%s/%s", l->dir->path, name);
	struct err e;

	err_clear(&e);
	if (restore_selected(s->opt, path, false).self && restore_dir_need(s, l->dir) && l->dir->fd >= 0) {
		if (!s->opt->dry_run)
			restore_remove(l->dir->fd, name, true, &e);
		restore_say(s, l->dir->path, name, &e);
		if (!e.code) {
			l->changed = true;
			s->counts->files_deleted++;
			restore_item(s, "deleted", path, NULL, 0);
		}
	}
	mem_free(path);
}

static bool stopped(const struct deleting *d)
{
	return engine_stopped(d->stop);
}

/* Everything listed before `name` (NULL: to the end) is not in the snapshot. */
static void pass(struct deleting *d, struct level *l, const struct str *name)
{
	for (; l->next < l->list.n && !stopped(d); l->next++) {
		const char *there = l->list.entry[l->next].name;
		size_t n = strlen(there), m = name ? name->n : 0;
		int c = name ? memcmp(there, name->p, n < m ? n : m) : -1;

		if (c == 0)
			c = (n > m) - (n < m);
		if (c > 0)
			return;
		if (c < 0)
			delete_one(d, l, there);
	}
}

static enum treewalk_next on_enter(void *arg, const struct treewalk_entry *e)
{
	struct deleting *d = arg;
	struct restore_selection sel;
	struct level *l = &d->level[d->n - 1];

	if (stopped(d))
		return TREEWALK_STOP;
	pass(d, l, &e->node->name);
	if (e->node->type != NODE_DIR)
		return TREEWALK_GO;
	sel = restore_selected(d->s->opt, e->path, true);
	if (!sel.self && !sel.below)
		return TREEWALK_SKIP;
	enter(d, restore_dir_enter(d->s, l->dir, e->path, e->node));
	return TREEWALK_GO;
}

/* Deleting changed the directory's time; setting it again is all that is left to be done. */
static void leave(struct deleting *d)
{
	struct level *l = &d->level[--d->n];
	struct restore_dir *dir = l->dir;
	struct err e;

	pass(d, l, NULL);
	dir_list_release(&l->list);
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
	leave(arg);
}

int restore_delete(
	struct restore_dirs *s, struct loader *l, const struct env *env, const struct id *root, const volatile int *stop, struct err *err)
{
	struct deleting d = {.s = s, .stop = stop};
	struct treewalk_fn fn = {.enter = on_enter, .leave = on_leave, .arg = &d};
	int rc;

	s->existing = true;
	enter(&d, s->top);
	rc = treewalk_run(l, env, root, "", &fn, err);
	while (d.n) {
		if (rc < 0 || stopped(&d)) /* what was not walked is not known to be superfluous */
			d.level[d.n - 1].next = d.level[d.n - 1].list.n;
		leave(&d);
	}
	mem_free(d.level);
	return rc;
}
