#include "base/buf.h"
#include "fs/match.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char file[4200];

static const char *put(const void *p, size_t n)
{
	int fd;

	snprintf(file, sizeof(file), "%s/list", check_tmpdir());
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	REQUIRE(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
	return file;
}

static const char *env(const char *name)
{
	return strcmp(name, "X") == 0 ? "foo" : NULL;
}

TEST(exclude_file)
{
	static const char text[] =
		"# comment\n\n  \t\n*.o\r\n  /a/$X/b  \n!keep\n#no\n$NONE\n$$dollar";
	struct match *m = match_new(false);
	struct err err = {0};

	CHECK_EQ(match_add_file(m, put(text, sizeof(text) - 1), env, &err), 0);
	CHECK_EQ(match_count(m), 4); /* an expansion to nothing is no pattern */
	CHECK(match_path(m, "/x.o", NULL));
	CHECK(match_path(m, "/a/foo/b", NULL));
	CHECK(!match_path(m, "/keep/x.o", NULL));
	CHECK(match_path(m, "/$dollar", NULL));
	CHECK(!match_path(m, "/#no", NULL));
	match_free(m);
}

TEST(exclude_file_utf16)
{
	struct match *m = match_new(true);
	struct err err = {0};

	CHECK_EQ(match_add_file(m, put("\xff\xfe\xc4\0\n\0b\0", 8), NULL, &err), 0);
	CHECK_EQ(match_count(m), 2);
	CHECK(match_path(m, "/\xc3\xa4", NULL));
	match_free(m);
}

TEST(exclude_file_errors)
{
	struct match *m = match_new(false);
	struct err err = {0};

	CHECK_EQ(match_add_file(m, put("a\n[\n", 4), NULL, &err), ERR_USAGE);
	CHECK(strstr(err.msg, file) != NULL);
	/* "a" alone would exclude too much */
	CHECK_EQ(match_add_file(m, put("a\0b\n", 4), NULL, &err), ERR_USAGE);
	CHECK_EQ(match_add_file(m, "/nonexistent/file", NULL, &err), ERR_NOTFOUND);
	CHECK_EQ(match_add_file(m, put("", 0), NULL, &err), 0);
	match_free(m);
}

struct got {
	struct buf names;
	size_t warnings;
};

static void take(void *arg, const char *name)
{
	struct got *g = arg;

	buf_adds(&g->names, name);
	buf_addc(&g->names, '\n');
}

static void warned(void *arg, const char *msg)
{
	struct got *g = arg;

	CHECK(strstr(msg, "does not match any files") != NULL);
	g->warnings++;
}

static void check_list(const char *text, size_t n, enum match_list kind, const char *want, int rc,
	size_t warnings)
{
	struct got g = {.warnings = 0};
	struct err err = {0};

	buf_init(&g.names, 100000);
	CHECK_EQ(match_read_list(put(text, n), kind, take, &g, warned, &err), rc);
	if (rc == 0 || *want)
		CHECK_STR(buf_str(&g.names), want);
	CHECK_EQ(g.warnings, warnings);
	buf_release(&g.names);
}
#define CHECK_LIST(text, kind, want, rc, warnings)                                                 \
	check_list(text, sizeof(text) - 1, kind, want, rc, warnings)

TEST(verbatim)
{
	CHECK_LIST("", MATCH_LINES_VERBATIM, "", 0, 0);
	CHECK_LIST("a\n\n b \r\n#c\n*\n", MATCH_LINES_VERBATIM, "a\n b \n#c\n*\n", 0, 0);
	CHECK_LIST("\xef\xbb\xbf"
		   "a",
		MATCH_LINES_VERBATIM, "a\n", 0, 0);
	CHECK_LIST("a\0b\n", MATCH_LINES_VERBATIM, "", ERR_USAGE, 0);
}

TEST(raw)
{
	CHECK_LIST("", MATCH_NUL, "", 0, 0);
	CHECK_LIST("a\0b\nc \0", MATCH_NUL, "a\nb\nc \n", 0, 0);
	CHECK_LIST("\xef\xbb\xbf"
		   "a\0",
		MATCH_NUL,
		"\xef\xbb\xbf"
		"a\n",
		0, 0);
	CHECK_LIST("a\0b", MATCH_NUL, "", ERR_USAGE, 0);
	CHECK_LIST("a\0\0b\0", MATCH_NUL, "a\n", ERR_USAGE, 0);
}

static void touch(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	REQUIRE(fd >= 0);
	close(fd);
}

/* The outcomes are those of Go 1.26's filepath.Glob in the same folder. */
TEST(wildcards)
{
	static const struct {
		const char *pattern, *want;
	} t[] = {
		{"z", "z\n"},
		{"nope", ""},
		{"./z", "./z\n"},
		{"d1//x.c", "d1//x.c\n"},
		{"*", "a b\nd1\nd2\ndangling\nlit*\nln\nz\n"},
		{"d?", "d1\nd2\n"},
		{"d*/x.c", "d1/x.c\nd2/x.c\n"},
		{"*/*.c", "d1/x.c\nd2/x.c\nd2/y.c\nln/x.c\n"},
		{"d1/*", "d1/.h\nd1/s\nd1/x.c\n"},
		{"./d*", "d1\nd2\ndangling\n"},
		{"d1//*", "d1/.h\nd1/s\nd1/x.c\n"},
		{"../w/z*", "../w/z\n"},
		{"*/s/*", "d1/s/x.c\nln/s/x.c\n"},
		{"d1/s/../*.c", "d1/x.c\n"},
		{"lit\\*", "lit*\n"},
		{"lit*", "lit*\n"},
		{"lit[*]", "lit*\n"},
		{"d*/", ""},
		{"*/", ""},
		{"ln/*", "ln/.h\nln/s\nln/x.c\n"},
		{"dang*", "dangling\n"},
		{"dangling", "dangling\n"},
		{"dangling/*", ""},
		{"a b", "a b\n"},
		{"a\\ b", "a b\n"},
		{"[^a]", "z\n"},
		{"/tmp/nope*", ""},
		{"/us[r]", "/usr\n"},
		{"//us[r]", "/usr\n"},
		{"**/x.c", "d1/x.c\nd2/x.c\nln/x.c\n"},
		{"d1/*/x.c", "d1/s/x.c\n"},
		{"*/*/*", "d1/s/x.c\nln/s/x.c\n"},
		{"d1/.", "d1/.\n"},
		{"[d]1/..", ""},
		{"z/*", ""},
		{"d1/x.c/*", ""},
	};
	char cwd[4096];

	REQUIRE(getcwd(cwd, sizeof(cwd)) && chdir(check_tmpdir()) == 0);
	REQUIRE(mkdir("w", 0700) == 0 && chdir("w") == 0);
	REQUIRE(mkdir("d1", 0700) == 0 && mkdir("d2", 0700) == 0 && mkdir("d1/s", 0700) == 0);
	touch("d1/x.c");
	touch("d1/.h");
	touch("d2/x.c");
	touch("d2/y.c");
	touch("d1/s/x.c");
	touch("a b");
	touch("lit*");
	touch("z");
	REQUIRE(symlink("d1", "ln") == 0 && symlink("none", "dangling") == 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char line[300];
		int n = snprintf(line, sizeof(line), "  %s\t\n", t[i].pattern);

		check_list(line, (size_t)n, MATCH_LINES_GLOB, t[i].want, 0, !*t[i].want);
	}
	CHECK_LIST("# z\n\n", MATCH_LINES_GLOB, "", 0, 0);
	CHECK_LIST("z\n[\n", MATCH_LINES_GLOB, "z\n", ERR_USAGE, 0);
	CHECK_LIST("none/[\n", MATCH_LINES_GLOB, "", ERR_USAGE, 0);
	REQUIRE(chdir(cwd) == 0);
}

TEST(from_stdin)
{
	struct got g = {.warnings = 0};
	struct err err = {0};
	int saved = dup(0), p[2];

	REQUIRE(pipe(p) == 0);
	CHECK_EQ(write(p[1], "a\0b\0", 4), 4);
	close(p[1]);
	dup2(p[0], 0);
	buf_init(&g.names, 100);
	CHECK_EQ(match_read_list("-", MATCH_NUL, take, &g, warned, &err), 0);
	CHECK_STR(buf_str(&g.names), "a\nb\n");
	buf_release(&g.names);
	dup2(saved, 0);
	close(saved);
	close(p[0]);
}

TEST(size)
{
	static const struct {
		const char *s;
		unsigned long long v;
	} good[] = {{"0", 0}, {"1", 1}, {"10k", 10240}, {"10K", 10240}, {"3M", 3 << 20},
		{"2g", 2ull << 30}, {"5T", 5ull << 40}, {"7b", 7}, {"7B", 7}, {"+5", 5},
		{"9223372036854775807", 9223372036854775807ull}, {"8388607t", 8388607ull << 40}};
	static const char *const bad[] = {"", "k", "-1", "1kk", "1x", "1 k", "0x10",
		"9223372036854775808", "8388608t", "99999999999999999999", "1\x01", "1\x20", "+",
		"1.5M", "18446744073709551616"};
	struct err err = {0};
	unsigned long long v;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		v = 12345;
		CHECK_EQ(match_size(good[i].s, &v, &err), 0);
		CHECK_EQ(v, good[i].v);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_EQ(match_size(bad[i], &v, &err), ERR_USAGE))
			fprintf(stderr, "'%s'\n", bad[i]);
}
