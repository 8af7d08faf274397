#include "lib/stores.h"
#include "backend/decorators.h"
#include "lib/checking.h"
#include "lib/rig.h"
#include "base/mem.h"
#include "ranks/ranks.h"
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
	env_init(&r->env);
	env_start(&r->env, threads, threads, ((size_t)32 << 20) + threads * ((size_t)24 << 20));
	r->env.log = (struct log){LOG_WARN, to_stderr, NULL};
}

void rig_release(struct rig *r)
{
	env_release(&r->env);
}

void rig_init_repo(struct backend *be, uint64_t polynomial)
{
	struct rig g;
	struct repo *repo = NULL;
	struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};
	struct repo_spec what = {.version = 2,
		.polynomial = polynomial,
		.who = {"tester", "rig"},
		.cost = &cheap};
	bool made;
	struct err e = {0};

	rig_init(&g, 1);
	if (!CHECK_EQ(repo_create(be, &g.env, &what, "x", 1, &repo, &made, &e), 0)) {
		fprintf(stderr, "    %s\n", e.msg);
		check_stop();
	}
	repo_close(repo);
	rig_release(&g);
}

struct repo *rig_adopt(struct backend *be, const struct env *env)
{
	struct config config = {.version = 2, .polynomial = 0x3da3358b4dc173};
	struct seal_key key;

	memset(&key, 0x42, sizeof(key));
	return repo_adopt(be, env, &config, &key);
}

static void count_warning(void *arg, enum log_level level, const char *msg)
{
	if (level == LOG_WARN)
		++*(size_t *)arg;
	to_stderr(NULL, level, msg);
}

static void count_note(void *arg, const char *path, const char *message)
{
	(void)path;
	(void)message;
	((struct rig_backup *)arg)->notes++;
}

static void count_told(void *arg)
{
	((struct rig_backup *)arg)->told++;
}

/* Stops a rank from its own loop, as a signal would. */
struct stopper {
	struct task task;
	enum stopped_how how;
	volatile int stop;
};

static void stop_now(struct task *t)
{
	struct stopper *s = task_of(t, struct stopper, task);

	s->stop = s->how;
}

/* … or at a certain turn of a loop. */
struct counting {
	struct rig_backup *b;
	struct stopper *stopper;
};

static void on_turn(void *arg)
{
	struct counting *c = arg;

	if (++c->b->events == c->b->stop_event)
		stop_now(&c->stopper->task);
}

static void tell_item(void *arg, const char *action, const char *path, uint64_t size)
{
	struct rig_backup *b = arg;

	(void)size;
	if (b->item)
		b->item(b->arg, action, path);
}

/* A main thread that does not get a core. */
struct sleeper {
	struct task task;
	struct loop *loop;
	int64_t ns;
};

static void sleep_now(struct task *t)
{
	struct sleeper *s = task_of(t, struct sleeper, task);

	clock_sleep(clock_real(), s->ns);
	loop_after(s->loop, s->ns / 20, &s->task);
}

static const int64_t minute = INT64_C(60) * 1000000000;

