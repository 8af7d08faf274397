#include "engine/restore.h"
#include "base/mem.h"
#include "engine/restore_delete.h"
#include "engine/restore_leaf.h"
#include "engine/restore_link.h"
#include "engine/restore_select.h"
#include "engine/restore_used.h"
#include "engine/restore_verify.h"
#include "engine/restore_window.h"
#include "engine/treewalk.h"
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOWS 2 /* under way while the walk fills another */

struct restore {
	struct restore_shared sh;
	struct restore_dirs dirs;
	struct restore_counts *counts;
	struct linkset *links;
	struct restore_used *used;
	struct restore_window *fill;
	struct restore_window *oldest, *newest; /* started, in order */
	size_t windows;
	struct restore_dir *at; /* where the walk is */
	uint64_t files;         /* that it has met */
	bool broken;            /* a tree could not be read */
};

/* ---- windows ---- */

/* Windows end in any order and are closed in their own: a link's first file may be in an earlier
 * one. */
static void close_windows(struct restore *r)
{
	while (r->oldest && r->oldest->over) {
		struct restore_window *w = r->oldest;

		r->oldest = w->later;
		if (!r->oldest)
			r->newest = NULL;
		r->windows--;
		restore_window_settle(w);
		restore_links_make(w);
		restore_window_free(w);
	}
	if (r->dirs.ev->progress)
		r->dirs.ev->progress(r->dirs.ev->arg, r->counts);
}

static void ended(struct restore_window *w)
{
	close_windows(w->arg);
}

static bool few_windows(void *r)
{
	return ((const struct restore *)r)->windows <= WINDOWS;
}

static bool no_window(void *r)
{
	return !((const struct restore *)r)->windows;
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
	loop_until_fn(r->sh.env->loop, few_windows, r);
}

/* ---- nodes ---- */

static struct restore_file *file_node(struct restore *r, struct restore_dir *d, const char *name,
	const struct node *n, const struct restore_leaf_place *p)
{
	r->counts->total_bytes += n->size;
	if (!r->dirs.opt->dry_run || p->kind == RESTORE_OURS)
		return restore_window_add(r->fill, d, n, p->kind, &p->was);
	r->counts->files_restored++;
	r->counts->bytes_restored += n->size;
	restore_item(&r->dirs, "restored", d->path, name, n->size);
	return NULL;
}

/*
 * A name that is kept is the user's file, or what an earlier restore has finished: the next name of
 * it that is to be restored becomes a link to it if it has the right content.
 */
static void kept(struct restore *r, const char *path, const struct node *n)
{
	struct linkset_first *first;
	bool is_new;

	if (!linkset_may(n) || n->type != NODE_FILE)
		return;
	first = linkset_add(r->links, n, path, &is_new);
	first->kept = is_new || first->kept;
}

/* The first name of its file that is restored, or the only one. */
static void first_leaf(struct restore *r, struct restore_dir *d, const char *path, const char *name,
	const struct node *n, const struct restore_leaf_place *p, struct linkset_first *first)
{
	struct restore_file *f;

	if (n->type != NODE_FILE) {
		restore_leaf_other(&r->dirs, d, name, n, p);
		return;
	}
	f = file_node(r, d, name, n, p);
	if (f)
		f->number = r->files;
	if (!first)
		return;
	if (f)
		f->lost = &first->lost;
	if (f && first->kept)
		f->twin = mem_strdup(first->path);
	if (first->kept)
		linkset_rename(first, path);
	first->kept = false;
}

/* One node that is no directory, in d, which is open (or, in a dry run, absent). */
static void leaf(struct restore *r, struct restore_dir *d, const char *path, const char *name,
	const struct node *n)
{
	struct linkset_first *first = NULL;
	bool is_new = true;
	struct restore_leaf_place p;
	enum restore_leaf_verdict v = restore_leaf_judge(&r->dirs, d, name, n, &p);

	if (p.kind != RESTORE_FREE && p.was.nlink == 1 && restore_dir_seen(d, &p.was)) {
		struct err e;

		err_set(&e, ERR_EXISTS, RESTORE_TWICE);
		restore_say(&r->dirs, d->path, name, &e);
		return;
	}
	if (v == RESTORE_LEAF_SKIP) {
		bool counted = linkset_may(n) && linkset_find(r->links, n);

		if (restore_leaf_same_link(d, name, n, &p.was))
			restore_leaf_keep(&r->dirs, d, name, n, &p.was);
		kept(r, path, n);
		restore_leaf_skipped(&r->dirs, d, name, counted ? 0 : n->size);
		return;
	}
	if (linkset_may(n))
		first = linkset_add(r->links, n, path, &is_new);
	is_new = is_new || first->kept;
	if (v == RESTORE_LEAF_METADATA && is_new) {
		restore_leaf_keep(&r->dirs, d, name, n, &p.was);
		restore_leaf_skipped(&r->dirs, d, name, n->size);
		return;
	}
	r->counts->total_files++;
	if (is_new)
		first_leaf(r, d, path, name, n, &p, first);
	else
		restore_links_add(r->fill, d, n, first, p.kind != RESTORE_FREE);
}

/* In the second walk: a file that was written in the first. */
static void written(struct restore *r, struct restore_dir *d, const char *name,
	const struct node *n)
{
	struct err e;

	if (restore_dir_need(&r->dirs, d) && d->fd >= 0) {
		restore_window_add(r->fill, d, n, RESTORE_FREE, NULL);
		return;
	}
	err_set(&e, ERR_NOTFOUND, "verify: its directory is not there any more");
	restore_say(&r->dirs, d->path, name, &e);
}

/* ---- the walk ---- */

