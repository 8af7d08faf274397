/* Ranks ask rank 0 about owners and file systems that are new to them: it names owners, and finds
 * what another node sees otherwise. */
#include "base/mem.h"
#include "ranks/agree.h"
#include "ranks/ranks.h"
#include "engine/witness.h"
#include "fs/xattr.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK    ROUTER_ENGINE
#define ANSWER (ROUTER_ENGINE + 1)
#define NAMED  4000000001u /* an id without a name here */

static char *dir;

struct story {
	void (*tell)(struct witness *w, struct owners *o); /* on a worker of rank 1 */
	atomic_int failures;
	char why[ERR_MSG_MAX];
	bool cancel; /* rank 0 never hears of it */
};

static void failed(void *arg, const struct err *e)
{
	struct story *s = arg;

	snprintf(s->why, sizeof(s->why), "%s", e->msg);
	atomic_fetch_add(&s->failures, 1);
}

struct teller {
	struct task task;
	struct story *story;
	struct witness *w;
	struct owners *o;
	bool done;
};

static void tell(struct task *t)
{
	struct teller *k = task_of(t, struct teller, task);

	k->story->tell(k->w, k->o);
}

static void told(struct task *t)
{
	task_of(t, struct teller, task)->done = true;
}

static int one_rank(void *arg, struct comm *c)
{
	struct story *s = arg;
	struct rig g;
	struct router *r;
	struct agree *a;
	struct owners *o = owners_new();
	struct teller k = {.task = {.run = tell, .done = told}, .story = s, .o = o};
	struct err e = {0};

	rig_init(&g, 1);
	r = router_new(c, &g.env);
	a = agree_new(r);
	if (c->rank == 0)
		owners_offer(o, NAMED, "rank0s", NAMED, "rank0g", false);
	if (!(s->cancel && c->rank == 0))
		k.w = witness_new(r, ASK, ANSWER, o, c->rank ? "node-b" : "node-a", failed, s);
	agree_all(a, &e);
	if (c->rank == 1) {
		jobs_put(g.env.readers, &k.task);
		if (s->cancel) {
			clock_sleep(clock_real(), 50000000);
			witness_cancel(k.w);
		}
		loop_until(router_loop(r), &k.done);
	}
	agree_all(a, &e);
	witness_free(k.w);
	owners_free(o);
	agree_free(a);
	router_free(r);
	rig_release(&g);
	return 0;
}

static struct story run(void (*tell_it)(struct witness *w, struct owners *o))
{
	struct story s = {.tell = tell_it};

	CHECK_EQ(ranks_run(2, one_rank, &s), 0);
	return s;
}

static struct meta seen(const char *path)
{
	struct meta m;

	REQUIRE(meta_stat(AT_FDCWD, path, false, &m, NULL) == 0);
	return m;
}

static void names(struct witness *w, struct owners *o)
{
	struct witness_last last = {.any = false};
	struct meta m;
	char *path = mem_printf("%s/named", dir);

	m = seen(path);
	CHECK_EQ(m.uid, NAMED);
	CHECK(witness_news(w, &last, &m));
	witness_owner(w, &m, path);
	CHECK_STR(owners_user(o, NAMED), "rank0s");
	CHECK_STR(owners_group(o, NAMED), "rank0g");
	CHECK(!witness_news(w, &last, &m)); /* in this directory */
	last.any = false;
	CHECK(!witness_news(w, &last, &m)); /* and anywhere */
	mem_free(path);
}

TEST(names_come_from_rank_0)
{
	char *path;

	if (geteuid() != 0)
		SKIP("needs root to give files away");
	dir = files_dir("names");
	path = mem_printf("%s/named", dir);
	files_text(dir, "named", "x");
	REQUIRE(chown(path, NAMED, NAMED) == 0);
	CHECK_EQ(run(names).failures, 0);
	mem_free(path);
	mem_free(dir);
}

static void other_owner(struct witness *w, struct owners *o)
{
	struct witness_last last = {.any = false};
	struct meta m;
	char *path = mem_printf("%s/f", dir);

	(void)o;
	m = seen(path);
	m.uid = 65534;
	CHECK(witness_news(w, &last, &m));
	witness_owner(w, &m, path);
	CHECK(!witness_news(w, &last, &m));
	last = (struct witness_last){.any = false};
	CHECK(witness_news(w, &last,
		&m)); /* anybody may hide behind this id: once in each directory */
	mem_free(path);
}

TEST(an_owner_that_rank_0_does_not_see)
{
	struct story s;

	dir = files_dir("owner");
	files_text(dir, "f", "x");
	s = run(other_owner);
	CHECK_EQ(s.failures, 1);
	CHECK(strstr(s.why, "rank 1 on node-b") && strstr(s.why, "65534") && strstr(s.why, dir));
	mem_free(dir);
}

/* What changed between the two looks, or is not there any more, tells nothing: it is asked again.
 */
static void changed(struct witness *w, struct owners *o)
{
	struct witness_last last = {.any = false};
	struct meta m;
	char *path = mem_printf("%s/f", dir), *gone = mem_printf("%s/gone", dir);

	(void)o;
	m = seen(path);
	m.uid = NAMED;
	m.ctime.sec--;
	CHECK(witness_news(w, &last, &m));
	witness_owner(w, &m, path);
	last.any = false;
	CHECK(witness_news(w, &last, &m));
	witness_owner(w, &m, gone);
	last.any = false;
	CHECK(witness_news(w, &last, &m));
	mem_free(path);
	mem_free(gone);
}

TEST(what_is_not_the_same_any_more)
{
	dir = files_dir("changed");
	files_text(dir, "f", "x");
	CHECK_EQ(run(changed).failures, 0);
	mem_free(dir);
}

/* /proc has no user attributes, which stands for a node that cannot read them. */
static void attributes(struct witness *w, struct owners *o)
{
	struct witness_last last = {.any = false};
	struct meta m = seen(dir);
	int good = open(dir, O_RDONLY | O_DIRECTORY),
	    bad = open("/proc/self", O_RDONLY | O_DIRECTORY);

	(void)o;
	REQUIRE(good >= 0 && bad >= 0);
	witness_directory(w, &last, good, &m, dir);
	witness_directory(w, &last, bad, &m, dir); /* this file system was asked about */
	m.dev++;
	witness_directory(w, &last, bad, &m, dir);
	close(good);
	close(bad);
}

TEST(attributes_that_only_one_node_can_read)
{
	struct story s;
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY),
	    bad = open("/proc/self", O_RDONLY | O_DIRECTORY);
	bool differ = xattr_kinds_differ(xattr_kinds(fd), xattr_kinds(bad));

	close(fd);
	close(bad);
	if (!differ)
		SKIP("no attributes here");
	dir = files_dir("attributes");
	s = run(attributes);
	CHECK_EQ(s.failures, 1);
	CHECK(strstr(s.why, "rank 1 on node-b") && strstr(s.why, "attributes") &&
		strstr(s.why, dir));
	mem_free(dir);
}

static void in_vain(struct witness *w, struct owners *o)
{
	struct meta m = seen(dir);

	(void)o;
	witness_owner(w, &m, dir);
	witness_owner(w, &m, dir);
}

TEST(who_waits_goes_on_when_the_run_ends)
{
	struct story s = {.tell = in_vain, .cancel = true};

	dir = files_dir("cancel");
	CHECK_EQ(ranks_run(2, one_rank, &s), 0);
	mem_free(dir);
}
