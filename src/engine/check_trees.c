/*
 * All ranks mark what the snapshots need (ranks/mark.h), without paths.  When something is wrong
 * rank 0 walks the snapshots by itself, to say where: so it is said alike by any number of ranks,
 * and a good repository does not pay for it.
 */
#include "engine/check_priv.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "engine/damage.h"
#include "ranks/mark.h"
#include "ranks/packsums.h"
#include <string.h>

enum { NEEDED, NAMED, NAMED_AGAIN }; /* bits of the catalog */

/* ---- where something is wrong ---- */

static bool is_new(struct check *c, const char *sentence)
{
	struct hash *h = hash_new();
	struct id id;
	bool new;

	if (!c->said)
		c->said = hashtab_new(ID_SIZE, ID_SIZE, 0);
	hash_once(h, sentence, strlen(sentence), &id);
	hash_free(h);
	hashtab_add(c->said, &id, &new);
	return new;
}

static void say(void *arg, const char *sentence, bool unindexed)
{
	struct check *c = arg;

	c->unindexed |= unindexed;
	is_new(c, sentence);
	check_bad(c, "%s", sentence);
}

static void say_hit(void *arg, const char *sentence, bool unindexed)
{
	struct check *c = arg;

	(void)unindexed;
	if (is_new(c, sentence))
		check_hint(c, "%s", sentence);
}

static bool stopped(void *arg)
{
	return check_stopped(arg);
}

static const char *broken(void *arg, const struct catalog_place *at)
{
	const struct check *c = arg;
	const struct catalog_pack *p = packtable_find(c->packs, &at->pack);

	return !p || !(p->user & CHECK_PACK_BAD) ? NULL
	       : p->user & CHECK_PACK_LISTED     ? "is damaged"
						 : "does not exist";
}

void check_damage(struct check *c)
{
	struct damage_ops ops = {.say = say_hit, .stopped = stopped, .bad_place = broken, .arg = c};
	struct err err = {0};
	struct loader *l;

	if (!c->res->n_broken || check_stopped(c))
		return;
	l = loader_new(c->repo, c->catalog, LOADER_CACHE);
	if (damage_name(c->catalog, l, c->env, NAMED_AGAIN, &c->all, &ops, &err))
		run_fail(c->run, &err);
	loader_free(l);
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

/* The chosen ones as such a list; what they consist of is the caller's. */
static void take_some(struct check *c)
{
	const struct check_options *o = c->opt;

	c->all.s = mem_array(o->n_only + 1, sizeof(*c->all.s));
	for (size_t i = 0; i < o->n_only; i++)
		c->all.s[c->all.n++] = *o->only[i];
}

void check_trees_release(struct check *c)
{
	if (c->opt->some)
		mem_free(c->all.s);
	else
		snapshots_release(&c->all);
	hashtab_free(c->said);
}

void check_trees(struct check *c)
{
	bool leads = !router_rank(c->router);
	struct err err = {0};

	check_stage(c, "check snapshots, trees and blobs", 0);
	c->loader = loader_new(c->repo, c->catalog, LOADER_CACHE);
	if (leads && c->opt->some)
		take_some(c);
	else if (leads && !check_stopped(c) &&
		 snapshots_load(c->repo, &c->all, snapshot_damaged, c, &err))
		run_fail(c->run, &err);
	if (leads)
		c->res->snapshots = c->all.n;
	if (mark_all(c, &c->all) == RUN_GOES_ON && leads && check_sum(c).bad_trees &&
		name_all(c, &c->all, &err))
		run_fail(c->run, &err);
	/* What it keeps of tree packs makes room for the packs that are read whole. */
	loader_free(c->loader);
	c->loader = NULL;
}

void check_needed(struct check *c)
{
	struct packtable *mine, *all = NULL;
	struct err err = {0};

	catalog_gather(c->catalog, 1u << NEEDED, &err);
	mine = catalog_table(c->catalog);
	if (router_size(c->router) > 1) {
		all = packtable_new();
		packsums_collect(c->router, mine, all, &err);
		for (size_t i = 0; i < packtable_count(all); i++) {
			const struct catalog_pack *from = packtable_at(all, i);
			struct catalog_pack *p = packtable_find(c->packs, &from->id);

			if (p)
				p->marked = from->marked;
		}
		packtable_free(all);
	}
	if (agree_all(c->agree, &err))
		run_fail(c->run, &err);
}
