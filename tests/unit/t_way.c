/*
 * Two ranks: rank 1 has stored a pack and then hangs, so that the phase does not end; what it
 * stored reaches an index all the same once the run ends.
 */
#include "engine/way.h"
#include "base/mem.h"
#include "lib/gate.h"
#include "lib/ranks.h"
#include "lib/rig.h"
#include "lib/stores.h"
#include "unit/repo_fixture.h"
#include <stdatomic.h>
#include <unistd.h>

#define SECOND   ((int64_t)1000000000)
#define TAG_PACK ROUTER_ENGINE
#define TAG_GO   (ROUTER_ENGINE + 1)

struct play {
	struct backend *be;
	enum run_end want;
	bool readers_hang; /* of rank 1 */
	int given_up;      /* so many looks for a pack are given up, as those in a line are */
	bool patient;      /* the run goes on, for a while */
	atomic_int lock_gets, pack_stats;
	size_t indexes;
	int code;
};

struct part { /* one rank's */
	struct play *p;
	struct router *r;
	struct run *run;
	struct repo *repo;
	struct way *way;
	struct indexer *indexer; /* rank 0 */
	bool came, flushing, over;
	int64_t since;
	struct task hang; /* rank 1 */
	atomic_bool hangs;
};

static int gate(void *arg, const struct backend_op *op, enum backend_type t)
{
	struct play *p = arg;

	if (op && op->verb == BACKEND_GET && t == BACKEND_LOCK)
		p->lock_gets++;
	if (op && op->verb == BACKEND_STAT && t == BACKEND_PACK)
		return p->pack_stats++ < p->given_up ? ERR_CANCELLED : 0;
	return 0;
}

static struct blob *one_blob(void)
{
	struct blob *b = mem_array(1, sizeof(*b));

	*b = (struct blob){.id = fixture_id(2), .type = BLOB_DATA, .length = 100};
	return b;
}

/* ---- rank 0 ---- */

static void on_pack(void *arg, struct comm_msg *m)
{
	struct part *c = arg;
	struct id id = fixture_id(1);

	way_pack(c->way, m->from, &id, one_blob(), 1);
	c->came = true;
	c->since = clock_mono(clock_real());
}

static void ask_for_end(struct part *c)
{
	struct err e;

	err_set(&e, ERR_DENIED, "it was asked for");
	if (c->p->want == RUN_CANCELLED)
		run_fail(c->run, &e);
	else
		run_drain(c->run, &e, 60 * SECOND);
}

static void let_go(struct part *c)
{
	c->over = true;
	router_send(c->r, 1, TAG_GO, NULL);
}

static void progress(void *arg)
{
	struct part *c = arg;
	int64_t since = clock_mono(clock_real()) - c->since;

	way_tick(c->way);
	if (!c->came || c->over)
		return;
	if (c->p->patient) {
		if (since > SECOND)
			let_go(c);
	} else if (run_end(c->run) == RUN_GOES_ON) {
		ask_for_end(c);
	} else if (fixture_count(c->p->be, BACKEND_INDEX) || since > 20 * SECOND) {
		let_go(c);
	} else if (!c->flushing) {
		c->flushing = true;
		indexer_flush(c->indexer);
	}
}

static void flushed(void *arg)
{
	((struct part *)arg)->flushing = false;
}

static void failed(void *arg, const struct err *e)
{
	(void)arg;
	CHECK_STR(e->msg, "no error");
}

/* ---- rank 1 ---- */

static void on_go(void *arg, struct comm_msg *m)
{
	struct part *c = arg;

	(void)m;
	atomic_store(&c->hangs, false);
	run_done(c->run);
}

static void hang(struct task *t)
{
	struct part *c = task_of(t, struct part, hang);

	while (atomic_load(&c->hangs))
		clock_sleep(clock_real(), SECOND / 1000);
}

static void hung(struct task *t)
{
	(void)t;
}

