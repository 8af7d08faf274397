#include "engine/restore.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "engine/restore_window.h"
#include "engine/treewalk.h"
#include "format/snapshot.h"
#include "fs/dir.h"
#include "fs/file.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOWS 2 /* under way while the walk fills another */

/* A hard link to make once the file that has its content is written. */
struct restore_link {
	struct restore_dir *dir; /* held */
	char *name;
	char *to; /* path of the first one, below the target */
};

/* The first file of an inode that has several links. */
struct first_link {
	uint64_t key[2]; /* inode, device */
	char *path;
};

struct restore {
	struct restore_shared sh;
	struct restore_dirs dirs;
	struct restore_counts *counts;
	struct hashtab *links;
	struct restore_window *fill;
	struct restore_window *oldest, *newest; /* started, in order */
	size_t windows;
	struct restore_dir *at; /* where the walk is */
	struct strlist **names; /* --delete: what belongs into each directory on the walk's path */
	size_t depth, cap;
	bool delete;
	bool broken; /* a tree could not be read: nothing is deleted any more */
};

/* ---- windows ---- */

static void make_link(struct restore *r, const struct restore_link *k)
{
	struct err e;
	char *dir = mem_strdup(k->to), *slash = strrchr(dir, '/');
	char *save = NULL;
	int fd = dup(r->dirs.top->fd);

	err_clear(&e);
	*slash = 0;
	for (char *c = strtok_r(dir, "/", &save); c && fd >= 0; c = strtok_r(NULL, "/", &save)) {
		int next = dir_open_at(fd, c, &e);

		close(fd);
		fd = next;
	}
	if (fd >= 0) {
		if (restore_remove(k->dir->fd, k->name, r->dirs.opt->delete, &e) == 0 &&
			restore_link(k->dir->fd, k->name, fd, slash + 1, &e) == 0)
			r->counts->files_restored++;
		close(fd);
	}
	restore_say(&r->dirs, k->dir->path, k->name, &e);
	mem_free(dir);
}

/* Windows end in any order and are closed in their own: a link's first file may be in an earlier one. */
static void close_windows(struct restore *r)
{
	while (r->oldest && r->oldest->over) {
		struct restore_window *w = r->oldest;

		r->oldest = w->later;
		if (!r->oldest)
			r->newest = NULL;
		r->windows--;
		for (size_t i = 0; i < w->n_link; i++) {
			if (!(r->sh.stop && *r->sh.stop))
				make_link(r, &w->link[i]);
			restore_dir_drop(&r->dirs, w->link[i].dir);
			mem_free(w->link[i].name);
			mem_free(w->link[i].to);
		}
		mem_free(w->link);
		restore_window_free(w);
	}
	if (r->dirs.ev->progress)
		r->dirs.ev->progress(r->dirs.ev->arg, r->counts);
}

static void ended(struct restore_window *w)
{
	close_windows(w->arg);
}

static void wait_windows(struct restore *r, size_t left)
{
	struct loop *l = r->sh.env->loop;

	while (r->windows > left)
		if (!loop_run(l))
			loop_wait(l, -1);
}

static void start_window(struct restore *r)
{
	struct restore_window *w = r->fill;

	r->fill = restore_window_new(&r->sh);
	if (r->newest)
		r->newest->later = w;
	else
		r->oldest = w;
	r->newest = w;
	r->windows++;
	restore_window_start(w, ended, r);
	wait_windows(r, WINDOWS);
}

/* ---- selection ---- */

struct selection {
	bool self, below;
};

static struct selection selected(const struct restore_options *o, const char *path, bool dir)
{
	struct selection s = {true, dir};

	if (o->n_include) {
		s = (struct selection){false, false};
		for (size_t i = 0; i < o->n_include; i++) {
			bool child = false;

			s.self = match_path(o->include[i], path, &child) || s.self;
			s.below = (dir && child) || s.below;
		}
		s.below = s.below || (dir && s.self);
	}
	for (size_t i = 0; i < o->n_exclude; i++)
		if (match_path(o->exclude[i], path, NULL))
			s = (struct selection){false, false};
	return s;
}

enum there { THERE_ABSENT, THERE_FILE, THERE_OTHER };
enum verdict { RESTORE_IT, RESTORE_METADATA, RESTORE_SKIP };

/* --overwrite: what to do about what lies there. */
static enum verdict judge(struct restore *r, struct restore_dir *d, const struct node *n, enum there *there)
{
	struct meta m;
	struct err e;
	char *name;
	int rc;

