#include "backend/local.h"
#include "backend/layout.h"
#include "base/mem.h"
#include "unit/check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The system calls that matter for durability, replaced by ones that write down their order and
 * fail on demand.
 */
static struct {
	atomic_bool on;
	char seen[256]; /* one letter a call: a fallocate, w write, s fsync of a file, r rename, d
			   fsync of a directory, c chmod */
	atomic_uint n;
	/* errno */
	atomic_int fail_write, fail_fsync, fail_dir_fsync, fail_rename, fail_fallocate, fail_chmod;
	atomic_int short_writes;
	atomic_bool hold_fsync; /* fsync waits until this is false */
} sys;

static void saw(char c)
{
	unsigned n = atomic_fetch_add(&sys.n, 1);

	if (n < sizeof(sys.seen) - 1)
		sys.seen[n] = c;
}

static int failed(atomic_int *e)
{
	errno = atomic_load(e);
	return errno ? -1 : 0;
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	if (atomic_load(&sys.on))
		saw('a');
	if (failed(&sys.fail_fallocate))
		return -1;
	return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

ssize_t write(int fd, const void *p, size_t n)
{
	int left;

	if (fd > 2 && atomic_load(&sys.on)) {
		saw('w');
		if (failed(&sys.fail_write))
			return -1;
		left = atomic_load(&sys.short_writes);
		if (left > 0 && n > 1) {
			atomic_store(&sys.short_writes, left - 1);
			n /= 2;
		}
	}
	return syscall(SYS_write, fd, p, n);
}

int fsync(int fd)
{
	struct stat st;

	while (atomic_load(&sys.hold_fsync))
		usleep(1000);
	if (fstat(fd, &st))
		return -1;
	if (atomic_load(&sys.on))
		saw(S_ISDIR(st.st_mode) ? 'd' : 's');
	if (failed(S_ISDIR(st.st_mode) ? &sys.fail_dir_fsync : &sys.fail_fsync))
		return -1;
	return (int)syscall(SYS_fsync, fd);
}

int renameat(int at, const char *from, int to_at, const char *to)
{
	if (atomic_load(&sys.on))
		saw('r');
	if (failed(&sys.fail_rename))
		return -1;
	return (int)syscall(SYS_renameat2, at, from, to_at, to, 0);
}

int fchmodat(int at, const char *path, mode_t mode, int flags)
{
	(void)flags;
	if (atomic_load(&sys.on))
		saw('c');
	if (failed(&sys.fail_chmod))
		return -1;
	return (int)syscall(SYS_fchmodat, at, path, mode);
}

static void sys_watch(void)
{
	memset(sys.seen, 0, sizeof(sys.seen));
	atomic_store(&sys.n, 0);
	atomic_store(&sys.on, true);
}

static const char *sys_seen(void)
{
	atomic_store(&sys.on, false);
	return sys.seen;
}

static const struct id some = {{0xab, 0xcd}};
static char *root;

/* A fresh place for each test, made or not. */
static struct backend *place(bool create)
{
	static int n;
	struct backend *b;

	mem_free(root);
	root = mem_printf("%s/repo%d", check_tmpdir(), n++);
	b = backend_local_new(root, 2);
	if (create)
		REQUIRE(!backend_create(b, NULL));
	return b;
}

static char *path_of(enum backend_type t, const struct id *id)
{
	static char path[4096];
	char rel[LAYOUT_MAX];

	layout_path(t, id, rel);
	snprintf(path, sizeof(path), "%s/%s", root, rel);
	return path;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

static void file_make(const char *rel, const char *text)
{
	char *path = mem_printf("%s/%s", root, rel);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	REQUIRE(fd >= 0);
	REQUIRE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	mem_free(path);
}

static unsigned files_in(const char *rel)
{
	char *path = mem_printf("%s/%s", root, rel);
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	mem_free(path);
	return n < 2 ? 0 : n - 2;
}

static int count(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	(*(unsigned *)arg)++;
	return 0;
}

static unsigned listed(struct backend *b, enum backend_type t)
{
	unsigned n = 0;

	CHECK_EQ(backend_list(b, t, count, &n, NULL), 0);
	return n;
}

TEST(create_makes_all_directories)
{
	static const char *const dirs[] = {"", "/data", "/data/00", "/data/7f", "/data/ff", "/keys",
		"/snapshots", "/index", "/locks"};
	struct backend *b = place(true);

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char *path = mem_printf("%s%s", root, dirs[i]);

		CHECK_EQ(mode_of(path), 0700);
		mem_free(path);
	}
	CHECK_EQ(files_in("data"), 256);
	CHECK_EQ(files_in(""), 5);
	CHECK_EQ(backend_create(b, NULL), 0);
	backend_free(b);
}

TEST(create_makes_parents)
{
	char *path = mem_printf("%s/x/y/z", check_tmpdir());
	struct backend *b = backend_local_new(path, 1);

	CHECK_EQ(backend_create(b, NULL), 0);
	CHECK_EQ(mode_of(path), 0700);
	backend_free(b);
	mem_free(path);
}

TEST(create_where_a_file_is)
{
	struct backend *b = place(false);
	struct err err = {0};
	int fd = open(root, O_CREAT | O_WRONLY, 0600);
	char *path;

	REQUIRE(fd >= 0);
	close(fd);
	CHECK(backend_create(b, &err) < 0);
	CHECK(strstr(err.msg, root));
	unlink(root);
	REQUIRE(!mkdir(root, 0700));
	file_make("keys", "");
	CHECK(backend_create(b, &err) < 0);
	CHECK(strstr(err.msg, "/keys"));
	path = mem_printf("%s/keys", root);
	unlink(path);
	CHECK_EQ(backend_create(b, &err), 0);
	mem_free(path);
	backend_free(b);
}

TEST(relative_paths)
{
	char cwd[4096];
	struct backend *b;

	REQUIRE(getcwd(cwd, sizeof(cwd)) && !chdir(check_tmpdir()));
	b = backend_local_new("rel", 1);
	CHECK_EQ(backend_create(b, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "x", 1, NULL), 0);
	CHECK_EQ(listed(b, BACKEND_PACK), 1);
	backend_free(b);
	b = backend_local_new("rel2/", 1);
	CHECK_EQ(backend_create(b, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "x", 1, NULL), 0);
	backend_free(b);
	REQUIRE(!chdir(cwd));
}

TEST(private_modes)
{
	struct backend *b = place(true);

	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "x", 1, NULL), 0);
	CHECK_EQ(mode_of(path_of(BACKEND_CONFIG, NULL)), 0400);
	CHECK_EQ(mode_of(path_of(BACKEND_PACK, &some)), 0400);
	backend_free(b);
}

