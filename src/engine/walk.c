#include "engine/walk.h"
#include "base/mem.h"
#include "base/path.h"
#include "format/tree.h"
#include "fs/file.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)UINT32_MAX)

void walk_say(struct walk_note **note, size_t *n, const char *dir, const char *name, const char *action, uint64_t size, const char *message)
{
	if ((*n & (*n + 1)) == 0)
		*note = mem_regrow(*note, *n * 2 + 1, sizeof(**note));
	(*note)[(*n)++] = (struct walk_note){.path = name ? path_join(dir, name) : mem_strdup(dir),
		.message = message ? mem_strdup(message) : NULL,
		.action = action,
		.size = size};
}

void walk_notes_release(struct walk_note *note, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		mem_free(note[i].path);
		mem_free(note[i].message);
	}
	mem_free(note);
}

static void say(struct walk *w, const char *name, const char *action, uint64_t size, const struct err *e)
{
	walk_say(&w->note, &w->n_note, w->path, name, action, size, e ? e->msg : NULL);
}

bool walk_reject(const struct backup_options *opt, const char *path)
{
	for (size_t i = 0; i < opt->n_exclude; i++)
		if (match_path(opt->exclude[i], path, NULL))
			return true;
	return false;
}

/* The parent's tree beside the sorted list of names: node_at() moves forward only. */
struct then {
	struct tree_in in;
	const struct node *node; /* the next not yet passed, NULL at the end */
	bool open;
};

static void then_step(struct walk *w, struct then *t)
{
	struct err e;

	err_clear(&e);
	t->node = NULL;
	if (t->open && tree_in_next(&t->in, &t->node, &e) != 1) {
		t->node = NULL;
		t->open = false;
		if (e.code)
			say(w, NULL, NULL, 0, &e);
	}
}

static void then_begin(struct walk *w, struct then *t)
{
	memset(t, 0, sizeof(*t));
	if (!w->has_parent)
		return;
	tree_in_init(&t->in, w->parent.p, w->parent.len);
	t->open = true;
	then_step(w, t);
}

static const struct node *then_at(struct walk *w, struct then *t, const char *name)
{
	size_t n = strlen(name);

	while (t->node) {
		size_t m = t->node->name.n < n ? t->node->name.n : n;
		int c = memcmp(t->node->name.p, name, m);

		if (c == 0 && t->node->name.n == n)
			return t->node;
		if (c > 0 || (c == 0 && t->node->name.n > n))
			return NULL;
		then_step(w, t);
	}
	return NULL;
}

/* A path for calls that take only paths, when it is short enough for the kernel. */
struct longpath {
	char *p;
	size_t dir_n, cap;
};

static const char *longpath_of(struct longpath *l, const char *dir, const char *name)
{
	size_t n = strlen(name);

	if (!l->p) {
		l->dir_n = strlen(dir);
		l->cap = l->dir_n + NAME_MAX + 2;
		l->p = mem_alloc(l->cap);
		memcpy(l->p, dir, l->dir_n);
		if (l->dir_n == 0 || dir[l->dir_n - 1] != '/')
			l->p[l->dir_n++] = '/';
	}
	if (l->dir_n + n + 1 > l->cap) {
		l->cap = l->dir_n + n + 1;
		l->p = mem_realloc(l->p, l->cap);
	}
	memcpy(l->p + l->dir_n, name, n + 1);
	return l->p;
}

static void ids_add(struct walk *w, const struct id *id, size_t n)
{
	if (w->n_ids + n > w->cap_ids) {
		w->cap_ids = (w->n_ids + n) * 2;
		w->ids = mem_regrow(w->ids, w->cap_ids, sizeof(*w->ids));
	}
	if (n)
		memcpy(w->ids + w->n_ids, id, n * sizeof(*id));
	w->n_ids += n;
}

/* What is looked at: (fd, name) in the file system, as node `as`. */
struct look {
	int fd;
	const char *name, *path; /* path: for xattr, may be NULL */
	bool explicit, above;
};

static void ready(struct walk *w, struct walk_entry *e, struct node *n, const struct xattr_list *x)
{
	e->json = w->arena.len;
	nodemake_write(w->make, n, x, &w->arena);
	e->json_n = w->arena.len - e->json;
}

