/*
 * All ranks mark what the snapshots need (ranks/mark.h), without paths.  When something is wrong
 * rank 0 walks the snapshots by itself, to say where: so it is said alike by any number of ranks,
 * and a good repository does not pay for it.
 */
#include "engine/check_priv.h"
#include "base/mem.h"
#include "engine/treewalk.h"
#include "ranks/mark.h"
#include "repo/snapshots.h"

enum { NEEDED, NAMED }; /* bits of the catalog */

/* ---- where something is wrong ---- */

struct naming {
	struct check *c;
	const struct snapshot *snapshot; /* the one walked */
};

/* It was come across before, and with it all below. */
static bool tree_known(struct check *c, const struct id *tree)
{
	int8_t was;
	struct catalog_mark m = {.type = BLOB_TREE, .id = tree, .n = 1, .bit = NAMED, .was = &was};

	catalog_mark_wait(c->catalog, c->env->loop, &m);
	return was == 1;
}

static void name_content(const struct naming *w, const struct treewalk_entry *e)
{
	const struct node *n = e->node;
	struct catalog_mark m = {.type = BLOB_DATA,
		.id = n->content,
		.n = n->n_content,
		.bit = NAMED,
		.was = mem_array(n->n_content + 1, 1)};

	catalog_mark_wait(w->c->catalog, w->c->env->loop, &m);
	for (size_t i = 0; i < n->n_content; i++) {
		if (m.was[i] >= 0)
			continue;
		w->c->unindexed = true;
		check_bad(w->c, "snapshot %s: file %s: blob %s not found in index",
			id_short(&w->snapshot->id).s, e->path, id_hex(&n->content[i]).s);
	}
	mem_free(m.was);
}

static enum treewalk_next name_node(void *arg, const struct treewalk_entry *e)
{
	const struct naming *w = arg;
	const struct node *n = e->node;

	if (check_stopped(w->c))
		return TREEWALK_STOP;
	if (n->type == NODE_DIR && (!n->has_subtree || id_is_zero(&n->subtree))) {
		check_bad(w->c, "snapshot %s: directory %s has no tree",
			id_short(&w->snapshot->id).s, e->path);
		return TREEWALK_SKIP;
	}
	if (n->type == NODE_DIR)
		return tree_known(w->c, &n->subtree) ? TREEWALK_SKIP : TREEWALK_GO;
	if (n->type != NODE_FILE)
		return TREEWALK_GO;
	if (!n->has_content)
		check_bad(w->c, "snapshot %s: file %s has no content list",
			id_short(&w->snapshot->id).s, e->path);
	name_content(w, e);
	return TREEWALK_GO;
}

static enum treewalk_next name_tree(void *arg, const char *path, const struct err *e)
{
	const struct naming *w = arg;

	w->c->unindexed |= e->code == ERR_NOTFOUND;
	check_bad(w->c, "snapshot %s: %s: %s", id_short(&w->snapshot->id).s, path, e->msg);
	return TREEWALK_GO;
}

static int name_all(struct check *c, const struct snapshots *all, struct err *err)
{
	struct naming w = {.c = c};
	struct treewalk_fn fn = {name_node, NULL, name_tree, &w};
	uint64_t before = c->res->errors;
	int rc = 0;

	for (size_t i = 0; i < all->n && !rc && !check_stopped(c); i++) {
		w.snapshot = &all->s[i];
		if (!tree_known(c, &all->s[i].tree))
			rc = treewalk_run(c->loader, c->env, &all->s[i].tree, "", &fn, err);
	}
	if (!rc && !check_stopped(c) && c->res->errors == before)
		check_bad(c, "%s",
			c->odd_tree.code ? c->odd_tree.msg
					 : "the trees look right now, and did not the first time");
	return rc;
}

/* ---- is something wrong ---- */

static void tree_bad(void *arg, enum mark_bad what, const struct id *tree, const struct id *blob,
	const struct err *err)
{
	struct check *c = arg;

	(void)what;
	(void)blob;
	/* Rank 0 remembers one. */
	if (!c->n.bad_trees++ && err)
		check_odd_tree(c, tree, err->msg);
}

static void snapshot_damaged(void *arg, const struct id *id, const struct err *e)
{
	check_bad(arg, "snapshot %s: %s", id_short(id).s, e->msg);
}

static struct id *roots_of(const struct snapshots *all)
{
	struct id *root = mem_array(all->n + 1, sizeof(*root));

	for (size_t i = 0; i < all->n; i++)
		root[i] = all->s[i].tree;
	return root;
}

void check_trees_count(struct check *c)
{
	struct mark_counts n;

	if (!c->mark)
		return;
	n = mark_counts(c->mark);
	c->n.trees_found = n.found;
	c->n.trees_read = n.read;
	c->n.trees = n.trees;
	c->n.blobs = n.blobs;
}

static enum run_end mark_all(struct check *c, const struct snapshots *all)
{
	struct mark_ops ops = {tree_bad, c};
	struct id *roots = roots_of(all);
	enum run_end end;

	c->mark = mark_new(c->run, c->catalog, c->loader, NEEDED, &ops);
	end = mark_run(c->mark, roots, all->n);
	check_trees_count(c);
	mark_free(c->mark);
	c->mark = NULL;
	mem_free(roots);
	return end;
}

void check_trees(struct check *c)
{
	bool leads = !router_rank(c->router);
	struct snapshots all = {0};
	struct err err = {0};

	check_stage(c, "check snapshots, trees and blobs", 0);
	if (leads && !check_stopped(c) && snapshots_load(c->repo, &all, snapshot_damaged, c, &err))
		run_fail(c->run, &err);
	if (leads)
		c->res->snapshots = all.n;
	if (mark_all(c, &all) == RUN_GOES_ON && leads && check_sum(c).bad_trees &&
		name_all(c, &all, &err))
		run_fail(c->run, &err);
	snapshots_release(&all);
}
