#include "engine/view.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/ranks.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANKS 3

/* Ranks as threads, each in a mount namespace of its own, as nodes are.  (All read the table of
 * rank 0, for /proc/self is the process.) */
struct nodes {
	void (*before)(int rank); /* mounts */
	void (*after)(int rank);  /* NULL: nothing happens while the run goes on */
	struct view_path path[4];
	size_t n;
	bool one_fs;
	const char *skip, *ask; /* ask: what view_still is asked about */
	int code[RANKS], still[RANKS];
	char msg[RANKS][1024];
	uint64_t dev[RANKS]; /* of dev_of, in rank 0's numbers */
	const char *dev_of;
};

static char *dir;

static char *at(const char *rel)
{
	static _Thread_local char path[8][1024];
	static _Thread_local unsigned n;
	char *p = path[n++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, rel);
	return p;
}

static void bind(const char *from, const char *to)
{
	REQUIRE(mount(at(from), at(to), NULL, MS_BIND, NULL) == 0);
}

static void memory(const char *to)
{
	REQUIRE(mount("none", at(to), "tmpfs", 0, NULL) == 0);
}

static void away(const char *path)
{
	REQUIRE(umount2(at(path), MNT_DETACH) == 0);
}

static bool skip(void *arg, const char *path)
{
	return arg && !strcmp(arg, path);
}

static void no_sleep(void *arg, int64_t ns)
{
	(void)arg;
	(void)ns;
}

/* A thread that was joined may for a moment still hold what it shared with us, and the kernel
 * refuses. */
static void go_home(int home)
{
	int rc = setns(home, CLONE_NEWNS);

	for (int i = 0; rc < 0 && errno == EINVAL && i < 5000; i++) {
		usleep(1000);
		rc = setns(home, CLONE_NEWNS);
	}
	REQUIRE(rc == 0);
	close(home);
}

static int node(void *arg, struct comm *c, const struct env *given)
{
	struct nodes *t = arg;
	struct view_rules rules = {.skip = skip,
		.arg = (void *)(uintptr_t)t->skip,
		.one_file_system = t->one_fs};
	struct clock quick = *clock_real();
	struct env env = *given;
	struct view *v = NULL;
	struct err e = {0};
	struct router *r;
	struct agree *a;
	struct stat st;
	char name[16];
	int home;

	snprintf(name, sizeof(name), "n%d", c->rank);
	env.node = name;
	quick.sleep_ns = no_sleep;
	env.clock = &quick;
	home = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	REQUIRE(home >= 0 && unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	env.readers = jobs_new(1, env.loop, "read"); /* they see what who makes them sees */
	if (t->before)
		t->before(c->rank);
	r = router_new(c, &env);
	a = agree_new(r);
	t->code[c->rank] = view_share(a, r, t->path, c->rank ? 0 : t->n, &rules, &v, &e);
	CHECK_EQ(e.code, t->code[c->rank]);
	CHECK((v != NULL) == (e.code == 0));
	if (t->after)
		t->after(c->rank);
	if (v && t->dev_of && stat(at(t->dev_of), &st) == 0)
		t->dev[c->rank] = mounts_map_dev(view_devices(v), st.st_dev);
	if (v)
		t->still[c->rank] = view_still(v, t->ask, &e);
	snprintf(t->msg[c->rank], sizeof(t->msg[0]), "%s", e.msg);
	view_free(v);
	agree_free(a);
	router_free(r);
	jobs_free(env.readers);
	go_home(home);
	return 0;
}

static bool may_mount(void)
{
	return geteuid() == 0 && system("unshare -m true 2>/dev/null") == 0;
}

/* All ranks must end alike; msg[i] must be in what rank i says (NULL: nothing). */
static void nodes(struct nodes t, const char *const msg[RANKS])
{
	CHECK_EQ(ranks_test(RANKS, 3, node, &t), 0);
	for (int i = 0; i < RANKS; i++) {
		CHECK_EQ(t.code[i], t.code[0]);
		CHECK_EQ(t.still[i] != 0, msg && msg[i] && t.code[i] == 0);
		if (!msg || !msg[i] || !strstr(t.msg[i], msg[i]))
			CHECK_STR(t.msg[i], msg && msg[i] ? msg[i] : "");
		CHECK_EQ(t.dev[i], t.dev[0]);
	}
}

/* No rank goes on, and all say this. */
static void refused(struct nodes t, const char *msg)
{
	const char *const all[RANKS] = {msg, msg, msg};

	nodes(t, all);
}

static void tree(void)
{
	mem_free(dir);
	dir = files_dir("view");
	files_mkdir(dir, "real/d");
	files_mkdir(dir, "old/d");
	files_text(dir, "real/d/f", "x");
	files_mkdir(dir, "real/m");
	files_text(dir, "old/d/f", "x");
	files_mkdir(dir, "t/m");
	files_mkdir(dir, "two");
	files_link(dir, "link", "real");
}

/* One at a time. */
static struct nodes target(const char *rel)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s", at(rel));
	return (struct nodes){.path = {{path, true}}, .n = 1};
}

