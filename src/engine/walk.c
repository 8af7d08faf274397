#include "engine/walk.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/exclude.h"
#include "engine/longpath.h"
#include "engine/walk_look.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)UINT32_MAX)

static void thens_begin(const struct walk *w, struct then t[PARENTS_MAX])
{
	for (int i = 0; i < PARENTS_MAX; i++)
		then_begin(&t[i], w->parent[i].has ? &w->parent[i].tree : NULL);
}

static void thens_end(struct walk *w, struct then t[PARENTS_MAX])
{
	for (int i = 0; i < PARENTS_MAX; i++) {
		if ((unsigned)i < w->partials && !w->back)
			then_rest(&t[i]);
		if (t[i].err.code) {
			err_prefix(&t[i].err, "parent snapshot");
			walk_look_say(w, w->path, NULL, &t[i].err);
		}
		if ((unsigned)i < w->partials && t[i].missed)
			walk_say(&w->note, &w->n_note, w->path, t[i].missing, WALK_MISSING,
				(uint64_t)i | (uint64_t)t[i].missed << 8, NULL);
		then_release(&t[i]);
	}
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
	walk_look_say(w, path, NULL, &e);
	return true;
}

static void walk_list(struct walk *w, int fd)
{
	struct then then[PARENTS_MAX];
	struct longpath lp = {0};
	struct exclude_marks marks;

	find_marks(w, w->path, fd, &w->list, &marks);
	thens_begin(w, then);
	w->entry = mem_array(w->list.n ? w->list.n : 1, sizeof(*w->entry));
	for (size_t i = 0; i < w->list.n && !w->back && !w->fatal; i++) {
		const char *name = w->list.entry[i].name;
		const char *path = longpath_of(&lp, w->path, name);
		struct walk_entry *e = &w->entry[w->n];
		struct walk_look l = {.fd = fd,
			.name = name,
			.path = path,
			.dir = w->list.entry[i].type == DT_DIR,
			.device = w->device,
			.dir_device = w->meta.dev};

		if (exclude_marked(&marks, name) || exclude_path(w->opt, path)) {
			walk_look_excluded(w, &l);
			continue;
		}
		if (twice(w, i, path))
			continue;
		*e = (struct walk_entry){.name = name};
		if (walk_look(w, &l, e, then))
			w->n++;
	}
	longpath_release(&lp);
	exclude_marks_release(&marks);
	thens_end(w, then);
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
	struct then then[PARENTS_MAX];
	struct beside beside = {.dir = NULL};

	thens_begin(w, then);
	w->entry = mem_array(w->above->n ? w->above->n : 1, sizeof(*w->entry));
	for (size_t i = 0; i < w->above->n; i++) {
		const struct target *t = w->above->child[i];
		struct walk_entry *e = &w->entry[w->n];
		struct walk_look l = {.fd = AT_FDCWD,
			.name = t->path,
			.path = t->path,
			.named = t->named,
			.above = !t->leaf};

		l.device = t->device;
		l.dir_device = w->above->name ? w->meta.dev : t->device;
		if (t->leaf && !t->named &&
			(exclude_path(w->opt, t->path) || marked_beside(w, &beside, t->path))) {
			walk_look_excluded(w, &l);
			continue;
		}
		*e = (struct walk_entry){.name = t->name, .target = t};
		if (walk_look(w, &l, e, then))
			w->n++;
	}
	mem_free(beside.dir);
	exclude_marks_release(&beside.marks);
	thens_end(w, then);
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
			walk_look_say(w, w->path, NULL, &e);
	} else if (warn.code) {
		walk_look_say(w, w->path, NULL, &warn);
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
	for (int i = 0; i < PARENTS_MAX; i++)
		buf_release(&w->parent[i].tree);
	buf_release(&w->arena);
	xattr_list_release(&w->xattr);
	dir_list_release(&w->list);
	mem_free(w->entry);
	mem_free(w->ids);
	mem_free(w->parents);
	mem_free(w->link);
	walk_notes_release(w->note, w->n_note);
}
