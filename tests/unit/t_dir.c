#include "fs/dir.h"
#include "base/mem.h"
#include "fs/meta.h"
#include "fs/dest.h"
#include "lib/files.h"
#include "unit/check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int base_fd(void)
{
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY);

	REQUIRE(fd >= 0);
	return fd;
}

static int make_dir(int at, const char *name)
{
	int fd;

	REQUIRE(mkdirat(at, name, 0700) == 0);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	REQUIRE(fd >= 0);
	return fd;
}

static void touch(int at, const char *name)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	REQUIRE(fd >= 0);
	close(fd);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names by readdir(3) and qsort(3). */
static char **slow_list(int fd, size_t *n)
{
	DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY));
	char **name = NULL;
	struct dirent *e;

	REQUIRE(d != NULL);
	*n = 0;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		name = realloc(name, (*n + 1) * sizeof(*name));
		REQUIRE(name != NULL);
		name[(*n)++] = strdup(e->d_name);
	}
	closedir(d);
	if (*n)
		qsort(name, *n, sizeof(*name), by_bytes);
	return name;
}

static void compare(int fd, size_t want)
{
	struct dir_list l;
	struct err err = {0};
	size_t n;
	char **name = slow_list(fd, &n);

	CHECK_EQ(n, want);
	CHECK_EQ(dir_list(fd, &l, &err), 0);
	if (CHECK_EQ(l.n, n)) {
		for (size_t i = 0; i < n; i++) {
			struct stat st;

			if (!CHECK_STR(l.entry[i].name, name[i]))
				break;
			REQUIRE(fstatat(fd, name[i], &st, AT_SYMLINK_NOFOLLOW) == 0);
			CHECK_EQ(l.entry[i].ino, st.st_ino);
			CHECK(l.entry[i].type == DT_UNKNOWN ||
				l.entry[i].type == IFTODT(st.st_mode));
		}
	}
	dir_list_release(&l);
	for (size_t i = 0; i < n; i++)
		free(name[i]);
	free(name);
}

TEST(empty)
{
	int base = base_fd(), fd = make_dir(base, "empty");

	compare(fd, 0);
	close(fd);
	close(base);
}

TEST(types)
{
	int base = base_fd(), fd = make_dir(base, "types");

	touch(fd, "file");
	touch(fd, "..a");
	touch(fd, "...");
	touch(fd, ".b");
	REQUIRE(mkdirat(fd, "dir", 0700) == 0 && symlinkat("x", fd, "link") == 0 &&
		mkfifoat(fd, "fifo", 0600) == 0);
	compare(fd, 7);
	compare(fd, 7); /* the descriptor stood at the end */
	close(fd);
	close(base);
}

/* Names of every length with all bytes there are, some of them beginnings of others, and long
 * common beginnings. */
static void sort_test(const char *dir, const char *prefix, size_t files, size_t random_max)
{
	int base = base_fd(), fd = make_dir(base, dir);
	unsigned seed = 7;
	size_t made = 0;

	for (size_t i = 0; i < files; i++) {
		char name[256];
		size_t n = strlen(prefix), more = (size_t)rand_r(&seed) % random_max + 1;
		int f;

		memcpy(name, prefix, n);
		while (more-- && n < 255) {
			int c = rand_r(&seed) % 255 + 1;

			name[n++] = (char)(i % 2 ? "ab"[c & 1] : c == '/' ? 'x' : c);
		}
		name[n] = 0;
		f = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (f < 0) {
			/* ".", ".." or twice the same */
			REQUIRE(errno == EEXIST || errno == EISDIR);
			continue;
		}
		close(f);
		made++;
	}
	compare(fd, made);
	close(fd);
	close(base);
}

TEST(sorted)
{
	sort_test("sort1", "", 3000, 12);
	sort_test("sort2", "a-rather-long-common-beginning-", 1000, 12);
	sort_test("sort3", "", 500, 255);
	sort_test("sort4", "\xff\xff\xff\xff\xff\xff\xff", 100, 3);
}

TEST(numbered)
{
	int base = base_fd(), fd = make_dir(base, "numbered");

	for (int i = 0; i < 2000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "out_%d.dat", i * 7919 % 2000);
		touch(fd, name);
	}
	compare(fd, 2000); /* more than one call's worth */
	close(fd);
	close(base);
}

TEST(failures)
{
	int base = base_fd(), fd = make_dir(base, "gone"), f;
	struct dir_list l;
	struct err err = {0};

	REQUIRE(unlinkat(base, "gone", AT_REMOVEDIR) == 0);
	CHECK_EQ(dir_list(fd, &l, &err), ERR_NOTFOUND); /* a failed listing is never "empty" */
	CHECK(l.n == 0 && l.entry == NULL);
	close(fd);

	touch(base, "plain");
	f = openat(base, "plain", O_RDONLY);
	CHECK(dir_list(f, &l, &err) < 0 && err.code < 0);
	CHECK_EQ(l.n, 0);
	close(f);
	CHECK(dir_list(-1, &l, &err) < 0);
	dir_list_release(&l);
	dir_list_release(NULL);

	CHECK_EQ(dir_open_at(base, "plain", &err), ERR_NOTFOUND); /* ENOTDIR */
	CHECK_EQ(dir_open_at(base, "none", &err), ERR_NOTFOUND);
	CHECK_STR(err.msg, "open directory: No such file or directory");
	close(base);
}

