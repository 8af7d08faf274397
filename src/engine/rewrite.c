#include "engine/rewrite.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "kern/hash.h"
#include <string.h>

/* What became of a tree. */
struct known {
	struct id key;
	struct rewritten now;
};

/* A directory on the current path. */
struct level {
	struct id old, key;
	struct buf json;    /* of the new tree */
	struct buf pending; /* the node of the subdirectory that is gone down, as it was */
	size_t entries;
	bool lost; /* the old tree is damaged: the new one is stored, be its id the same */
	struct rewritten sum;
};

struct rewrite {
	struct loader *loader;
	const struct env *env;
	const struct rewrite_ops *ops;
	struct hash *hash;
	struct hashtab *known;
	struct level **level;
	size_t levels;
	size_t depth;    /* of the directory whose entries come; 0: the root */
	struct buf path; /* of the directory that was entered last */
	bool bad_root;
	struct err err;
};

struct rewrite *rewrite_new(struct loader *l, const struct env *env, const struct rewrite_ops *o)
{
	struct rewrite *w = mem_zalloc(sizeof(*w));

	w->loader = l;
	w->env = env;
	w->ops = o;
	w->hash = hash_new();
	w->known = hashtab_new(sizeof(struct known), ID_SIZE, 0);
	buf_init(&w->path, SIZE_MAX / 2);
	return w;
}

void rewrite_free(struct rewrite *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->levels; i++) {
		buf_release(&w->level[i]->json);
		buf_release(&w->level[i]->pending);
		mem_free(w->level[i]);
	}
	mem_free(w->level);
	hash_free(w->hash);
	hashtab_free(w->known);
	buf_release(&w->path);
	mem_free(w);
}

static struct id key_of(struct rewrite *w, const struct id *tree, const char *path)
{
	struct id key = *tree;

	if (w->ops->by_path) {
		hash_begin(w->hash);
		hash_add(w->hash, tree->b, ID_SIZE);
		hash_add(w->hash, path, strlen(path));
		hash_end(w->hash, &key);
	}
	return key;
}

static struct level *level_at(struct rewrite *w, size_t depth)
{
	while (depth >= w->levels) {
		w->level = mem_regrow(w->level, w->levels + 1, sizeof(*w->level));
		w->level[w->levels] = mem_zalloc(sizeof(**w->level));
		buf_init(&w->level[w->levels]->json, SIZE_MAX / 2);
		buf_init(&w->level[w->levels]->pending, SIZE_MAX / 2);
		w->levels++;
	}
	return w->level[depth];
}

static void level_begin(struct rewrite *w, size_t depth, const struct id *tree, const char *path)
{
	struct level *l = level_at(w, depth);

	l->old = *tree;
	l->key = key_of(w, tree, path);
	l->entries = 0;
	l->lost = false;
	l->sum = (struct rewritten){.files = 0};
	buf_reset(&l->json);
	tree_begin(&l->json);
	w->depth = depth;
	buf_reset(&w->path);
	buf_adds(&w->path, path);
}

static void add(struct level *l, const uint8_t *json, size_t n, const struct nodeedit *e)
{
	if (l->entries++)
		buf_addc(&l->json, ',');
	if (e->content || e->subtree)
		nodeedit(json, n, e, &l->json);
	else
		buf_add(&l->json, json, n);
}

/* The subdirectory that is pending has become this. */
static void add_dir(struct level *l, const struct id *was, const struct rewritten *now)
{
	struct nodeedit e = {.subtree = id_equal(&now->tree, was) ? NULL : &now->tree};

	l->sum.files += now->files;
	l->sum.bytes += now->bytes;
	if (!now->gone)
		add(l, l->pending.p, l->pending.len, &e);
}

/* All entries of a directory have come. */
static int level_end(struct rewrite *w, size_t depth, const char *path, struct rewritten *out)
{
	struct level *l = w->level[depth];
	bool is_new;

	tree_end(&l->json);
	hash_once(w->hash, l->json.p, l->json.len, &l->sum.tree);
	l->sum.gone = !l->entries && w->ops->keep_empty && !w->ops->keep_empty(w->ops->arg, path);
	*out = l->sum;
	((struct known *)hashtab_add(w->known, &l->key, &is_new))->now = l->sum;
	if (l->sum.gone || (!l->lost && id_equal(&l->sum.tree, &l->old)))
		return 0;
	return w->ops->save(w->ops->arg, &out->tree, &l->json, &w->err);
}

/* ---- the walk ---- */

static enum treewalk_next enter_dir(struct rewrite *w, const struct treewalk_entry *e)
{
	struct level *l = level_at(w, e->depth);
	const struct id *tree = &e->node->subtree;
	struct id key = key_of(w, tree, e->path);
	const struct known *k = hashtab_find(w->known, &key);

