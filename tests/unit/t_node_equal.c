#include "format/node.h"
#include "unit/check.h"
#include <string.h>

static struct str text(const char *s)
{
	return (struct str){s, strlen(s)};
}

static struct id ids[2] = {{{1}}, {{2}}};

static struct node sample(struct node_xattr *x)
{
	x[0] = (struct node_xattr){.name = text("user.a"), .value = text("1")};
	x[1] = (struct node_xattr){.name = text("user.b"), .value = text("2")};
	return (struct node){.name = text("n"),
		.type = NODE_FILE,
		.mode = 0644,
		.mtime = {.sec = 1},
		.user = text("u"),
		.size = 3,
		.links = 1,
		.xattr = x,
		.n_xattr = 2,
		.content = ids,
		.n_content = 2,
		.has_content = true};
}

TEST(attributes_in_any_order)
{
	struct node_xattr x[2], y[2], t;
	struct node a = sample(x), b = sample(y);

	CHECK(node_equal(&a, &b));
	t = y[0];
	y[0] = y[1];
	y[1] = t;
	CHECK(node_equal(&a, &b));
	y[0].value = text("3");
	CHECK(!node_equal(&a, &b));
	y[0] = (struct node_xattr){.name = text("user.c"), .value = text("2")};
	CHECK(!node_equal(&a, &b));
	b.n_xattr = 1;
	CHECK(!node_equal(&a, &b));
}

#define DIFFERS(change)                                                                            \
	do {                                                                                       \
		struct node b = sample(y);                                                         \
		change;                                                                            \
		CHECK(!node_equal(&a, &b) && !node_equal(&b, &a));                                 \
	} while (0)

TEST(each_member_counts)
{
	struct node_xattr x[2], y[2];
	struct node a = sample(x);

	DIFFERS(b.name = text("m"));
	DIFFERS(b.type = NODE_FIFO);
	DIFFERS(b.mode = 0600);
	DIFFERS(b.mtime.nsec = 1);
	DIFFERS(b.atime.sec = 1);
	DIFFERS(b.ctime.sec = 1);
	DIFFERS(b.uid = 1);
	DIFFERS(b.gid = 1);
	DIFFERS(b.user = text("v"));
	DIFFERS(b.group = text("g"));
	DIFFERS(b.inode = 1);
	DIFFERS(b.device_id = 1);
	DIFFERS(b.size = 4);
	DIFFERS(b.links = 2);
	DIFFERS(b.linktarget = text("t"));
	DIFFERS(b.device = 1);
	DIFFERS(b.n_content = 1);
	DIFFERS((b.n_content = 0, b.has_content = false));
	DIFFERS(b.has_subtree = true);
	DIFFERS(b.generic = text("{}"));
	DIFFERS(b.error = text("e"));
}

/* No list is not an empty one, as in restic. */
TEST(content)
{
	struct node a = {.has_content = true}, b = {.has_content = false};

	CHECK(!node_same_content(&a, &b));
	b.has_content = true;
	CHECK(node_same_content(&a, &b));
	a.content = ids;
	a.n_content = 1;
	CHECK(!node_same_content(&a, &b));
	b.content = ids + 1;
	b.n_content = 1;
	CHECK(!node_same_content(&a, &b));
	b.content = ids;
	CHECK(node_same_content(&a, &b));
}
