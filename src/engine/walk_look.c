#include "engine/walk_look.h"
#include "base/mem.h"
#include "engine/exclude.h"
#include <string.h>
#include <sys/stat.h>

void walk_look_say(struct walk *w, const char *path, const char *action, const struct err *e)
{
	walk_say(&w->note, &w->n_note, path, NULL, action, 0, e ? e->msg : NULL);
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

/*
 * What was listed is not found, as `err` says.  On a rank that was given this directory by another
 * one nothing of it counts: caches of names, or a file system that is not there, would look the
 * same.
 */
static void missing(struct walk *w, struct walk_look *l, bool dir, struct err *err)
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
		walk_look_say(w, l->path, NULL, err);
	} else if (dir) {
		tally_add(w->tally, dirs_vanished, 1);
	} else {
		tally_add(w->tally, files_vanished, 1);
	}
}

/* The item itself: it is not found, or cannot be had. */
static void failed(struct walk *w, struct walk_look *l, bool dir, struct err *err)
{
	if (err->code == ERR_NOTFOUND)
		missing(w, l, dir, err);
	else
		walk_look_say(w, l->path, NULL, err);
}

static void ready(struct walk *w, struct walk_entry *e, struct node *n, const struct xattr_list *x)
{
	e->json = w->arena.len;
	nodemake_write(w->make, n, x, &w->arena);
	e->json_n = w->arena.len - e->json;
}

static int read_xattr(struct walk *w, struct walk_look *l, struct xattr_list *x)
{
	struct err warn, e;

	err_clear(&warn);
	err_clear(&e);
	if (xattr_read(l->fd, l->name, l->path, x, &warn, &e) < 0) {
		failed(w, l, false, &e);
		if (e.code == ERR_NOTFOUND)
			return -1;
	} else if (warn.code) {
		walk_look_say(w, l->path, NULL, &warn);
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

/* A writer that leaves the content out should not exist: better read the file than keep that for
 * ever. */
static bool has_content(const struct node *then)
{
	return then->has_content && (!then->size || then->n_content);
}

/*
 * The newest parent's node with which the file is unchanged, and whose word can be taken; else one
 * that has to be compared with what is read (e->again); else NULL.  All parents are asked: what
 * nobody asks for is missing here.
 */
static const struct node *unchanged(const struct walk *w, struct then t[PARENTS_MAX],
	struct walk_entry *e, const struct node *now)
{
	const struct node *best = NULL;

	for (int i = 0; i < PARENTS_MAX; i++) {
		const struct node *then = then_at(&t[i], e->name);
		bool settled;

		if (then && then->type != NODE_FILE)
			then_differs(&t[i]);
		if (!then || then->type != NODE_FILE)
			continue;
		e->had = true;
		if (w->opt->force || (best && !e->again) ||
			!node_unchanged(then, now, w->opt->unchanged_flags) || !has_content(then))
			continue;
		settled = node_settled(now, w->opt->unchanged_flags, &w->parent[i].settled,
			&w->make->young);
		if (!best || settled)
			best = then;
		e->again = !settled;
	}
	return best;
}

static bool look_file(struct walk *w, struct walk_look *l, struct walk_entry *e, struct node *now,
	struct then t[PARENTS_MAX])
{
	const struct node *then = unchanged(w, t, e, now);
	struct xattr_list x = {0};
	bool same;

	e->kind = WALK_FILE;
	e->size = now->size;
	if (!then)
		return true;
	e->ids = w->n_ids;
	e->n_ids = then->n_content;
	ids_add(w, then->content, then->n_content);
	if (e->again) {
		e->meta_same = nodemake_same(then, now);
		nodemake_content(then->content, then->n_content, &e->content);
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

static bool look_other(struct walk *w, struct walk_look *l, struct walk_entry *e, struct node *now,
	struct then t[PARENTS_MAX])
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
	for (int i = 0; i < PARENTS_MAX; i++) {
		const struct node *then = then_at(&t[i], e->name);

		if (then && then->type != now->type)
			then_differs(&t[i]);
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

void walk_look_excluded(struct walk *w, const struct walk_look *l)
{
	if (w->opt->verbose_items)
		walk_look_say(w, l->path, "excluded", NULL);
}

/* The trees of a directory in the parents. */
static void look_dir(struct walk *w, struct walk_entry *e, struct node *now,
	struct then t[PARENTS_MAX])
{
	struct parents p = {0};

	for (unsigned i = 0; i < PARENTS_MAX; i++) {
		const struct node *then = then_at(&t[i], e->name);

		if (then && then->type != NODE_DIR)
			then_differs(&t[i]);
		if (!then || then->type != NODE_DIR || !then->has_subtree)
			continue;
		if (!p.has)
			e->meta_same = nodemake_same(then, now);
		if (!parents_know(&p, &then->subtree))
			parents_set(&p, i, &then->subtree);
	}
	e->had = p.has != 0;
	if (!e->had)
		return;
	if ((w->n_parents & (w->n_parents + 1)) == 0)
		w->parents = mem_regrow(w->parents, w->n_parents * 2 + 1, sizeof(*w->parents));
	e->dir = w->n_parents;
	w->parents[w->n_parents++] = p;
}

/* Fills *e; false when the entry is not part of the snapshot, or is to be looked at again. */
static bool look_once(struct walk *w, struct walk_look *l, struct walk_entry *e,
	struct then t[PARENTS_MAX])
{
	struct meta m;
	struct node now;
	struct err err;

	err_clear(&err);
	if (nodemake_stat(w->make, l->fd, l->name, l->above, &m, &err) < 0) {
		failed(w, l, l->dir, &err);
		return false;
	}
	if (!l->named && !l->above && exclude_meta(w->opt, &m, l->device, l->dir_device)) {
		walk_look_excluded(w, l);
		return false;
	}
	if (l->above && !S_ISDIR(m.mode)) {
		err_set(&err, ERR_INVALID,
			"not a directory, but something below it is to be saved");
		walk_look_say(w, l->path, NULL, &err);
		return false;
	}
	if (witness_news(w->make->witness, &w->owner, &m))
		witness_owner(w->make->witness, &m, l->path);
	if (!nodemake_fill(w->make, &now, e->name, &m)) {
		if (!S_ISSOCK(m.mode)) {
			err_set(&err, ERR_UNSUPPORTED, "a file of an unknown type (mode %o)",
				(unsigned)m.mode);
			walk_look_say(w, l->path, NULL, &err);
		}
		return false;
	}
	if (w->apart && now.type != NODE_DIR)
		nodemake_apart(&now);
	sight_of(&e->seen, &m);
	if (now.type == NODE_FILE)
		return look_file(w, l, e, &now, t);
	if (now.type != NODE_DIR)
		return look_other(w, l, e, &now, t);
	e->kind = l->above ? WALK_ABOVE : WALK_DIR;
	/* the device of a target is the one allowed below it */
	e->size = l->named ? m.dev : l->device;
	look_dir(w, e, &now, t);
	return true;
}

bool walk_look(struct walk *w, struct walk_look *l, struct walk_entry *e,
	struct then t[PARENTS_MAX])
{
	bool in;

	do {
		l->again = false;
		in = look_once(w, l, e, t);
	} while (l->again);
	return in;
}
