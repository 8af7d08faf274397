#include "fs/dest.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct dest_spare everything = {.path = ""};

static int base_fd(void)
{
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY);

	REQUIRE(fd >= 0);
	return fd;
}

/* A fresh folder for one test. */
static int room(const char *name)
{
	int base = base_fd(), fd;

	REQUIRE(mkdirat(base, name, 0755) == 0);
	fd = openat(base, name, O_RDONLY | O_DIRECTORY);
	close(base);
	REQUIRE(fd >= 0);
	return fd;
}

static void put(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static const char *get(int at, const char *name)
{
	static char text[100];
	int fd = openat(at, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return NULL;
	text[n] = 0;
	return text;
}

static struct stat look(int at, const char *name)
{
	struct stat st = {0};

	CHECK(fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return st;
}

static bool absent(int at, const char *name)
{
	struct stat st;

	return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

TEST(mkdirs)
{
	static char path[10000];
	int base = room("mkdirs"), fd;
	struct err err = {0};
	char *p;
	struct stat a, b;

	REQUIRE(fchdir(base) == 0);
	fd = dest_mkdirs("a/b/c", &err);
	CHECK(fd >= 0);
	CHECK_EQ(look(base, "a/b/c").st_mode, S_IFDIR | 0700);
	put(fd, "x", "1");
	close(fd);
	fd = dest_mkdirs("a//b/./c/", &err);
	CHECK_STR(get(fd, "x"), "1");
	close(fd);
	REQUIRE(symlinkat("a/b", base, "link") == 0); /* the user's own links are followed */
	fd = dest_mkdirs("link/d", &err);
	CHECK(fd >= 0);
	close(fd);
	CHECK(S_ISDIR(look(base, "a/b/d").st_mode));
	put(base, "file", "");
	CHECK(dest_mkdirs("file/x", &err) < 0);
	CHECK(dest_mkdirs("file", &err) < 0);
	CHECK(strstr(err.msg, "file") != NULL);
	fd = dest_mkdirs(".", &err);
	CHECK(fstat(fd, &a) == 0 && fstat(base, &b) == 0 && a.st_ino == b.st_ino);
	close(fd);
	fd = dest_mkdirs("/", &err);
	CHECK(fd >= 0);
	close(fd);

	p = path;
	for (int i = 0; i < 45; i++)
		p += sprintf(p, "%s%0200d", i ? "/" : "", i);
	fd = dest_mkdirs(path, &err);
	CHECK(fd >= 0);
	put(fd, "deep", "x");
	close(fd);
	fd = dest_mkdirs(path, &err);
	CHECK_STR(get(fd, "deep"), "x");
	close(fd);
	path[200] = 0;
	CHECK_EQ(dest_remove(base, path, &everything, &err), 0);
	memset(path, 'n', 256);
	path[256] = 0;
	CHECK_EQ(dest_mkdirs(path, &err), ERR_INVALID);
	REQUIRE(chdir("/") == 0);
	close(base);
}

/* Everything that could stand in the way, and the file outside that a link points to. */
static int obstacles(const char *name)
{
	int at = room(name), d;

	put(at, "outside", "precious");
	put(at, "file", "old");
	REQUIRE(symlinkat("outside", at, "link") == 0 && symlinkat(".", at, "dirlink") == 0 &&
		symlinkat("none", at, "dangling") == 0);
	REQUIRE(mkfifoat(at, "fifo", 0600) == 0 && mkdirat(at, "empty", 0700) == 0 &&
		mkdirat(at, "full", 0700) == 0);
	put(at, "full/x", "1");
	put(at, "hard1", "shared");
	REQUIRE(linkat(at, "hard1", at, "hard2", 0) == 0);
	d = openat(at, "full", O_RDONLY | O_DIRECTORY);
	REQUIRE(mkdirat(d, "sub", 0700) == 0 && mkdirat(d, "sub/sub", 0700) == 0 &&
		symlinkat("../..", d, "sub/up") == 0);
	close(d);
	return at;
}

TEST(mkdir)
{
	static const char *const in_the_way[] = {"file", "link", "dirlink", "dangling", "fifo",
		"hard1", "absent"};
	int at = obstacles("mkdir"), fd;
	struct err err = {0};
	bool made;

	for (size_t i = 0; i < sizeof(in_the_way) / sizeof(in_the_way[0]); i++) {
		CHECK(strcmp(in_the_way[i], "absent") == 0 ||
			dest_mkdir(at, in_the_way[i], false, &made, &err) == ERR_EXISTS);
		fd = dest_mkdir(at, in_the_way[i], true, &made, &err);
		CHECK(fd >= 0 && made);
		CHECK_EQ(look(at, in_the_way[i]).st_mode, S_IFDIR | 0700);
		put(fd, "inside", "x");
		close(fd);
	}
	CHECK(absent(at, "inside"));
	CHECK_STR(get(at, "outside"), "precious");
	CHECK_STR(get(at, "hard2"), "shared");
	fd = dest_mkdir(at, "full", false, &made, &err);
	CHECK(fd >= 0 && !made);
	CHECK_STR(get(fd, "x"), "1");
	close(fd);
	close(at);
}

TEST(remove)
{
	static const char *const simple[] = {"file", "link", "dirlink", "dangling", "fifo", "hard1",
		"absent", "empty"};
	int at = obstacles("remove");
	struct err err = {0};

	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		CHECK_EQ(dest_remove(at, simple[i], NULL, &err), 0);
		CHECK(absent(at, simple[i]));
	}
	CHECK_STR(get(at, "hard2"), "shared");
	CHECK_EQ(dest_remove(at, "full", NULL, &err), ERR_EXISTS);
	CHECK_STR(get(at, "full/x"), "1");
	CHECK_EQ(dest_remove(at, "full", &everything, &err), 0);
	CHECK(absent(at, "full"));
	CHECK_STR(get(at, "outside"), "precious");
	close(at);
}

TEST(remove_wide)
{
	int at = room("wide"), d;
	struct err err = {0};
	char name[64];

	REQUIRE(mkdirat(at, "w", 0700) == 0);
	d = openat(at, "w", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "%03d", i);
		if (i % 3)
			put(d, name, "");
		else
			REQUIRE(mkdirat(d, name, 0700) == 0);
		if (i % 6 == 0) {
			snprintf(name, sizeof(name), "%03d/x", i);
			put(d, name, "");
		}
	}
	close(d);
	CHECK_EQ(dest_remove(at, "w", &everything, &err), 0);
	CHECK(absent(at, "w"));
	close(at);
}

struct asked {
	const char *path; /* kept: this, and what is below it */
	ino_t dir;        /* and this directory */
	bool absolute;
};

static bool spare_it(void *arg, const char *path, const struct meta *dir)
{
	struct asked *a = arg;

	a->absolute = a->absolute && strncmp(path, "/w", 2) == 0;
	return dir ? dir->ino == a->dir : a->path && strcmp(path, a->path) == 0;
}

/* Everything but what is to be kept, and the directories above that. */
TEST(remove_and_keep)
{
	static const char *const keep[] = {"/w/d2/e/f", "/w/d2/empty", "/w/d2", NULL};
	static const char *const left[] = {"w/d2/e/f", "w/d2/empty", "w/d2/e/f", "w/d2/e/f"};
	int at = room("keep");

	for (size_t i = 0; i < 4; i++) {
		struct asked a = {keep[i], 0, true};
		struct dest_spare spare = {spare_it, &a, "/w"};
		struct err err = {0};

		REQUIRE(mkdirat(at, "w", 0700) == 0);
		for (int k = 0; k < 5; k++) {
			char name[32];

			snprintf(name, sizeof(name), "w/d%d", k);
			REQUIRE(mkdirat(at, name, 0700) == 0);
			snprintf(name, sizeof(name), "w/d%d/e", k);
			REQUIRE(mkdirat(at, name, 0700) == 0);
			snprintf(name, sizeof(name), "w/d%d/empty", k);
			REQUIRE(mkdirat(at, name, 0700) == 0);
			snprintf(name, sizeof(name), "w/d%d/e/f", k);
			put(at, name, "");
		}
		if (!keep[i])
			a.dir = look(at, "w/d2/e").st_ino;
		CHECK_EQ(dest_remove(at, "w", &spare, &err), ERR_EXISTS);
		CHECK(a.absolute);
		CHECK(!absent(at, left[i]));
		CHECK(absent(at, "w/d0") && absent(at, "w/d1") && absent(at, "w/d3") &&
			absent(at, "w/d4"));
		CHECK(keep[i] == keep[2] || absent(at, i == 1 ? "w/d2/e" : "w/d2/empty"));
		CHECK_EQ(dest_remove(at, "w", &everything, &err), 0);
		CHECK(absent(at, "w"));
	}
	close(at);
}

/* What is mounted in the way is somebody's data, and could not be removed anyway. */
static int with_a_mount(void)
{
	struct err err = {0};
	int at;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(check_tmpdir()) < 0 || mount("none", "mounted/w/m", "tmpfs", 0, NULL) < 0 ||
		(at = open("mounted", O_RDONLY | O_DIRECTORY)) < 0)
		return 77;
	put(at, "w/m/precious", "1");
	if (dest_remove(at, "w", &everything, &err) != ERR_IO || !strstr(err.msg, "remove m: "))
		return 1;
	return absent(at, "w/m/precious") ? 2 : 0;
}

TEST(remove_and_mounts)
{
	int at = room("mounted"), status;
	pid_t child;

	REQUIRE(mkdirat(at, "w", 0700) == 0 && mkdirat(at, "w/m", 0700) == 0);
	close(at);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0)
		_exit(with_a_mount());
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("cannot mount");
	CHECK_EQ(status, 0);
}

