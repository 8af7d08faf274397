#include "engine/restore_link.h"
#include "engine/restore_priv.h"
#include "engine/restore_verify.h"
#include "base/mem.h"
#include <string.h>

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static struct restore_file *file_node(struct restore *r, struct restore_dir *d, const char *name,
	const struct node *n, const struct restore_leaf_place *p)
{
	r->mine.total_bytes += n->size;
	if (!r->opt->dry_run || p->kind == RESTORE_OURS)
		return restore_window_add(restore_flow_fill(r), d, n, p->kind, &p->was);
	r->mine.files_restored++;
	r->mine.bytes_restored += n->size;
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
static void first_leaf(struct restore *r, struct restore_dir *d, const char *path, uint32_t number,
	const struct node *n, const struct restore_leaf_place *p, struct linkset_first *first)
{
	struct restore_file *f;

	if (n->type != NODE_FILE) {
		restore_leaf_other(&r->dirs, d, name_of(path), n, p);
		return;
	}
	f = file_node(r, d, name_of(path), n, p);
	if (f)
		f->number = number;
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

static void skip(struct restore *r, struct restore_dir *d, const char *path, const struct node *n,
	const struct meta *was)
{
	const char *name = name_of(path);
	bool counted = linkset_may(n) && linkset_find(r->links, n);

	if (restore_leaf_same_link(d, name, n, was))
		restore_leaf_keep(&r->dirs, d, name, n, was);
	kept(r, path, n);
	restore_leaf_skipped(&r->dirs, d, name, counted ? 0 : n->size);
}

/* What is to be done about it is known. */
static void settle(struct restore *r, struct restore_dir *d, const char *path, uint32_t number,
	const struct node *n, enum restore_leaf_verdict v, const struct restore_leaf_place *p)
{
	struct linkset_first *first = NULL;
	bool is_new = true;

	if (v == RESTORE_LEAF_SKIP) {
		skip(r, d, path, n, &p->was);
		return;
	}
	if (linkset_may(n))
		first = linkset_add(r->links, n, path, &is_new);
	is_new = is_new || first->kept;
	if (v == RESTORE_LEAF_METADATA && is_new) {
		restore_leaf_keep(&r->dirs, d, name_of(path), n, &p->was);
		restore_leaf_skipped(&r->dirs, d, name_of(path), n->size);
		return;
	}
	r->mine.total_files++;
	if (is_new)
		first_leaf(r, d, path, number, n, p, first);
	else
		restore_links_add(restore_flow_fill(r), d, n, first, p->kind != RESTORE_FREE);
}

/* In the second walk: a file that was written in the first is read again. */
static void again(struct restore *r, struct restore_dir *d, const char *path, uint32_t number,
	const struct node *n)
{
	struct err e;

	if (n->type != NODE_FILE || !restore_written_has(r->sh.written, d->path, number))
		return;
	if (restore_dir_need(&r->dirs, d) && d->fd >= 0) {
		restore_window_add(restore_flow_fill(r), d, n, RESTORE_FREE, NULL);
		return;
	}
	err_set(&e, ERR_NOTFOUND, "verify: its directory is not there any more");
	restore_say(&r->dirs, d->path, name_of(path), &e);
}

void restore_node(struct restore *r, struct restore_dir *d, const char *path, uint32_t number,
	const struct node *n)
{
	struct restore_leaf_place p;
	enum restore_leaf_verdict v;

	if (r->sh.verifying) {
		again(r, d, path, number, n);
		return;
	}
	if (!restore_dir_need(&r->dirs, d))
		return;
	v = restore_leaf_judge(&r->dirs, d, name_of(path), n, &p);
	if (p.kind != RESTORE_FREE && p.was.nlink == 1 && restore_dir_seen(d, &p.was)) {
		struct err e;

		err_set(&e, ERR_EXISTS, RESTORE_TWICE);
		restore_say(&r->dirs, d->path, name_of(path), &e);
		return;
	}
	settle(r, d, path, number, n, v, &p);
}
