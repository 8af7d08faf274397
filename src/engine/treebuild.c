#include "engine/treebuild.h"
#include "base/mem.h"
#include "format/tree.h"

#define TREE_MAX ((size_t)UINT32_MAX - 64) /* a blob's plaintext stays below 4 GiB */

struct treebuild {
	struct treebuild_slot **slot;
	size_t n, cap, used;
	uint32_t *vacant; /* numbers of free slots */
	size_t n_vacant;
};

struct treebuild *treebuild_new(void)
{
	return mem_zalloc(sizeof(struct treebuild));
}

struct treebuild_slot *treebuild_open(struct treebuild *t, size_t n)
{
	struct treebuild_slot *s = mem_zalloc(sizeof(*s));

	if (t->n_vacant) {
		s->number = t->vacant[--t->n_vacant];
	} else {
		if (t->n == t->cap) {
			t->cap = t->cap ? t->cap * 2 : 64;
			t->slot = mem_regrow(t->slot, t->cap, sizeof(*t->slot));
			t->vacant = mem_regrow(t->vacant, t->cap, sizeof(*t->vacant));
		}
		s->number = (uint32_t)t->n++;
	}
	t->slot[s->number] = s;
	t->used++;
	s->n = n;
	s->pending = (uint32_t)n;
	s->child = mem_array(n ? n : 1, sizeof(*s->child));
	buf_init(&s->tree_json, TREE_MAX);
	buf_init(&s->node_json, TREE_MAX);
	return s;
}

static void slot_free(struct treebuild_slot *s)
{
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

void treebuild_close(struct treebuild *t, struct treebuild_slot *s)
{
	t->slot[s->number] = NULL;
	t->vacant[t->n_vacant++] = s->number;
	t->used--;
	slot_free(s);
}

void treebuild_free(struct treebuild *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (t->slot[i])
			slot_free(t->slot[i]);
	mem_free(t->slot);
	mem_free(t->vacant);
	mem_free(t);
}

struct treebuild_slot *treebuild_set(struct treebuild *t, uint32_t slot, uint32_t child,
	uint8_t *json, size_t n, bool *bad)
{
	struct treebuild_slot *s = slot < t->n ? t->slot[slot] : NULL;

	if (!s || child >= s->n || s->child[child].settled) {
		mem_free(json);
		*bad = true;
		return NULL;
	}
	s->child[child] = (struct treebuild_child){json, n, json != NULL, true};
	return --s->pending == 0 ? s : NULL;
}

void treebuild_ready(struct treebuild_slot *s, uint32_t child, size_t offset, size_t n)
{
	s->child[child] = (struct treebuild_child){s->arena.p + offset, n, false, true};
	s->pending--;
}

size_t treebuild_count(const struct treebuild *t)
{
	return t->used;
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
