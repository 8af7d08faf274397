#include "engine/stats.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "engine/treewalk.h"
#include "kern/hash.h"
#include <string.h>

/* What lies below a tree, but for the sizes of what has several names. */
struct tree {
	struct id id;
	uint64_t size, files;
	bool linked; /* there is such */
};

struct inode {
	uint64_t inode, device;
};

struct stats {
	enum stats_mode mode;
	struct loader *loader;
	struct catalog *catalog;
	const struct env *env;
	struct hash *hash;
	struct hashtab *trees;                    /* that were visited: struct tree */
	struct hashtab *inodes;                   /* of this snapshot, with several names */
	struct hashtab *contents, *paths, *pairs; /* hashes */
	struct tree *open;                        /* the directories on the current path */
	size_t cap;
	struct stats_sums sums;
	const volatile int *stop;
	struct err err;
};

struct stats *stats_new(enum stats_mode mode, struct loader *l, struct catalog *c,
	const struct env *env)
{
	struct stats *s = mem_zalloc(sizeof(*s));

	s->mode = mode;
	s->loader = l;
	s->catalog = c;
	s->env = env;
	s->hash = hash_new();
	s->trees = hashtab_new(sizeof(struct tree), ID_SIZE, 0);
	s->contents = hashtab_new(ID_SIZE, ID_SIZE, 0);
	s->paths = hashtab_new(ID_SIZE, ID_SIZE, 0);
	s->pairs = hashtab_new(ID_SIZE, ID_SIZE, 0);
	return s;
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	hash_free(s->hash);
	hashtab_free(s->trees);
	hashtab_free(s->contents);
	hashtab_free(s->paths);
	hashtab_free(s->pairs);
	mem_free(s->open);
	mem_free(s);
}

static struct id hash_of(struct stats *s, const void *a, size_t n, const void *b, size_t m)
{
	struct id id;

	hash_begin(s->hash);
	hash_add(s->hash, a, n);
	hash_add(s->hash, b, m);
	hash_end(s->hash, &id);
	return id;
}

static bool is_new(struct hashtab *t, const struct id *id)
{
	bool new;

	hashtab_add(t, id, &new);
	return new;
}

/* The entries of a directory at this depth are summed up here; 0: of the root. */
static struct tree *open_at(struct stats *s, size_t depth)
{
	while (depth >= s->cap) {
		s->open = mem_regrow(s->open, s->cap + 64, sizeof(*s->open));
		memset(s->open + s->cap, 0, 64 * sizeof(*s->open));
		s->cap += 64;
	}
	return &s->open[depth];
}

static void add_tree(struct tree *to, const struct tree *below)
{
	to->size += below->size;
	to->files += below->files;
	to->linked = to->linked || below->linked;
}

/* ---- restore size ---- */

static void add_node(struct stats *s, const struct node *n, struct tree *in)
{
	struct inode key = {n->inode, n->device_id};
	bool first;

	in->files++;
	if (n->links == 1 || n->type == NODE_DIR) {
		in->size += n->size;
		return;
	}
	in->linked = true;
	hashtab_add(s->inodes, &key, &first);
	if (first || !n->inode)
		s->sums.size += n->size;
}

/* ---- by content ---- */

static int add_blobs(struct stats *s, const struct treewalk_entry *e)
{
	const struct node *n = e->node;
	struct id path = hash_of(s, e->path, e->path_len, NULL, 0);

	if (n->n_content)
		s->sums.files += is_new(s->paths, &path);
	for (size_t i = 0; i < n->n_content; i++) {
		struct id pair = hash_of(s, &path, ID_SIZE, &n->content[i], ID_SIZE);
		struct catalog_place at;

		if (!is_new(s->pairs, &pair))
			continue;
		if (!catalog_find_wait(s->catalog, s->env->loop, BLOB_DATA, &n->content[i], 0, &at))
			return err_set(&s->err, ERR_NOTFOUND, "blob %s not found for tree %s",
				id_hex(&n->content[i]).s, id_hex(e->tree).s);
		s->sums.size += blob_plain_size(&at.blob);
		s->sums.blobs++;
	}
	return 0;
}

/* restic takes all that has no content for one file. */
static int add_content(struct stats *s, const struct treewalk_entry *e)
{
	const struct node *n = e->node;
	struct id content = hash_of(s, n->content, n->n_content * ID_SIZE, NULL, 0);

	if (!is_new(s->contents, &content))
		return 0;
	if (s->mode == STATS_BLOBS)
		return add_blobs(s, e);
	s->sums.size += n->size;
	s->sums.files++;
	return 0;
}

/* ---- the walk ---- */

static enum treewalk_next enter(void *arg, const struct treewalk_entry *e)
{
	struct stats *s = arg;
	const struct tree *known;

	if (stopped_set(s->stop)) {
		err_set(&s->err, ERR_CANCELLED, "interrupted");
		return TREEWALK_STOP;
	}
	if (s->mode == STATS_RESTORE)
		add_node(s, e->node, open_at(s, e->depth));
	else if (add_content(s, e))
		return TREEWALK_STOP;
	if (e->node->type != NODE_DIR || !e->node->has_subtree)
		return TREEWALK_GO;
	known = hashtab_find(s->trees, &e->node->subtree);
	if (known && !known->linked) {
		add_tree(open_at(s, e->depth), known);
		return TREEWALK_SKIP;
	}
	*open_at(s, e->depth + 1) = (struct tree){.id = e->node->subtree};
	return TREEWALK_GO;
}

static void leave(void *arg, const struct treewalk_entry *e)
{
	struct stats *s = arg;
	struct tree done = *open_at(s, e->depth + 1);
	bool new;

	*(struct tree *)hashtab_add(s->trees, &done.id, &new) = done;
	add_tree(open_at(s, e->depth), &done);
}

int stats_visit(struct stats *s, const struct id *tree, const volatile int *stop, struct err *err)
{
	struct treewalk_fn fn = {.enter = enter, .leave = leave, .arg = s};
	const struct tree *known = hashtab_find(s->trees, tree);
	bool new;
	int rc = 0;

	s->stop = stop;
	*open_at(s, 0) = (struct tree){.id = *tree};
	if (known && !known->linked) {
		add_tree(open_at(s, 0), known);
	} else {
		s->inodes = hashtab_new(sizeof(struct inode), sizeof(struct inode), HASHTAB_MIX);
		rc = treewalk_run(s->loader, s->env, tree, "", &fn, err);
		hashtab_free(s->inodes);
	}
	if (!rc && s->err.code)
		rc = err_copy(err, &s->err);
	if (rc)
		return rc;
	if (s->mode == STATS_RESTORE) {
		s->sums.size += s->open[0].size;
		s->sums.files += s->open[0].files;
	}
	*(struct tree *)hashtab_add(s->trees, tree, &new) = s->open[0];
	return 0;
}

struct stats_sums stats_sums(const struct stats *s)
{
	return s->sums;
}