static void lacks_2(int rank)
{
	if (rank != 2)
		bind("real", "t");
}

static void all_have(int rank)
{
	(void)rank;
	bind("real", "t");
}

static void old_on_1(int rank)
{
	bind(rank == 1 ? "old" : "real", "t");
}

static void memory_on_all(int rank)
{
	(void)rank;
	memory("t");
}

TEST(what_a_rank_lacks)
{
	struct nodes t;

	if (!may_mount())
		SKIP("only root may mount");
	tree();
	t = target("t");
	nodes(t, NULL);
	t.before = all_have;
	nodes(t, NULL);
	t.before = lacks_2;
	refused(t, "rank 2: node n2: ");
	refused(t, "/view/t is not what it is on rank 0 (node n0): another inode");
	t.before = old_on_1;
	refused(t, "rank 1: node n1: ");
	/* As far as numbers go they are all alike, but memory is not shared between nodes. */
	t.before = memory_on_all;
	refused(t, "another file system");
	/* Only names in it are wanted: then it may be reached by a link. */
	t = target("link");
	t.path[0].whole = false;
	nodes(t, NULL);
}

static void below_on_0(int rank)
{
	if (rank == 0)
		bind("real", "t/m");
}

static void memory_below(int rank)
{
	(void)rank;
	memory("t/m");
}

static void memory_below_0(int rank)
{
	if (rank == 0)
		memory("t/m");
}

TEST(what_lies_below_a_path)
{
	struct nodes t;

	if (!may_mount())
		SKIP("only root may mount");
	tree();
	t = target("t");
	t.before = below_on_0;
	refused(t, "/view/t/m is not what it is on rank 0 (node n0): another inode; mount the same "
		   "there on all nodes, or leave it out");
	t.skip = at("t/m");
	nodes(t, NULL);
	t.skip = at("t");
	refused(t, "/view/t/m is not");
	t.skip = NULL;
	t.path[0].whole = false;
	nodes(t, NULL);
	/* With one file system only, what is not entered may differ, but must be there: what it
	 * hides would be entered. */
	t = target("t");
	t.before = memory_below;
	refused(t, "/view/t/m is not");
	t.one_fs = true;
	nodes(t, NULL);
	t.before = memory_below_0;
	refused(t, "mounted on one of them only");
	/* Found and named by what the path leads to. */
	REQUIRE(symlink("t", at("to")) == 0);
	t = target("to/m/..");
	t.before = below_on_0;
	refused(t, "/view/to/m/../m is not");
}

static void lost_on_1(int rank)
{
	if (rank == 1)
		away("t");
}

static void lost_below(int rank)
{
	if (rank == 1)
		away("t/m");
}

static void real_below(int rank)
{
	(void)rank;
	bind("real", "t/m");
}

static void again_on_2(int rank)
{
	if (rank == 2) {
		away("t");
		bind("old", "t");
	}
}

static void switched(int rank)
{
	if (rank == 0)
		REQUIRE(unlink(at("link")) == 0 && symlink("two", at("link")) == 0);
	else
		while (stat(at("link/d"), &(struct stat){0}) == 0)
			usleep(1000);
}

TEST(what_is_lost_while_the_run_goes_on)
{
	static const char *const on_1[RANKS] = {NULL,
		"/view/t is not what it was when the run began"},
				 *const below_1[RANKS] = {NULL, "/view/t/m is not what it was"},
				 *const on_2[RANKS] = {NULL, NULL, "/view/t is not what it was"},
				 *const everywhere[RANKS] = {"/view/link/d is gone",
					 "/view/link/d is gone", "/view/link/d is gone"};
	struct nodes t;

	if (!may_mount())
		SKIP("only root may mount");
	tree();
	t = target("t");
	t.before = all_have;
	t.after = lost_on_1;
	nodes(t, on_1);
	t.ask = at("t/d/f");
	nodes(t, on_1);
	t.ask = at("t2");
	nodes(t, NULL);
	t.ask = NULL;
	t.after = again_on_2;
	nodes(t, on_2);
	t.before = real_below;
	t.after = lost_below;
	nodes(t, below_1);
	t.ask = at("t/m/d/f");
	nodes(t, below_1);
	t.ask = at("t/d/f");
	nodes(t, NULL);
	t = target("link/d");
	t.after = switched;
	nodes(t, everywhere);
}

static void overlay(int rank)
{
	char *opt = mem_printf("lowerdir=%s:%s", at("real"), at("old"));

	for (int i = 0; i < rank; i++)
		memory("two"); /* takes numbers of devices */
	REQUIRE(mount(rank ? "server.cluster:/x" : "server:/x", at("t"), "overlay", MS_RDONLY,
			opt) == 0);
	mem_free(opt);
}

TEST(devices_are_those_of_rank_0)
{
	struct nodes t;

	if (!may_mount())
		SKIP("only root may mount");
	if (system("grep -qw overlay /proc/filesystems"))
		SKIP("no overlay file system");
	tree();
	t = target("t");
	t.before = overlay;
	t.dev_of = "t/d";
	nodes(t, NULL);
}
