#include "fs/mounts.h"
#include "unit/check.h"
#include <string.h>
#include <sys/stat.h>

static const char table[] =
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"36 22 0:45 / /scratch rw,nosuid shared:2 master:7 - lustre 10.0.0.1@o2ib:/fs rw,flock\n"
	"39 22 0:51 / /mnt/with\\040blank\\134and\\012more rw - nfs4 nas:/b rw\n"
	"40 22 0:60 / /over rw - tmpfs first rw\n"
	"41 40 0:61 / /over rw - tmpfs second rw\n";

static struct mounts parsed(const char *text)
{
	struct mounts t;

	mounts_parse(&t, text, strlen(text));
	return t;
}

TEST(lines_of_mountinfo)
{
	struct mounts t = parsed(table);

	REQUIRE(t.n == 5);
	CHECK_STR(t.point[0], "/");
	CHECK_STR(t.point[1], "/scratch");
	CHECK_STR(t.point[2], "/mnt/with blank\\and\nmore");
	CHECK_STR(t.point[3], "/over");
	CHECK_STR(t.point[4], "/over");
	mounts_release(&t);
	CHECK_EQ(t.n, 0);
}

TEST(lines_that_are_none)
{
	static const char *const bad[] = {"", "\n\n", "22 1 8:1 /", "22 1 8:1 / ",
		"22 1 8:1 / none rw - ext4 x rw", " ", "-"};
	struct mounts t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		t = parsed(bad[i]);
		CHECK_EQ(t.n, 0);
		mounts_release(&t);
	}
	t = parsed("nonsense\n22 1 8:1 / / rw - ext4 x rw\n22 1 8:1 / /a\\04 rw\n22 1 8:1 / "
		   "/b\\999 rw");
	REQUIRE(t.n == 3);
	CHECK_STR(t.point[0], "/");
	CHECK_STR(t.point[1], "/a\\04"); /* no number of three digits */
	CHECK_STR(t.point[2], "/b\\999");
	mounts_release(&t);
}

TEST(numbers_of_the_other_node)
{
	static const struct mounts_pair pair[] = {{71, 45}, {45, 50}, {71, 46}, {9, 9}};
	struct mounts_map *m = mounts_map_new(pair, 4);

	CHECK_EQ(mounts_map_dev(m, 71), 45); /* the first of two that are here one file system */
	CHECK_EQ(mounts_map_dev(m, 45), 50); /* a number that both have, for different things */
	CHECK_EQ(mounts_map_dev(m, 9), 9);
	CHECK_EQ(mounts_map_dev(m, 12345678), 12345678);
	mounts_map_free(m);
	m = mounts_map_new(NULL, 0);
	CHECK_EQ(mounts_map_dev(m, 7), 7);
	mounts_map_free(m);
	CHECK_EQ(mounts_map_dev(NULL, 7), 7);
	mounts_map_free(NULL);
}

TEST(this_machine)
{
	struct mounts t;
	struct err e = {0};
	bool found = false;

	REQUIRE(mounts_load(&t, &e) == 0);
	for (size_t i = 0; i < t.n; i++)
		found = found || !strcmp(t.point[i], "/proc");
	CHECK(found);
	mounts_release(&t);
}
