#include "repo/password.h"
#include "unit/repo_fixture.h"
#include <stdio.h>
#include <unistd.h>

static int get(const struct password_source *s, char out[256], struct err *err)
{
	struct buf b = {0};
	int rc;

	err_clear(err);
	rc = password_get(s, &b, err);
	snprintf(out, 256, "%.*s", (int)b.len, b.p ? (char *)b.p : "");
	CHECK(rc == 0 || !b.len);
	buf_wipe(&b);
	return rc;
}

static const char *file_with(const char *bytes, size_t n)
{
	static char path[4200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/pw", check_tmpdir());
	f = fopen(path, "w");
	REQUIRE(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
	return path;
}

static int prompt(void *arg, struct buf *out, struct err *err)
{
	(void)err;
	return buf_adds(out, arg);
}

TEST(order_of_sources)
{
	struct password_source s = {.value = " env ", .prompt = prompt, .arg = "typed"};
	struct err err;
	char pw[256];

	CHECK_EQ(get(&s, pw, &err), 0);
	CHECK_STR(pw, " env "); /* not trimmed */
	s.value = "";
	CHECK_EQ(get(&s, pw, &err), 0);
	CHECK_STR(pw, "typed");
	s.prompt = NULL;
	CHECK_EQ(get(&s, pw, &err), ERR_PASSWORD);
	s.value = "env";
	s.file = file_with("file\n", 5);
	CHECK_EQ(get(&s, pw, &err), 0);
	CHECK_STR(pw, "file");
	s.file = "";
	s.command = "echo command";
	CHECK_EQ(get(&s, pw, &err), 0);
	CHECK_STR(pw, "command");
	s.file = file_with("file\n", 5);
	CHECK_EQ(get(&s, pw, &err), ERR_USAGE);
}

TEST(empty_only_when_wanted)
{
	struct password_source s = {.allow_empty = true};
	struct err err;
	char pw[256];

	CHECK_EQ(get(&s, pw, &err), 0);
	CHECK_STR(pw, "");
	s.value = "x";
	CHECK_EQ(get(&s, pw, &err), ERR_USAGE);
	s = (struct password_source){.file = file_with(" \n", 2)};
	CHECK_EQ(get(&s, pw, &err), ERR_USAGE);
	s = (struct password_source){.prompt = prompt, .arg = ""};
	CHECK_EQ(get(&s, pw, &err), ERR_USAGE);
}

TEST(file)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *pw;
	} c[] = {
		{"\xef\xbb\xbfsecret \r\n", 12, "secret"},
		{"\xff\xfeg\0r\0\xfc\0n\0\r\0\n\0", 14, "gr\xc3\xbcn"},
		{"\xfe\xff\0g\0r\0\xfc\0n", 10, "gr\xc3\xbcn"},
		{"\xff\xfe=\xd8\x00\xde!\0", 8, "\xf0\x9f\x98\x80!"}, /* a surrogate pair */
		{"\xff\xfe=\xd8!\0", 6, "\xef\xbf\xbd!"},             /* half of one */
		/* no-break and ideographic space */
		{"\xc2\xa0 two words\xe3\x80\x80\n", 16, "two words"},
		/* bytes that are no UTF-8 stay */
		{"\xa0raw\xff\n", 6, "\xa0raw\xff"},
		{"line1\nline2\n", 12, "line1\nline2"},
	};
	struct err err;
	char pw[256];

	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct password_source s = {.file = file_with(c[i].bytes, c[i].n)};

		CHECK_EQ(get(&s, pw, &err), 0);
		CHECK_STR(pw, c[i].pw);
	}
}

TEST(file_faults)
{
	struct password_source s = {.file = "/nonexistent/pw"};
	size_t n = 70000;
	char *big = mem_zalloc(n), pw[256];
	struct err err;

	CHECK_EQ(get(&s, pw, &err), ERR_NOTFOUND);
	CHECK(strstr(err.msg, "/nonexistent/pw") != NULL);
	memset(big, 'x', n);
	s.file = file_with(big, n);
	CHECK_EQ(get(&s, pw, &err), ERR_USAGE);
	s.file = check_tmpdir();
	CHECK(get(&s, pw, &err) < 0);
	mem_free(big);
}

/* Words as restic splits them; checked against its rules in docs/format.md 17. */
TEST(command_words)
{
	static const struct {
		const char *command, *out;
	} c[] = {
		{"printf %s.%s. a b", "a.b."},
		{"printf %s.%s. 'a b' c", "a b.c."},
		{"printf %s.%s. \"a  'b\"  c", "a  'b.c."},
		{"printf %s.%s.%s. a'b'c", "a.b.c."}, /* a quote ends the word before it */
		{"printf %s.%s. a\\ b", "a.b."},      /* a backslash separates */
		/* and makes the quote behind it ordinary */
		{"printf %s. a\\'b", "a.'b."},
		{"printf %s.%s. 'x\\'y' z", "x\\'y.z."}, /* inside quotes it stays */
		{"printf %s. '' \"\" a", "a."},          /* no empty words */
		{"\tprintf \n %s.  a\xc2\xa0", "a."},
		{"printf '\\n \\t secret \\n\\n'", "secret"},
	};
	struct err err;
	char pw[256];

	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct password_source s = {.command = c[i].command};

		CHECK_EQ(get(&s, pw, &err), 0);
		CHECK_STR(pw, c[i].out);
	}
}

TEST(command_faults)
{
	static const struct {
		const char *command;
		int code;
	} c[] = {
		/* an empty password */
		{"printf 'open", ERR_USAGE}, {"printf \"open", ERR_USAGE}, {"   ", ERR_USAGE},
		{"true", ERR_USAGE}, {"sh -c 'echo secret; exit 3'", ERR_IO},
		{"sh -c 'echo secret; kill -9 $$'", ERR_IO}, {"/nonexistent/helper", ERR_NOTFOUND},
		{"cat /dev/zero", ERR_USAGE}, /* endless: stopped */
		{"cat", ERR_USAGE},           /* standard input is empty, not ours */
	};
	struct err err;
	char pw[256];
	int fd[2];

	REQUIRE(pipe(fd) == 0 && write(fd[1], "ours\n", 5) == 5 && dup2(fd[0], 0) == 0);
	close(fd[0]);
	close(fd[1]);
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct password_source s = {.command = c[i].command};

		CHECK_EQ(get(&s, pw, &err), c[i].code);
		CHECK(!strstr(err.msg, "secret"));
	}
}