/* Somebody moves the directory in which we are to where he would like us to go on deleting. */
static void *mover(void *arg)
{
	int at = *(int *)arg;

	for (int i = 0; i < 10000 && !absent(at, "victim/b/0000"); i++)
		sched_yield();
	renameat(at, "victim/b", at, "trap/b");
	return NULL;
}

TEST(remove_is_not_led_astray)
{
	int at = room("astray"), d;
	struct err err = {0};
	char name[64];
	pthread_t t;

	REQUIRE(mkdirat(at, "victim", 0700) == 0 && mkdirat(at, "trap", 0700) == 0 &&
		mkdirat(at, "victim/b", 0700) == 0);
	put(at, "victim/z", "1");
	put(at, "trap/z", "precious");
	d = openat(at, "victim/b", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%04d", i);
		put(d, name, "");
	}
	close(d);
	REQUIRE(pthread_create(&t, NULL, mover, &at) == 0);
	d = dest_remove(at, "victim", &everything, &err);
	pthread_join(t, NULL);
	CHECK(d == 0 || err.code == d);
	CHECK_STR(get(at, "trap/z"), "precious");
	close(at);
}

TEST(create)
{
	static const char *const in_the_way[] = {"file", "link", "dirlink", "dangling", "fifo",
		"hard1", "empty"};
	int at = obstacles("create"), fd;
	struct err err = {0};
	struct meta is;
	mode_t mask;

	for (size_t i = 0; i < sizeof(in_the_way) / sizeof(in_the_way[0]); i++) {
		CHECK_EQ(dest_create(at, in_the_way[i], &is, &err), ERR_EXISTS);
		CHECK_EQ(dest_remove(at, in_the_way[i], NULL, &err), 0);
		fd = dest_create(at, in_the_way[i], &is, &err);
		CHECK(fd >= 0 && is.ino == look(at, in_the_way[i]).st_ino && is.size == 0 &&
			is.nlink == 1);
		CHECK_EQ(look(at, in_the_way[i]).st_mode, S_IFREG | DEST_UNFINISHED);
		CHECK_EQ(dest_pwrite(fd, "new", 3, 0, &err), 0);
		CHECK_EQ(dest_flush(fd, &err), 0);
		close(fd);
		CHECK_STR(get(at, in_the_way[i]), "new");
	}
	CHECK_STR(get(at, "outside"), "precious");
	CHECK_STR(get(at, "hard2"), "shared");
	CHECK(absent(at, "none"));
	CHECK_EQ(dest_create(at, "full", &is, &err), ERR_EXISTS);
	/* The mark does not depend on the mask. */
	mask = umask(0777);
	fd = dest_create(at, "masked", &is, &err);
	umask(mask);
	CHECK(fd >= 0 && dest_unfinished(&is));
	CHECK_EQ(look(at, "masked").st_mode, S_IFREG | DEST_UNFINISHED);
	close(fd);
	close(at);
}

