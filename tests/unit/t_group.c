#include "cmd/group.h"
#include "unit/check.h"

TEST(keys)
{
	unsigned by = 99;
	struct err e;

	CHECK_EQ(group_parse("", &by, &e), 0);
	CHECK_EQ(by, 0);
	CHECK_EQ(group_parse("host,paths", &by, &e), 0);
	CHECK_EQ(by, SNAPSHOTS_BY_HOST | SNAPSHOTS_BY_PATHS);
	CHECK_EQ(group_parse("tags,host,", &by, &e), 0);
	CHECK_EQ(by, SNAPSHOTS_BY_HOST | SNAPSHOTS_BY_TAGS);
	CHECK_EQ(group_parse("hos", &by, &e), ERR_USAGE);
	CHECK_STR(e.msg, "--group-by takes host, paths and tags, not \"hos\"");
	CHECK_EQ(group_parse("host;tags", &by, &e), ERR_USAGE);
}

static struct snapshot snap(const char *host, const char *path1, const char *path2, const char *tag)
{
	struct snapshot s = {0};

	s.hostname = (char *)(size_t)host;
	strlist_add(&s.paths, path1);
	if (path2)
		strlist_add(&s.paths, path2);
	if (tag)
		strlist_add(&s.tags, tag);
	return s;
}

TEST(groups)
{
	struct snapshot s[] = {snap("b", "/x", "/y", "t"), snap("a", "/x", NULL, NULL),
		snap("b", "/y", "/x", NULL), snap("a", "/x", "/z", "t")};
	const struct snapshot *all[] = {&s[0], &s[1], &s[2], &s[3]};
	struct groups g;

	groups_make(all, 4, 0, &g);
	CHECK_EQ(g.n, 1);
	CHECK_EQ(g.g[0].n, 4);
	groups_release(&g);

	groups_make(all, 4, SNAPSHOTS_BY_HOST, &g);
	REQUIRE(g.n == 2);
	CHECK_STR(g.g[0].hostname, "a");
	CHECK(g.g[0].n == 2 && g.g[0].s[0] == &s[1] && g.g[0].s[1] == &s[3]);
	CHECK(g.g[1].n == 2 && g.g[1].s[0] == &s[0]);
	groups_release(&g);

	/* The order in which paths were named does not matter. */
	groups_make(all, 4, SNAPSHOTS_BY_HOST | SNAPSHOTS_BY_PATHS, &g);
	REQUIRE(g.n == 3);
	CHECK(g.g[0].n == 1 && g.g[0].s[0] == &s[1]);
	CHECK(g.g[1].n == 1 && g.g[1].s[0] == &s[3]);
	CHECK(g.g[2].n == 2 && g.g[2].s[1] == &s[2]);
	CHECK_STR(g.g[2].paths.s[0], "/x");
	CHECK_STR(s[2].paths.s[0], "/y");
	groups_release(&g);

	groups_make(all, 4, SNAPSHOTS_BY_TAGS, &g);
	CHECK_EQ(g.n, 2);
	CHECK_STR(g.g[1].tags.s[0], "t");
	groups_release(&g);

	groups_make(all, 0, 0, &g);
	CHECK_EQ(g.n, 1);
	groups_release(&g);
	for (int i = 0; i < 4; i++) {
		strlist_release(&s[i].paths);
		strlist_release(&s[i].tags);
	}
}
