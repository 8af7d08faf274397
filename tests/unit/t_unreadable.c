#include "cmd/unreadable.h"
#include "base/mem.h"
#include "lib/files.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;

/* What is said, by a process that is not root: then there are things it may not read. */
static char *said(bool json, const char *const *paths)
{
	char *name = mem_printf("%s/out", dir), *text;
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0666), status = -1;
	pid_t pid;

	REQUIRE(fd >= 0);
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid) {
		struct unreadable *u = unreadable_new(dir);
		struct out *o = out_new(fd, 2);
		struct err e;

		if (setgid(65534) || setuid(65534))
			_exit(9);
		out_mode(o, json, 1);
		for (; *paths; paths++)
			unreadable_add(u, *paths);
		unreadable_say(u, o);
		out_flush(o, &e);
		out_free(o);
		unreadable_free(u);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
	close(fd);
	text = files_read(dir, "out", NULL);
	mem_free(name);
	return text;
}

static void give(const char *path, uid_t uid, mode_t mode)
{
	char *full = mem_printf("%s/%s", dir, path);

	REQUIRE(!chown(full, uid, uid) && !chmod(full, mode));
	mem_free(full);
}

TEST(owners_are_counted)
{
	static const char *const none[] = {"open", "gone", "link", NULL}, *const some[] = {"a", "b",
										  "closed", "open",
										  "link", "gone",
										  "c", NULL};
	char *text;

	if (getuid())
		return; /* nobody else's files can be made */
	dir = files_dir("src");
	REQUIRE(!chmod(check_tmpdir(), 0711) && !chmod(dir, 0755)); /* so that others get in */
	files_text(dir, "a", "x");
	files_text(dir, "b", "x");
	files_text(dir, "c", "x");
	files_text(dir, "open", "x");
	files_mkdir(dir, "closed");
	files_link(dir, "link", "a");
	give("a", 4242, 0600);
	give("b", 4343, 0600);
	give("c", 4242, 0200);
	give("open", 4242, 0644);
	give("closed", 4242, 0700);

	text = said(false, some);
	CHECK(strstr(text, "       3 uid 4242\n") && strstr(text, "       1 uid 4343\n") &&
		strstr(text, "chmod g+rX"));
	mem_free(text);
	text = said(false, none);
	CHECK(strstr(text, "all could be read") && !strstr(text, "uid"));
	mem_free(text);
	text = said(true, some);
	CHECK_STR(text,
		"{\"message_type\":\"unreadable\",\"user\":\"\",\"uid\":4242,\"items\":3}\n"
		"{\"message_type\":\"unreadable\",\"user\":\"\",\"uid\":4343,\"items\":1}\n");
	mem_free(text);
	text = said(true, none);
	CHECK_STR(text, "");
	mem_free(text);
	mem_free(dir);
}
