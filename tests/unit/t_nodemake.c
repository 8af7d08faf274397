#include "engine/nodemake.h"
#include "base/mem.h"
#include "repo/catalog.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct nodemake make(bool with_atime)
{
	return (struct nodemake){.owners = owners_new(), .with_atime = with_atime};
}

static struct meta sample(mode_t mode)
{
	return (struct meta){.mode = mode,
		.uid = 4000000001u,
		.gid = 0,
		.ino = 77,
		.dev = 2049,
		.rdev = 0x0103,
		.nlink = 3,
		.size = 12345,
		.atime = {1700000003, 3},
		.mtime = {1700000001, 1},
		.ctime = {1700000002, 2}};
}

static bool fill(struct nodemake *k, struct node *n, mode_t mode)
{
	struct meta m = sample(mode);

	return nodemake_fill(k, n, "name", &m);
}

TEST(what_each_type_has)
{
	static const struct {
		mode_t mode;
		enum node_type type;
		uint64_t size, links, device;
	} all[] = {
		{S_IFREG | 0640, NODE_FILE, 12345, 3, 0},
		{S_IFDIR | 0755, NODE_DIR, 0, 0, 0},
		{S_IFLNK | 0777, NODE_SYMLINK, 0, 3, 0},
		{S_IFBLK | 0600, NODE_DEV, 0, 3, 0x0103},
		{S_IFCHR | 0600, NODE_CHARDEV, 0, 3, 0x0103},
		{S_IFIFO | 0644, NODE_FIFO, 0, 0, 0},
	};
	struct nodemake k = make(false);
	struct node n;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		REQUIRE(fill(&k, &n, all[i].mode));
		CHECK_EQ(n.type, all[i].type);
		CHECK_EQ(n.size, all[i].size);
		CHECK_EQ(n.links, all[i].links);
		CHECK_EQ(n.device, all[i].device);
		CHECK_EQ(n.inode, 77);
		CHECK_EQ(n.device_id, 2049);
		CHECK_EQ(n.uid, 4000000001u);
		CHECK_EQ(n.user.n, 0); /* nobody has this number */
		CHECK(n.group.n == 4 && !memcmp(n.group.p, "root", 4));
		CHECK_EQ(n.atime.sec, n.mtime.sec);
		CHECK_EQ(n.mtime.sec, 1700000001);
		CHECK_EQ(n.ctime.sec, 1700000002);
	}
	CHECK(!fill(&k, &n, S_IFSOCK | 0600));
	CHECK(!fill(&k, &n, 0600));
	owners_free(k.owners);
	k = make(true);
	REQUIRE(fill(&k, &n, S_IFREG | 0600));
	CHECK_EQ(n.atime.sec, 1700000003);
	owners_free(k.owners);
}

TEST(json_with_few_and_many_attributes)
{
	struct nodemake k = make(false);

	for (size_t count = 0; count < 20; count += 9) {
		struct xattr_list x = {.x = mem_array(count + 1, sizeof(*x.x)), .n = count};
		struct node n;
		struct buf b;
		const char *p;
		size_t found = 0;

		for (size_t i = 0; i < count; i++)
			x.x[i] = (struct xattr){.name = mem_printf("user.a%zu", i),
				.value = mem_dup("abc", 3),
				.n = 3};
		if (count)
			x.x[0].vanished = true;
		REQUIRE(fill(&k, &n, S_IFREG | 0600));
		n.has_content = true;
		buf_init(&b, 1 << 20);
		nodemake_write(&k, &n, &x, &b);
		CHECK(n.xattr == NULL && n.n_xattr == 0); /* nothing of this call's is left */
		for (p = buf_str(&b); (p = strstr(p, "\"user.a")) != NULL; p++)
			found++;
		CHECK_EQ(found, count);
		CHECK_EQ(strstr(buf_str(&b), "\"value\":null") != NULL, count > 0);
		CHECK_EQ(strstr(buf_str(&b), "\"YWJj\"") != NULL, count > 1);
		CHECK(strstr(buf_str(&b), "\"content\":[]") != NULL);
		buf_release(&b);
		xattr_list_release(&x);
	}
	owners_free(k.owners);
}

TEST(the_same_metadata)
{
	struct nodemake k = make(false);
	struct node a, b;

	REQUIRE(fill(&k, &a, S_IFREG | 0600) && fill(&k, &b, S_IFREG | 0600));
	CHECK(nodemake_same(&a, &b));
#define DIFFERS(member, value)                                                                     \
	b = a;                                                                                     \
	b.member = value;                                                                          \
	CHECK(!nodemake_same(&a, &b));                                                             \
	CHECK(!nodemake_same(&b, &a));
	DIFFERS(type, NODE_DIR)
	DIFFERS(mode, 0644)
	DIFFERS(mtime.nsec, 9)
	DIFFERS(ctime.sec, 9)
	DIFFERS(atime.sec, 9)
	DIFFERS(uid, 1)
	DIFFERS(gid, 1)
	DIFFERS(user, ((struct str){"u", 1}))
	DIFFERS(group, ((struct str){"roo", 3}))
	DIFFERS(inode, 1)
	DIFFERS(device_id, 1)
	DIFFERS(size, 1)
	DIFFERS(links, 1)
	owners_free(k.owners);
}