static int read_xattr(struct walk *w, const struct look *l, const char *as, struct xattr_list *x)
{
	struct err warn, e;

	err_clear(&warn);
	err_clear(&e);
	if (xattr_read(l->fd, l->name, l->path, x, &warn, &e) < 0) {
		if (e.code == ERR_NOTFOUND)
			return -1;
		say(w, as, NULL, 0, &e);
	} else if (warn.code) {
		say(w, as, NULL, 0, &warn);
	}
	return 0;
}

static bool look_file(struct walk *w, const struct look *l, struct walk_entry *e, struct node *now, const struct node *then)
{
	bool had = then && then->type == NODE_FILE;
	struct xattr_list x = {0};
	bool same;

	e->kind = WALK_FILE;
	e->size = now->size;
	e->had = had;
	if (!had || w->opt->force || !then->has_content || !node_unchanged(then, now, w->opt->unchanged_flags))
		return true;
	if (read_xattr(w, l, e->name, &x) < 0)
		return false;
	same = nodemake_same(then, now);
	now->content = then->content;
	now->n_content = then->n_content;
	e->kind = WALK_UNCHANGED;
	e->ids = w->n_ids;
	e->n_ids = then->n_content;
	ids_add(w, then->content, then->n_content);
	ready(w, e, now, &x);
	e->meta_same = same;
	xattr_list_release(&x);
	return true;
}

static bool look_other(struct walk *w, const struct look *l, struct walk_entry *e, struct node *now)
{
	struct xattr_list x = {0};
	struct err err;
	char *link = NULL;
	size_t n = 0;
	bool ok = true;

	err_clear(&err);
	if (now->type == NODE_SYMLINK && meta_link(l->fd, l->name, &link, &n, &err) < 0) {
		if (err.code != ERR_NOTFOUND)
			say(w, e->name, NULL, 0, &err);
		return false;
	}
	now->linktarget = (struct str){link, n};
	ok = read_xattr(w, l, e->name, &x) == 0;
	if (ok) {
		e->kind = WALK_READY;
		ready(w, e, now, &x);
	}
	xattr_list_release(&x);
	mem_free(link);
	return ok;
}

static bool wanted(const struct walk *w, const struct look *l, const struct meta *m)
{
	const struct backup_options *o = w->opt;

	if (l->explicit)
		return true;
	if (o->larger_than && !S_ISDIR(m->mode) && m->size > o->larger_than)
		return false;
	/* an empty mount point stays visible: a directory on another device whose parent is on ours */
	if (o->one_file_system && m->dev != w->device && !(S_ISDIR(m->mode) && w->meta.dev == w->device))
		return false;
	return true;
}

/* Fills *e; false when the entry is not part of the snapshot. */
static bool look_at(struct walk *w, const struct look *l, struct walk_entry *e, struct then *t)
{
	struct meta m;
	struct node now;
	struct err err;
	const struct node *then;

	err_clear(&err);
	if (meta_stat(l->fd, l->name, l->above, &m, &err) < 0) {
		if (err.code != ERR_NOTFOUND)
			say(w, e->name, NULL, 0, &err);
		return false;
	}
	if (!wanted(w, l, &m)) {
		if (w->opt->verbose_items)
			say(w, e->name, "excluded", 0, NULL);
		return false;
	}
	if (!nodemake_fill(w->make, &now, e->name, &m)) {
		if (!S_ISSOCK(m.mode)) {
			err_set(&err, ERR_UNSUPPORTED, "a file of an unknown type (mode %o)", (unsigned)m.mode);
			say(w, e->name, NULL, 0, &err);
		}
		return false;
	}
	then = then_at(w, t, e->name);
	if (now.type == NODE_FILE)
		return look_file(w, l, e, &now, then);
	if (now.type != NODE_DIR)
		return look_other(w, l, e, &now);
	e->kind = l->above ? WALK_ABOVE : WALK_DIR;
	if (l->explicit)
		e->size = m.dev; /* a target's own device is the allowed one below it */
	else
		e->size = w->device;
	e->had = then && then->type == NODE_DIR && then->has_subtree;
	if (e->had) {
		e->parent = then->subtree;
		e->meta_same = nodemake_same(then, &now);
	}
	return true;
}

