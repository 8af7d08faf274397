#include "engine/recover.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "engine/treewalk.h"
#include <stdlib.h>

struct seen {
	struct id id;
	bool referred; /* by another tree, or a snapshot */
};

struct recovery {
	struct loader *loader;
	const struct repair_events *ev;
	struct recover_result *res;
	struct hashtab *trees;
	struct id *list; /* of them; later of the roots */
	size_t n;
};

static int add_tree(void *arg, const struct catalog_place *p)
{
	struct recovery *r = arg;
	bool is_new;

	if (p->blob.type == BLOB_TREE)
		hashtab_add(r->trees, &p->blob.id, &is_new);
	return 0;
}

static int list_one(void *arg, void *entry)
{
	struct recovery *r = arg;

	r->list[r->n++] = ((const struct seen *)entry)->id;
	return 0;
}

static void refer(struct recovery *r, const struct id *tree)
{
	struct seen *s = hashtab_find(r->trees, tree);

	if (s)
		s->referred = true;
}

static int read_tree(struct recovery *r, const struct id *id, struct err *err)
{
	struct tree_in in;
	struct buf plain;
	const struct node *n;
	int rc;

	buf_init(&plain, REPO_BLOB_MAX);
	rc = loader_tree_wait(r->loader, id, &plain, err);
	tree_in_init(&in, plain.p, plain.len);
	while (!rc && (rc = tree_in_next(&in, &n, err)) == 1) {
		if (n->type == NODE_DIR && n->has_subtree)
			refer(r, &n->subtree);
		rc = 0;
	}
	tree_in_release(&in);
	buf_release(&plain);
	return rc;
}

/* One that cannot be read is told, and what lies below it counts as unreferred. */
static int read_all(struct recovery *r, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		struct err e = {0};

		if (r->ev->stopped && r->ev->stopped(r->ev->arg))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (!read_tree(r, &r->list[i], &e))
			continue;
		if (e.code == ERR_CANCELLED)
			return err_copy(err, &e);
		r->res->unread++;
		err_prefix(&e, "unable to load tree %s", id_short(&r->list[i]).s);
		if (r->ev->found)
			r->ev->found(r->ev->arg, e.msg);
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return id_cmp(a, b);
}

static void keep_roots(struct recovery *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct seen *s = hashtab_find(r->trees, &r->list[i]);

		if (!s->referred)
			r->list[kept++] = r->list[i];
	}
	r->n = kept;
	if (kept)
		qsort(r->list, kept, sizeof(*r->list), by_id);
	r->res->roots = kept;
}

/* Named by the beginning of their ids; by all of it where two begin alike. */
static void put_root(const struct recovery *r, size_t i, const struct env *env, struct buf *json)
{
	struct id_hex name = id_hex(&r->list[i]);
	bool alike = (i && !memcmp(name.s, id_hex(&r->list[i - 1]).s, ID_SHORT_HEX)) ||
		     (i + 1 < r->n && !memcmp(name.s, id_hex(&r->list[i + 1]).s, ID_SHORT_HEX));
	struct ts now = clock_now(env->clock);
	struct node n = {.name = {name.s, alike ? ID_HEX : ID_SHORT_HEX},
		.type = NODE_DIR,
		.mode = 0755,
		.mtime = now,
		.atime = now,
		.ctime = now,
		.subtree = r->list[i],
		.has_subtree = true};

	if (i)
		buf_addc(json, ',');
	node_write(&n, env->zone, json);
}

static int save(struct recovery *r, struct writing *w, const struct env *env, struct err *err)
{
	struct hash *h = hash_new();
	struct buf json;
	int rc;

	buf_init(&json, REPO_BLOB_MAX);
	tree_begin(&json);
	for (size_t i = 0; i < r->n; i++)
		put_root(r, i, env, &json);
	tree_end(&json);
	hash_once(h, json.p, json.len, &r->res->tree);
	hash_free(h);
	rc = json.overflow ? err_set(err, ERR_NOMEM, "there are too many trees for one directory")
			   : writing_put(w, BLOB_TREE, &r->res->tree, &json, err);
	buf_release(&json);
	return rc;
}

int recover_run(struct router *router, struct agree *a, struct repo *repo, struct catalog *catalog,
	struct loader *loader, const struct snapshots *all, const struct writing_options *o,
	const struct repair_events *ev, struct recover_result *res, struct err *err)
{
	struct recovery r = {.loader = loader, .ev = ev, .res = res};
	struct writing *w;
	struct err late = {0};
	int rc;

	*res = (struct recover_result){0};
	r.trees = hashtab_new(sizeof(struct seen), ID_SIZE, 0);
	catalog_each(catalog, add_tree, &r);
	r.list = mem_array(hashtab_count(r.trees) + 1, sizeof(*r.list));
	hashtab_each(r.trees, list_one, &r);
	rc = read_all(&r, err);
	for (size_t i = 0; i < all->n; i++)
		refer(&r, &all->s[i].tree);
	if (!rc)
		keep_roots(&r);
	if (!rc && r.n) {
		w = writing_new(router, a, repo, catalog, o);
		rc = save(&r, w, repo->env, err);
		if (writing_end(w, &late) && !rc)
			rc = err_copy(err, &late);
		writing_free(w);
	}
	hashtab_free(r.trees);
	mem_free(r.list);
	return rc;
}
