#include "engine/walk.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/exclude.h"
#include "engine/longpath.h"
#include "engine/then.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)UINT32_MAX)

void walk_say(struct walk_note **note, size_t *n, const char *dir, const char *name,
	const char *action, uint64_t size, const char *message)
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

/* About the item at `path`. */
static void say(struct walk *w, const char *path, const char *action, const struct err *e)
{
	walk_say(&w->note, &w->n_note, path, NULL, action, 0, e ? e->msg : NULL);
}

static void then_end(struct walk *w, struct then *t)
{
	if (t->err.code) {
		err_prefix(&t->err, "parent snapshot");
		say(w, w->path, NULL, &t->err);
	}
	then_release(t);
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

/* What is looked at: (fd, name) in the file system, also known as `path`. */
struct look {
	int fd;
	const char *name, *path;
	bool named, above; /* `above` too is what the user wants to have: no exclude applies, and it
			      does not vanish */
	bool dir;          /* as the listing says */
	unsigned tries;
	bool again;                  /* it was not found, but is there now */
	uint64_t device, dir_device; /* --one-file-system: the target's, and that of the directory
					it lies in */
};

/*
 * What was listed is not found, as `err` says.  On a rank that was given this directory by another
 * one nothing of it counts: caches of names, or a file system that is not there, would look the
 * same.
 */
static void missing(struct walk *w, struct look *l, bool dir, struct err *err)
{
	enum gone_verdict v;

	if (w->foreign) {
		w->back = true;
		return;
	}
	v = gone_ask(w->make->view, l->fd, l->name, l->path, err);
	if (v == GONE_TARGET) {
		w->err = *err;
		w->fatal = true;
	} else if (v == GONE_THERE && ++l->tries < GONE_TRIES) {
		l->again = true;
	} else if (v != GONE_VANISHED || l->named || l->above) {
		say(w, l->path, NULL, err);
	} else if (dir) {
		tally_add(w->tally, dirs_vanished, 1);
	} else {
		tally_add(w->tally, files_vanished, 1);
	}
}

/* The item itself: it is not found, or cannot be had. */
static void failed(struct walk *w, struct look *l, bool dir, struct err *err)
{
	if (err->code == ERR_NOTFOUND)
		missing(w, l, dir, err);
	else
		say(w, l->path, NULL, err);
}

static void ready(struct walk *w, struct walk_entry *e, struct node *n, const struct xattr_list *x)
{
	e->json = w->arena.len;
	nodemake_write(w->make, n, x, &w->arena);
	e->json_n = w->arena.len - e->json;
}

static int read_xattr(struct walk *w, struct look *l, struct xattr_list *x)
{
	struct err warn, e;

	err_clear(&warn);
	err_clear(&e);
	if (xattr_read(l->fd, l->name, l->path, x, &warn, &e) < 0) {
		failed(w, l, false, &e);
		if (e.code == ERR_NOTFOUND)
			return -1;
	} else if (warn.code) {
		say(w, l->path, NULL, &warn);
	}
	return 0;
}

static void add_link(struct walk *w, const struct walk_entry *e, struct node *n,
	const struct xattr_list *x)
{
	struct catalog_first ask;

	if (!nodemake_link(w->make, n, x, &ask))
		return;
	if ((w->n_link & (w->n_link + 1)) == 0)
		w->link = mem_regrow(w->link, w->n_link * 2 + 1, sizeof(*w->link));
	ask.done = NULL;
	ask.arg = w;
	w->link[w->n_link++] = (struct walk_link){(size_t)(e - w->entry), ask};
}

static bool look_file(struct walk *w, struct look *l, struct walk_entry *e, struct node *now,
	const struct node *then)
{
	bool had = then && then->type == NODE_FILE;
	struct xattr_list x = {0};
	bool same;

	e->kind = WALK_FILE;
	e->size = now->size;
	e->had = had;
	if (!had || w->opt->force || !node_unchanged(then, now, w->opt->unchanged_flags))
		return true;
	if (!then->has_content ||
		(then->size && !then->n_content)) /* no writer should have made this: better read it
						     than keep it for ever */
		return true;
	e->ids = w->n_ids;
	e->n_ids = then->n_content;
	ids_add(w, then->content, then->n_content);
	if (!node_settled(now, w->opt->unchanged_flags, &w->settled, &w->make->young)) {
		e->again = true;
		e->meta_same = nodemake_same(then, now);
		nodemake_content(then->content, then->n_content, &e->parent);
		return true;
	}
	if (read_xattr(w, l, &x) < 0)
		return false;
	/* With --ignore-ctime it may be another: content keeps the ctime that it was read at, so
	 * that a run that looks at it reads the file again (ADR 8). */
	now->ctime = then->ctime;
	same = nodemake_same(then, now);
	now->content = then->content;
	now->n_content = then->n_content;
	e->kind = WALK_UNCHANGED;
	ready(w, e, now, &x);
	e->meta_same = same;
	add_link(w, e, now, &x);
	xattr_list_release(&x);
	return true;
}

static bool look_other(struct walk *w, struct look *l, struct walk_entry *e, struct node *now)
{
	struct xattr_list x = {0};
	struct err err;
	char *link = NULL;
	size_t n = 0;
	bool ok = true;

	err_clear(&err);
	if (now->type == NODE_SYMLINK && meta_link(l->fd, l->name, &link, &n, &err) < 0) {
		failed(w, l, false, &err);
		return false;
	}
	now->linktarget = (struct str){link, n};
	ok = read_xattr(w, l, &x) == 0;
	if (ok) {
		e->kind = WALK_READY;
		ready(w, e, now, &x);
		add_link(w, e, now, &x);
	}
	xattr_list_release(&x);
	mem_free(link);
	return ok;
}

static void excluded(struct walk *w, const struct look *l)
{
	if (w->opt->verbose_items)
		say(w, l->path, "excluded", NULL);
}

/* Fills *e; false when the entry is not part of the snapshot, or is to be looked at again. */
static bool look_once(struct walk *w, struct look *l, struct walk_entry *e, struct then *t)
{
	struct meta m;
	struct node now;
	struct err err;
	const struct node *then;

	err_clear(&err);
	if (nodemake_stat(w->make, l->fd, l->name, l->above, &m, &err) < 0) {
		failed(w, l, l->dir, &err);
		return false;
	}
	if (!l->named && !l->above && exclude_meta(w->opt, &m, l->device, l->dir_device)) {
		excluded(w, l);
		return false;
	}
	if (l->above && !S_ISDIR(m.mode)) {
		err_set(&err, ERR_INVALID,
			"not a directory, but something below it is to be saved");
		say(w, l->path, NULL, &err);
		return false;
	}
	if (witness_news(w->make->witness, &w->owner, &m))
		witness_owner(w->make->witness, &m, l->path);
	if (!nodemake_fill(w->make, &now, e->name, &m)) {
		if (!S_ISSOCK(m.mode)) {
			err_set(&err, ERR_UNSUPPORTED, "a file of an unknown type (mode %o)",
				(unsigned)m.mode);
			say(w, l->path, NULL, &err);
		}
		return false;
	}
	if (w->apart && now.type != NODE_DIR)
		nodemake_apart(&now);
	sight_of(&e->seen, &m);
	then = then_at(t, e->name);
	if (now.type == NODE_FILE)
		return look_file(w, l, e, &now, then);
	if (now.type != NODE_DIR)
		return look_other(w, l, e, &now);
	e->kind = l->above ? WALK_ABOVE : WALK_DIR;
	/* the device of a target is the one allowed below it */
	e->size = l->named ? m.dev : l->device;
	e->had = then && then->type == NODE_DIR && then->has_subtree;
	if (e->had) {
		e->parent = then->subtree;
		e->meta_same = nodemake_same(then, &now);
	}
	return true;
}

static bool look_at(struct walk *w, struct look *l, struct walk_entry *e, struct then *t)
{
	bool in;

	do {
		l->again = false;
		in = look_once(w, l, e, t);
	} while (l->again);
	return in;
}

struct mark_warning {
	struct walk *w;
	const char *dir;
};

static void mark_warn(void *arg, const char *name, const struct err *why)
{
	struct mark_warning *k = arg;

	walk_say(&k->w->note, &k->w->n_note, k->dir, name, WALK_WARNING, 0, why->msg);
}

static void find_marks(struct walk *w, const char *dir, int fd, const struct dir_list *list,
	struct exclude_marks *marks)
{
	exclude_marks_find(w->opt, fd, list, marks, mark_warn, &(struct mark_warning){w, dir});
}

/* A broken file system may list a name twice; a tree may not.  Both are one file, so one is kept.
 */
static bool twice(struct walk *w, size_t i, const char *path)
{
	struct err e;

	if (i == 0 || strcmp(w->list.entry[i].name, w->list.entry[i - 1].name))
		return false;
	err_set(&e, ERR_INVALID, "the directory lists this name twice");
	say(w, path, NULL, &e);
	return true;
}

static void walk_list(struct walk *w, int fd)
{
	struct then then;
	struct longpath lp = {0};
	struct exclude_marks marks;

	find_marks(w, w->path, fd, &w->list, &marks);
	then_begin(&then, w->has_parent ? &w->parent : NULL);
	w->entry = mem_array(w->list.n ? w->list.n : 1, sizeof(*w->entry));
	for (size_t i = 0; i < w->list.n && !w->back && !w->fatal; i++) {
		const char *name = w->list.entry[i].name;
		const char *path = longpath_of(&lp, w->path, name);
		struct walk_entry *e = &w->entry[w->n];
		struct look l = {.fd = fd,
			.name = name,
			.path = path,
			.dir = w->list.entry[i].type == DT_DIR,
			.device = w->device,
			.dir_device = w->meta.dev};

		if (exclude_marked(&marks, name) || exclude_path(w->opt, path)) {
			excluded(w, &l);
			continue;
		}
		if (twice(w, i, path))
			continue;
		*e = (struct walk_entry){.name = name};
		if (look_at(w, &l, e, &then))
			w->n++;
	}
	longpath_release(&lp);
	exclude_marks_release(&marks);
	then_end(w, &then);
}

/* The markers beside a target that was only found; those of the directory looked into last are
 * kept. */
struct beside {
	char *dir;
	struct exclude_marks marks;
};

static bool marked_beside(struct walk *w, struct beside *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == path ? 1 : (size_t)(slash - path);

	if (!w->opt->n_marker)
		return false;
	if (!b->dir || strlen(b->dir) != n || memcmp(b->dir, path, n)) {
		int fd;

		mem_free(b->dir);
		exclude_marks_release(&b->marks);
		b->dir = mem_strndup(path, n);
		fd = dir_open(b->dir, false, NULL);
		if (fd >= 0) {
			find_marks(w, b->dir, fd, NULL, &b->marks);
			close(fd);
		}
	}
	return exclude_marked(&b->marks, slash + 1);
}

static void walk_above(struct walk *w)
{
	struct then then;
	struct beside beside = {.dir = NULL};

	then_begin(&then, w->has_parent ? &w->parent : NULL);
	w->entry = mem_array(w->above->n ? w->above->n : 1, sizeof(*w->entry));
	for (size_t i = 0; i < w->above->n; i++) {
		const struct target *t = w->above->child[i];
		struct walk_entry *e = &w->entry[w->n];
		struct look l = {.fd = AT_FDCWD,
			.name = t->path,
			.path = t->path,
			.named = t->named,
			.above = !t->leaf};

		l.device = t->device;
		l.dir_device = w->above->name ? w->meta.dev : t->device;
		if (t->leaf && !t->named &&
			(exclude_path(w->opt, t->path) || marked_beside(w, &beside, t->path))) {
			excluded(w, &l);
			continue;
		}
		*e = (struct walk_entry){.name = t->name, .target = t};
		if (look_at(w, &l, e, &then))
			w->n++;
	}
	mem_free(beside.dir);
	exclude_marks_release(&beside.marks);
	then_end(w, &then);
}

/* The directory's own metadata; a missing permission for attributes is no matter above the targets.
 */
static int walk_self(struct walk *w, int fd)
{
	struct err warn, e;
	int rc = nodemake_stat(w->make, fd, "", false, &w->meta, &w->err);

	if (rc < 0)
		return rc;
	witness_directory(w->make->witness, &w->owner, fd, &w->meta, w->path);
	err_clear(&warn);
	err_clear(&e);
	if (xattr_read_fd(fd, &w->xattr, &warn, &e) < 0) {
		if (!(w->above && e.code == ERR_DENIED))
			say(w, w->path, NULL, &e);
	} else if (warn.code) {
		say(w, w->path, NULL, &warn);
	}
	return 0;
}

/* 0 when the directory is what others saw, or nobody has. */
static int compare_self(struct walk *w)
{
	if (sight_agree(w->other, w->by, &w->meta, w->path, &w->err) < 0) {
		w->fatal = true;
		return w->err.code;
	}
	if (!w->foreign)
		return 0;
	switch (sight_compare(w->seen, &w->meta)) {
	case SIGHT_NUMBERED:
		w->apart = true;
		return 0;
	case SIGHT_OTHER:
		w->differs = true;
		break;
	case SIGHT_OLDER:
		break;
	case SIGHT_SAME:
		return 0;
	}
	w->back = true;
	return ERR_CANCELLED;
}

static void self_missing(struct walk *w)
{
	enum gone_verdict v;

	if (w->foreign) {
		w->back = true;
		return;
	}
	v = gone_ask(w->make->view, -1, NULL, w->path, &w->err);
	w->fatal = v == GONE_TARGET;
	w->vanished = v == GONE_VANISHED && !w->named && !w->above;
	if (w->vanished)
		tally_add(w->tally, dirs_vanished, 1);
}

/* Above the targets a directory that may only be passed through is enough. */
static bool above_unreadable(struct walk *w)
{
	if (w->err.code != ERR_DENIED)
		return false;
	err_clear(&w->err);
	return nodemake_stat(w->make, AT_FDCWD, w->path, true, &w->meta, &w->err) == 0;
}

/* The root of the snapshot has no directory and no node of its own. */
static bool openable(const struct walk *w)
{
	return !w->above || w->above->name;
}

void walk_run(struct walk *w)
{
	int fd = -1;

	buf_init(&w->arena, ARENA_MAX);
	if (openable(w))
		fd = w->above ? dir_open(w->path, false, &w->err)
			      : gone_open(w->make->view, w->path, false, &w->fatal, &w->err);
	if (w->above) {
		if (!openable(w) || (fd >= 0 ? walk_self(w, fd) == 0 : above_unreadable(w)))
			walk_above(w);
	} else if (fd >= 0 && walk_self(w, fd) == 0 && compare_self(w) == 0 &&
		   dir_list(fd, &w->list, &w->err) == 0) {
		walk_list(w, fd);
	}
	if (w->err.code == ERR_NOTFOUND && !w->fatal)
		self_missing(w);
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
	mem_free(w->link);
	walk_notes_release(w->note, w->n_note);
}
