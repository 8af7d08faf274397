#include "fs/place.h"
#include "base/mem.h"
#include "lib/files.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUSE 0x65735546u
#define NFS  0x6969u

static struct place dir(uint64_t fs, uint64_t ino)
{
	return (struct place){.type = S_IFDIR,
		.ino = ino,
		.dev = 5,
		.mtime = {1700000000, 123456789},
		.fs = fs,
		.fsid = 7};
}

static enum place_match cmp(const struct place *a, const struct place *b)
{
	const char *why, *back;
	enum place_match m = place_compare(a, b, &why);

	CHECK_EQ(place_compare(b, a, &back), m); /* it does not matter who asks */
	CHECK(m == PLACE_SAME || *why);
	return m;
}

TEST(a_path_and_what_becomes_of_it)
{
	char *d = files_dir("place"), *sub = mem_printf("%s/sub", d),
	     *link = mem_printf("%s/link", d), *away = mem_printf("%s/away", d);
	struct place p, q;
	struct stat st;
	int fd;

	REQUIRE(mkdir(sub, 0755) == 0 && symlink("sub", link) == 0 && stat(sub, &st) == 0);
	fd = place_look(sub, &p);
	REQUIRE(fd >= 0);
	CHECK_EQ(p.errnum, 0);
	CHECK_EQ(p.type, S_IFDIR);
	CHECK_EQ(p.ino, st.st_ino);
	CHECK_EQ(p.dev, st.st_dev);
	CHECK_EQ(p.mtime.sec, st.st_mtim.tv_sec);
	CHECK_EQ(p.mtime.nsec, st.st_mtim.tv_nsec);
	CHECK(p.fs != 0);
	place_again(sub, &q);
	CHECK(q.type == p.type && q.ino == p.ino && q.dev == p.dev && q.errnum == 0);
	place_again(link, &q);
	CHECK_EQ(q.ino, p.ino);
	/* What is held keeps its number, so another directory of this name has another one. */
	REQUIRE(rename(sub, away) == 0 && rmdir(away) == 0);
	place_again(sub, &q);
	CHECK_EQ(q.errnum, ENOENT);
	REQUIRE(mkdir(sub, 0755) == 0);
	place_again(sub, &q);
	CHECK(q.errnum == 0 && q.ino != p.ino);
	close(fd);
	CHECK_EQ(place_look(away, &p), -1);
	CHECK_EQ(p.errnum, ENOENT);
	mem_free(away);
	mem_free(link);
	mem_free(sub);
	mem_free(d);
}

/* Whatever led to it: where a directory lies, more levels down than a path may have. */
TEST(where_a_directory_lies)
{
	char *d = files_dir("above");
	int top = open(d, O_PATH), at = dup(top);
	struct place p;
	struct stat st;

	REQUIRE(fstat(top, &st) == 0);
	place_above(top, 0, &p);
	CHECK(p.errnum == 0 && p.type == S_IFDIR && p.ino == st.st_ino && p.dev == st.st_dev);
	for (size_t level = 1; level <= 2100; level++) {
		int below;

		REQUIRE(mkdirat(at, "d", 0755) == 0);
		below = openat(at, "d", O_PATH);
		REQUIRE(below >= 0);
		close(at);
		at = below;
		if (level % 1000 <= 1 || level == 2100) {
			place_above(at, level, &p);
			CHECK(p.errnum == 0 && p.ino == st.st_ino && p.dev == st.st_dev);
			place_above(at, level - 1, &p);
			CHECK(p.errnum == 0 && p.ino != st.st_ino);
		}
	}
	REQUIRE(fcntl(at, F_GETFD) >= 0);
	place_above(-1, 2000, &p);
	CHECK_EQ(p.errnum, EBADF);
	close(at);
	close(top);
	mem_free(d);
}

TEST(what_two_nodes_see)
{
	struct place a = dir(NFS, 2), b = a;

	b.dev = 99; /* each node's own */
	CHECK_EQ(cmp(&a, &b), PLACE_SAME);
	b.fs = XFS_SUPER_MAGIC; /* this one is the server */
	CHECK_EQ(cmp(&a, &b), PLACE_SAME);
	b.fsid = 8;
	CHECK_EQ(cmp(&a, &b), PLACE_SAME);
	b.ino = 3;
	CHECK_EQ(cmp(&a, &b), PLACE_OTHER);
	b = a;
	b.type = S_IFREG;
	CHECK_EQ(cmp(&a, &b), PLACE_OTHER);
	b = a;
	b.mtime.nsec = 0; /* a protocol that knows only seconds */
	CHECK_EQ(cmp(&a, &b), PLACE_SAME);
	b.mtime.nsec = 1;
	CHECK_EQ(cmp(&a, &b), PLACE_MOVED);
	b.mtime.sec++;
	CHECK_EQ(cmp(&a, &b), PLACE_MOVED);
}

TEST(what_cannot_be_looked_at)
{
	struct place a = {.errnum = ENOENT}, b = {.errnum = EACCES}, c = dir(NFS, 2);

	CHECK_EQ(cmp(&a, &a), PLACE_SAME);
	CHECK_EQ(cmp(&a, &b), PLACE_OTHER);
	CHECK_EQ(cmp(&a, &c), PLACE_OTHER);
}

TEST(disks_of_two_nodes_are_never_one)
{
	static const uint64_t fs[] = {TMPFS_MAGIC, EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, RAMFS_MAGIC};

	for (size_t i = 0; i < sizeof(fs) / sizeof(*fs); i++) {
		struct place a = dir(fs[i], 2), b = a;

		CHECK_EQ(cmp(&a, &b), PLACE_SAME);
		b.fsid++;
		CHECK_EQ(cmp(&a, &b), PLACE_OTHER);
		b = a;
		b.fs = fs[(i + 1) % 7];
		CHECK_EQ(cmp(&a, &b), PLACE_OTHER);
	}
}

TEST(inodes_that_each_mount_makes_up)
{
	struct place a = dir(FUSE, 2), b = dir(FUSE, 17);

	CHECK(!place_numbered(&a));
	a.names = b.names = 4711;
	CHECK_EQ(cmp(&a, &b), PLACE_SAME);
	b.mtime.sec++;
	CHECK_EQ(cmp(&a, &b), PLACE_MOVED);
	b.ino = a.ino; /* and the names: some make up the time as well */
	CHECK_EQ(cmp(&a, &b), PLACE_SAME);
	b = a;
	b.names++;
	CHECK_EQ(cmp(&a, &b), PLACE_MOVED);
}

TEST(a_place_travels)
{
	struct place a = dir(NFS, 1ull << 63), b;
	struct wire_in in;
	struct buf w;

	a.names = 5;
	a.errnum = ENOENT;
	buf_init(&w, 1000);
	place_put(&w, &a);
	wire_in_init(&in, w.p, w.len);
	place_get(&in, &b);
	CHECK(wire_done(&in));
	CHECK(b.errnum == a.errnum && b.type == a.type && b.ino == a.ino && b.dev == a.dev &&
		b.fs == a.fs && b.fsid == a.fsid && b.names == a.names &&
		!ts_cmp(&a.mtime, &b.mtime));
	buf_release(&w);
}
