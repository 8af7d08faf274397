/*
 * All ranks mark what the snapshots need (ranks/mark.h), without paths.  When something is wrong
 * rank 0 walks the snapshots by itself, to say where: so it is said alike by any number of ranks,
 * and a good repository does not pay for it.
 */
#include "engine/check_priv.h"
#include "base/mem.h"
#include "engine/damage.h"
#include "ranks/mark.h"

enum { NEEDED, NAMED }; /* bits of the catalog */

/* ---- where something is wrong ---- */

static void say(void *arg, const char *sentence, bool unindexed)
{
	struct check *c = arg;

	c->unindexed |= unindexed;
	check_bad(c, "%s", sentence);
}

static bool stopped(void *arg)
{
	return check_stopped(arg);
}

static int name_all(struct check *c, const struct snapshots *all, struct err *err)
{
	struct damage_ops ops = {.say = say, .stopped = stopped, .arg = c};
	uint64_t before = c->res->errors;
	int rc = damage_name(c->catalog, c->loader, c->env, NAMED, all, &ops, err);

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
	c->loader = loader_new(c->repo, c->catalog, LOADER_CACHE);
	if (leads && !check_stopped(c) && snapshots_load(c->repo, &all, snapshot_damaged, c, &err))
		run_fail(c->run, &err);
	if (leads)
		c->res->snapshots = all.n;
	if (mark_all(c, &all) == RUN_GOES_ON && leads && check_sum(c).bad_trees &&
		name_all(c, &all, &err))
		run_fail(c->run, &err);
	/* What it keeps of tree packs makes room for the packs that are read whole. */
	loader_free(c->loader);
	c->loader = NULL;
	snapshots_release(&all);
}
