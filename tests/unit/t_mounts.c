#include "fs/mounts.h"
#include "unit/check.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char node1[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			    "36 22 0:45 / /scratch rw,nosuid shared:2 master:7 - lustre 10.0.0.1@o2ib:/fs rw,flock\n"
			    "37 22 0:45 /proj /projects rw - lustre 10.0.0.1@o2ib:/fs rw\n"
			    "38 22 0:50 / /home rw shared:3 - nfs4 nas:/home rw\n"
			    "39 22 0:51 / /mnt/with\\040blank rw - nfs4 nas:/b rw\n"
			    "40 22 0:60 / /over rw - tmpfs first rw\n"
			    "41 40 0:61 / /over rw - tmpfs second rw\n";
static const char node2[] = "30 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
			    "31 30 0:71 / /scratch rw master:1 - lustre 10.0.0.1@o2ib:/fs rw\n"
			    "32 30 0:71 /proj /projects rw - lustre 10.0.0.1@o2ib:/fs rw\n"
			    "33 30 0:45 / /home rw - nfs4 nas:/home rw\n"
			    "34 30 0:72 / /mnt/with\\040blank rw - nfs4 nas:/b rw\n"
			    "35 30 0:80 / /over rw - tmpfs first rw\n"
			    "36 35 0:81 / /over rw - tmpfs third rw\n"
			    "37 30 0:82 / /only/here rw - tmpfs t rw\n";

static struct mounts parsed(const char *text)
{
	struct mounts t;

	mounts_parse(&t, text, strlen(text));
	return t;
}

TEST(lines_of_mountinfo)
{
	struct mounts t = parsed(node1);

	REQUIRE(t.n == 7);
	CHECK_STR(t.m[0].point, "/");
	CHECK_STR(t.m[0].type, "ext4");
	CHECK_STR(t.m[0].source, "/dev/sda1");
	CHECK_EQ(t.m[0].dev, makedev(8, 1));
	CHECK_STR(t.m[1].source, "10.0.0.1@o2ib:/fs");
	CHECK_EQ(t.m[1].dev, makedev(0, 45));
	CHECK_STR(t.m[4].point, "/mnt/with\\040blank");
	mounts_release(&t);
	CHECK_EQ(t.n, 0);
}

TEST(lines_that_are_none)
{
	static const char *const bad[] = {"", "\n\n", "22 1 8:1 / /", "22 1 8 / / rw - ext4 x rw", "22 1 8: / / rw - ext4 x rw",
		"22 1 :1 / / rw - ext4 x rw", "22 1 8:1 / / rw ext4 x rw", "22 1 8:1 / / rw -", "22 1 8:1 / / rw - ext4",
		"22 1 8:99999999999 / / rw - ext4 x rw", "22 1 8:1x / / rw - ext4 x rw", " ", "-"};
	struct mounts t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		t = parsed(bad[i]);
		CHECK_EQ(t.n, 0);
		mounts_release(&t);
	}
	t = parsed("nonsense\n22 1 8:1 / / rw - ext4 x rw");
	CHECK_EQ(t.n, 1);
	mounts_release(&t);
}

TEST(numbers_of_the_other_node)
{
	struct mounts here = parsed(node2), there = parsed(node1);
	struct mounts_map *m = mounts_map_new(&here, &there);

	CHECK_EQ(mounts_map_dev(m, makedev(0, 71)), makedev(0, 45)); /* two mounts of one file system */
	CHECK_EQ(mounts_map_dev(m, makedev(0, 45)), makedev(0, 50)); /* a number that both have, for different things */
	CHECK_EQ(mounts_map_dev(m, makedev(0, 72)), makedev(0, 51));
	CHECK_EQ(mounts_map_dev(m, makedev(8, 2)), makedev(8, 2));   /* another disk */
	CHECK_EQ(mounts_map_dev(m, makedev(0, 82)), makedev(0, 82)); /* only here */
	CHECK_EQ(mounts_map_dev(m, makedev(0, 81)), makedev(0, 81)); /* the top ones differ; what is below is not seen */
	CHECK_EQ(mounts_map_dev(m, makedev(0, 80)), makedev(0, 80));
	CHECK_EQ(mounts_map_dev(m, 12345678), 12345678);
	mounts_map_free(m);
	mounts_release(&here);
	mounts_release(&there);
	CHECK_EQ(mounts_map_dev(NULL, 7), 7);
	mounts_map_free(NULL);
}

TEST(the_first_common_mount_decides)
{
	/* One file system here, two there: whichever is mounted first here. */
	struct mounts here = parsed("1 0 0:9 / /b rw - nfs s rw\n2 0 0:9 / /a rw - nfs s rw\n");
	struct mounts there = parsed("1 0 0:1 / /a rw - nfs s rw\n2 0 0:2 / /b rw - nfs s rw\n");
	struct mounts_map *m = mounts_map_new(&here, &there);

	CHECK_EQ(mounts_map_dev(m, makedev(0, 9)), makedev(0, 2));
	mounts_map_free(m);
	mounts_release(&here);
	mounts_release(&there);
}

TEST(a_table_travels)
{
	struct mounts t = parsed(node1), back;
	struct wire_in in;
	struct buf b;

	buf_init(&b, 1 << 20);
	mounts_put(&t, &b);
	wire_in_init(&in, b.p, b.len);
	REQUIRE(mounts_get(&back, &in) && wire_done(&in));
	REQUIRE(back.n == t.n);
	for (size_t i = 0; i < t.n; i++) {
		CHECK_STR(back.m[i].point, t.m[i].point);
		CHECK_STR(back.m[i].type, t.m[i].type);
		CHECK_STR(back.m[i].source, t.m[i].source);
		CHECK_EQ(back.m[i].dev, t.m[i].dev);
	}
	mounts_release(&back);
	for (size_t n = 0; n < b.len; n++) {
		wire_in_init(&in, b.p, n);
		CHECK(!mounts_get(&back, &in));
		CHECK_EQ(back.n, 0);
	}
	buf_release(&b);
	mounts_release(&t);
}

TEST(this_machine)
{
	struct mounts t;
	struct err e = {0};
	struct stat st;
	bool found = false;

	REQUIRE(mounts_load(&t, &e) == 0 && stat("/proc", &st) == 0);
	for (size_t i = 0; i < t.n; i++)
		found = found || (!strcmp(t.m[i].point, "/proc") && t.m[i].dev == st.st_dev);
	CHECK(found);
	mounts_release(&t);
}