TEST(device_numbers_of_rank_0)
{
	struct nodemake k = make(false);
	struct mounts_map *map;
	struct meta m, plain;
	struct err e;

	REQUIRE(meta_stat(AT_FDCWD, "/", false, &plain, &e) == 0);
	map = mounts_map_new(&(struct mounts_pair){plain.dev, makedev(0, 4711)}, 1);
	k.mounts = map;
	REQUIRE(nodemake_stat(&k, AT_FDCWD, "/", false, &m, &e) == 0);
	CHECK_EQ(m.dev, makedev(0, 4711));
	CHECK_EQ(m.ino, plain.ino);
	CHECK_EQ(nodemake_stat(&k, AT_FDCWD, "/does/not/exist", false, &m, &e), ERR_NOTFOUND);
	mounts_map_free(map);
	owners_free(k.owners);
}

/* a run that began after the sample had changed last */
static const struct nodemake old = {.young = {1700000003, 0}};

static bool same_file(struct node *a, struct node *b)
{
	struct catalog_first x, y;

	REQUIRE(nodemake_link(&old, a, NULL, &x) && nodemake_link(&old, b, NULL, &y));
	CHECK(id_equal(&x.key, &y.key));
	return id_equal(&x.what, &y.what);
}

/* Names of one inode are one file when content, size, time, owner, mode and attributes say so. */
TEST(what_hard_links_share)
{
	struct nodemake k = make(false);
	struct id content[2] = {{{1}}, {{2}}};
	struct catalog_first ask;
	struct node a, b;

	REQUIRE(fill(&k, &a, S_IFREG | 0644));
	a.content = content;
	a.n_content = 2;
	b = a;
	b.name = (struct str){"other", 5};
	b.ctime.sec++; /* link(2) itself changes it */
	CHECK(same_file(&a, &b));
	b.mode = 0600;
	CHECK(!same_file(&a, &b));
	b = a;
	b.n_content = 1;
	CHECK(!same_file(&a, &b));
	b = a;
	b.content = content + 1;
	b.n_content = 1;
	CHECK(!same_file(&a, &b));
	b = a;
	b.size++;
	CHECK(!same_file(&a, &b));
	b = a;
	b.mtime.nsec++;
	CHECK(!same_file(&a, &b));
	b = a;
	b.uid = 0;
	CHECK(!same_file(&a, &b));
	b = a;
	b.gid = 1;
	CHECK(!same_file(&a, &b));
	{
		struct catalog_first x, y;
		struct xattr one = {.name = (char[]){"user.a"}, .value = (uint8_t[]){"1"}, .n = 1};
		struct xattr_list list = {&one, 1};

		b = a;
		REQUIRE(nodemake_link(&old, &a, &list, &x) && nodemake_link(&old, &b, &list, &y));
		CHECK(id_equal(&x.what, &y.what) && !a.n_xattr && !a.xattr);
		REQUIRE(nodemake_link(&old, &b, NULL, &y));
		CHECK(!id_equal(&x.what, &y.what));
		one.value[0] = '2';
		REQUIRE(nodemake_link(&old, &b, &list, &y));
		CHECK(!id_equal(&x.what, &y.what));
		b.device_id++;
		REQUIRE(nodemake_link(&old, &a, NULL, &x) && nodemake_link(&old, &b, NULL, &y));
		CHECK(!id_equal(&x.key, &y.key));
		b = a;
		b.inode++;
		REQUIRE(nodemake_link(&old, &b, NULL, &y));
		CHECK(!id_equal(&x.key, &y.key));
	}
	b.links = 1;
	CHECK(!nodemake_link(&old, &b, NULL, &ask));
	b.ctime.sec++; /* it may have got the number of another one */
	CHECK(nodemake_link(&old, &b, NULL, &ask));
	REQUIRE(fill(&k, &b, S_IFLNK | 0777));
	CHECK(!nodemake_link(&old, &b, NULL, &ask));
	b.ctime.sec++;
	CHECK(nodemake_link(&old, &b, NULL, &ask));
	REQUIRE(fill(&k, &b, S_IFDIR | 0777));
	b.ctime.sec++;
	CHECK(!nodemake_link(&old, &b, NULL, &ask));
	b = a;
	nodemake_apart(&b); /* it has left the others already */
	CHECK(b.links == 1 && !b.device_id && b.inode == a.inode);
	b.ctime.sec++;
	CHECK(!nodemake_link(&old, &b, NULL, &ask));
	owners_free(k.owners);
}
