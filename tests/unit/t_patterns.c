#include "cmd/patterns.h"
#include "base/mem.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *here_env(const char *name)
{
	return !strcmp(name, "WHERE") ? "here" : NULL;
}

static char *file_with(const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", check_tmpdir(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	return path;
}

static bool rejected(const struct patterns *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++) {
		if (match_path(p->given[i], path, NULL))
			return true;
	}
	return false;
}

static void check_lists(const struct patterns *p)
{
	CHECK_EQ(p->n, 2);
	CHECK(rejected(p, "/a/x.tmp"));
	CHECK(!rejected(p, "/a/x.TMP"));
	CHECK(rejected(p, "/a/x.LOG"));
	CHECK(rejected(p, "/here/f"));
	CHECK(!rejected(p, "/there/f"));
	CHECK(rejected(p, "/a/CORE"));
	CHECK(!rejected(p, "/a/other"));
}

/* Another rank, without the file and without the variable, comes to the same lists. */
TEST(the_same_on_another_rank)
{
	char *f1 = file_with("ex1", "# comment\n/$WHERE/f\n/x$UNSET/there\n"),
	     *f2 = file_with("ex2", "core\n");
	struct opts o = {0};
	struct patterns p, q;
	struct wire_in in;
	struct err e = {0};
	struct buf b;

	strlist_add(&o.value[OPT_EXCLUDE], "*.tmp");
	strlist_add(&o.value[OPT_IEXCLUDE], "*.log");
	strlist_add(&o.value[OPT_EXCLUDE_FILE], f1);
	strlist_add(&o.value[OPT_IEXCLUDE_FILE], f2);
	REQUIRE(!patterns_read(&p, &o, false, here_env, &e));
	check_lists(&p);
	unlink(f1);
	unlink(f2);
	buf_init(&b, 1 << 20);
	patterns_put(&p, &b);
	wire_in_init(&in, b.p, b.len);
	CHECK_EQ(patterns_get(&q, &o, false, &in, &e), 0);
	CHECK(wire_done(&in));
	check_lists(&q);
	patterns_release(&q);
	for (size_t n = 0; n < b.len; n += 3) {
		wire_in_init(&in, b.p, n);
		CHECK_EQ(patterns_get(&q, &o, false, &in, &e), ERR_INVALID);
		patterns_release(&q);
	}
	patterns_release(&p);
	opts_release(&o);
	buf_release(&b);
	mem_free(f1);
	mem_free(f2);
}

TEST(faults)
{
	struct opts o = {0};
	struct patterns p;
	struct err e = {0};
	char *f;

	strlist_add(&o.value[OPT_EXCLUDE_FILE], "/does/not/exist");
	CHECK_EQ(patterns_read(&p, &o, false, here_env, &e), ERR_NOTFOUND);
	CHECK(strstr(e.msg, "/does/not/exist") != NULL);
	patterns_release(&p);
	opts_release(&o);
	o = (struct opts){0};
	strlist_add(&o.value[OPT_EXCLUDE], "[a");
	CHECK_EQ(patterns_read(&p, &o, false, here_env, &e), ERR_USAGE);
	patterns_release(&p);
	opts_release(&o);
	o = (struct opts){0};
	f = file_with("bad", "good\n[a\n");
	strlist_add(&o.value[OPT_EXCLUDE_FILE], f);
	CHECK_EQ(patterns_read(&p, &o, false, here_env, &e), ERR_USAGE);
	CHECK(strstr(e.msg, f) != NULL);
	patterns_release(&p);
	opts_release(&o);
	mem_free(f);
}

/* A pipe can be read once only. */
TEST(a_pipe)
{
	struct opts o = {0};
	struct patterns p;
	struct err e = {0};
	char path[64];
	int fd[2];

	REQUIRE(!pipe(fd));
	REQUIRE(write(fd[1], "*.o\n", 4) == 4);
	close(fd[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	strlist_add(&o.value[OPT_EXCLUDE_FILE], path);
	CHECK_EQ(patterns_read(&p, &o, false, here_env, &e), 0);
	CHECK(rejected(&p, "/a/b.o"));
	close(fd[0]);
	patterns_release(&p);
	opts_release(&o);
}
