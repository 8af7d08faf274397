#include "engine/treewalk.h"
#include "base/mem.h"
#include "lib/craft.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

static struct craft c;

void check_setup(void)
{
	craft_init(&c, 2);
}

void check_teardown(void)
{
	craft_release(&c);
}

/* What happened, as text: paths, ">" before directories entered, "<" left, "!" failed. */
struct seen {
	struct buf b;
	const char *skip, *stop, *stop_failed;
	size_t n, left, failed, deepest;
	bool quiet;
};

static enum treewalk_next enter(void *arg, const struct treewalk_entry *e)
{
	struct seen *s = arg;

	s->n++;
	if (e->depth + 1 > s->deepest)
		s->deepest = e->depth + 1;
	CHECK_EQ(e->path_len, strlen(e->path));
	if (!s->quiet)
		buf_addf(&s->b, "%s%s ", e->node->type == NODE_DIR ? ">" : "", e->path);
	if (s->stop && !strcmp(e->path, s->stop))
		return TREEWALK_STOP;
	return s->skip && strstr(e->path, s->skip) ? TREEWALK_SKIP : TREEWALK_GO;
}

static void leave(void *arg, const struct treewalk_entry *e)
{
	struct seen *s = arg;

	CHECK_EQ(e->node->type, NODE_DIR);
	CHECK(strcmp(strrchr(e->path, '/') + 1, "") &&
		!strncmp(strrchr(e->path, '/') + 1, e->node->name.p, e->node->name.n));
	s->left++;
	if (!s->quiet)
		buf_addf(&s->b, "<%s ", e->path);
}

static enum treewalk_next failed(void *arg, const char *path, const struct err *e)
{
	struct seen *s = arg;

	CHECK(e->code < 0 && e->msg[0]);
	s->failed++;
	buf_addf(&s->b, "!%s ", path);
	return s->stop_failed && !strcmp(path, s->stop_failed) ? TREEWALK_STOP : TREEWALK_GO;
}

static const char *walk(struct seen *s, const struct id *root, const char *root_path, int want)
{
	static char text[4096];
	struct treewalk_fn fn = {enter, leave, failed, s};
	struct err e = {0};

	buf_init(&s->b, (size_t)1 << 26);
	craft_save(&c);
	craft_load(&c);
	CHECK_EQ(treewalk_run(c.loader, &c.env, root, root_path, &fn, &e), want);
	CHECK_EQ(e.code, want);
	snprintf(text, sizeof(text), "%.*s", (int)s->b.len, (const char *)s->b.p);
	buf_release(&s->b);
	return text;
}

/* /a(f) /b(c(d() e) f) /bb */
static struct id sample(void)
{
	struct craft_tree t;
	struct id f = craft_text(&c, "f"), a, d, bc, b;

	craft_tree(&t);
	craft_file(&t, "f", &f, 1, 1);
	a = craft_end(&c, &t);
	d = craft_empty(&c);
	craft_tree(&t);
	craft_dir(&t, "d", &d);
	craft_link(&t, "e", "x");
	bc = craft_end(&c, &t);
	craft_tree(&t);
	craft_dir(&t, "c", &bc);
	craft_file(&t, "f", &f, 1, 1);
	b = craft_end(&c, &t);
	craft_tree(&t);
	craft_dir(&t, "a", &a);
	craft_dir(&t, "b", &b);
	craft_file(&t, "bb", &f, 1, 1);
	return craft_end(&c, &t);
}

TEST(the_order_is_depth_first)
{
	struct id root = sample();
	struct seen s = {.n = 0};

	CHECK_STR(walk(&s, &root, "", 0),
		">/a /a/f </a >/b >/b/c >/b/c/d </b/c/d /b/c/e </b/c /b/f </b /bb ");
	CHECK_EQ(s.deepest, 3);
	CHECK_STR(walk(&s, &root, "/sub/x", 0),
		">/sub/x/a /sub/x/a/f </sub/x/a >/sub/x/b >/sub/x/b/c >/sub/x/b/c/d </sub/x/b/c/d "
		"/sub/x/b/c/e </sub/x/b/c /sub/x/b/f "
		"</sub/x/b /sub/x/bb ");
}