static void start(void *arg)
{
	struct part *c = arg;

	if (run_rank(c->run) == 0)
		return;
	run_hold(c->run);
	atomic_store(&c->hangs, c->p->readers_hang);
	c->hang = (struct task){.run = hang, .done = hung};
	jobs_put(router_env(c->r)->readers, &c->hang);
	router_send(c->r, 0, TAG_PACK, NULL);
	way_reported(c->way);
}

/* ---- both ---- */

static void ended(void *arg, const struct run_told *t)
{
	(void)arg;
	(void)t;
}

static void settled(void *arg)
{
	(void)arg;
}

static void phase(struct part *c)
{
	struct run_phase ph = {.name = "hang", .start = start, .arg = c};

	router_on(c->r, TAG_PACK, on_pack, c);
	router_on(c->r, TAG_GO, on_go, c);
	run_phase(c->run, &ph);
}

static int rank_main(void *arg, struct comm *comm, const struct env *given)
{
	struct play *p = arg;
	struct backend *be = gate_new(backend_share(p->be), gate, p);
	struct part c = {.p = p};
	struct run_ops ops = {.ended = ended, .progress = progress, .arg = &c};
	struct lock_timing quick = lock_timing_default;
	struct lock *lock = NULL;
	struct err err = {0};
	struct agree *a;
	struct env env;

	(void)given;
	quick.recheck = 0;
	ranks_env_init(&env, 1); /* one reader */
	c.r = router_new(comm, &env);
	a = agree_new(c.r);
	c.repo = rig_adopt(be, &env);
	c.run = run_new(c.r, a, &ops);
	if (comm->rank == 0) {
		struct id id = fixture_id(1);

		REQUIRE(backend_put(p->be, BACKEND_PACK, &id, "pack", 4, NULL) == 0);
		REQUIRE(lock_acquire(c.repo, &(struct lock_owner){"here", "me", 1, 1, 1}, false, 0,
				&quick, NULL, NULL, &lock, &err) == 0);
		p->lock_gets = p->pack_stats = 0;
		c.indexer = indexer_new(c.repo, 0, failed, flushed, &c);
	}
	c.way = way_new(c.run, c.r, c.repo, lock, c.indexer, settled, &c);
	phase(&c);
	agree_all(a, &err); /* nothing is on its way any more */
	if (comm->rank == 0)
		p->indexes = fixture_count(p->be, BACKEND_INDEX);
	run_meet(c.run, &err);
	if (comm->rank == 0)
		p->code = err.code;
	way_free(c.way);
	run_free(c.run);
	indexer_free(c.indexer);
	lock_release(lock);
	repo_close(c.repo);
	backend_free(be);
	agree_free(a);
	router_free(c.r);
	env_release(&env);
	return 0;
}

static void play(struct play *p)
{
	p->be = backend_mem_new();
	alarm(60);
	CHECK_EQ(ranks_test(2, 0, rank_main, p), 0);
	alarm(0);
	backend_free(p->be);
}

TEST(an_end_asks_at_once_for_what_is_held_back)
{
	for (int end = RUN_DRAINS; end <= RUN_CANCELLED; end++) {
		struct play p = {.want = (enum run_end)end};

		play(&p);
		CHECK_EQ(p.indexes, 1);
		CHECK_EQ(p.code, ERR_DENIED);
	}
}

TEST(readers_that_hang_do_not_keep_the_answer)
{
	struct play p = {.want = RUN_DRAINS, .readers_hang = true};

	play(&p);
	CHECK_EQ(p.indexes, 1);
	CHECK_EQ(p.code, ERR_DENIED);
}

/* At the end of a limit what stands in a line behind packs is given up. */
TEST(a_look_that_was_given_up_is_made_again)
{
	struct play p = {.want = RUN_CANCELLED, .given_up = 2};

	play(&p);
	CHECK_EQ(p.indexes, 1);
	CHECK_EQ(p.pack_stats, 3);
	CHECK_EQ(p.code, ERR_DENIED);
}

TEST(a_run_that_goes_on_asks_now_and_then)
{
	struct play p = {.patient = true};

	play(&p);
	CHECK_EQ(p.lock_gets, 0);
	CHECK_EQ(p.code, 0);
}
