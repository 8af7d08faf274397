#include "engine/treebuild.h"
#include "base/mem.h"
#include "format/tree.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

static void set(struct treebuild_slot *s, uint32_t child, const char *name)
{
	size_t n = 0;
	uint8_t *json = name ? node_of(name, &n) : NULL;

	treebuild_set(s, child, json, n);
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

TEST(the_tree_of_what_is_included)
{
	struct treebuild_slot *s = treebuild_new(4);
	struct hash *h = hash_new();
	struct nodemake k = {.owners = owners_new()};
	struct buf first;
	uint8_t *json;
	size_t n;
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
	set(s, 3, "d");
	set(s, 2, NULL); /* not included */
	set(s, 0, "a");
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
	treebuild_free(s);
	owners_free(k.owners);
	hash_free(h);
}

TEST(empty_directory_and_root)
{
	struct treebuild_slot *s = treebuild_new(0);
	struct hash *h = hash_new();

	s->root = true;
	treebuild_tree(s, NULL, h);
	CHECK_STR(id_hex(&s->tree).s,
		"ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8");
	CHECK_EQ(s->kept, 0);
	CHECK_EQ(s->node_json.len, 0);
	hash_free(h);
	treebuild_free(s);
	treebuild_free(NULL);
}
