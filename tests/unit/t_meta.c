#include "fs/meta.h"
#include "base/mem.h"
#include "unit/check.h"
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int base_fd(void)
{
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY);

	REQUIRE(fd >= 0);
	return fd;
}

static bool same_time(struct ts a, struct timespec b)
{
	return a.sec == b.tv_sec && a.nsec == b.tv_nsec;
}

static void compare(int dirfd, const char *name, bool follow)
{
	struct meta m;
	struct stat st;
	struct err err = {0};

	REQUIRE((*name ? fstatat(dirfd, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW)
		       : fstat(dirfd, &st)) == 0);
	memset(&m, 0x55, sizeof(m));
	if (!CHECK_EQ(meta_stat(dirfd, name, follow, &m, &err), 0))
		return;
	CHECK_EQ(m.mode, st.st_mode);
	CHECK_EQ(m.uid, st.st_uid);
	CHECK_EQ(m.gid, st.st_gid);
	CHECK_EQ(m.ino, st.st_ino);
	CHECK_EQ(m.dev, st.st_dev);
	CHECK_EQ(m.rdev, st.st_rdev);
	CHECK_EQ(m.nlink, st.st_nlink);
	CHECK_EQ(m.size, st.st_size);
	CHECK(same_time(m.atime, st.st_atim) && same_time(m.mtime, st.st_mtim) &&
		same_time(m.ctime, st.st_ctim));
}

TEST(stat_as_stat)
{
	int base = base_fd(), fd;
	struct timespec early[2] = {{.tv_sec = -5, .tv_nsec = 999999999},
		{.tv_sec = -1000000, .tv_nsec = 1}};
	struct err err = {0};
	struct meta m;

	fd = openat(base, "f\xff\n", O_RDWR | O_CREAT, 0640);
	REQUIRE(fd >= 0 && ftruncate(fd, 5ll << 32) == 0 && futimens(fd, early) == 0);
	REQUIRE(linkat(base, "f\xff\n", base, "hard", 0) == 0);
	REQUIRE(fchmod(fd, 06755) == 0);
	compare(base, "hard", false);
	compare(fd, "", false);
	CHECK(meta_stat(fd, "", false, &m, &err) == 0 && m.mtime.sec == -1000000 &&
		m.mtime.nsec == 1 && m.nlink == 2 && m.size == 5ull << 32);
	close(fd);
	REQUIRE(symlinkat("hard", base, "link") == 0 && symlinkat("none", base, "dangling") == 0 &&
		mkfifoat(base, "fifo", 0600) == 0);
	compare(base, "link", false);
	compare(base, "link", true);
	compare(base, "dangling", false);
	compare(base, "fifo", false);
	compare(base, ".", false);
	compare(base, "", true);
	compare(AT_FDCWD, "/dev/null", false);
	compare(AT_FDCWD, check_tmpdir(), false);
	CHECK_EQ(meta_stat(base, "dangling", true, &m, &err), ERR_NOTFOUND);
	CHECK_EQ(meta_stat(base, "none", false, &m, &err), ERR_NOTFOUND);
	CHECK_STR(err.msg, "stat: No such file or directory");
	CHECK(meta_stat(-1, "", false, &m, &err) < 0);
	close(base);
}

TEST(devices)
{
	int base;

	if (geteuid() != 0)
		SKIP("needs root");
	base = base_fd();
	if (mknodat(base, "dev", S_IFBLK | 0600, makedev(259, 0xabcde)) < 0) {
		close(base);
		SKIP("no device nodes here");
	}
	compare(base, "dev", false);
	close(base);
}

static void check_link(int base, size_t n)
{
	char target[PATH_MAX], *got = NULL;
	size_t got_n = 0;
	struct err err = {0};

	for (size_t i = 0; i < n; i++)
		target[i] = (char)(i % 255 + 1);
	target[n] = 0;
	REQUIRE(symlinkat(target, base, "long") == 0);
	if (CHECK_EQ(meta_link(base, "long", &got, &got_n, &err), 0)) {
		CHECK_EQ(got_n, n);
		CHECK_STR(got, target);
		mem_free(got);
	}
	REQUIRE(unlinkat(base, "long", 0) == 0);
}

TEST(link)
{
	static const size_t sizes[] = {1, 59, 60, 255, 256, 257, 1023, 1024, 1025, 4094, 4095};
	int base = base_fd();
	char *target;
	size_t n;
	struct err err = {0};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_link(base, sizes[i]);
	CHECK(meta_link(base, "hard", &target, &n, &err) < 0); /* no link */
	CHECK_EQ(meta_link(base, "none", &target, &n, &err), ERR_NOTFOUND);
	close(base);
}

static uint32_t unknown_id(bool user)
{
	uint32_t id = 3999999999u;

	while (user ? getpwuid(id) != NULL : getgrgid(id) != NULL)
		id--;
	return id;
}

TEST(owners)
{
	struct owners *o = owners_new();
	const struct passwd *pw = getpwuid(0);
	const struct group *gr = getgrgid(0);
	const char *first = owners_user(o, 0);

	CHECK_STR(first, pw ? pw->pw_name : NULL);
	CHECK(owners_user(o, 0) == first); /* the same memory: not looked up again */
	CHECK_STR(owners_group(o, 0), gr ? gr->gr_name : NULL);
	CHECK(owners_user(o, unknown_id(true)) == NULL);
	CHECK(owners_user(o, unknown_id(true)) == NULL);
	CHECK(owners_group(o, unknown_id(false)) == NULL);
	for (uint32_t id = 1; id < 100; id++) {
		pw = getpwuid(id);
		CHECK_STR(owners_user(o, id), pw ? pw->pw_name : NULL);
	}
	CHECK(owners_user(o, 0) == first);
	owners_free(o);
	owners_free(NULL);
}

static void *ask_many(void *arg)
{
	for (uint32_t i = 0; i < 2000; i++) {
		const char *u = owners_user(arg, i % 40), *again = owners_user(arg, i % 40);

		CHECK(u == again);
		owners_group(arg, i % 50);
	}
	return NULL;
}

TEST(owners_threads)
{
	struct owners *o = owners_new();
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		REQUIRE(pthread_create(&t[i], NULL, ask_many, o) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	owners_free(o);
}

TEST(names_from_elsewhere)
{
	struct owners *o = owners_new();

	CHECK(!owners_settled(o, 0, 4000000001u));
	owners_offer(o, 0, "somebody", 4000000001u, "theirs", false);
	CHECK_STR(owners_group(o, 4000000001u), "theirs");
	CHECK(!owners_settled(o, 0, 4000000001u));
	owners_offer(o, 0, "somebody else", 4000000001u, "others", true);
	CHECK(owners_settled(o, 0, 4000000001u));
	CHECK_STR(owners_user(o, 0), "somebody"); /* the first */
	CHECK_STR(owners_group(o, 4000000001u), "theirs");
	CHECK(owners_user(o, 4000000002u) == NULL);
	owners_offer(o, 4000000002u, "late", 4000000002u, NULL, true);
	CHECK_STR(owners_user(o, 4000000002u), "late");
	owners_free(o);
}