static enum treewalk_next on_enter(void *arg, const struct treewalk_entry *e)
{
	struct restore *r = arg;
	bool dir = e->node->type == NODE_DIR, again = r->sh.verifying;
	struct restore_selection s = restore_selected(r->dirs.opt, e->path, dir);

	if (restore_stopped(&r->sh))
		return TREEWALK_STOP;
	if (s.self && !again)
		restore_used_node(r->used, e->path);
	if (dir) {
		if (!s.self && !s.below)
			return TREEWALK_SKIP;
		r->at = restore_dir_enter(&r->dirs, r->at, e->path, e->node);
		r->counts->total_files += s.self && !again;
		if (s.self && !again)
			restore_dir_need(&r->dirs, r->at);
		return TREEWALK_GO;
	}
	if (!s.self || e->node->type == NODE_SOCKET || e->node->type == NODE_IRREGULAR)
		return TREEWALK_GO;
	r->files += e->node->type == NODE_FILE;
	if (again && e->node->type == NODE_FILE && restore_written_has(r->sh.written, r->files))
		written(r, r->at, strrchr(e->path, '/') + 1, e->node);
	else if (!again && restore_dir_need(&r->dirs, r->at))
		leaf(r, r->at, e->path, strrchr(e->path, '/') + 1, e->node);
	if (restore_window_full(r->fill) || r->fill->n_link >= RESTORE_WINDOW_FILES)
		start_window(r);
	return TREEWALK_GO;
}

static void leave(struct restore *r)
{
	struct restore_dir *d = r->at;

	r->at = d->up;
	restore_dir_drop(&r->dirs, d);
}

static void on_leave(void *arg, const struct treewalk_entry *e)
{
	(void)e;
	leave(arg);
}

static enum treewalk_next on_failed(void *arg, const char *path, const struct err *e)
{
	struct restore *r = arg;

	/* The second walk says it only if the first had nothing to say. */
	if (!r->sh.verifying || !r->broken)
		restore_say(&r->dirs, path, NULL, e);
	r->broken = r->broken || !r->sh.verifying;
	if (r->at->up && strcmp(r->at->path, path) == 0) /* entered by on_enter, never to be left */
		leave(r);
	return TREEWALK_GO;
}

/* How many descriptors there may be, shared out so that pinned directories, idle ones and files
 * together stay below 3/4 of the limit. */
static void share_descriptors(struct restore_shared *sh, size_t *idle)
{
	struct rlimit lim;
	size_t n = 256;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
		n = lim.rlim_cur > 8192 ? 8192 : (size_t)lim.rlim_cur;
	sh->dirs_max = n / 8 < 8 ? 8 : n / 8 < 256 ? n / 8 : 256; /* times WINDOWS + 1 */
	sh->files_max = n / 8 < 8 ? 8 : n / 8 < 256 ? n / 8 : 256;
	*idle = n / 16 < 4 ? 4 : n / 16 < 64 ? n / 16 : 64;
}

static int walk(struct restore *r, struct loader *l, const struct id *root, struct err *err)
{
	struct treewalk_fn fn = {on_enter, on_leave, on_failed, r};
	int rc;

	r->links = linkset_new();
	r->fill = restore_window_new(&r->sh);
	r->at = r->dirs.top;
	rc = treewalk_run(l, r->sh.env, root, "", &fn, err);
	while (r->at->up) /* stopped on the way */
		leave(r);
	start_window(r);
	loop_until_fn(r->sh.env->loop, no_window, r);
	restore_window_free(r->fill);
	linkset_free(r->links);
	return rc;
}

static int verify(struct restore *r, struct loader *l, const struct id *root, struct err *err)
{
	r->dirs.existing = true;
	r->sh.verifying = true;
	r->files = 0;
	return walk(r, l, root, err);
}

static void unused_pattern(void *arg, const char *pattern)
{
	struct restore *r = arg;
	struct err e;

	err_set(&e, ERR_NOTFOUND,
		"the pattern matches nothing in the snapshot: nothing is deleted for it");
	restore_say(&r->dirs, pattern, NULL, &e);
}

int restore_run(struct repo *repo, struct catalog *cat, struct loader *l, struct reader *rd,
	const struct env *env, const struct id *root, const struct restore_options *opt,
	const struct restore_events *ev, const volatile int *stop, struct restore_counts *counts,
	struct err *err)
{
	struct restore r = {.counts = counts};
	size_t idle;
	int rc;

	memset(counts, 0, sizeof(*counts));
	r.sh = (struct restore_shared){.repo = repo,
		.reader = rd,
		.cat = cat,
		.env = env,
		.dirs = &r.dirs,
		.stop = stop};
	r.sh.written = opt->verify && !opt->dry_run ? restore_written_new() : NULL;
	share_descriptors(&r.sh, &idle);
	r.used = restore_used_new(opt);
	rc = restore_dirs_open(&r.dirs, opt, counts, ev, idle, err);
	if (rc == 0)
		rc = walk(&r, l, root, err);
	if (rc == 0 && opt->delete &&!r.broken && !restore_stopped(&r.sh)) {
		restore_used_rest(r.used, unused_pattern, &r);
		rc = restore_delete(&r.dirs, r.used, l, env, root, stop, err);
	}
	if (rc == 0 && r.sh.written && !restore_stopped(&r.sh))
		rc = verify(&r, l, root, err);
	if (rc == 0 && restore_stopped(&r.sh))
		rc = err_set(err, ERR_CANCELLED, "stopped by a signal");
	restore_written_free(r.sh.written);
	restore_used_free(r.used);
	restore_owners_left(r.dirs.owners, counts->left);
	restore_dirs_release(&r.dirs);
	return rc;
}