static struct meta meta(int at, const char *name)
{
	struct meta m;

	REQUIRE(meta_stat(at, name, false, &m, NULL) == 0);
	return m;
}

TEST(reopen)
{
	int at = obstacles("reopen"), fd;
	struct meta file = meta(at, "file"), other = meta(at, "outside");
	struct err err = {0};

	fd = dest_reopen(at, "file", &file, &err);
	REQUIRE(fd >= 0);
	CHECK_EQ(look(at, "file").st_mode, S_IFREG | DEST_UNFINISHED);
	CHECK_EQ(look(at, "file").st_ino, file.ino);
	CHECK_STR(get(at, "file"), "old");
	CHECK_EQ(dest_resize(fd, 3, 2, false, &err), 0);
	CHECK_STR(get(at, "file"), "ol");
	CHECK_EQ(dest_resize(fd, 2, 9, false, &err), 0);
	CHECK_EQ(look(at, "file").st_size, 9);
	CHECK_EQ(dest_resize(fd, 9, UINT64_MAX, true, &err), ERR_INVALID);
	close(fd);
	/* Another file than the one meant: by number, by owner, by type. */
	CHECK_EQ(dest_reopen(at, "file", &other, &err), ERR_INVALID);
	file.uid++;
	CHECK_EQ(dest_reopen(at, "file", &file, &err), ERR_INVALID);
	other = meta(at, "link");
	CHECK_EQ(dest_reopen(at, "link", &other, &err), ERR_INVALID);
	other = meta(at, "fifo");
	CHECK_EQ(dest_reopen(at, "fifo", &other, &err), ERR_INVALID);
	CHECK_EQ(dest_reopen(at, "none", &file, &err), ERR_NOTFOUND);
	CHECK_EQ(look(at, "outside").st_mode, S_IFREG | 0644);
	close(at);
}

