#include "base/publish.h"
#include "base/mem.h"
#include "lib/files.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the file system cannot: the two system calls that matter fail so, or do their work if 0. */
static int no_link, no_rename;
static unsigned links, renames;

int linkat(int from, const char *a, int to, const char *b, int flags)
{
	links++;
	errno = no_link;
	return no_link ? -1 : (int)syscall(SYS_linkat, from, a, to, b, flags);
}

int renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
	renames++;
	errno = no_rename;
	return no_rename ? -1 : (int)syscall(SYS_renameat2, from, a, to, b, flags);
}

static char *dir;
static int fd;

void check_setup(void)
{
	dir = files_dir("published");
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	REQUIRE(fd >= 0);
}

void check_teardown(void)
{
	close(fd);
	mem_free(dir);
}

static void holds(const char *name, const char *want)
{
	size_t n;
	char *text = files_read(dir, name, &n);

	if (CHECK(text != NULL)) {
		CHECK_EQ(n, strlen(want));
		CHECK_MEM(text, want, strlen(want));
	}
	mem_free(text);
}

/* The first has the name, the second is told and keeps its temporary one. */
static void one_of_two(const char *name, unsigned want_links, unsigned want_renames)
{
	links = renames = 0;
	files_text(dir, "one", "1");
	files_text(dir, "two", "22");
	CHECK_EQ(publish_new(fd, "one", name), 0);
	CHECK_EQ(links, want_links);
	CHECK_EQ(renames, want_renames);
	holds(name, "1");
	CHECK(faccessat(fd, "one", F_OK, 0) < 0);
	CHECK_EQ(publish_new(fd, "two", name), EEXIST);
	holds(name, "1");
	holds("two", "22");
}

TEST(by_a_link)
{
	no_link = no_rename = 0;
	one_of_two("linked", 1, 0);
}

TEST(where_there_are_no_links)
{
	no_link = EPERM;
	one_of_two("renamed", 1, 1);
}

TEST(where_there_is_neither)
{
	no_link = EOPNOTSUPP;
	no_rename = EINVAL;
	one_of_two("plain", 1, 1);
}

TEST(what_fails_is_told)
{
	no_link = EIO;
	no_rename = 0;
	files_text(dir, "three", "333");
	CHECK_EQ(publish_new(fd, "three", "new"), EIO);
	no_link = EPERM;
	no_rename = EACCES;
	CHECK_EQ(publish_new(fd, "three", "new"), EACCES);
	CHECK(faccessat(fd, "new", F_OK, 0) < 0);
	holds("three", "333");
}