static int one_rank(void *arg, struct comm *c)
{
	struct rig_backup *b = arg;
	struct rig g;
	struct router *r;
	struct agree *a;
	struct repo *repo = NULL;
	struct backup_result result;
	struct backup_options opt = b->opt;
	struct backup_events ev = {.error = count_note,
		.item = tell_item,
		.stopped = count_told,
		.arg = b};
	struct snapshot parent = {.has_summary = false};
	struct backend_retry_policy often = {100000, 1000000, 50000000};
	struct backend *be = b->be;
	struct stopper stopper = {.task = {.done = stop_now},
		.how = b->stop_how ? b->stop_how : STOPPED_SIGNAL};
	struct counting counting = {b, &stopper};
	struct sleeper sleeper = {.task = {.done = sleep_now}, .ns = b->lag_ns};
	struct err e = {0};
	int rc = 0;

	rig_init(&g, b->threads ? b->threads : 1);
	if (c->rank == 0)
		g.env.log = (struct log){LOG_WARN, count_warning, &b->warnings};
	if (b->clock)
		g.env.clock = b->clock;
	if (b->quiet)
		g.env.log.max = LOG_ERROR;
	sleeper.loop = g.env.loop;
	if (b->lag_ns && c->rank == 0)
		loop_after(g.env.loop, 0, &sleeper.task);
	if (b->retry) {
		g.env.log.max = LOG_ERROR;
		be = backend_retry_new(backend_share(be), &often, &g.env);
	}
	r = router_new(c, &g.env);
	a = agree_new(r);
	if (b->adopt)
		repo = rig_adopt(be, &g.env);
	else if (c->rank == 0 && b->open)
		repo = b->open(b, &g.env, &e);
	else if (c->rank == 0)
		repo_open(be, &g.env, "x", 1, NULL, &repo, &e);
	if (!b->adopt)
		rc = join_repo(a, r, be, &g.env, &repo, &e);
	if (b->stop_ns < 0)
		stop_now(&stopper.task);
	else if (b->stop_ns && (b->stop_rank < 0 || b->stop_rank == c->rank))
		loop_after(g.env.loop, b->stop_ns, &stopper.task);
	if (rc == 0) {
		if (b->parent) {
			parent.tree = *b->parent;
			parent.has_summary = true;
			parent.summary.backup_start = clock_now(g.env.clock);
			parent.summary.backup_start.sec += b->young ? 0 : 3600;
			opt.parent = &parent;
		}
		strlist_add(&opt.targets, b->target);
		if (!opt.cwd)
			opt.cwd = "/";
		if (!opt.early_ns)
			opt.early_ns = &minute;
		if (!opt.pack_size)
			opt.pack_size = PACK_SIZE_MIN;
		opt.head = (struct snapshot){.time = {1700000000, 5},
			.hostname = "rig",
			.username = "",
			.program_version = "rig"};
		backup_paths(&opt.targets, opt.cwd, &opt.head.paths);
		router_on_turn(r, on_turn, &counting);
		rc = backup_run(r, a, repo, &g.env, &opt, &ev, &stopper.stop, &result, &e);
		router_off_turn(r, on_turn, &counting);
		strlist_release(&opt.targets);
		strlist_release(&opt.head.paths);
	}
	loop_cancel(g.env.loop, &stopper.task);
	loop_cancel(g.env.loop, &sleeper.task);
	CHECK_EQ(budget_used(g.env.budget), 0);
	b->rank_code[c->rank] = rc;
	if (c->rank == 0) {
		b->code = rc;
		b->err = e;
		b->result = result;
	}
	repo_close(repo);
	if (b->retry)
		backend_free(be);
	agree_free(a);
	router_free(r);
	rig_release(&g);
	return 0;
}

/* The ranks look at the end whether the config is still one that their key opens.  The store may
 * fail now and then, or for good: then nothing is looked at. */
static void put_config(struct backend *be)
{
	static const char json[] = "{\"version\":2,\"id\":\"" /* 64 digits */
				   "111111111111111111111111111111111111111111111111111111111111111"
				   "1\",\"chunker_polynomial\":\"3da3358b4dc173\"}";
	struct buf stored, there;
	struct repo *repo;
	struct id name;
	struct rig g;
	int rc = ERR_IO;

	rig_init(&g, 1);
	repo = rig_adopt(be, &g.env);
	buf_init(&stored, 4096);
	buf_init(&there, 4096);
	REQUIRE(repo_seal_file(repo, BACKEND_CONFIG, json, strlen(json), &stored, &name, NULL) ==
		0);
	if (backend_get(be, BACKEND_CONFIG, NULL, &there, NULL) < 0)
		for (int i = 0; i < 5 && rc; i++)
			rc = backend_put(be, BACKEND_CONFIG, NULL, stored.p, stored.len, NULL);
	buf_release(&stored);
	buf_release(&there);
	repo_close(repo);
	rig_release(&g);
}

void rig_backup_run(struct rig_backup *b)
{
	if (b->adopt)
		put_config(b->be);
	b->notes = b->warnings = 0;
	b->events = 0;
	memset(&b->result, 0, sizeof(b->result));
	CHECK_EQ(ranks_run(b->ranks, one_rank, b), 0);
	for (int i = 1; i < b->ranks; i++)
		CHECK_EQ(b->rank_code[i], b->code);
}

static int count_file(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	++*(size_t *)arg;
	return 0;
}

size_t rig_files(struct backend *be, enum backend_type t)
{
	size_t n = 0;

	CHECK_EQ(backend_list(be, t, count_file, &n, NULL), 0);
	return n;
}

static void on_check_error(void *arg, const char *message)
{
	(void)arg;
	CHECK_STR(message, "no error");
}

void rig_check(struct backend *be, size_t snapshots)
{
	struct check_events ev = {.error = on_check_error};
	struct rig g;
	struct checking k = {.be = be, .opt = {.read_data = true}, .ev = &ev};
	struct repo *repo;

	rig_init(&g, 1);
	k.repo = repo = rig_adopt(be, &g.env);
	checking_run(&k);
	CHECK_EQ(k.code, 0);
	CHECK_EQ(k.res.errors, 0);
	CHECK_EQ(k.res.snapshots, snapshots);
	check_result_release(&k.res);
	repo_close(repo);
	rig_release(&g);
}