TEST(sizes)
{
	int at = room("sizes"), fd;
	struct err err = {0};
	char p[10], back[10];
	struct meta is;

	fd = dest_create(at, "sparse", &is, &err);
	REQUIRE(fd >= 0);
	CHECK_EQ(dest_resize(fd, 0, 10ull << 30, true, &err), 0);
	CHECK(look(at, "sparse").st_size == 10ll << 30 && look(at, "sparse").st_blocks < 100);
	CHECK_EQ(dest_pwrite(fd, "0123456789", 10, (9ull << 30) + 7, &err), 0);
	CHECK_EQ(pread(fd, back, 10, (9ll << 30) + 7), 10);
	CHECK_MEM(back, "0123456789", 10);
	CHECK_EQ(dest_pwrite(fd, p, 1, UINT64_MAX, &err), ERR_INVALID);
	CHECK_EQ(dest_pwrite(fd, p, 10, INT64_MAX - 5, &err), ERR_INVALID);
	CHECK_EQ(dest_pwrite(fd, p, 0, 0, &err), 0);
	close(fd);
	CHECK(dest_pwrite(-1, "x", 1, 0, &err) < 0);
	fd = dest_create(at, "full", &is, &err);
	REQUIRE(fd >= 0);
	CHECK_EQ(dest_resize(fd, 0, 1 << 20, false, &err), 0);
	CHECK_EQ(look(at, "full").st_size, 1 << 20);
	CHECK(look(at, "full").st_blocks * 512 >= 1 << 20);
	CHECK_EQ(dest_resize(fd, 1 << 20, 1ull << 62, false, &err), ERR_NOSPACE);
	close(fd);
	CHECK(dest_flush(-1, &err) < 0);
	close(at);
}

/* By name, as most callers of dest_metadata do. */
static int metadata(int at, const char *name, const struct dest_meta *m, unsigned *left,
	struct err *err)
{
	int pin = dest_pin(at, name, m->type, NULL, err), rc;

	if (pin < 0)
		return pin;
	rc = dest_metadata(pin, m, left, err);
	close(pin);
	return rc;
}

static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xd2, 4,
	0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255,
	255, 255, 255};