/* As in `umask 0`: what the modes are, not what the umask leaves of them. */
TEST(group_modes)
{
	struct backend *b = place(true);
	mode_t old = umask(0);
	char *dir;

	file_make("config", "x");
	REQUIRE(!chmod(path_of(BACKEND_CONFIG, NULL), 0440));
	backend_free(b);
	b = backend_local_new(root, 1);
	dir = mem_printf("%s/data/ab", root);
	REQUIRE(!rmdir(dir));
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "x", 1, NULL), 0);
	CHECK_EQ(mode_of(path_of(BACKEND_PACK, &some)), 0440);
	CHECK_EQ(mode_of(dir), 0770);
	umask(old);
	mem_free(dir);
	backend_free(b);
}

/* Written, synced, renamed, the name synced, then read-only: in this order, or a crash leaves a
 * file that lies. */
TEST(order_of_a_put)
{
	struct backend *b = place(true);

	sys_watch();
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "abc", 3, NULL), 0);
	CHECK_STR(sys_seen(), "awsrdc");
	CHECK_EQ(files_in("data/ab"), 1);
	sys_watch();
	CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "", 0, NULL), 0);
	CHECK_STR(sys_seen(), "srdc");
	backend_free(b);
}

TEST(short_writes_are_continued)
{
	struct backend *b = place(true);
	struct buf out;

	buf_init(&out, 100);
	atomic_store(&sys.short_writes, 2);
	sys_watch();
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "0123456789", 10, NULL), 0);
	CHECK_STR(sys_seen(), "awwwsrdc");
	CHECK_EQ(backend_get(b, BACKEND_PACK, &some, &out, NULL), 0);
	CHECK_EQ(out.len, 10);
	CHECK_MEM(out.p, "0123456789", 10);
	buf_release(&out);
	backend_free(b);
}