TEST(skipping_and_stopping)
{
	struct id root = sample();
	struct seen s = {.skip = "/a"}, t = {.skip = "/b/c"}, u = {.stop = "/b/c"},
		    v = {.stop = "/a/f"}, w = {.skip = "/"};

	CHECK_STR(walk(&s, &root, "", 0),
		">/a >/b >/b/c >/b/c/d </b/c/d /b/c/e </b/c /b/f </b /bb ");
	CHECK_STR(walk(&t, &root, "", 0), ">/a /a/f </a >/b >/b/c /b/f </b /bb ");
	CHECK_STR(walk(&u, &root, "", 0), ">/a /a/f </a >/b >/b/c ");
	CHECK_STR(walk(&v, &root, "", 0), ">/a /a/f ");
	CHECK_STR(walk(&w, &root, "", 0), ">/a >/b /bb ");
}

static struct id nowhere(void)
{
	struct id id;

	memset(&id, 0x5a, sizeof(id));
	return id;
}

TEST(trees_that_cannot_be_read)
{
	struct craft_tree t;
	struct id gone = nowhere(), bad, unsorted, cut, root, good;
	struct seen s = {.n = 0}, u = {.stop_failed = "/lost"}, v = {.n = 0};
	struct treewalk_fn strict = {.enter = enter, .arg = &v};
	struct err e = {0};

	craft_tree(&t);
	craft_raw(&t, "{\"name\":\"..\",\"type\":\"dir\",\"content\":null}");
	bad = craft_end(&c, &t);
	craft_tree(&t);
	craft_link(&t, "z", "x");
	craft_link(&t, "y", "x");
	unsorted = craft_end(&c, &t);
	cut = craft_blob(&c, BLOB_TREE, "{\"nodes\":[", 10);
	good = craft_empty(&c);
	craft_tree(&t);
	craft_dir(&t, "bad", &bad);
	craft_dir(&t, "cut", &cut);
	craft_dir(&t, "good", &good);
	craft_dir(&t, "lost", &gone);
	craft_raw(&t, "{\"name\":\"none\",\"type\":\"dir\",\"content\":null}");
	craft_dir(&t, "unsorted", &unsorted);
	root = craft_end(&c, &t);
	CHECK_STR(walk(&s, &root, "", 0), ">/bad !/bad/? </bad >/cut !/cut >/good </good >/lost "
					  "!/lost >/none !/none >/unsorted /unsorted/y /unsorted/z "
					  "</unsorted ");
	CHECK_STR(walk(&u, &root, "", 0),
		">/bad !/bad/? </bad >/cut !/cut >/good </good >/lost !/lost ");
	/* The root itself. */
	CHECK_STR(walk(&s, &gone, "", 0), "!/ ");
	CHECK_STR(walk(&s, &bad, "/sub", 0), "!/sub/? ");
	CHECK_STR(walk(&s, &cut, "/sub", 0), "!/sub ");
	/* Without failed() the walk ends with the error, and says where. */
	buf_init(&v.b, 4096);
	CHECK_EQ(treewalk_run(c.loader, &c.env, &root, "", &strict, &e), ERR_INVALID);
	CHECK(strncmp(e.msg, "/bad: /bad/?: ", 14) == 0);
	CHECK_EQ(v.n, 1);
	buf_release(&v.b);
}

/* A node that cannot be used costs itself; the others come in order, directories with their trees.
 */
TEST(nodes_that_cannot_be_used)
{
	struct craft_tree t;
	struct id sub, root;
	struct seen s = {.n = 0}, u = {.stop_failed = "/door"};
	struct treewalk_node n;
	struct err e = {0};

	craft_tree(&t);
	craft_link(&t, "in", "x");
	sub = craft_end(&c, &t);
	craft_tree(&t);
	craft_dir(&t, "z", &sub);
	craft_raw(&t, "{\"name\":\"door\",\"type\":\"door\",\"content\":null}");
	craft_link(&t, "twice", "first");
	craft_raw(&t, "null");
	craft_dir(&t, "b", &sub);
	craft_dir(&t, "twice", &sub);
	craft_raw(&t, "{\"name\":\"x\",\"type\":\"file\",\"content\":[],\"extended_attributes\":[{"
		      "\"name\":\"\",\"value\":\"AA==\"},"
		      "{\"name\":\"user.a\",\"value\":\"AA==\"},{\"name\":\"b\\u0000\",\"value\":"
		      "\"AA==\"}]}");
	craft_raw(&t, "{\"name\":\"a\",\"type\":\"file\",\"content\":[1]}");
	root = craft_end(&c, &t);
	CHECK_STR(walk(&s, &root, "", 0),
		"!/door !/? !/x !/a !/twice >/b /b/in </b /twice /x >/z /z/in </z ");
	CHECK_STR(walk(&u, &root, "", 0), "!/door ");

	REQUIRE(treewalk_find(c.loader, &root, "/b/in", &n, &e) == 0);
	treewalk_node_release(&n);
	REQUIRE(treewalk_find(c.loader, &root, "/twice", &n, &e) == 0);
	CHECK_EQ(n.node.type, NODE_SYMLINK);
	treewalk_node_release(&n);
	REQUIRE(treewalk_find(c.loader, &root, "/x", &n, &e) == 0);
	REQUIRE(n.node.n_xattr == 1);
	CHECK_MEM(n.node.xattr[0].name.p, "user.a", 6);
	CHECK_EQ(e.code, 0);
	treewalk_node_release(&n);
	CHECK_EQ(treewalk_find(c.loader, &root, "/door", &n, &e), ERR_INVALID);
	CHECK(strstr(e.msg, "type"));
	treewalk_node_release(&n);
	CHECK_EQ(treewalk_find(c.loader, &root, "/c", &n, &e), ERR_NOTFOUND);
	treewalk_node_release(&n);
}