/* ramfs can neither preallocate nor keep attributes; both are done without. */
static int on_ramfs(void)
{
	struct xattr x[] = {
		{.name = (char *)(uintptr_t) "user.a", .value = (uint8_t *)(uintptr_t) "1", .n = 1},
		{.name = (char *)(uintptr_t) "system.posix_acl_access",
			.value = (uint8_t *)(uintptr_t)acl,
			.n = sizeof(acl)}};
	struct xattr_list l = {.x = x, .n = 2};
	struct dest_meta m = {.type = S_IFREG, .perm = 0644, .mtime = {.sec = 42}, .xattr = &l};
	struct err err = {0};
	struct meta is;
	unsigned left;
	int fd, at;

	/* Not through `at`, which belongs to the old name space. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(check_tmpdir()) < 0 || mount("none", "simple", "ramfs", 0, NULL) < 0 ||
		(at = open("simple", O_RDONLY | O_DIRECTORY)) < 0)
		return 77;
	fd = dest_create(at, "f", &is, &err);
	if (fd < 0 || dest_resize(fd, 0, 12345, false, &err) != 0 || look(at, "f").st_size != 12345)
		return 1;
	if (metadata(at, "f", &m, &left, &err) != 0 || look(at, "f").st_mtim.tv_sec != 42)
		return 2;
	/* But that is told. */
	if (left != (1u << DEST_LEFT_XATTR | 1u << DEST_LEFT_ACL))
		return 3;
	return 0;
}

TEST(simple_file_system)
{
	int at = room("simple"), status;
	pid_t child;

	close(at);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0)
		_exit(on_ramfs());
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("cannot mount");
	CHECK_EQ(status, 0);
}

TEST(others)
{
	int at = obstacles("others");
	struct err err = {0};

	CHECK_EQ(dest_symlink(at, "sl", "../any\xffwhere", &err), 0);
	CHECK(S_ISLNK(look(at, "sl").st_mode));
	CHECK_EQ(dest_symlink(at, "file", "x", &err), ERR_EXISTS);
	CHECK_EQ(dest_special(at, "ff", S_IFIFO, 77, &err), 0);
	CHECK_EQ(look(at, "ff").st_mode, S_IFIFO | DEST_UNFINISHED);
	CHECK_EQ(dest_special(at, "sock", S_IFSOCK, 0, &err), ERR_INVALID);
	CHECK_EQ(dest_special(at, "reg", S_IFREG, 0, &err), ERR_INVALID);
	CHECK(absent(at, "reg"));
	CHECK_EQ(dest_link(at, "l1", at, "file", &err), 0);
	CHECK(look(at, "l1").st_ino == look(at, "file").st_ino);
	/* the link itself, not what it points to */
	CHECK_EQ(dest_link(at, "l2", at, "link", &err), 0);
	CHECK(S_ISLNK(look(at, "l2").st_mode));
	CHECK_EQ(dest_link(at, "l1", at, "file", &err), ERR_EXISTS);
	CHECK_EQ(dest_link(at, "l3", at, "none", &err), ERR_NOTFOUND);
	if (geteuid() == 0) {
		CHECK_EQ(dest_special(at, "chr", S_IFCHR, makedev(1, 3), &err), 0);
		CHECK(look(at, "chr").st_rdev == makedev(1, 3) && S_ISCHR(look(at, "chr").st_mode));
		CHECK_EQ(dest_special(at, "blk", S_IFBLK, makedev(259, 0xabcd), &err), 0);
		CHECK(look(at, "blk").st_rdev == makedev(259, 0xabcd) &&
			S_ISBLK(look(at, "blk").st_mode));
	}
	close(at);
}

/* Names that lead out of the directory get nowhere, should the caller have forgotten to look. */
TEST(names)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "/", "/tmp", "../x"};
	int at = room("names"), sub;
	struct err err = {0};
	struct meta is;
	bool flag;

	REQUIRE(mkdirat(at, "a", 0700) == 0 && mkdirat(at, "sub", 0700) == 0);
	put(at, "x", "x");
	put(at, "a/b", "b");
	sub = openat(at, "sub", O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int where = strcmp(bad[i], "../x") == 0 ? sub : at;

		CHECK_EQ(dest_mkdir(where, bad[i], true, &flag, &err), ERR_INVALID);
		CHECK_EQ(dest_remove(where, bad[i], &everything, &err), ERR_INVALID);
		CHECK_EQ(dest_create(where, bad[i], &is, &err), ERR_INVALID);
		CHECK_EQ(dest_symlink(where, bad[i], "x", &err), ERR_INVALID);
		CHECK_EQ(dest_special(where, bad[i], S_IFIFO, 0, &err), ERR_INVALID);
		CHECK_EQ(dest_link(where, bad[i], at, "x", &err), ERR_INVALID);
		CHECK_EQ(dest_link(where, "y", where, bad[i], &err), ERR_INVALID);
		if (*bad[i])
			CHECK_EQ(dest_pin(where, bad[i], S_IFDIR, NULL, &err), ERR_INVALID);
	}
	CHECK_STR(get(at, "x"), "x");
	CHECK_STR(get(at, "a/b"), "b");
	close(sub);
	close(at);
}

