#include "lib/rig.h"
#include "base/mem.h"
#include "dist/ranks.h"
#include "engine/join.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

static void to_stderr(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "    log: %s\n", msg);
}

void rig_init(struct rig *r, size_t threads)
{
	struct loop *l = loop_new();

	r->env = (struct env){.clock = clock_real(), .rnd = rnd_real(), .zone = NULL, .log = {LOG_WARN, to_stderr, NULL}, .loop = l};
	r->env.cpu = jobs_new(threads, l, "cpu");
	r->env.readers = jobs_new(threads, l, "read");
	r->env.budget = budget_new(((size_t)32 << 20) + threads * ((size_t)24 << 20));
}

void rig_release(struct rig *r)
{
	jobs_free(r->env.readers);
	jobs_free(r->env.cpu);
	loop_run(r->env.loop);
	loop_free(r->env.loop);
	budget_free(r->env.budget);
}

void rig_init_repo(struct backend *be, uint64_t polynomial)
{
	struct rig g;
	struct repo *repo = NULL;
	struct repo_owner who = {"tester", "rig"};
	struct err e = {0};

	rig_init(&g, 1);
	if (!CHECK_EQ(repo_create(be, &g.env, 2, polynomial, &who, "x", 1, &repo, &e), 0)) {
		fprintf(stderr, "    %s\n", e.msg);
		check_stop();
	}
	repo_close(repo);
	rig_release(&g);
}

static void count_note(void *arg, const char *path, const char *message)
{
	(void)path;
	(void)message;
	++*(size_t *)arg;
}

static int one_rank(void *arg, struct comm *c)
{
	struct rig_backup *b = arg;
	struct rig g;
	struct router *r;
	struct agree *a;
	struct repo *repo = NULL;
	struct backup_result result;
	struct backup_options opt = b->opt;
	struct backup_events ev = {.error = count_note, .arg = &b->notes};
	struct snapshot parent = {.has_summary = false};
	struct err e = {0};
	int rc;

	rig_init(&g, b->threads ? b->threads : 1);
	r = router_new(c, &g.env);
	a = agree_new(r);
	if (c->rank == 0)
		repo_open(b->be, &g.env, "x", 1, NULL, &repo, &e);
	rc = join_repo(a, r, b->be, &g.env, &repo, &e);
	if (rc == 0) {
		if (b->parent) {
			parent.tree = *b->parent;
			opt.parent = &parent;
		}
		strlist_add(&opt.targets, b->target);
		if (!opt.cwd)
			opt.cwd = "/";
		if (!opt.pack_size)
			opt.pack_size = PACK_SIZE_MIN;
		opt.head = (struct snapshot){.time = {1700000000, 5}, .hostname = "rig", .username = "", .program_version = "rig"};
		backup_paths(&opt.targets, opt.cwd, &opt.head.paths);
		rc = backup_run(r, a, repo, &g.env, &opt, &ev, NULL, &result, &e);
		strlist_release(&opt.targets);
		strlist_release(&opt.head.paths);
	}
	if (c->rank == 0) {
		b->code = rc;
		b->err = e;
		b->result = result;
	}
	repo_close(repo);
	agree_free(a);
	router_free(r);
	rig_release(&g);
	return 0;
}

void rig_backup_run(struct rig_backup *b)
{
	b->notes = 0;
	memset(&b->result, 0, sizeof(b->result));
	CHECK_EQ(ranks_run(b->ranks, one_rank, b), 0);
}
