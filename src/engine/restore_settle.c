#include "base/mem.h"
#include "engine/restore_link.h"
#include "engine/restore_priv.h"
#include "engine/restore_verify.h"
#include <string.h>

static const char *name_of(const struct restore_leaf *l)
{
	return strrchr(l->path, '/') + 1;
}

static struct restore_file *file_node(struct restore *r, const struct restore_leaf *l)
{
	const struct node *n = l->node;
	struct restore_file *f;

	r->mine.total_bytes += n->size;
	if (!r->opt->dry_run || l->place.kind == RESTORE_OURS) {
		f = restore_window_add(restore_flow_fill(r), l->dir, n, l->place.kind,
			&l->place.was);
		f->number = l->number;
		return f;
	}
	r->mine.files_restored++;
	r->mine.bytes_restored += n->size;
	restore_item(&r->dirs, "restored", l->dir->path, name_of(l), n->size);
	return NULL;
}

/*
 * A name that is kept is the user's file, or what an earlier restore has finished: the next name of
 * it that is to be restored becomes a link to it if it has the right content.  With several ranks
 * names come in any order: it may have been restored a moment ago.
 */
static void kept(struct restore *r, const struct restore_leaf *l)
{
	struct linkset_first *first;
	bool is_new;

	if (!linkset_may(l->node) || l->node->type != NODE_FILE)
		return;
	first = linkset_add(r->links, l->node, l->path, &is_new);
	if (!is_new && !first->kept)
		restore_links_kept(restore_flow_fill(r), l->dir, l->node, first);
	first->kept = is_new || first->kept;
}

/* The first name of its file that is restored, or the only one. */
static void first_leaf(struct restore *r, const struct restore_leaf *l, struct linkset_first *first)
{
	struct restore_file *f;

	if (l->node->type != NODE_FILE) {
		restore_leaf_other(&r->dirs, l->dir, name_of(l), l->node, &l->place);
		return;
	}
	f = file_node(r, l);
	if (!first)
		return;
	if (f)
		f->lost = &first->lost;
	if (f && first->kept)
		f->twin = mem_strdup(first->path);
	if (first->kept)
		linkset_rename(first, l->path);
	first->kept = false;
}

static void skip(struct restore *r, const struct restore_leaf *l)
{
	const struct node *n = l->node;
	const char *name = name_of(l);
	bool counted = linkset_may(n) && linkset_find(r->links, n);

	if (restore_leaf_same_link(l->dir, name, n, &l->place.was))
		restore_leaf_keep(&r->dirs, l->dir, name, n, &l->place.was);
	kept(r, l);
	restore_leaf_skipped(&r->dirs, l->dir, name, counted ? 0 : n->size);
}

/* A range: who has sent it counts the file. */
static void part(struct restore *r, const struct restore_leaf *l)
{
	static const struct err none = {.code = ERR_CANCELLED};
	struct restore_file *f;

	if (l->dir->fd < 0 || (r->sh.verifying && !restore_written_has(r->sh.written, l->path,
							  l->part->number))) {
		r->sh.part_done(r, &l->part->back, &none);
		return;
	}
	f = restore_window_add(restore_flow_fill(r), l->dir, l->node, RESTORE_PART, &l->place.was);
	f->of = *l->part;
}

/* In the second walk: a file that was written in the first is read again. */
static void again(struct restore *r, const struct restore_leaf *l)
{
	struct restore_dir *d = l->dir;
	struct err e;

	if (!restore_written_has(r->sh.written, d->path, l->number))
		return;
	if (restore_dir_need(&r->dirs, d) && d->fd >= 0) {
		restore_window_add(restore_flow_fill(r), d, l->node, RESTORE_FREE, NULL);
		return;
	}
	err_set(&e, ERR_NOTFOUND, "verify: its directory is not there any more");
	restore_say(&r->dirs, d->path, name_of(l), &e);
}

void restore_settle(struct restore *r, const struct restore_leaf *l)
{
	struct linkset_first *first = NULL;
	const struct node *n = l->node;
	bool is_new = true;

	if (l->place.kind == RESTORE_PART) {
		part(r, l);
		return;
	}
	if (r->sh.verifying) {
		again(r, l);
		return;
	}
	if (l->verdict == RESTORE_LEAF_SKIP) {
		skip(r, l);
		return;
	}
	if (linkset_may(n))
		first = linkset_add(r->links, n, l->path, &is_new);
	is_new = is_new || first->kept;
	if (l->verdict == RESTORE_LEAF_METADATA && is_new) {
		restore_leaf_keep(&r->dirs, l->dir, name_of(l), n, &l->place.was);
		restore_leaf_skipped(&r->dirs, l->dir, name_of(l), n->size);
		return;
	}
	r->mine.total_files++;
	if (is_new)
		first_leaf(r, l, first);
	else
		restore_links_add(restore_flow_fill(r), l->dir, n, first,
			l->place.kind != RESTORE_FREE);
}