static void put_fails(atomic_int *where, int errnum, int code, bool there)
{
	struct backend *b = place(true);
	struct err err = {0};
	uint64_t size;

	atomic_store(where, errnum);
	sys_watch();
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "abc", 3, &err), code);
	sys_seen();
	atomic_store(where, 0);
	CHECK(strstr(err.msg, root));
	CHECK_EQ(files_in("data/ab"), there ? 1 : 0);
	CHECK_EQ(backend_stat(b, BACKEND_PACK, &some, &size, NULL), there ? 0 : ERR_NOTFOUND);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "abc", 3, NULL), 0);
	backend_free(b);
}

TEST(failures_leave_nothing_behind)
{
	put_fails(&sys.fail_write, ENOSPC, ERR_NOSPACE, false);
	put_fails(&sys.fail_write, EDQUOT, ERR_NOSPACE, false);
	put_fails(&sys.fail_write, EIO, ERR_IO, false);
	put_fails(&sys.fail_fsync, EIO, ERR_IO, false);
	put_fails(&sys.fail_rename, EIO, ERR_IO, false);
	/* The name is there but perhaps not for long: that is a failure, and writing it again is
	 * fine. */
	put_fails(&sys.fail_dir_fsync, EIO, ERR_IO, true);
	put_fails(&sys.fail_chmod, EIO, ERR_IO, true);
}

static void put_tolerates(atomic_int *where, int errnum, const char *calls)
{
	struct backend *b = place(true);

	atomic_store(where, errnum);
	sys_watch();
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "abc", 3, NULL), 0);
	CHECK_STR(sys_seen(), calls);
	atomic_store(where, 0);
	backend_free(b);
}

TEST(file_systems_that_cannot)
{
	put_tolerates(&sys.fail_fallocate, EOPNOTSUPP, "awsrdc");
	put_tolerates(&sys.fail_fallocate, ENOSPC, "awsrdc");
	put_tolerates(&sys.fail_fsync, ENOTSUP, "awsrc");
	put_tolerates(&sys.fail_dir_fsync, ENOTSUP, "awsrdc");
	put_tolerates(&sys.fail_dir_fsync, EINVAL, "awsrdc");
	put_tolerates(&sys.fail_chmod, EPERM, "awsrdc");
	put_tolerates(&sys.fail_chmod, ENOTSUP, "awsrdc");
}

/* A removal that a later one relies on is durable before it is reported. */
TEST(order_of_a_remove)
{
	struct backend *b = place(true);

	CHECK_EQ(backend_put(b, BACKEND_INDEX, &some, "x", 1, NULL), 0);
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "x", 1, NULL), 0);
	sys_watch();
	CHECK_EQ(backend_remove(b, BACKEND_INDEX, &some, NULL), 0);
	CHECK_STR(sys_seen(), "d");
	sys_watch();
	CHECK_EQ(backend_remove(b, BACKEND_PACK, &some, NULL), 0);
	CHECK_STR(sys_seen(), "");
	CHECK_EQ(files_in("index") + files_in("data/ab"), 0);
	backend_free(b);
}

TEST(missing_directories_are_made)
{
	struct backend *b = place(false);
	char *data = mem_printf("%s/data/ab", root);

	REQUIRE(!mkdir(root, 0700));
	sys_watch();
	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "x", 1, NULL), 0);
	/* data in the root and ab in data are new names too. */
	CHECK_STR(sys_seen(), "ddawsrdc");
	CHECK_EQ(mode_of(data), 0700);
	CHECK_EQ(backend_put(b, BACKEND_LOCK, &some, "x", 1, NULL), 0);
	CHECK_EQ(listed(b, BACKEND_PACK), 1);
	CHECK_EQ(listed(b, BACKEND_LOCK), 1);
	mem_free(data);
	backend_free(b);
}

/* The path leads elsewhere from some moment on: nothing is made there, and nothing that names packs
 * anywhere. */
