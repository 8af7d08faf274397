#include "fs/text.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *env(const char *name)
{
	if (strcmp(name, "HOME") == 0)
		return "/home/u";
	if (strcmp(name, "a_1") == 0)
		return "<$HOME>"; /* a value is not expanded again */
	if (strcmp(name, "1") == 0 || strcmp(name, "*") == 0)
		return "one";
	return NULL;
}

static void check_expand(const char *in, const char *want, const char *(*fn)(const char *name))
{
	struct buf b;

	buf_init(&b, 1024);
	text_expand(&b, in, strlen(in), fn);
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}

/* Each line was run through Go 1.26's os.Expand. */
TEST(expand)
{
	check_expand("", "", env);
	check_expand("$HOME/x", "/home/u/x", env);
	check_expand("${HOME}x$HOME", "/home/ux/home/u", env);
	check_expand("$HOMEx", "", env);
	check_expand("$a_1", "<$HOME>", env);
	check_expand("$$HOME $", "$HOME $", env);
	check_expand("$1x${1}$*", "onexoneone", env);
	check_expand("${}x ${HOME", "x HOME", env);
	check_expand("a$.b$/c", "a$.b$/c", env);
	check_expand("${$}${a b}x", "$x", env);
	check_expand("a $HOME b", "a  b", NULL);
}

static void check_decode(const char *in, size_t n, const char *want)
{
	struct buf b;
	struct err err = {0};

	buf_init(&b, 1024);
	buf_add(&b, in, n);
	CHECK_EQ(text_decode(&b, &err), 0);
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}

TEST(decode)
{
	check_decode("", 0, "");
	check_decode("\xff", 1, "\xff");
	check_decode("a\xc3\xa4", 3, "a\xc3\xa4");
	check_decode("\xef\xbb\xbf"
		     "ab",
		5, "ab");
	check_decode("\xff\xfe"
		     "a\0\xe4\0",
		6, "a\xc3\xa4");
	check_decode("\xfe\xff\0a\xd8\x3d\xdc\xa9", 8, "a\xf0\x9f\x92\xa9");
	check_decode("\xff\xfe\x3d\xd8"
		     "b\0",
		6,
		"\xef\xbf\xbd"
		"b");
	check_decode("\xff\xfe\x3d\xd8", 4, "\xef\xbf\xbd");
	check_decode("\xff\xfe\xa9\xdc", 4, "\xef\xbf\xbd");
	check_decode("\xff\xfe"
		     "a\0b",
		5, "a\xef\xbf\xbd");
}

TEST(lines)
{
	static const char text[] = "a\nb\r\n\n \r\r\nlast";
	static const char *const want[] = {"a", "b", "", " \r", "last"};
	const char *p = text, *end = text + strlen(text), *line;
	size_t n, i = 0;

	while ((line = text_line(&p, end, &n))) {
		REQUIRE(i < 5);
		if (CHECK_EQ(n, strlen(want[i])))
			CHECK_MEM(line, want[i], n);
		i++;
	}
	CHECK_EQ(i, 5);
	p = text;
	/* a final newline begins no line */
	CHECK(text_line(&p, text + 2, &n) && !text_line(&p, text + 2, &n));
}

static void put(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

TEST(load)
{
	char path[4200], big[1000] = {0};
	struct buf b;
	struct err err = {0};

	snprintf(path, sizeof(path), "%s/f", check_tmpdir());
	put(path, big, sizeof(big));
	buf_init(&b, sizeof(big));
	CHECK_EQ(text_load(path, true, &b, &err), 0);
	CHECK_EQ(b.len, sizeof(big));
	buf_release(&b);
	buf_init(&b, sizeof(big) - 1);
	CHECK_EQ(text_load(path, true, &b, &err), ERR_NOMEM);
	buf_release(&b);

	/* UTF-16 of three-byte characters grows: the bound holds for the result too. */
	put(path, "\xff\xfe\xac\x20\xac\x20", 6);
	buf_init(&b, 6);
	CHECK_EQ(text_load(path, true, &b, &err), 0);
	CHECK_STR(buf_str(&b), "\xe2\x82\xac\xe2\x82\xac");
	buf_release(&b);
	put(path, "\xff\xfe\xac\x20\xac\x20\xac\x20", 8);
	buf_init(&b, 8);
	CHECK_EQ(text_load(path, true, &b, &err), ERR_NOMEM);
	buf_release(&b);
	buf_init(&b, 8);
	CHECK_EQ(text_load(path, false, &b, &err), 0);
	CHECK_EQ(b.len, 8);
	buf_release(&b);

	buf_init(&b, 8);
	CHECK_EQ(text_load(check_tmpdir(), true, &b, &err), ERR_IO); /* a directory */
	buf_release(&b);
	snprintf(path, sizeof(path), "%s/none", check_tmpdir());
	CHECK_EQ(text_load(path, true, &b, &err), ERR_NOTFOUND);
	CHECK(strstr(err.msg, path) != NULL);
}

TEST(load_stdin)
{
	struct buf b;
	struct err err = {0};
	int saved = dup(0), p[2];

	REQUIRE(pipe(p) == 0);
	CHECK_EQ(write(p[1], "\xef\xbb\xbf\n", 4), 4);
	close(p[1]);
	dup2(p[0], 0);
	buf_init(&b, 100);
	CHECK_EQ(text_load("-", true, &b, &err), 0);
	CHECK_EQ(b.len, 4);
	buf_release(&b);
	dup2(saved, 0);
	close(saved);
	close(p[0]);
}
