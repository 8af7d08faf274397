#include "engine/exclude.h"
#include "base/mem.h"
#include "lib/files.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int warned;
static char last[1200];

static void warn(void *arg, const char *name, const struct err *why)
{
	CHECK(arg == &warned);
	warned++;
	snprintf(last, sizeof(last), "%s: %s", name, why->msg);
}

TEST(any_list_rejects)
{
	struct match *a = match_new(false), *b = match_new(true);
	const struct match *lists[] = {a, b};
	struct backup_options o = {.exclude = lists, .n_exclude = 2};
	struct err e;

	REQUIRE(match_add(a, "*.o", &e) == 0 && match_add(b, "/home/TMP", &e) == 0);
	CHECK(exclude_path(&o, "/x/y.o"));
	CHECK(!exclude_path(&o, "/x/y.O"));
	CHECK(exclude_path(&o, "/home/tmp/a"));
	CHECK(!exclude_path(&o, "/home/a"));
	o.n_exclude = 0;
	CHECK(!exclude_path(&o, "/x/y.o"));
	match_free(a);
	match_free(b);
}

/* Which of the names are left out, as letters. */
static const char *left_out(const struct backup_options *o, const char *dir, bool with_list)
{
	static const char *const names[] = {"A", "B", "C", "f"};
	static char out[8];
	struct exclude_marks m;
	struct dir_list list = {0};
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	size_t n = 0;

	REQUIRE(fd >= 0 && dir_list(fd, &list, NULL) == 0);
	warned = 0;
	exclude_marks_find(o, fd, with_list ? &list : NULL, &m, warn, &warned);
	for (size_t i = 0; i < 4; i++)
		if (exclude_marked(&m, names[i]))
			out[n++] = names[i][0];
	out[n] = 0;
	exclude_marks_release(&m);
	dir_list_release(&list);
	close(fd);
	return out;
}

TEST(markers)
{
	struct backup_marker k[] = {{(char *)(uintptr_t) "A", NULL},
		{(char *)(uintptr_t) "B", (char *)(uintptr_t) "head"}};
	struct backup_options o = {.marker = k, .n_marker = 2};
	char *dir;

	for (int with_list = 0; with_list < 2; with_list++) {
		char *d = files_dir("marks");

		CHECK_STR(left_out(&o, d, with_list), "");
		files_text(d, "A", "");
		CHECK_STR(left_out(&o, d, with_list), "BCf"); /* all but itself */
		files_text(d, "B", "header");
		CHECK_STR(left_out(&o, d, with_list), "ABCf"); /* each rejects the other */
		files_text(d, "B", "hea");
		CHECK_STR(left_out(&o, d, with_list), "BCf");
		CHECK_EQ(warned, 1);
		CHECK_STR(last, "B: it does not begin with \"head\"");
		mem_free(d);
	}
	dir = files_dir("marks");
	k[1].header = (char *)(uintptr_t) "";
	files_text(dir, "B", "");
	CHECK_STR(left_out(&o, dir, true), "ACf"); /* an empty header is none */
	files_mkdir(dir, "A");
	CHECK_STR(left_out(&o, dir, true), "ABCf"); /* what it is does not matter */
	k[0].name = (char *)(uintptr_t) "A/sub";
	CHECK_STR(left_out(&o, dir, true), "ACf");
	files_text(dir, "A/sub", "");
	CHECK_STR(left_out(&o, dir, true), "ABCf");
	k[0] = (struct backup_marker){(char *)(uintptr_t) "A", (char *)(uintptr_t) "x"};
	CHECK_STR(left_out(&o, dir, true), "ACf"); /* a directory has no header */
	CHECK_EQ(warned, 1);
	mem_free(dir);
}

TEST(size_and_device)
{
	struct backup_options o = {.larger_than = 10, .larger_than_given = true};
	struct meta file = {.mode = S_IFREG, .dev = 2, .size = 11},
		    dir = {.mode = S_IFDIR, .dev = 2, .size = 4096};

	CHECK(exclude_meta(&o, &file, 2, 2));
	CHECK(!exclude_meta(&o, &dir, 2, 2));
	file.size = 10;
	CHECK(!exclude_meta(&o, &file, 1, 1));
	o.larger_than_given = false;
	o.one_file_system = true;
	CHECK(!exclude_meta(&o, &file, 2, 2));
	CHECK(exclude_meta(&o, &file, 1, 1));
	CHECK(!exclude_meta(&o, &dir, 1, 1)); /* a mount point */
	CHECK(exclude_meta(&o, &dir, 1, 2));  /* below it */
	CHECK(exclude_meta(&o, &file, 1, 2));
}
