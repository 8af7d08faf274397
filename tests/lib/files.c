#include "lib/files.h"
#include "base/mem.h"
#include "unit/check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

char *files_dir(const char *name)
{
	char *dir = mem_printf("%s/%s", check_tmpdir(), name);

	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	REQUIRE(mkdir(dir, 0755) == 0);
	return dir;
}

static char *join(const char *dir, const char *path)
{
	return mem_printf("%s/%s", dir, path);
}

void files_mkdir(const char *dir, const char *path)
{
	char *full = join(dir, path);

	for (char *p = full + strlen(dir) + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		REQUIRE(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = c;
		if (!c)
			break;
	}
	mem_free(full);
}

void files_write(const char *dir, const char *path, const void *p, size_t n)
{
	char *full = join(dir, path);
	int fd = open(full, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	REQUIRE(fd >= 0);
	for (size_t done = 0; done < n;) {
		ssize_t k = write(fd, (const char *)p + done, n - done);

		REQUIRE(k > 0);
		done += (size_t)k;
	}
	close(fd);
	mem_free(full);
}

void files_text(const char *dir, const char *path, const char *text)
{
	files_write(dir, path, text, strlen(text));
}

void files_random(const char *dir, const char *path, size_t n, uint64_t seed)
{
	uint64_t *p = mem_alloc(n + 8);

	seed = seed * 2 + 88172645463325252u;
	for (size_t i = 0; i * 8 < n; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		p[i] = seed;
	}
	files_write(dir, path, p, n);
	mem_free(p);
}

void files_link(const char *dir, const char *path, const char *target)
{
	char *full = join(dir, path);

	REQUIRE(symlink(target, full) == 0);
	mem_free(full);
}

void files_mtime(const char *dir, const char *path, int64_t sec)
{
	char *full = join(dir, path);
	struct timespec t[2] = {{.tv_sec = sec}, {.tv_sec = sec}};

	REQUIRE(utimensat(AT_FDCWD, full, t, AT_SYMLINK_NOFOLLOW) == 0);
	mem_free(full);
}

bool files_there(const char *dir, const char *path)
{
	char *full = join(dir, path);
	struct stat st;
	bool there = lstat(full, &st) == 0;

	mem_free(full);
	return there;
}

char *files_read(const char *dir, const char *path, size_t *n)
{
	char *full = join(dir, path), *p = NULL;
	int fd = open(full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t got = 0;

	mem_free(full);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		p = mem_zalloc((size_t)st.st_size + 1);
		while (got < (size_t)st.st_size) {
			ssize_t k = read(fd, p + got, (size_t)st.st_size - got);

			if (k <= 0)
				break;
			got += (size_t)k;
		}
	}
	close(fd);
	if (n)
		*n = got;
	return p;
}

bool files_same(const char *dir, const char *path, const char *dir2, const char *path2)
{
	size_t n = 0, n2 = 0;
	char *a = files_read(dir, path, &n), *b = files_read(dir2, path2, &n2);
	bool same = a && b && n == n2 && memcmp(a, b, n) == 0;

	mem_free(a);
	mem_free(b);
	return same;
}

size_t files_count(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	REQUIRE(d != NULL);
	while ((e = readdir(d)) != NULL) {
		char *sub;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		n++;
		if (e->d_type != DT_DIR)
			continue;
		sub = join(dir, e->d_name);
		n += files_count(sub);
		mem_free(sub);
	}
	closedir(d);
	return n;
}

static bool link_same(const char *a, const char *b)
{
	char x[4096] = {0}, y[4096] = {0};

	return readlink(a, x, sizeof(x) - 1) >= 0 && readlink(b, y, sizeof(y) - 1) >= 0 &&
	       strcmp(x, y) == 0;
}

static size_t one_differs(const char *da, const char *db, const char *name)
{
	char *a = join(da, name), *b = join(db, name);
	struct stat x, y;
	const char *what = NULL;
	size_t n = 0;

	if (lstat(a, &x) < 0 || lstat(b, &y) < 0)
		what = "is missing";
	else if (x.st_mode != y.st_mode)
		what = "has another mode";
	else if (x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_mtim.tv_nsec != y.st_mtim.tv_nsec)
		what = "has another time";
	else if (!S_ISDIR(x.st_mode) && x.st_nlink != y.st_nlink)
		what = "has other links";
	else if (S_ISREG(x.st_mode) && !files_same(da, name, db, name))
		what = "has other content";
	else if (S_ISLNK(x.st_mode) && !link_same(a, b))
		what = "leads elsewhere";
	if (what) {
		fprintf(stderr, "    %s %s\n", b, what);
		n++;
	} else if (S_ISDIR(x.st_mode)) {
		n = files_differ(a, b);
	}
	mem_free(a);
	mem_free(b);
	return n;
}

size_t files_differ(const char *a, const char *b)
{
	DIR *d = opendir(a);
	struct dirent *e;
	size_t n = 0, differ = 0;

	REQUIRE(d != NULL);
	while ((e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		n++;
		differ += one_differs(a, b, e->d_name);
	}
	closedir(d);
	d = opendir(b);
	REQUIRE(d != NULL);
	while (readdir(d))
		n--;
	closedir(d);
	if (n + 2 != 0) {
		fprintf(stderr, "    %s has other names than %s\n", b, a);
		differ++;
	}
	return differ;
}

size_t files_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	REQUIRE(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 3; /* ".", ".." and this one */
}

struct stat files_stat(const char *dir, const char *path)
{
	char *full = mem_printf("%s/%s", dir, path);
	struct stat st;

	memset(&st, 0, sizeof(st));
	lstat(full, &st);
	mem_free(full);
	return st;
}

bool files_has(const char *dir, const char *path, const char *text)
{
	char *p = files_read(dir, path, NULL);
	bool same = p && strcmp(p, text) == 0;

	mem_free(p);
	return same;
}