	*there = THERE_ABSENT;
	if (d->fresh || d->fd < 0)
		return RESTORE_IT;
	err_clear(&e);
	name = mem_strndup(n->name.p, n->name.n);
	rc = meta_stat(d->fd, name, false, &m, &e);
	mem_free(name);
	if (rc < 0)
		return RESTORE_IT;
	*there = S_ISREG(m.mode) ? THERE_FILE : THERE_OTHER;
	switch (r->dirs.opt->overwrite) {
	case RESTORE_NEVER:
		return RESTORE_SKIP;
	case RESTORE_IF_NEWER:
		return ts_cmp(&n->mtime, &m.mtime) > 0 ? RESTORE_IT : RESTORE_SKIP;
	case RESTORE_IF_CHANGED:
		if (n->type == NODE_FILE && *there == THERE_FILE && m.size == n->size && ts_cmp(&n->mtime, &m.mtime) == 0)
			return RESTORE_METADATA;
		return RESTORE_IT;
	default:
		return RESTORE_IT;
	}
}

/* ---- nodes ---- */

static void metadata(struct restore *r, struct restore_dir *d, const char *name, const struct node *n, struct err *e)
{
	struct restore_keep k;

	restore_keep_node(&k, n, r->dirs.opt);
	k.meta.xattr = &k.xattr;
	restore_metadata(d->fd, name, &k.meta, e);
	restore_keep_release(&k);
}

static void other_node(struct restore *r, struct restore_dir *d, const struct node *n)
{
	char *name = mem_strndup(n->name.p, n->name.n), *target;
	mode_t type = n->type == NODE_DEV ? S_IFBLK : n->type == NODE_CHARDEV ? S_IFCHR : S_IFIFO;
	struct err e;

	err_clear(&e);
	if (restore_remove(d->fd, name, r->dirs.opt->delete, &e) < 0)
		goto out;
	if (n->type == NODE_SYMLINK) {
		target = mem_strndup(n->linktarget.p, n->linktarget.n);
		restore_symlink(d->fd, name, target, &e);
		mem_free(target);
	} else {
		restore_special(d->fd, name, type | 0600, n->device, &e);
	}
	if (!e.code)
		metadata(r, d, name, n, &e);
out:
	restore_say(&r->dirs, d->path, name, &e);
	if (!e.code)
		r->counts->files_restored++;
	mem_free(name);
}

/* True when the content is already coming to another name of the same inode: a link is enough. */
static bool linked(struct restore *r, struct restore_dir *d, const char *path, const struct node *n)
{
	uint64_t key[2] = {n->inode, n->device_id};
	struct first_link *f;
	struct restore_window *w = r->fill;
	bool is_new;

	if (n->links < 2 || !n->inode)
		return false;
	f = hashtab_add(r->links, key, &is_new);
	if (is_new) {
		f->path = mem_strdup(path);
		return false;
	}
	w->link = mem_regrow(w->link, w->n_link + 1, sizeof(*w->link));
	w->link[w->n_link++] = (struct restore_link){d, mem_strndup(n->name.p, n->name.n), mem_strdup(f->path)};
	restore_dir_hold(d);
	return true;
}

static void leaf(struct restore *r, const struct treewalk_entry *e)
{
	const struct node *n = e->node;
	struct restore_dir *d = r->at;
	enum there there;
	enum verdict v;
	char *name;
	struct err err;

	if (n->type == NODE_SOCKET || n->type == NODE_IRREGULAR)
		return;
	r->counts->total_files++;
	r->counts->total_bytes += n->type == NODE_FILE ? n->size : 0;
	if (!r->dirs.opt->dry_run && restore_dir_need(&r->dirs, d) < 0)
		return;
	v = judge(r, d, n, &there);
	if (v == RESTORE_SKIP) {
		r->counts->files_skipped++;
		r->counts->bytes_skipped += n->size;
	} else if (r->dirs.opt->dry_run) {
		r->counts->files_restored++;
		r->counts->bytes_restored += n->size;
	} else if (v == RESTORE_METADATA) {
		err_clear(&err);
		name = mem_strndup(n->name.p, n->name.n);
		metadata(r, d, name, n, &err);
		restore_say(&r->dirs, d->path, name, &err);
		mem_free(name);
		r->counts->files_restored++;
		r->counts->bytes_skipped += n->size;
	} else if (!linked(r, d, e->path, n)) {
		if (n->type == NODE_FILE)
			restore_window_add(r->fill, d, n, there == THERE_FILE);
		else
			other_node(r, d, n);
	} else {
		r->counts->bytes_skipped += n->type == NODE_FILE ? n->size : 0;
	}
	if (restore_window_full(r->fill) || r->fill->n_link >= RESTORE_WINDOW_FILES)
		start_window(r);
}

/* ---- --delete ---- */

