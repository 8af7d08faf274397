#include "engine/gone.h"
#include "base/mem.h"
#include "comm/comm.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(gone_there_or_hidden)
{
	char *dir = files_dir("gone"), *there = mem_printf("%s/there", dir),
	     *gone = mem_printf("%s/gone", dir);
	struct err e;
	int fd = open(dir, O_PATH);

	files_text(dir, "there", "x");
	err_set(&e, ERR_NOTFOUND, "open: no such file");
	CHECK_EQ(gone_ask(NULL, fd, "gone", gone, &e), GONE_VANISHED);
	CHECK_EQ(gone_ask(NULL, -1, NULL, gone, &e), GONE_VANISHED);
	CHECK_EQ(gone_ask(NULL, fd, "there", there, &e), GONE_THERE);
	CHECK_STR(e.msg, "open: no such file, but it is there");
	CHECK(e.code != ERR_NOTFOUND);
	err_set(&e, ERR_NOTFOUND, "open: no such file");
	CHECK_EQ(gone_ask(NULL, -1, NULL, there, &e), GONE_THERE);
	close(fd);
	/* Nobody can say: an error, not silence. */
	err_set(&e, ERR_NOTFOUND, "open: no such file");
	CHECK_EQ(gone_ask(NULL, 999, "gone", gone, &e), GONE_FAULT);
	CHECK(strstr(e.msg, "descriptor") != NULL);
	mem_free(dir);
	mem_free(there);
	mem_free(gone);
}

/* What lies below a target that is another one now has not vanished. */
TEST(the_target_is_another_one)
{
	char *dir = files_dir("above"), *target = mem_printf("%s/t", dir),
	     *aside = mem_printf("%s/aside", dir), *gone = mem_printf("%s/t/gone", dir);
	struct view_path path = {target, true};
	struct view_rules rules = {.skip = NULL};
	struct comm *c = comm_serial_new();
	struct view *v = NULL;
	struct router *r;
	struct agree *a;
	struct rig g;
	struct err e = {0};

	rig_init(&g, 1);
	r = router_new(c, &g.env);
	a = agree_new(r);
	files_mkdir(dir, "t");
	REQUIRE(view_share(a, r, &path, 1, &rules, &v, &e) == 0);
	err_set(&e, ERR_NOTFOUND, "open: no such file");
	CHECK_EQ(gone_ask(v, -1, NULL, gone, &e), GONE_VANISHED);
	REQUIRE(rename(target, aside) == 0);
	files_mkdir(dir, "t");
	CHECK_EQ(gone_ask(v, -1, NULL, gone, &e), GONE_TARGET);
	CHECK(strstr(e.msg, target) != NULL);
	view_free(v);
	agree_free(a);
	router_free(r);
	comm_free(c);
	rig_release(&g);
	mem_free(dir);
	mem_free(target);
	mem_free(aside);
	mem_free(gone);
}

/* What the path leads to for a moment is not opened; what somebody made anew below it is. */
TEST(opened_where_it_lies)
{
	char *dir = files_dir("opened"), *target = mem_printf("%s/cur", dir),
	     *sub = mem_printf("%s/cur/s", dir), *inner = mem_printf("%s/cur/s/d", dir);
	struct view_path path = {target, true};
	struct view_rules rules = {.skip = NULL};
	struct comm *c = comm_serial_new();
	struct view *v = NULL;
	struct router *r;
	struct agree *a;
	struct rig g;
	struct err e = {0};
	bool fatal = false;
	int fd;

	files_mkdir(dir, "A");
	files_mkdir(dir, "A/s");
	files_mkdir(dir, "A/s/d");
	files_mkdir(dir, "B");
	files_mkdir(dir, "B/d");
	REQUIRE(symlink("A", target) == 0);
	rig_init(&g, 1);
	r = router_new(c, &g.env);
	a = agree_new(r);
	REQUIRE(view_share(a, r, &path, 1, &rules, &v, &e) == 0);
#define OPENS(p) ((fd = gone_open(v, p, false, &fatal, &e)) >= 0 && close(fd) == 0 && !fatal)
	CHECK(OPENS(inner));
	/* Made anew by somebody, with all that lies above it up to the target. */
	REQUIRE(rmdir(inner) == 0);
	files_mkdir(dir, "A/s/d");
	CHECK(OPENS(inner));
	REQUIRE(rmdir(inner) == 0 && rmdir(sub) == 0);
	files_mkdir(dir, "A/s");
	files_mkdir(dir, "A/s/d");
	CHECK(OPENS(inner));
	/* A link in the way, to what was never below the target. */
	REQUIRE(rmdir(inner) == 0 && rmdir(sub) == 0 && symlink("../B", sub) == 0);
	CHECK_EQ(gone_open(v, inner, false, &fatal, &e), ERR_IO);
	CHECK(!fatal && strstr(e.msg, "link") != NULL);
	/* The target itself is another one. */
	REQUIRE(unlink(target) == 0 && symlink("B", target) == 0);
	CHECK(gone_open(v, inner, false, &fatal, &e) < 0);
	files_mkdir(dir, "B/s");
	files_mkdir(dir, "B/s/d");
	CHECK_EQ(gone_open(v, inner, false, &fatal, &e), ERR_IO);
	CHECK(fatal && strstr(e.msg, target) != NULL);
	view_free(v);
	agree_free(a);
	router_free(r);
	comm_free(c);
	rig_release(&g);
	mem_free(dir);
	mem_free(target);
	mem_free(sub);
	mem_free(inner);
}