	buf_reset(&l->pending);
	buf_add(&l->pending, e->json, e->json_len);
	if (k) {
		add_dir(l, tree, &k->now);
		return TREEWALK_SKIP;
	}
	level_begin(w, e->depth + 1, tree, e->path);
	return TREEWALK_GO;
}

/* What the store does not give is not damaged for that. */
static bool is_damage(const struct err *e)
{
	return e->code == ERR_INVALID || e->code == ERR_NOTFOUND || e->code == ERR_TOOSHORT ||
	       e->code == ERR_UNSUPPORTED;
}

static bool mended(struct rewrite *w, const char *path, bool entry, const struct err *e)
{
	if (is_damage(e) && w->ops->damaged &&
		w->ops->damaged(w->ops->arg, *path ? path : "/", entry, e))
		return true;
	if (!w->err.code)
		err_copy(&w->err, e);
	return false;
}

/* A directory that has no tree gets an empty one. */
static enum treewalk_next enter_none(struct rewrite *w, const struct treewalk_entry *e)
{
	struct err why = {0};
	struct rewritten now;

	err_set(&why, ERR_INVALID, "the directory has no tree");
	if (!mended(w, e->path, false, &why))
		return TREEWALK_STOP;
	buf_reset(&level_at(w, e->depth)->pending);
	buf_add(&w->level[e->depth]->pending, e->json, e->json_len);
	level_begin(w, e->depth + 1, &(struct id){{0}}, e->path);
	level_end(w, e->depth + 1, e->path, &now);
	add_dir(w->level[e->depth], &w->level[e->depth + 1]->old, &now);
	w->depth = e->depth;
	return TREEWALK_SKIP;
}

static enum treewalk_next enter(void *arg, const struct treewalk_entry *e)
{
	struct rewrite *w = arg;
	struct level *l = level_at(w, e->depth);
	struct nodeedit edit = {.subtree = NULL};

	if (w->err.code)
		return TREEWALK_STOP;
	if (stopped_set(w->ops->stop)) {
		err_set(&w->err, ERR_CANCELLED, "interrupted");
		return TREEWALK_STOP;
	}
	if (!w->ops->node(w->ops->arg, e, &edit))
		return TREEWALK_SKIP;
	if (e->node->type == NODE_DIR)
		return e->node->has_subtree ? enter_dir(w, e) : enter_none(w, e);
	if (e->node->type == NODE_FILE) {
		l->sum.files++;
		l->sum.bytes += edit.content ? edit.size : e->node->size;
	}
	add(l, e->json, e->json_len, &edit);
	return TREEWALK_GO;
}

static void leave(void *arg, const struct treewalk_entry *e)
{
	struct rewrite *w = arg;
	struct rewritten now;

	level_end(w, e->depth + 1, e->path, &now);
	add_dir(w->level[e->depth], &w->level[e->depth + 1]->old, &now);
	w->depth = e->depth;
}

/* Of a tree: the one that was entered last, of which no entry has come. */
static enum treewalk_next failed(void *arg, const char *path, const struct err *e)
{
	struct rewrite *w = arg;
	bool tree = !strcmp(path, w->depth ? buf_str(&w->path) : "/");
	struct rewritten now;

	if (w->err.code)
		return TREEWALK_STOP;
	if (!mended(w, path, !tree, e))
		return TREEWALK_STOP;
	if (tree && !w->depth) {
		w->bad_root = true;
	} else if (tree) {
		w->level[w->depth]->lost = true;
		level_end(w, w->depth, path, &now);
		add_dir(w->level[w->depth - 1], &w->level[w->depth]->old, &now);
		w->depth--;
		buf_reset(&w->path);
		buf_adds(&w->path, "?");
	}
	return TREEWALK_GO;
}

int rewrite_tree(struct rewrite *w, const struct id *root, struct rewritten *out, struct err *err)
{
	struct treewalk_fn fn = {.enter = enter, .leave = leave, .failed = failed, .arg = w};
	struct id key = key_of(w, root, "");
	const struct known *k = hashtab_find(w->known, &key);
	int rc;

	*out = (struct rewritten){.gone = true};
	if (k) {
		*out = k->now;
		return 0;
	}
	w->bad_root = false;
	level_begin(w, 0, root, "");
	rc = treewalk_run(w->loader, w->env, root, "", &fn, err);
	if (!rc && w->err.code)
		rc = err_copy(err, &w->err);
	if (rc || w->bad_root)
		return rc;
	level_end(w, 0, "/", out);
	return err_copy(err, &w->err);
}
