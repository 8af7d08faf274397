#include "engine/target.h"
#include "base/mem.h"
#include "engine/backup.h"
#include "lib/files.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The tree as text: a(b c! d?) with ! behind a target itself and ? behind what was found. */
static void print(const struct target *t, struct buf *b)
{
	if (t->name)
		buf_adds(b, t->name);
	CHECK(!t->leaf || !t->n);
	CHECK(t->leaf || !t->named);
	if (t->leaf)
		buf_adds(b, t->named ? "!" : "?");
	if (!t->n)
		return;
	buf_adds(b, "(");
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			buf_adds(b, " ");
		print(t->child[i], b);
	}
	buf_adds(b, ")");
}

static const char *tree(const char *cwd, ...)
{
	static struct buf b;
	struct strlist l = {0};
	struct target *t = NULL;
	struct err e = {0};
	va_list ap;
	const char *s;

	va_start(ap, cwd);
	while ((s = va_arg(ap, const char *)) != NULL)
		strlist_add(&l, s);
	va_end(ap);
	buf_release(&b);
	buf_init(&b, 4096);
	CHECK_EQ(target_tree(&l, cwd, &t, &e), 0);
	if (t)
		print(t, &b);
	target_free(t);
	strlist_release(&l);
	return buf_str(&b);
}

static const struct target *find(const struct target *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->child[i]->name, name))
			return t->child[i];
	return NULL;
}

TEST(absolute_and_relative)
{
	CHECK_STR(tree("/w", "/tmp/a", NULL), "(tmp(a!))");
	CHECK_STR(tree("/w", "a/x", NULL), "(a(x!))");
	CHECK_STR(tree("/w/v", "../b", NULL), "(b!)");
	CHECK_STR(tree("/w/v/u", "../../b/c/", NULL), "(b(c!))");
	CHECK_STR(tree("/w", "z", "/a/b", "a", NULL), "(a(b!) a-1! z!)");
}

TEST(names_that_are_taken)
{
	CHECK_STR(tree("/w/v", "a", "../a", NULL), "(a! a-1!)");
	CHECK_STR(tree("/w/v/u", "a/x", "../a/y", "../../a", "a/z", NULL),
		"(a(x! z!) a-1(y!) a-2!)");
}

TEST(targets_beside_each_other)
{
	CHECK_STR(tree("/", "/a/x", "/a/xy", "/a/x/", NULL), "(a(x! xy!))");
	CHECK_STR(tree("/", "/b", "/a/x", "//b/.", NULL), "(a(x!) b!)");
}

/* The outer one is what lies in it, and the inner one is still a target by itself. */
TEST(a_target_inside_another)
{
	char *dir = files_dir("nest");
	struct strlist l = {0};
	const struct target *t;
	struct target *top;
	struct err e = {0};
	struct stat st;

	files_mkdir(dir, "o/mid/in/deep");
	files_mkdir(dir, "o/mid/other");
	files_text(dir, "o/f", "f");
	files_text(dir, "o/mid/g", "g");
	CHECK_STR(tree(dir, "o", "o/f", NULL), "(o(f! mid?))");
	CHECK_STR(tree(dir, "o/f", "o", "o", NULL), "(o(f! mid?))");
	CHECK_STR(tree(dir, "o/mid/in", "o", NULL), "(o(f? mid(g? in! other?)))");
	CHECK_STR(tree(dir, "o", "o/mid/in", "o/mid", "o/mid/in/deep", NULL),
		"(o(f? mid(g? in(deep!) other?)))");
	CHECK_STR(tree(dir, "o", "o/gone/x", NULL), "(o(f? gone(x!) mid?))");
	strlist_add(&l, "o");
	strlist_add(&l, "o/mid/in");
	REQUIRE(target_tree(&l, dir, &top, &e) == 0 && stat(dir, &st) == 0);
	t = find(find(find(top, "o"), "mid"), "other");
	CHECK_EQ(t->device, st.st_dev);
	CHECK(strstr(t->path, "/nest/o/mid/other") != NULL);
	target_free(top);
	strlist_release(&l);
	mem_free(dir);
}

TEST(a_directory_that_must_be_read_and_cannot)
{
	struct strlist l = {0};
	struct target *t;
	struct err e = {0};

	strlist_add(&l, "/does/not/exist");
	strlist_add(&l, "/does/not/exist/either");
	CHECK_EQ(target_tree(&l, "/", &t, &e), ERR_NOTFOUND);
	CHECK(t == NULL);
	CHECK(strstr(e.msg, "/does/not/exist") != NULL);
	strlist_release(&l);
}

/* A list of files from a file: quadratic work would take minutes. */
TEST(many_targets)
{
	struct strlist l = {0};
	struct target *t;
	struct err e = {0};
	struct timespec a, b;

	for (unsigned i = 0; i < 200000; i++) {
		char name[64];

		snprintf(name, sizeof(name), i % 2 ? "/data/%06u" : "%06u", (i * 7919) % 200000);
		strlist_add(&l, name);
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	REQUIRE(target_tree(&l, "/w", &t, &e) == 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(b.tv_sec - a.tv_sec < 30);
	CHECK_EQ(t->n, 100001);
	CHECK_EQ(find(t, "data")->n, 100000);
	for (size_t i = 1; i < t->n; i++)
		if (!CHECK(strcmp(t->child[i - 1]->name, t->child[i]->name) < 0))
			break;
	target_free(t);
	strlist_release(&l);
}

TEST(where_things_lie)
{
	struct strlist l = {0};
	struct target *t;
	struct err e = {0};

	strlist_add(&l, "../b/c");
	strlist_add(&l, "/b/d");
	REQUIRE(target_tree(&l, "/w/v", &t, &e) == 0);
	CHECK_STR(find(t, "b")->path, "/w/b");
	CHECK_STR(find(find(t, "b"), "c")->path, "/w/b/c");
	CHECK_STR(find(t, "b-1")->path, "/b");
	CHECK_STR(find(find(t, "b-1"), "d")->path, "/b/d");
	target_free(t);
	strlist_release(&l);
}

TEST(dot_is_what_lies_in_it)
{
	char *dir = mem_printf("%s/dot", check_tmpdir()), *p;

	mkdir(dir, 0755);
	for (int i = 0; i < 3; i++) {
		p = mem_printf("%s/%c", dir, "cab"[i]);
		mkdir(p, 0755);
		mem_free(p);
	}
	CHECK_STR(tree(dir, ".", NULL), "(a? b? c?)");
	p = mem_printf("%s/a", dir);
	CHECK_STR(tree(p, "..", NULL), "(a? b? c?)");
	mem_free(p);
	/* Named as well, before or after. */
	CHECK_STR(tree(dir, ".", "b", NULL), "(a? b! c?)");
	CHECK_STR(tree(dir, "b", ".", NULL), "(a? b! c?)");
	mem_free(dir);
}

static void count(void *arg, const char *target, const struct err *e)
{
	CHECK_STR(target, "/does/not/exist");
	CHECK_EQ(e->code, ERR_NOTFOUND);
	++*(int *)arg;
}

TEST(missing_targets_are_left_out)
{
	struct strlist l = {0}, paths = {0};
	int missing = 0;

	strlist_add(&l, "/");
	strlist_add(&l, "/does/not/exist");
	strlist_add(&l, "/tmp/.");
	CHECK_EQ(backup_targets(&l, count, &missing), 2);
	CHECK_EQ(missing, 1);
	backup_paths(&l, "/w", &paths);
	CHECK_STR(paths.s[0], "/");
	CHECK_STR(paths.s[1], "/tmp");
	strlist_release(&l);
	strlist_release(&paths);
}