TEST(another_root_is_not_filled)
{
	struct backend *b = place(true);
	char *away = mem_printf("%s.away", root);
	struct err err = {0};
	struct buf out;
	struct stat st;

	buf_init(&out, 100);
	CHECK_EQ(backend_put(b, BACKEND_LOCK, &some, "lock", 4, NULL), 0);
	for (int empty = 0; empty < 2; empty++) {
		REQUIRE(!rename(root, away) && (empty || !mkdir(root, 0700)));
		CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "pack", 4, &err), 0);
		CHECK_EQ(backend_get(b, BACKEND_PACK, &some, &out, NULL), 0);
		CHECK_EQ(listed(b, BACKEND_PACK), 1);
		CHECK_EQ(backend_put(b, BACKEND_INDEX, &some, "index", 5, &err), ERR_INVALID);
		CHECK(strstr(err.msg, root) && strstr(err.msg, "no longer the directory"));
		CHECK_EQ(backend_put(b, BACKEND_SNAPSHOT, &some, "snapshot", 8, NULL), ERR_INVALID);
		CHECK_EQ(backend_put(b, BACKEND_KEY, &some, "key", 3, NULL), ERR_INVALID);
		CHECK_EQ(listed(b, BACKEND_INDEX) + listed(b, BACKEND_SNAPSHOT) +
				 listed(b, BACKEND_KEY),
			0);
		CHECK_EQ(files_in(""), 0);
		if (!empty)
			REQUIRE(!rmdir(root));
		CHECK(stat(root, &st) < 0);
		REQUIRE(!rename(away, root));
		CHECK_EQ(backend_put(b, BACKEND_INDEX, &some, "index", 5, NULL), 0);
		CHECK_EQ(backend_remove(b, BACKEND_INDEX, &some, NULL), 0);
		CHECK_EQ(files_in("data/ab"), 1);
	}
	REQUIRE(!rename(root, away));
	CHECK_EQ(backend_remove(b, BACKEND_LOCK, &some, NULL), 0);
	REQUIRE(!rename(away, root));
	CHECK_EQ(files_in("locks"), 0);
	buf_release(&out);
	mem_free(away);
	backend_free(b);
}

/* Perhaps the file system is not mounted: a put must not begin a new repository in its place. */
/* data/ may be a link to a larger disk, or a mount point: what comes in its place is not filled,
 * and no index names what lies there. */
TEST(another_directory_of_packs_is_not_filled)
{
	struct backend *b = place(true);
	char *data = mem_printf("%s/data", root), *away = mem_printf("%s/data.away", root);
	struct err err = {0};

	for (int empty = 0; empty < 2; empty++) {
		REQUIRE(!rename(data, away) && (empty || !mkdir(data, 0700)));
		CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "pack", 4, NULL), 0);
		CHECK_EQ(listed(b, BACKEND_PACK), 1);
		CHECK_EQ(backend_put(b, BACKEND_INDEX, &some, "index", 5, &err), ERR_INVALID);
		CHECK(strstr(err.msg, data) && strstr(err.msg, "no longer the directory"));
		CHECK_EQ(backend_put(b, BACKEND_SNAPSHOT, &some, "snapshot", 8, NULL), ERR_INVALID);
		CHECK_EQ(listed(b, BACKEND_INDEX) + listed(b, BACKEND_SNAPSHOT), 0);
		CHECK(files_in("data/ab") <= 0);
		if (!empty)
			REQUIRE(!rmdir(data));
		CHECK_EQ(access(data, F_OK), -1);
		REQUIRE(!rename(away, data));
		CHECK_EQ(backend_put(b, BACKEND_INDEX, &some, "index", 5, NULL), 0);
		CHECK_EQ(backend_remove(b, BACKEND_INDEX, &some, NULL), 0);
		CHECK_EQ(files_in("data/ab"), 1);
	}
	mem_free(data);
	mem_free(away);
	backend_free(b);
}

TEST(missing_root_is_not_made)
{
	struct backend *b = place(false);

	CHECK_EQ(backend_put(b, BACKEND_PACK, &some, "x", 1, NULL), ERR_NOTFOUND);
	CHECK_EQ(backend_put(b, BACKEND_CONFIG, NULL, "x", 1, NULL), ERR_NOTFOUND);
	CHECK_EQ(access(root, F_OK), -1);
	CHECK_EQ(listed(b, BACKEND_PACK), 0);
	CHECK_EQ(listed(b, BACKEND_KEY), 0);
	backend_free(b);
}

/* So many of each kind, and the last one's path. */
struct odd {
	unsigned n[BACKEND_ODD_GONE + 1];
	char last[200];
};

static void odd(void *arg, enum backend_odd why, const char *path)
{
	struct odd *o = arg;

	o->n[why]++;
	snprintf(o->last, sizeof(o->last), "%s", path);
}

static int no_file(void *arg, const struct id *name, uint64_t size)
{
	(void)arg;
	(void)name;
	(void)size;
	return 0;
}

