#include "engine/linkset.h"
#include "unit/check.h"
#include <string.h>

static struct node file(const struct id *content, size_t n)
{
	return (struct node){.type = NODE_FILE,
		.links = 2,
		.inode = 5,
		.device_id = 6,
		.size = 7,
		.mtime = {8, 9},
		.uid = 10,
		.gid = 11,
		.has_content = true,
		.content = content,
		.n_content = n};
}

TEST(agreement)
{
	struct linkset *s = linkset_new();
	struct id content[3] = {{{1}}, {{2}}, {{3}}};
	struct node a = file(content, 2), b;
	struct node_xattr attr[2] = {{{"user.a", 6}, {"1", 1}, false}},
			  other[] = {{{"user.a", 6}, {"2", 1}, false}},
			  renamed[] = {{{"user.", 5}, {"a1", 2}, false}};
	struct linkset_first *f;
	bool is_new;

	CHECK(linkset_find(s, &a) == NULL);
	f = linkset_add(s, &a, "/d/a", &is_new);
	CHECK(is_new && !f->lost && !f->kept);
	CHECK_STR(f->path, "/d/a");
	b = a; /* name and times of access and change do not count */
	b.name = (struct str){"b", 1};
	b.atime.sec = b.ctime.sec = 77;
	b.links = 3;
	CHECK(linkset_add(s, &b, "/d/b", &is_new) == f && !is_new);
	CHECK(linkset_find(s, &b) == f);
	CHECK_STR(f->path, "/d/a");
	linkset_rename(f, "/d/b");
	CHECK_STR(linkset_find(s, &a)->path, "/d/b");
#define OTHER(change) (b = a, change, linkset_find(s, &b) == NULL)
	CHECK(OTHER(b.inode++) && OTHER(b.device_id++) && OTHER(b.type = NODE_FIFO));
	CHECK(OTHER(b.size++) && OTHER(b.mtime.sec++) && OTHER(b.mtime.nsec++) && OTHER(b.uid++) &&
		OTHER(b.gid++));
	CHECK(OTHER(b.n_content--) && OTHER(b.content++) && OTHER(b.device++));
	CHECK(OTHER(b.mode++) && OTHER((b.xattr = attr, b.n_xattr = 1)));
	a.xattr = attr;
	a.n_xattr = 1;
	CHECK(linkset_add(s, &a, "/d/c", &is_new) && is_new);
	CHECK(OTHER(b.xattr = other) && OTHER(b.xattr = renamed) && OTHER(b.n_xattr = 2));
	CHECK(OTHER((b.linktarget = (struct str){"x", 1})));
	linkset_free(s);
	linkset_free(NULL);
}

TEST(who_may_have_other_names)
{
	struct node n = file(NULL, 0);

	CHECK(linkset_may(&n));
	n.links = 1;
	CHECK(!linkset_may(&n));
	n.links = 2;
	n.inode = 0;
	CHECK(!linkset_may(&n));
	n.inode = 1;
	n.type = NODE_DIR;
	CHECK(!linkset_may(&n));
}