/* --exclude-if-present: the name in this directory that alone is kept, or NULL. */
static const char *marker_in(struct walk *w, int fd)
{
	for (size_t i = 0; i < w->opt->n_marker; i++) {
		const struct backup_marker *k = &w->opt->marker[i];
		struct err e;
		int rc;

		for (size_t j = 0; j < w->list.n; j++) {
			if (strcmp(w->list.entry[j].name, k->name))
				continue;
			if (!k->header)
				return k->name;
			err_clear(&e);
			rc = file_has_prefix(fd, k->name, k->header, strlen(k->header), &e);
			if (rc == 1)
				return k->name;
			if (rc < 0)
				say(w, k->name, NULL, 0, &e);
		}
	}
	return NULL;
}

static void walk_list(struct walk *w, int fd)
{
	struct then then;
	struct longpath lp = {0};
	const char *only = marker_in(w, fd);

	then_begin(w, &then);
	w->entry = mem_array(w->list.n ? w->list.n : 1, sizeof(*w->entry));
	for (size_t i = 0; i < w->list.n; i++) {
		const char *name = w->list.entry[i].name;
		const char *path = longpath_of(&lp, w->path, name);
		struct walk_entry *e = &w->entry[w->n];
		struct look l = {.fd = fd, .name = name, .path = path};

		if ((only && strcmp(only, name)) || walk_reject(w->opt, path)) {
			if (w->opt->verbose_items)
				say(w, name, "excluded", 0, NULL);
			continue;
		}
		*e = (struct walk_entry){.name = name};
		if (look_at(w, &l, e, &then))
			w->n++;
	}
	mem_free(lp.p);
	tree_in_release(&then.in);
}

static void walk_above(struct walk *w)
{
	struct then then;

	then_begin(w, &then);
	w->entry = mem_array(w->above->n ? w->above->n : 1, sizeof(*w->entry));
	for (size_t i = 0; i < w->above->n; i++) {
		const struct target *t = w->above->child[i];
		struct walk_entry *e = &w->entry[w->n];
		struct look l = {.fd = AT_FDCWD, .name = t->path, .path = t->path, .explicit = true, .above = !t->leaf};

		*e = (struct walk_entry){.name = t->name, .target = t};
		if (look_at(w, &l, e, &then))
			w->n++;
	}
	tree_in_release(&then.in);
}

/* The directory's own metadata; a missing permission for attributes is no matter above the targets. */
static int walk_self(struct walk *w, int fd)
{
	struct err warn, e;
	int rc = meta_stat(fd, "", false, &w->meta, &w->err);

	if (rc < 0)
		return rc;
	err_clear(&warn);
	err_clear(&e);
	if (xattr_read_fd(fd, &w->xattr, &warn, &e) < 0) {
		if (!(w->above && e.code == ERR_DENIED))
			say(w, NULL, NULL, 0, &e);
	} else if (warn.code) {
		say(w, NULL, NULL, 0, &warn);
	}
	return 0;
}

/* Above the targets a directory that may only be passed through is enough. */
static bool above_unreadable(struct walk *w)
{
	if (w->err.code != ERR_DENIED)
		return false;
	err_clear(&w->err);
	return meta_stat(AT_FDCWD, w->path, true, &w->meta, &w->err) == 0;
}

void walk_run(struct walk *w)
{
	int fd = -1;

	buf_init(&w->arena, ARENA_MAX);
	if (w->above && !w->above->name) { /* the root has no node of its own */
		walk_above(w);
		return;
	}
	fd = dir_open(w->path, !w->above, &w->err);
	if (w->above) {
		if (fd >= 0 ? walk_self(w, fd) == 0 : above_unreadable(w))
			walk_above(w);
	} else if (fd >= 0 && walk_self(w, fd) == 0 && dir_list(fd, &w->list, &w->err) == 0) {
		walk_list(w, fd);
	}
	w->vanished = w->err.code == ERR_NOTFOUND;
	if (w->arena.overflow && !w->err.code)
		err_set(&w->err, ERR_NOMEM, "the directory is too large for one tree");
	if (fd >= 0)
		close(fd);
}

void walk_release(struct walk *w)
{
	buf_release(&w->parent);
	buf_release(&w->arena);
	xattr_list_release(&w->xattr);
	dir_list_release(&w->list);
	mem_free(w->entry);
	mem_free(w->ids);
	walk_notes_release(w->note, w->n_note);
}
