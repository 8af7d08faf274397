#include "engine/treebuild.h"
#include "base/mem.h"
#include "format/tree.h"

#define TREE_MAX ((size_t)UINT32_MAX - 64) /* a blob's plaintext stays below 4 GiB */

struct treebuild_slot *treebuild_new(size_t n)
{
	struct treebuild_slot *s = mem_zalloc(sizeof(*s));

	s->n = n;
	s->child = mem_array(n ? n : 1, sizeof(*s->child));
	buf_init(&s->tree_json, TREE_MAX);
	buf_init(&s->node_json, TREE_MAX);
	return s;
}

void treebuild_free(struct treebuild_slot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->child[i].owned)
			mem_free((void *)(uintptr_t)s->child[i].json);
	mem_free(s->child);
	mem_free(s->name);
	mem_free(s->path);
	xattr_list_release(&s->xattr);
	buf_release(&s->arena);
	buf_release(&s->tree_json);
	buf_release(&s->node_json);
	mem_free(s);
}

void treebuild_set(struct treebuild_slot *s, uint32_t child, uint8_t *json, size_t n)
{
	s->child[child] = (struct treebuild_child){json, n, json != NULL};
}

void treebuild_ready(struct treebuild_slot *s, uint32_t child, size_t offset, size_t n)
{
	s->child[child] = (struct treebuild_child){s->arena.p + offset, n, false};
}

void treebuild_tree(struct treebuild_slot *s, const struct nodemake *k, struct hash *h)
{
	size_t sum = 64;
	struct node node;

	for (size_t i = 0; i < s->n; i++)
		sum += s->child[i].n + 1;
	if (sum > TREE_MAX) {
		err_set(&s->err, ERR_NOMEM,
			"%s: the directory is too large: its tree of %zu bytes would pass restic's "
			"4 GiB a blob",
			s->name ? s->name : "/", sum);
		return;
	}
	buf_reserve(&s->tree_json, sum);
	tree_begin(&s->tree_json);
	for (size_t i = 0; i < s->n; i++) {
		if (!s->child[i].json)
			continue;
		tree_node(&s->tree_json, s->kept == 0, s->child[i].json, s->child[i].n);
		s->kept++;
	}
	tree_end(&s->tree_json);
	hash_once(h, s->tree_json.p, s->tree_json.len, &s->tree);
	if (s->root)
		return;
	nodemake_fill(k, &node, s->name, &s->meta);
	node.subtree = s->tree;
	node.has_subtree = true;
	nodemake_write(k, &node, &s->xattr, &s->node_json);
	if (s->tree_json.overflow || s->node_json.overflow)
		err_set(&s->err, ERR_NOMEM, "%s: the tree does not fit", s->name);
}