/* What it tells of odd names, as "name temp case kind place". */
static void odd_are(struct backend *b, enum backend_type t, const char *want)
{
	struct odd o = {0};
	struct backend_names to = {.file = no_file, .odd = odd, .arg = &o};
	char got[40];

	CHECK_EQ(backend_list_all(b, t, &to, NULL), 0);
	snprintf(got, sizeof(got), "%u %u %u %u %u", o.n[BACKEND_ODD_NAME], o.n[BACKEND_ODD_TEMP],
		o.n[BACKEND_ODD_CASE], o.n[BACKEND_ODD_KIND], o.n[BACKEND_ODD_PLACE]);
	if (!CHECK_STR(got, want))
		fprintf(stderr, "  the last one: %s\n", o.last);
}

/* A directory that is not there is empty, and that is told. */
TEST(missing_directories_are_told)
{
	struct backend *b = place(false);
	struct backend_names to = {.file = no_file, .odd = odd};
	char *link = mem_printf("%s/snapshots", root);
	struct odd o = {0};

	to.arg = &o;
	REQUIRE(!mkdir(root, 0700));
	CHECK_EQ(backend_list_all(b, BACKEND_SNAPSHOT, &to, NULL), 0);
	CHECK_EQ(o.n[BACKEND_ODD_GONE], 1);
	CHECK_STR(o.last, "snapshots");
	REQUIRE(!symlink("nowhere", link));
	CHECK_EQ(backend_list_all(b, BACKEND_SNAPSHOT, &to, NULL), 0);
	CHECK_EQ(o.n[BACKEND_ODD_GONE], 2);
	REQUIRE(!unlink(link) && !mkdir(link, 0700));
	CHECK_EQ(backend_list_all(b, BACKEND_SNAPSHOT, &to, NULL), 0);
	CHECK_EQ(o.n[BACKEND_ODD_GONE], 2);
	mem_free(link);
	backend_free(b);
}

/* What a crash or a stranger left: temporary files, other names, directories, names that no GET
 * could find again.  They are told, and are no files. */
TEST(leftovers_are_no_files)
{
	static const char hex[] =
		"abcd000000000000000000000000000000000000000000000000000000000000";
	struct backend *b = place(true);
	char *path;

	file_make("snapshots/.hidden", "");
	file_make("snapshots/README", "");
	path = mem_printf("snapshots/%s-tmp-123456", hex);
	file_make(path, "torn");
	mem_free(path);
	path = mem_printf("snapshots/%.63s", hex);
	file_make(path, "");
	mem_free(path);
	path = mem_printf("snapshots/%s0", hex);
	file_make(path, "");
	mem_free(path);
	file_make("snapshots/ABCD000000000000000000000000000000000000000000000000000000000000", "");
	path = mem_printf("%s/snapshots/%s", root, hex);
	REQUIRE(!mkdir(path, 0700));
	mem_free(path);
	CHECK_EQ(listed(b, BACKEND_SNAPSHOT), 0);
	odd_are(b, BACKEND_SNAPSHOT, "4 1 1 1 0");
	path = mem_printf("%s/snapshots/%.63s1", root, hex);
	REQUIRE(!symlink("nowhere", path));
	mem_free(path);
	path = mem_printf("%s/snapshots/%.63s2", root, hex);
	REQUIRE(!mkfifo(path, 0600));
	mem_free(path);
	CHECK_EQ(listed(b, BACKEND_SNAPSHOT), 0);
	odd_are(b, BACKEND_SNAPSHOT, "4 1 1 3 0");

	file_make("data/stray", "");
	path = mem_printf("data/%s", hex);
	file_make(path, "x");
	mem_free(path);
	path = mem_printf("data/ab/%s-tmp-1", hex);
	file_make(path, "x");
	mem_free(path);
	CHECK_EQ(listed(b, BACKEND_PACK), 0);
	path = mem_printf("%s/data/loop", root);
	REQUIRE(!symlink("nowhere", path));
	CHECK_EQ(listed(b, BACKEND_PACK), 0);
	mem_free(path);
	path = mem_printf("%s/data/pipe", root);
	REQUIRE(!mkfifo(path, 0600));
	CHECK_EQ(listed(b, BACKEND_PACK), 0);
	mem_free(path);

	odd_are(b, BACKEND_PACK, "3 1 0 0 1");

	/* In another directory no GET finds it. */
	path = mem_printf("data/00/%s", hex);
	file_make(path, "x");
	mem_free(path);
	CHECK_EQ(listed(b, BACKEND_PACK), 0);
	odd_are(b, BACKEND_PACK, "3 1 0 0 2");
	path = mem_printf("%s/data/other", root);
	REQUIRE(!mkdir(path, 0700));
	mem_free(path);
	path = mem_printf("data/other/%s", hex);
	file_make(path, "x");
	mem_free(path);
	odd_are(b, BACKEND_PACK, "4 1 0 0 3");
	CHECK_EQ(listed(b, BACKEND_CONFIG), 0);
	odd_are(b, BACKEND_CONFIG, "0 0 0 0 0");
	file_make("config-tmp-77", "x");
	odd_are(b, BACKEND_CONFIG, "0 1 0 0 0");
	backend_free(b);
}