static void check_times(int at, const char *name, const struct dest_meta *m)
{
	struct stat st = look(at, name);

	CHECK_EQ(st.st_mtim.tv_sec, m->mtime.sec);
	CHECK_EQ(st.st_mtim.tv_nsec, m->mtime.nsec);
	CHECK_EQ(st.st_atim.tv_sec, m->atime.sec);
}

TEST(metadata)
{
	unsigned left;
	static const mode_t types[] = {S_IFREG, S_IFDIR, S_IFIFO, S_IFLNK};
	static const char *const names[] = {"file", "full", "fifo", "link"};
	int at = obstacles("metadata");
	struct err err = {0};

	for (size_t i = 0; i < 4; i++) {
		struct dest_meta m = {.type = types[i],
			.perm = 01751,
			.uid = geteuid(),
			.gid = getegid(),
			.atime = {.sec = 1234, .nsec = 5},
			.mtime = {.sec = -99, .nsec = 999999999}};

		CHECK_EQ(metadata(at, names[i], &m, &left, &err), 0);
		check_times(at, names[i], &m);
		if (types[i] != S_IFLNK)
			CHECK_EQ(look(at, names[i]).st_mode, types[i] | 01751);
		/* Another type than expected: hands off. */
		m.type = types[(i + 1) % 4];
		m.perm = 0777;
		CHECK_EQ(metadata(at, names[i], &m, &left, &err), ERR_INVALID);
		CHECK(types[i] == S_IFLNK || (look(at, names[i]).st_mode & 07777) == 01751);
	}
	CHECK_EQ(look(at, "outside").st_mode, S_IFREG | 0644);
	CHECK(look(at, "outside").st_mtim.tv_sec > 1000000);
	/* UTIME_NOW and UTIME_OMIT do not come from a repository; the rest is done all the same. */
	struct dest_meta odd = {.type = S_IFREG,
		.perm = 0640,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime = {.sec = 5, .nsec = UTIME_NOW}};

	CHECK(metadata(at, "file", &odd, &left, &err) < 0);
	CHECK_EQ(look(at, "file").st_mode, S_IFREG | 0640);
	CHECK_EQ(look(at, "file").st_mtim.tv_sec, -99);
	CHECK_EQ(metadata(at, "none", &odd, &left, &err), ERR_NOTFOUND);
	/* The open directory itself. */
	odd = (struct dest_meta){.type = S_IFDIR,
		.perm = 0705,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime = {.sec = 77}};
	CHECK_EQ(metadata(at, "", &odd, &left, &err), 0);
	CHECK(look(at, ".").st_mode == (S_IFDIR | 0705) && look(at, ".").st_mtim.tv_sec == 77);
	close(at);
}

/* Each step undoes part of what an earlier one did in the wrong order: chown takes setuid and
 * capabilities away, an ACL changes the mode. */