TEST(links)
{
	int base = base_fd(), fd = make_dir(base, "real");
	char path[5000];
	struct err err = {0};

	close(fd);
	REQUIRE(symlinkat("real", base, "link") == 0);
	CHECK(dir_open_at(base, "link", &err) < 0);
	snprintf(path, sizeof(path), "%s/link", check_tmpdir());
	CHECK(dir_open(path, true, &err) < 0);
	fd = dir_open(path, false, &err);
	CHECK(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/link/.", check_tmpdir());
	fd = dir_open(path, true, &err); /* only the last component counts */
	CHECK(fd >= 0);
	close(fd);
	close(base);
}

/* 500 levels of 200 bytes each: 25 times what the kernel takes as one path. */
TEST(deep)
{
	enum { LEVELS = 500, LEN = 200 };
	static char path[LEVELS * (LEN + 1) + 8192];
	int base = base_fd(), fd = make_dir(base, "deep"), got;
	char *p = path + sprintf(path, "%s/deep", check_tmpdir());
	struct rlimit files, few;
	struct stat a, b;
	struct err err = {0};

	for (int i = 0; i < LEVELS; i++) {
		char name[LEN + 1];
		int next;

		memset(name, 'a' + i % 26, LEN);
		name[LEN] = 0;
		next = make_dir(fd, name);
		close(fd);
		fd = next;
		p += sprintf(p, i % 50 ? "/%s" : "//%s", name);
	}
	touch(fd, "leaf");
	got = dir_open(path, true, &err);
	if (CHECK(got >= 0)) {
		CHECK(fstat(got, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino);
		compare(got, 1);
		close(got);
	}
	/* The same by a path that begins in the middle of nowhere, with a slash at the end, and
	 * through a link. */
	REQUIRE(symlinkat("leaf", fd, "link") == 0);
	strcpy(p, "/link");
	CHECK(dir_open(path, true, &err) < 0);
	strcpy(p, "/none");
	CHECK_EQ(dir_open(path, true, &err), ERR_NOTFOUND);
	strcpy(p, "///");
	got = dir_open(path, false, &err);
	CHECK(got >= 0);
	close(got);
	REQUIRE(fchdir(base) == 0);
	got = dir_open(strstr(path, "deep//"), true, &err);
	CHECK(got >= 0);
	close(got);
	memset(path, 'x', 10000);
	path[10000] = 0;
	CHECK_EQ(dir_open(path, true, &err), ERR_INVALID);
	path[0] = '/';
	CHECK_EQ(dir_open(path, true, &err), ERR_INVALID);

	/* Deleting must not need a descriptor for each level. */
	REQUIRE(getrlimit(RLIMIT_NOFILE, &files) == 0);
	few = (struct rlimit){.rlim_cur = 64, .rlim_max = files.rlim_max};
	REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK_EQ(dest_remove(base, "deep", false, &err), ERR_EXISTS);
	CHECK_EQ(dest_remove(base, "deep", &(struct dest_spare){.path = ""}, &err), 0);
	setrlimit(RLIMIT_NOFILE, &files);
	CHECK(fstatat(base, "deep", &a, 0) < 0 && errno == ENOENT);
	REQUIRE(chdir("/") == 0);
	close(fd);
	close(base);
}

/* relatime updates an access time that is older than the last change, unless O_NOATIME is asked
 * for. */
TEST(access_time)
{
	int base = base_fd(), fd = make_dir(base, "atime");
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_nsec = UTIME_OMIT}};
	struct dir_list l;
	struct stat st;
	struct err err = {0};
	char path[5000];

	touch(fd, "x");
	REQUIRE(futimens(fd, old) == 0);
	close(fd);
	fd = dir_open_at(base, "atime", &err);
	CHECK_EQ(dir_list(fd, &l, &err), 0);
	dir_list_release(&l);
	close(fd);
	snprintf(path, sizeof(path), "%s/atime", check_tmpdir());
	fd = dir_open(path, true, &err);
	CHECK_EQ(dir_list(fd, &l, &err), 0);
	dir_list_release(&l);
	CHECK(fstat(fd, &st) == 0 && st.st_atim.tv_sec == 1000);
	close(fd);
	close(base);
}

TEST(stat_at_any_depth)
{
	char *dir = files_dir("deepstat"), *path = mem_strdup(dir);
	struct meta m;
	struct err e;
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	CHECK_EQ(dir_stat(dir, &m, &e), 0);
	for (int i = 0; i < 40; i++) {
		char name[201], *next;
		int sub = -1;

		memset(name, 'a', 200);
		name[200] = 0;
		REQUIRE(mkdirat(fd, name, 0700) == 0 &&
			(sub = openat(fd, name, O_RDONLY | O_DIRECTORY)) >= 0);
		close(fd);
		fd = sub;
		next = mem_printf("%s/%s", path, name);
		mem_free(path);
		path = next;
	}
	CHECK(strlen(path) > 4096 && dir_stat(path, &m, &e) == 0 && S_ISDIR(m.mode));
	path[strlen(path) - 1] = 'b';
	CHECK_EQ(dir_stat(path, &m, &e), ERR_NOTFOUND);
	close(fd);
	mem_free(path);
	mem_free(dir);
}
