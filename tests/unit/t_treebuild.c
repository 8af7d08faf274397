#include "engine/treebuild.h"
#include "base/mem.h"
#include "format/tree.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct treebuild_slot *const none = NULL;

/* A child's node, as a doer sends it: on the heap. */
static uint8_t *node_of(const char *name, size_t *n)
{
	struct node d = {.name = {name, strlen(name)}, .type = NODE_FIFO, .mode = 0600};
	struct buf b;

	buf_init(&b, 4096);
	node_write(&d, NULL, &b);
	*n = b.len;
	return b.p;
}

static struct treebuild_slot *set(struct treebuild *t, uint32_t slot, uint32_t child,
	const char *name, bool *bad)
{
	size_t n = 0;
	uint8_t *json = name ? node_of(name, &n) : NULL;

	*bad = false;
	return treebuild_set(t, slot, child, json, n, bad);
}

static size_t names_in(const struct buf *tree, char *out)
{
	struct tree_in in;
	const struct node *d;
	struct err e;
	size_t n = 0;
	int rc;

	*out = 0;
	tree_in_init(&in, tree->p, tree->len);
	while ((rc = tree_in_next(&in, &d, &e)) == 1) {
		strncat(out, d->name.p, d->name.n);
		n++;
	}
	CHECK_EQ(rc, 0);
	tree_in_release(&in);
	return n;
}

TEST(the_last_child_closes_the_slot)
{
	struct treebuild *t = treebuild_new();
	struct treebuild_slot *s = treebuild_open(t, 4);
	struct hash *h = hash_new();
	struct nodemake k = {.owners = owners_new()};
	struct buf first;
	uint8_t *json;
	size_t n;
	bool bad;
	char names[64];
	struct tree_in in;
	const struct node *d;
	struct id id;

	s->name = mem_strdup("the dir");
	s->path = mem_strdup("/x/the dir");
	s->meta = (struct meta){.mode = S_IFDIR | 0750, .ino = 5, .mtime = {1, 0}};
	/* One child was ready at once. */
	json = node_of("b", &n);
	buf_init(&s->arena, 4096);
	buf_add(&s->arena, "junk", 4);
	buf_add(&s->arena, json, n);
	mem_free(json);
	treebuild_ready(s, 1, 4, n);
	CHECK(set(t, s->number, 3, "d", &bad) == none && !bad);
	CHECK(set(t, s->number, 2, NULL, &bad) == none && !bad); /* not included */
	CHECK(set(t, s->number, 0, "a", &bad) == s && !bad);
	treebuild_tree(s, &k, h);
	CHECK_EQ(s->err.code, 0);
	CHECK_EQ(s->kept, 3);
	CHECK_EQ(names_in(&s->tree_json, names), 3);
	CHECK_STR(names, "abd");
	hash_once(h, s->tree_json.p, s->tree_json.len, &id);
	CHECK(id_equal(&id, &s->tree));
	/* Its own node names that tree. */
	buf_init(&first, 65536);
	tree_begin(&first);
	tree_node(&first, true, s->node_json.p, s->node_json.len);
	tree_end(&first);
	tree_in_init(&in, first.p, first.len);
	REQUIRE(tree_in_next(&in, &d, NULL) == 1);
	CHECK_EQ(d->type, NODE_DIR);
	CHECK(d->name.n == 7 && !memcmp(d->name.p, "the dir", 7));
	CHECK(d->has_subtree && id_equal(&d->subtree, &s->tree));
	CHECK_EQ(d->inode, 5);
	tree_in_release(&in);
	buf_release(&first);
	treebuild_close(t, s);
	CHECK_EQ(treebuild_count(t), 0);
	owners_free(k.owners);
	hash_free(h);
	treebuild_free(t);
}

TEST(empty_directory_and_root)
{
	struct treebuild *t = treebuild_new();
	struct treebuild_slot *s = treebuild_open(t, 0);
	struct hash *h = hash_new();

	CHECK_EQ(s->pending, 0);
	s->root = true;
	treebuild_tree(s, NULL, h);
	CHECK_STR(id_hex(&s->tree).s,
		"ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8");
	CHECK_EQ(s->kept, 0);
	CHECK_EQ(s->node_json.len, 0);
	hash_free(h);
	treebuild_free(t); /* with a slot still open */
}

TEST(what_nobody_waits_for)
{
	struct treebuild *t = treebuild_new();
	struct treebuild_slot *s;
	bool bad;

	CHECK(set(t, 0, 0, "a", &bad) == none && bad);
	s = treebuild_open(t, 2);
	CHECK(set(t, 1, 0, "a", &bad) == none && bad);
	CHECK(set(t, 0, 2, "a", &bad) == none && bad);
	CHECK(set(t, 0, 0, "a", &bad) == none && !bad);
	/* twice: it may not count twice, nor be lost */
	CHECK(set(t, 0, 0, "a", &bad) == none && bad);
	CHECK(set(t, 0, 0, NULL, &bad) == none && bad);
	CHECK_EQ(s->pending, 1);
	CHECK(set(t, 0, 1, NULL, &bad) == s && !bad);
	CHECK(set(t, 0, 1, NULL, &bad) == none && bad);
	treebuild_close(t, s);
	CHECK(set(t, 0, 0, "a", &bad) == none && bad);
	treebuild_free(t);
	treebuild_free(NULL);
}

TEST(numbers_are_used_again)
{
	struct treebuild *t = treebuild_new();
	struct treebuild_slot *s[300];

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 300; i++)
			s[i] = treebuild_open(t, i);
		CHECK_EQ(treebuild_count(t), 300);
		for (uint32_t i = 0; i < 300; i++) {
			CHECK(s[i]->number < 300);
			CHECK_EQ(s[i]->pending, i);
			treebuild_close(t, s[i]);
		}
		CHECK_EQ(treebuild_count(t), 0);
	}
	treebuild_free(t);
}