TEST(metadata_order)
{
	unsigned left;
	static const unsigned char cap[] = {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0};
	int at = obstacles("order");
	struct xattr x[] = {
		{.name = (char *)(uintptr_t) "system.posix_acl_access",
			.value = (uint8_t *)(uintptr_t)acl,
			.n = sizeof(acl)},
		{.name = (char *)(uintptr_t) "security.capability",
			.value = (uint8_t *)(uintptr_t)cap,
			.n = sizeof(cap)},
		{.name = (char *)(uintptr_t) "user.u", .value = (uint8_t *)(uintptr_t) "v", .n = 1},
	};
	struct xattr_list l = {.x = x, .n = 3};
	struct dest_meta m = {.type = S_IFREG,
		.perm = 06755,
		.uid = 1234,
		.gid = 4321,
		.atime = {.sec = 1, .nsec = 2},
		.mtime = {.sec = 3, .nsec = 4},
		.xattr = &l};
	struct err err = {0};
	struct stat st;
	int fd;

	if (geteuid() != 0) {
		close(at);
		SKIP("needs root");
	}
	fd = openat(at, "file", O_RDONLY);
	if (fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0) < 0) {
		close(fd);
		close(at);
		SKIP("no access control lists here");
	}
	REQUIRE(fsetxattr(fd, "user.gone", "x", 1, 0) == 0);
	CHECK_EQ(metadata(at, "file", &m, &left, &err), 0);
	st = look(at, "file");
	CHECK_EQ(st.st_mode, S_IFREG | 06755);
	CHECK(st.st_uid == 1234 && st.st_gid == 4321);
	check_times(at, "file", &m);
	CHECK_EQ(fgetxattr(fd, "security.capability", NULL, 0), sizeof(cap));
	CHECK_EQ(fgetxattr(fd, "user.u", NULL, 0), 1);
	CHECK(fgetxattr(fd, "user.gone", NULL, 0) < 0);
	CHECK_EQ(fgetxattr(fd, "system.posix_acl_access", NULL, 0), sizeof(acl));
	close(fd);

	/* A symbolic link: its own owner and attributes, nothing of what it points to. */
	m = (struct dest_meta){.type = S_IFLNK,
		.perm = 0777,
		.uid = 1234,
		.gid = 4321,
		.mtime = {.sec = 9}};
	CHECK_EQ(metadata(at, "link", &m, &left, &err), 0);
	CHECK_EQ(look(at, "link").st_uid, 1234);
	check_times(at, "link", &m);
	CHECK(look(at, "outside").st_uid == 0 && look(at, "outside").st_mode == (S_IFREG | 0644));
	close(at);
}

/* A file system may change times that it cannot hold; that is told.  Here: whatever this one does.
 */
TEST(times_that_may_not_fit)
{
	static const int64_t secs[] = {-5364662400, 16725225600, 0, 1};
	int at = obstacles("times");
	struct err err = {0};
	unsigned left;

	for (size_t i = 0; i < 4; i++) {
		struct dest_meta m = {.type = S_IFREG,
			.perm = 0600,
			.uid = geteuid(),
			.gid = getegid(),
			.mtime = {.sec = secs[i]}};

		CHECK_EQ(metadata(at, "file", &m, &left, &err), 0);
		CHECK_EQ(left,
			look(at, "file").st_mtim.tv_sec == secs[i] ? 0 : 1u << DEST_LEFT_TIME);
	}
	close(at);
}

/* A pinned file is the one that was meant. */
TEST(pin)
{
	int at = obstacles("pin"), fd;
	struct err err = {0};
	struct meta is = meta(at, "file");

	fd = dest_pin(at, "file", S_IFREG, &is, &err);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(dest_pin(at, "file", S_IFDIR, NULL, &err), ERR_INVALID);
	CHECK_EQ(dest_pin(at, "outside", S_IFREG, &is, &err), ERR_INVALID);
	is.uid++; /* a number that was freed and given to somebody else's file */
	CHECK_EQ(dest_pin(at, "file", S_IFREG, &is, &err), ERR_INVALID);
	CHECK_EQ(dest_pin(at, "none", S_IFREG, NULL, &err), ERR_NOTFOUND);
	close(at);
}