TEST(two_thousand_levels)
{
	struct craft_tree t;
	struct id id = craft_empty(&c);
	struct seen s = {.quiet = true};

	for (int i = 0; i < 2000; i++) {
		craft_tree(&t);
		craft_dir(&t, i % 2 ? "a" : "a somewhat longer name of a directory", &id);
		if (i % 5 == 0)
			craft_link(&t, "b", "x");
		id = craft_end(&c, &t);
	}
	walk(&s, &id, "", 0);
	CHECK_EQ(s.n, 2400);
	CHECK_EQ(s.left, 2000);
	CHECK_EQ(s.deepest, 2000);
}

TEST(wide)
{
	struct craft_tree t, sub;
	struct id id;
	struct seen s = {.quiet = true}, u = {.quiet = true, .skip = "5"};
	struct loader_stats l;
	char name[32];

	craft_tree(&t);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%05d", i);
		craft_tree(&sub);
		craft_link(&sub, "l", name);
		id = craft_end(&c, &sub);
		craft_dir(&t, name, &id);
	}
	id = craft_end(&c, &t);
	walk(&s, &id, "", 0);
	CHECK_EQ(s.n, 6000);
	CHECK_EQ(s.left, 3000);
	/* All trees lie in one pack: a walk is a few requests. */
	loader_stats(c.loader, &l);
	CHECK_EQ(l.trees, 3001);
	CHECK(l.gets <= 3);
	walk(&u, &id, "", 0);
	CHECK_EQ(u.n, 3000 + 3 * 9 * 9 * 9); /* so many names have no 5 */
}

TEST(skipped_directories_are_not_fetched)
{
	struct craft_tree t;
	struct id id = nowhere(), root;
	struct seen s = {.skip = "d"};
	struct loader_stats l;
	char name[32];

	craft_tree(&t);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d%02d", i);
		craft_dir(&t, name, &id);
	}
	root = craft_end(&c, &t);
	walk(&s, &root, "", 0);
	CHECK_EQ(s.n, 100);
	CHECK_EQ(s.failed, 0);
	loader_stats(c.loader, &l);
	CHECK_EQ(l.trees, 1);
}

TEST(finding_one_node)
{
	struct id root = sample();
	struct treewalk_node n;
	struct err e = {0};

	craft_save(&c);
	craft_load(&c);
	REQUIRE(treewalk_find(c.loader, &root, "/b/c/e", &n, &e) == 0);
	CHECK_EQ(n.node.type, NODE_SYMLINK);
	CHECK(n.node.name.n == 1 && n.node.name.p[0] == 'e');
	treewalk_node_release(&n);
	REQUIRE(treewalk_find(c.loader, &root, "/", &n, &e) == 0);
	CHECK(n.node.type == NODE_DIR && id_equal(&n.node.subtree, &root));
	treewalk_node_release(&n);
	REQUIRE(treewalk_find(c.loader, &root, "/b", &n, &e) == 0);
	CHECK(n.node.type == NODE_DIR && id_equal(&n.tree, &root));
	treewalk_node_release(&n);
	CHECK_EQ(treewalk_find(c.loader, &root, "/b/x", &n, &e), ERR_NOTFOUND);
	treewalk_node_release(&n);
	CHECK_EQ(treewalk_find(c.loader, &root, "/bb/x", &n, &e), ERR_NOTFOUND);
	treewalk_node_release(&n);
	CHECK_EQ(treewalk_find(c.loader, &root, "/bbb", &n, &e), ERR_NOTFOUND);
	CHECK(strstr(e.msg, "/bbb") != NULL);
	treewalk_node_release(&n);
}
