#include "engine/damage.h"
#include "base/mem.h"
#include "engine/treewalk.h"
#include <stdarg.h>
#include <stdio.h>

struct naming {
	struct catalog *catalog;
	const struct env *env;
	unsigned bit;
	const struct damage_ops *ops;
	const struct snapshot *snapshot; /* the one walked */
};

static void say(const struct naming *w, bool unindexed, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(const struct naming *w, bool unindexed, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	int n = snprintf(text, sizeof(text), "snapshot %s: ", id_short(&w->snapshot->id).s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	w->ops->say(w->ops->arg, text, unindexed);
}

/* Why no place of a blob counts; NULL: one does. */
static const char *bad_everywhere(const struct naming *w, enum blob_type t, const struct id *id,
	struct catalog_place *first)
{
	const char *why = NULL;
	struct catalog_place at;

	for (unsigned nth = 0;
		w->ops->bad_place && catalog_find_wait(w->catalog, w->env->loop, t, id, nth, &at);
		nth++) {
		const char *bad = w->ops->bad_place(w->ops->arg, &at);

		if (!bad)
			return NULL;
		if (!nth) {
			why = bad;
			*first = at;
		}
	}
	return why;
}

/* It was come across before, and with it all below. */
static bool tree_known(const struct naming *w, const struct id *tree, const char *path)
{
	int8_t was;
	struct catalog_mark m = {.type = BLOB_TREE, .id = tree, .n = 1, .bit = w->bit, .was = &was};
	struct catalog_place at;
	const char *why;

	catalog_mark_wait(w->catalog, w->env->loop, &m);
	why = was ? NULL : bad_everywhere(w, BLOB_TREE, tree, &at);
	if (why)
		say(w, false, "directory %s: pack %s %s", path, id_hex(&at.pack).s, why);
	return was == 1;
}

static void name_content(const struct naming *w, const struct treewalk_entry *e)
{
	const struct node *n = e->node;
	struct catalog_mark m = {.type = BLOB_DATA,
		.id = n->content,
		.n = n->n_content,
		.bit = w->bit,
		.was = mem_array(n->n_content + 1, 1)};

	catalog_mark_wait(w->catalog, w->env->loop, &m);
	for (size_t i = 0; i < n->n_content; i++) {
		struct catalog_place at;
		const char *why;

		if (m.was[i] < 0)
			say(w, true, "file %s: blob %s not found in index", e->path,
				id_hex(&n->content[i]).s);
		else if ((why = bad_everywhere(w, BLOB_DATA, &n->content[i], &at)) != NULL)
			say(w, false, "file %s: pack %s %s", e->path, id_hex(&at.pack).s, why);
	}
	mem_free(m.was);
}

static enum treewalk_next name_node(void *arg, const struct treewalk_entry *e)
{
	const struct naming *w = arg;
	const struct node *n = e->node;

	if (w->ops->stopped(w->ops->arg))
		return TREEWALK_STOP;
	if (n->type == NODE_DIR && (!n->has_subtree || id_is_zero(&n->subtree))) {
		say(w, false, "directory %s has no tree", e->path);
		return TREEWALK_SKIP;
	}
	if (n->type == NODE_DIR)
		return tree_known(w, &n->subtree, e->path) ? TREEWALK_SKIP : TREEWALK_GO;
	if (n->type != NODE_FILE)
		return TREEWALK_GO;
	if (!n->has_content)
		say(w, false, "file %s has no content list", e->path);
	name_content(w, e);
	return TREEWALK_GO;
}

static enum treewalk_next name_tree(void *arg, const char *path, const struct err *e)
{
	say(arg, e->code == ERR_NOTFOUND, "%s: %s", path, e->msg);
	return TREEWALK_GO;
}

int damage_name(struct catalog *c, struct loader *l, const struct env *env, unsigned bit,
	const struct snapshots *all, const struct damage_ops *ops, struct err *err)
{
	struct naming w = {.catalog = c, .env = env, .bit = bit, .ops = ops};
	struct treewalk_fn fn = {name_node, NULL, name_tree, &w};
	int rc = 0;

	for (size_t i = 0; i < all->n && !rc && !ops->stopped(ops->arg); i++) {
		w.snapshot = &all->s[i];
		if (!tree_known(&w, &all->s[i].tree, "/"))
			rc = treewalk_run(l, env, &all->s[i].tree, "", &fn, err);
	}
	return rc;
}