static struct xattr attr(const char *name, const char *value)
{
	return (struct xattr){.name = (char *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.n = strlen(value)};
}

static int own_files_as_nobody(int at, const struct dest_meta *as_root)
{
	struct dest_meta m = *as_root;
	struct err err = {0};
	unsigned left;
	struct meta is;
	int fd = dest_create(at, "mine", &is, &err);

	if (fd < 0 || dest_pwrite(fd, "abc", 3, 0, &err) < 0)
		return 2;
	/* Somebody else's file, setuid: what only root may do is left out and told; setuid would be
	 * ours, so it goes. */
	if (dest_metadata(fd, &m, &left, &err) != 0)
		return 3;
	close(fd);
	if (look(at, "mine").st_mode != (S_IFREG | 0440) || look(at, "mine").st_mtim.tv_sec != 42 ||
		look(at, "mine").st_uid != 65534)
		return 4;
	if (left != (1u << DEST_LEFT_OWNER | 1u << DEST_LEFT_REFUSED | 1u << DEST_LEFT_MODE))
		return 5;
	m.lenient = false;
	if (metadata(at, "mine", &m, &left, &err) != ERR_DENIED ||
		(look(at, "mine").st_mode & 07777) != 0440)
		return 6;
	/* A second run: the file is read-only now, but ours. */
	is = meta(at, "mine");
	fd = dest_reopen(at, "mine", &is, &err);
	if (fd < 0 || look(at, "mine").st_mode != (S_IFREG | DEST_UNFINISHED))
		return 7;
	close(fd);
	return 0;
}

/* Attributes of files and directories of ours that are read-only; their mode comes back. */
static int attributes_as_nobody(int at)
{
	struct xattr x = attr("user.k", "right");
	struct xattr_list l = {.x = &x, .n = 1};
	struct dest_meta m = {.type = S_IFREG,
		.perm = 0444,
		.uid = 65534,
		.gid = 65534,
		.mtime = {.sec = 9},
		.xattr = &l,
		.lenient = true};
	struct err err = {0};
	unsigned left;

	put(at, "ro", "x");
	REQUIRE(mkdirat(at, "rodir", 0700) == 0 && fchmodat(at, "ro", 0444, 0) == 0 &&
		fchmodat(at, "rodir", 0500, 0) == 0);
	if (metadata(at, "ro", &m, &left, &err) != 0 || left & ~(1u << DEST_LEFT_XATTR))
		return 10;
	if (look(at, "ro").st_mode != (S_IFREG | 0444))
		return 11;
	m.type = S_IFDIR;
	m.perm = 0511;
	if (metadata(at, "rodir", &m, &left, &err) != 0 ||
		look(at, "rodir").st_mode != (S_IFDIR | 0511))
		return 12;
	/* A directory that was there and is another user's: nothing can be done, which is told. */
	if (metadata(at, "roots", &m, &left, &err) != 0 || !(left & 1u << DEST_LEFT_OWNER) ||
		look(at, "roots").st_mode != (S_IFDIR | 0755))
		return 13;
	/* But a file of ours whose attributes are refused for another reason is a fault. */
	x = attr("user.", "no name");
	m.type = S_IFREG;
	if (metadata(at, "ro", &m, &left, &err) >= 0 || look(at, "ro").st_mode != (S_IFREG | 0511))
		return 14;
	return 0;
}

static int directories_as_nobody(int at)
{
	static const mode_t modes[] = {0000, 0311, 0500, 0700};
	struct err err = {0};
	bool made, opened;
	int fd;

	fd = dest_mkdir(at, "sub", false, &made, &err);
	if (fd < 0 || !made || dest_remove(at, "sub", NULL, &err) != 0)
		return 20;
	close(fd);
	REQUIRE(mkdirat(at, "shut", 0700) == 0);
	for (size_t i = 0; i < 4; i++) {
		REQUIRE(fchmodat(at, "shut", modes[i], 0) == 0);
		fd = i % 2 ? dest_mkdir(at, "shut", false, &made, &err)
			   : dest_dir_open(at, "shut", &opened, &err);
		if (fd < 0)
			return 21;
		close(fd);
	}
	return dest_dir_open(at, "private", &opened, &err) == ERR_DENIED ? 0 : 22;
}

static int as_nobody(int at)
{
	struct xattr x = attr("trusted.t", "");
	struct xattr_list l = {.x = &x, .n = 1};
	struct dest_meta m = {.type = S_IFREG,
		.perm = 06440,
		.uid = 0,
		.gid = 0,
		.mtime = {.sec = 42},
		.xattr = &l,
		.lenient = true};
	struct err err = {0};
	unsigned left;
	int before = check_failures(), rc;

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	rc = own_files_as_nobody(at, &m);
	if (rc == 0)
		rc = attributes_as_nobody(at);
	if (rc == 0)
		rc = directories_as_nobody(at);
	if (rc)
		return rc;
	/* Times that cannot be are a fault for everybody. */
	m.mtime.nsec = -1;
	if (metadata(at, "mine", &m, &left, &err) >= 0)
		return 8;
	return check_failures() != before ? 9 : 0;
}

TEST(without_root)
{
	int at = room("user"), base = base_fd(), status;
	pid_t child;

	if (geteuid() != 0) {
		close(at);
		close(base);
		SKIP("needs root");
	}
	REQUIRE(fchmod(at, 0777) == 0 && fchmod(base, 0755) == 0 &&
		mkdirat(at, "roots", 0755) == 0 && mkdirat(at, "private", 0700) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0)
		_exit(as_nobody(at));
	waitpid(child, &status, 0);
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK(WIFEXITED(status));
	close(at);
	close(base);
}