TEST(failed_listing_is_an_error)
{
	struct backend *b = place(false);
	struct err err = {0};
	unsigned n = 0;
	char *path;

	REQUIRE(!mkdir(root, 0700));
	file_make("index", "not a directory");
	file_make("data", "not a directory");
	CHECK(backend_list(b, BACKEND_INDEX, count, &n, &err) < 0);
	CHECK(strstr(err.msg, "/index"));
	CHECK(backend_list(b, BACKEND_PACK, count, &n, &err) < 0);
	CHECK(backend_list(b, BACKEND_PACK, count, &n, NULL) < 0);

	/* A name that can be read but not looked up: a loop of symbolic links. */
	REQUIRE(!backend_put(b, BACKEND_KEY, &some, "x", 1, NULL));
	path = mem_printf(
		"%s/keys/abcd111111111111111111111111111111111111111111111111111111111111", root);
	REQUIRE(!symlink(path, path));
	CHECK(backend_list(b, BACKEND_KEY, count, &n, &err) < 0);
	mem_free(path);
	backend_free(b);
}

TEST(what_is_no_regular_file)
{
	struct backend *b = place(true);
	struct buf out;
	uint64_t size;

	buf_init(&out, 100);
	REQUIRE(!mkfifo(path_of(BACKEND_PACK, &some), 0600));
	CHECK_EQ(backend_get(b, BACKEND_PACK, &some, &out, NULL), ERR_INVALID);
	CHECK_EQ(backend_stat(b, BACKEND_PACK, &some, &size, NULL), ERR_INVALID);
	CHECK_EQ(listed(b, BACKEND_PACK), 0);
	REQUIRE(!mkdir(path_of(BACKEND_KEY, &some), 0700));
	CHECK_EQ(backend_get(b, BACKEND_KEY, &some, &out, NULL), ERR_INVALID);
	CHECK(backend_put(b, BACKEND_KEY, &some, "x", 1, NULL) < 0);
	CHECK_EQ(files_in("keys"), 1);
	buf_release(&out);
	backend_free(b);
}

static void note(struct backend_op *op)
{
	atomic_store((atomic_bool *)op->arg, true);
}

/* All workers stand in fsync of packs; a lock is read and removed all the same. */
TEST(locks_never_wait_behind_packs)
{
	struct backend *b = place(true);
	struct backend_op op[6];
	atomic_bool done[6];
	uint64_t size = 0;

	REQUIRE(!backend_put(b, BACKEND_LOCK, &some, "lock", 4, NULL));
	atomic_store(&sys.hold_fsync, true);
	for (int i = 0; i < 6; i++) {
		atomic_init(&done[i], false);
		op[i] = (struct backend_op){.verb = BACKEND_PUT,
			.type = BACKEND_PACK,
			.name = {{(uint8_t)i}},
			.done = note,
			.arg = &done[i]};
		backend_start(b, &op[i]);
	}
	CHECK_EQ(backend_stat(b, BACKEND_LOCK, &some, &size, NULL), 0);
	CHECK_EQ(size, 4);
	CHECK_EQ(backend_remove(b, BACKEND_LOCK, &some, NULL), 0);
	for (int i = 0; i < 6; i++)
		CHECK(!atomic_load(&done[i]));
	atomic_store(&sys.hold_fsync, false);
	backend_free(b);
	for (int i = 0; i < 6; i++) {
		CHECK(atomic_load(&done[i]));
		CHECK_EQ(op[i].err.code, 0);
	}
	mem_free(root);
	root = NULL;
}