static void names_push(struct restore *r)
{
	if (r->depth == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 32;
		r->names = mem_regrow(r->names, r->cap, sizeof(*r->names));
	}
	r->names[r->depth++] = mem_zalloc(sizeof(struct strlist));
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void delete_one(struct restore *r, struct restore_dir *d, const char *name)
{
	char *path = mem_printf("%s/%s", d->path, name);
	struct err e;

	err_clear(&e);
	if (selected(r->dirs.opt, path, true).self) {
		if (!r->dirs.opt->dry_run)
			restore_remove(d->fd, name, true, &e);
		restore_say(&r->dirs, d->path, name, &e);
		if (!e.code) {
			r->counts->files_deleted++;
			if (r->dirs.ev->item && r->dirs.opt->verbose_items)
				r->dirs.ev->item(r->dirs.ev->arg, "deleted", path, 0);
		}
	}
	mem_free(path);
}

/* What lies in a restored directory and not in the snapshot. */
static void names_pop(struct restore *r, struct restore_dir *d)
{
	struct strlist *l = r->names[--r->depth];
	struct dir_list there = {0};
	struct err e;

	err_clear(&e);
	if (d->fd >= 0 && !d->fresh && !r->broken && dir_list(d->fd, &there, &e) == 0) {
		if (l->n)
			qsort(l->s, l->n, sizeof(*l->s), by_string);
		for (size_t i = 0; i < there.n; i++)
			if (!l->n || !bsearch(&there.entry[i].name, l->s, l->n, sizeof(*l->s), by_string))
				delete_one(r, d, there.entry[i].name);
	}
	restore_say(&r->dirs, d->path, NULL, &e);
	dir_list_release(&there);
	strlist_release(l);
	mem_free(l);
}

/* ---- the walk ---- */

static enum treewalk_next on_enter(void *arg, const struct treewalk_entry *e)
{
	struct restore *r = arg;
	bool dir = e->node->type == NODE_DIR;
	struct selection s = selected(r->dirs.opt, e->path, dir);

	if (r->sh.stop && *r->sh.stop)
		return TREEWALK_STOP;
	if (r->delete)
		strlist_addn(r->names[r->depth - 1], e->node->name.p, e->node->name.n);
	if (!dir) {
		if (s.self)
			leaf(r, e);
		return TREEWALK_GO;
	}
	if (!s.self && !s.below)
		return TREEWALK_SKIP;
	r->at = restore_dir_enter(r->at, e->path, e->node, r->dirs.opt);
	r->counts->total_files += s.self;
	if (s.self && !r->dirs.opt->dry_run)
		restore_dir_need(&r->dirs, r->at);
	if (r->delete)
		names_push(r);
	return TREEWALK_GO;
}

static void on_leave(void *arg, const struct treewalk_entry *e)
{
	struct restore *r = arg;
	struct restore_dir *d = r->at, *up = d->up;

	(void)e;
	if (r->delete)
		names_pop(r, d);
	r->at = up;
	restore_dir_drop(&r->dirs, d);
}

static enum treewalk_next on_failed(void *arg, const char *path, const struct err *e)
{
	struct restore *r = arg;

	r->broken = true;
	restore_say(&r->dirs, path, NULL, e);
	if (strcmp(r->at->path, path) == 0 && r->at->up) { /* entered by on_enter, never to be left */
		struct treewalk_entry none = {0};

		on_leave(r, &none);
	}
	return TREEWALK_GO;
}

static int free_link(void *arg, void *entry)
{
	(void)arg;
	mem_free(((struct first_link *)entry)->path);
	return 0;
}

int restore_run(struct repo *repo, struct catalog *cat, struct loader *l, const struct env *env, const struct id *root,
	const struct restore_options *opt, const struct restore_events *ev, const volatile int *stop, struct restore_counts *counts,
	struct err *err)
{
	struct restore r = {.sh = {repo, cat, env, NULL, stop}, .dirs = {.opt = opt, .counts = counts, .ev = ev}, .counts = counts};
	struct treewalk_fn fn = {on_enter, on_leave, on_failed, &r};
	int rc;

	memset(counts, 0, sizeof(*counts));
	r.sh.dirs = &r.dirs;
	rc = restore_dirs_open(&r.dirs, err);
	if (rc < 0) {
		restore_dir_drop(&r.dirs, r.dirs.top);
		return rc;
	}
	r.links = hashtab_new(sizeof(struct first_link), 2 * sizeof(uint64_t), HASHTAB_MIX);
	r.fill = restore_window_new(&r.sh);
	r.at = r.dirs.top;
	r.delete = opt->delete;
	if (r.delete)
		names_push(&r);
	rc = treewalk_run(l, env, root, "", &fn, err);
	if (r.at->up)
		r.broken = true; /* stopped on the way: what was not walked must not look superfluous */
	while (r.at->up)
		on_leave(&r, NULL);
	if (rc < 0 || (stop && *stop))
		r.broken = true;
	start_window(&r);
	wait_windows(&r, 0);
	if (r.delete)
		names_pop(&r, r.dirs.top);
	restore_dir_drop(&r.dirs, r.dirs.top);
	restore_window_free(r.fill);
	hashtab_each(r.links, free_link, NULL);
	hashtab_free(r.links);
	mem_free(r.names);
	if (rc == 0 && stop && *stop)
		rc = err_set(err, ERR_CANCELED, "stopped by a signal");
	return rc;
}
