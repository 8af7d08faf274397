/* A client whose items push others, hold, and send others to other ranks, as dice say. */
#include "ranks/run.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "lib/jitter.h"
#include "lib/ranks.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define RANKS_MAX 4
#define PHASES    3
#define MS        ((int64_t)1000000)

#define COUNTS(X) X(begun) X(dropped) X(came)
struct counts {
#define MEMBER(name) uint64_t name;
	COUNTS(MEMBER)
#undef MEMBER
};

/* What all ranks of one test share. */
struct play {
	int ranks;
	uint64_t seed;
	unsigned depth;
	enum run_end want;
	bool lose;
	uint64_t at;     /* the so many-th item asks for that */
	int64_t left_ns; /* of a drain */
	bool never;      /* one item ends only once it is late */
	int guard;       /* what it says */
	bool guarded;
	atomic_ullong pushed, begun, ended, dropped, settled;
	atomic_int in_phase, heard, lost, stopped;
	atomic_int end[PHASES];
	volatile int flag[RANKS_MAX];
	int code;
	struct err err;
	/* of rank 0 */
	struct counts of_rank[RANKS_MAX], sum;
	unsigned notes, progress;
};

struct client {
	struct play *p;
	struct run *run;
	struct router *r;
	struct counts counts;
	size_t under_way;
	uint64_t dice;
	int rank;
	bool drop_seen_in_begin, inside;
	struct task hold;
};

struct item {
	struct workq_item q;
	struct client *c;
	struct task task;
	uint32_t depth;
	uint64_t dice;
};

static void push(struct client *c, uint32_t depth, uint64_t dice)
{
	struct item *it = mem_zalloc(sizeof(*it));

	it->depth = depth;
	it->dice = dice;
	atomic_fetch_add(&c->p->pushed, 1);
	run_push(c->run, &it->q);
}

static bool room(void *arg)
{
	return ((struct client *)arg)->under_way < 3;
}

static void send(struct client *c, int to, uint32_t depth, uint64_t dice)
{
	struct buf m;

	buf_init(&m, 64);
	wire_put_u32(&m, depth);
	wire_put_u64(&m, dice);
	run_sent(c->run);
	router_send(c->r, to, ROUTER_ENGINE, &m);
}

static void on_sent(void *arg, struct comm_msg *m)
{
	struct client *c = arg;
	struct wire_in w;
	uint32_t depth;

	wire_in_init(&w, m->data.p, m->data.len);
	depth = wire_u32(&w);
	c->counts.came++;
	push(c, depth, wire_u64(&w));
	run_came(c->run);
}

static void ask_for_end(struct client *c)
{
	struct err e;

	err_set(&e, ERR_DENIED, "it was asked for");
	if (c->p->lose)
		run_lose(c->run, &e);
	else if (c->p->want == RUN_CANCELLED)
		run_fail(c->run, &e);
	else
		run_drain(c->run, &e, c->p->left_ns);
}

static void hold_ends(struct task *t)
{
	run_done(task_of(t, struct client, hold)->run);
}

static void item_ends(struct task *t)
{
	struct item *it = task_of(t, struct item, task);
	struct client *c = it->c;
	unsigned children = it->depth ? (unsigned)(random_next(&it->dice) % 4) : 0;

	if (c->p->never && !run_flags_late(run_flags(c->run))) {
		loop_after(router_loop(c->r), MS, &it->task);
		return;
	}
	for (unsigned i = 0; i < children; i++) {
		uint64_t dice = random_next(&it->dice);

		if (dice % 4 == 0 && c->p->ranks > 1)
			send(c, (c->rank + 1) % c->p->ranks, it->depth - 1, dice);
		else
			push(c, it->depth - 1, dice);
	}
	c->under_way--;
	atomic_fetch_add(&c->p->ended, 1);
	mem_free(it);
	run_done(c->run);
}

static void begin(void *arg, struct workq_item *q)
{
	struct client *c = arg;
	struct item *it = task_of(q, struct item, q);

	CHECK(!c->inside);
	c->inside = true;
	CHECK_EQ(run_end(c->run), RUN_GOES_ON);
	it->c = c;
	c->under_way++;
	c->counts.begun++;
	if (atomic_fetch_add(&c->p->begun, 1) + 1 == c->p->at)
		ask_for_end(c);
	run_note(c->run, 7, "an item", "begun", it->depth);
	it->task.done = item_ends;
	if (it->dice % 3)
		loop_after(router_loop(c->r), (int64_t)(it->dice % 5) * MS / 10, &it->task);
	else
		item_ends(&it->task);
	c->inside = false;
}

static void drop(void *arg, struct workq_item *q)
{
	struct client *c = arg;

	CHECK(run_end(c->run) != RUN_GOES_ON && !c->inside);
	c->counts.dropped++;
	atomic_fetch_add(&c->p->dropped, 1);
	mem_free(task_of(q, struct item, q));
}

static void pack(void *arg, struct workq_item *q, struct buf *out)
{
	struct item *it = task_of(q, struct item, q);

	(void)arg;
	wire_put_u32(out, it->depth);
	wire_put_u64(out, it->dice);
	mem_free(it);
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct item *it = mem_zalloc(sizeof(*it));

	(void)arg;
	it->depth = wire_u32(in);
	it->dice = wire_u64(in);
	return &it->q;
}

/* Each rank begins with an item, and one holds the phase besides. */
static void start(void *arg)
{
	struct client *c = arg;

	atomic_fetch_add(&c->p->in_phase, 1);
	router_open(c->r, ROUTER_ENGINE, on_sent, c);
	push(c, c->p->depth, random_next(&c->dice));
	c->hold.done = hold_ends;
	run_hold(c->run);
	loop_after(router_loop(c->r), (int64_t)(random_next(&c->dice) % 4) * MS, &c->hold);
}

static void ended(void *arg, const struct run_told *t)
{
	struct client *c = arg;

	CHECK(t->end != RUN_GOES_ON && t->end == run_end(c->run));
	CHECK(t->end != RUN_CANCELLED || run_flags_late(run_flags(c->run)));
	atomic_fetch_add(&c->p->heard, 1);
	atomic_fetch_add(&c->p->lost, t->lost);
	atomic_fetch_add(&c->p->stopped, t->stopped);
}

static void note(void *arg, unsigned kind, const char *a, const char *b, uint64_t n)
{
	struct client *c = arg;

	(void)n;
	CHECK_EQ(kind, 7);
	CHECK_STR(a, "an item");
	CHECK_STR(b, "begun");
	CHECK_EQ(c->rank, 0);
	c->p->notes++;
}

static void count(void *arg, uint64_t *v)
{
	memcpy(v, &((struct client *)arg)->counts, sizeof(struct counts));
}

static void progress(void *arg)
{
	((struct client *)arg)->p->progress++;
}

static int guard(void *arg, struct err *err)
{
	struct client *c = arg;

	return c->p->guard ? err_set(err, c->p->guard, "it is not ours any more") : 0;
}

static void one_phase(struct client *c, int i)
{
	struct run_phase ph = {.name = "play",
		.guarded = c->p->guarded && i == 1,
		.start = start,
		.room = room,
		.begin = begin,
		.drop = drop,
		.pack = pack,
		.unpack = unpack,
		.arg = c};
	enum run_end end;
	int none = -1;

	end = run_phase(c->run, &ph);
	router_close(c->r, ROUTER_ENGINE);
	/* Nobody may be told another end than the others. */
	if (!atomic_compare_exchange_strong(&c->p->end[i], &none, (int)end))
		CHECK_EQ(none, (int)end);
	CHECK_EQ(c->under_way, 0);
	/* All have begun this phase, and nothing is left of it, whatever the others do now: they
	 * wait for this rank before they push again. */
	CHECK(atomic_load(&c->p->in_phase) >= (i + 1) * c->p->ranks);
	if (c->rank == 0) {
		run_sum_counts(c->run, (uint64_t *)&c->p->sum);
		CHECK_EQ(c->p->sum.begun, atomic_load(&c->p->begun));
		CHECK_EQ(c->p->sum.dropped, atomic_load(&c->p->dropped));
		CHECK_EQ(atomic_load(&c->p->pushed),
			atomic_load(&c->p->ended) + atomic_load(&c->p->dropped));
		CHECK_EQ(c->p->notes, c->p->sum.begun);
	}
}

static const int64_t early_ns = 10000 * MS;

static int rank_main(void *arg, struct comm *comm, const struct env *env)
{
	struct play *p = arg;
	struct router *r = router_new(comm, env);
	struct agree *a = agree_new(r);
	struct client c = {.p = p,
		.r = r,
		.rank = comm->rank,
		.dice = p->seed * 77 + (uint64_t)comm->rank};
	struct run_ops ops = {.stop = &p->flag[comm->rank],
		.signal_ns = 10000 * MS,
		.early_ns = &early_ns,
		.ended = ended,
		.note = note,
		.n_counts = sizeof(struct counts) / 8,
		.count = count,
		.progress = progress,
		.guard = guard,
		.arg = &c};
	struct err err = {0};

	c.run = run_new(r, a, &ops);
	CHECK_EQ(run_rank(c.run), comm->rank);
	for (int i = 0; i < PHASES; i++) {
		one_phase(&c, i);
		agree_all(a, &err); /* so that what is counted is of this phase */
	}
	run_meet(c.run, &err);
	if (comm->rank == 0) {
		for (int i = 0; i < p->ranks; i++)
			memcpy(&p->of_rank[i], run_counts(c.run, i), sizeof(struct counts));
		p->code = err.code;
		p->err = err;
	}
	run_free(c.run);
	agree_free(a);
	router_free(r);
	return 0;
}

static void run(struct play *p)
{
	for (int i = 0; i < PHASES; i++)
		p->end[i] = -1;
	alarm(60); /* a hang ends the program */
	CHECK_EQ(ranks_test(p->ranks, p->seed, rank_main, p), 0);
	alarm(0);
}

TEST(a_phase_ends_when_nothing_is_left_anywhere)
{
	for (int ranks = 1; ranks <= RANKS_MAX; ranks++)
		for (uint64_t seed = 1; seed <= 12; seed++) {
			struct play p = {.ranks = ranks, .seed = seed, .depth = 6};
			struct counts sum = {0};

			run(&p);
			CHECK_EQ(p.code, 0);
			CHECK(p.begun >= (uint64_t)ranks * PHASES && p.dropped == 0);
			CHECK_EQ(p.end[PHASES - 1], RUN_GOES_ON);
			CHECK_EQ(p.heard, 0);
			for (int i = 0; i < ranks; i++)
				sum.begun += p.of_rank[i].begun;
			CHECK_EQ(sum.begun, p.begun);
		}
}

/* At each item, in each of the phases. */
TEST(an_end_at_each_item)
{
	static const struct {
		enum run_end want;
		bool lose;
		int64_t left;
	} how[] = {{RUN_DRAINS, false, 10000 * MS}, {RUN_CANCELLED, false, 0},
		{RUN_CANCELLED, true, 0}, {RUN_DRAINS, false, 0}};

	for (int ranks = 1; ranks <= 3; ranks++)
		for (size_t k = 0; k < 4; k++)
			for (uint64_t at = 1; at <= 40; at += CHECK_LESS) {
				struct play p = {.ranks = ranks,
					.seed = at,
					.depth = 4,
					.want = how[k].want,
					.lose = how[k].lose,
					.left_ns = how[k].left,
					.at = at};
				bool came;

				run(&p);
				came = atomic_load(&p.begun) >= at;
				CHECK_EQ(p.code, came ? ERR_DENIED : 0);
				CHECK_EQ(p.end[PHASES - 1], !came         ? RUN_GOES_ON
							    : how[k].left ? RUN_DRAINS
									  : RUN_CANCELLED);
				CHECK_EQ(p.heard, came ? ranks : 0);
				CHECK_EQ(p.lost, came && how[k].lose ? ranks : 0);
			}
}

/* What is begun and does not end: late after a quarter of the time, cancelled only at its end. */
TEST(a_deadline)
{
	struct play p = {.ranks = 2,
		.seed = 3,
		.depth = 4,
		.want = RUN_DRAINS,
		.left_ns = 200 * MS,
		.at = 2,
		.never = true};

	run(&p);
	CHECK_EQ(p.code, ERR_DENIED);
	CHECK(p.end[0] == RUN_DRAINS);
}

TEST(a_signal_to_one_rank)
{
	for (int rank = 0; rank < 3; rank++)
		for (int how = STOPPED_EARLY; how <= STOPPED_LOST; how++) {
			struct play p = {.ranks = 3, .seed = 5, .depth = 4};

			p.flag[rank] = how;
			run(&p);
			CHECK_EQ(p.code, ERR_CANCELLED);
			CHECK(strstr(p.err.msg,
				how == STOPPED_EARLY ? "ended early" : "stopped by a signal"));
			CHECK_EQ(p.end[PHASES - 1],
				how < STOPPED_FAIL ? RUN_DRAINS : RUN_CANCELLED);
			CHECK_EQ(p.stopped, how == STOPPED_EARLY ? 0 : 3);
			CHECK_EQ(p.lost, how == STOPPED_LOST ? 3 : 0);
			CHECK_EQ(p.begun + p.dropped > 0, true);
		}
}

TEST(what_is_not_ours_any_more_is_left_alone)
{
	for (int ranks = 1; ranks <= 3; ranks++) {
		struct play p = {.ranks = ranks,
			.seed = 2,
			.depth = 4,
			.guarded = true,
			.guard = ERR_NOTFOUND};
		struct play good = {.ranks = ranks, .seed = 2, .depth = 4, .guarded = true};

		run(&p);
		CHECK_EQ(p.code, ERR_NOTFOUND);
		CHECK_EQ(p.end[0], RUN_GOES_ON);
		CHECK_EQ(p.end[1], RUN_CANCELLED);
		CHECK_EQ(p.lost, ranks);
		/* In the phases after it nothing is begun. */
		CHECK_EQ(p.dropped, 2 * (uint64_t)ranks);
		run(&good);
		CHECK_EQ(good.code, 0);
		CHECK_EQ(good.dropped, 0);
	}
}

/* ---- two at once ---- */

struct both {
	struct run *run[2];
	struct router *r;
	atomic_int *notes; /* two */
	int told[2];
};

struct one {
	struct both *b;
	int i;
};

static void one_ended(void *arg, const struct run_told *t)
{
	struct one *o = arg;

	(void)t;
	o->b->told[o->i]++;
}

static void one_note(void *arg, unsigned kind, const char *a, const char *b, uint64_t n)
{
	struct one *o = arg;

	(void)a;
	(void)b;
	(void)n;
	CHECK_EQ(kind, (unsigned)o->i);
	atomic_fetch_add(&o->b->notes[o->i], 1);
}

static void one_start(void *arg)
{
	struct one *o = arg;

	run_note(o->b->run[o->i], (unsigned)o->i, "", "", 0);
}

static int two_runs(void *arg, struct comm *comm, const struct env *env)
{
	struct both b = {.notes = arg};
	struct one one[2] = {{&b, 0}, {&b, 1}};
	struct agree *a;
	struct err e = {0}, why;

	b.r = router_new(comm, env);
	a = agree_new(b.r);
	err_set(&why, ERR_DENIED, "it was asked for");
	for (int i = 0; i < 2; i++)
		b.run[i] = run_new(b.r, a,
			&(struct run_ops){.ended = one_ended, .note = one_note, .arg = &one[i]});
	for (int k = 0; k < 6; k++) {
		struct run_phase ph = {.name = "one", .start = one_start, .arg = &one[k % 2]};

		if (k == 2 && comm->rank == 1)
			run_fail(b.run[1], &why);
		CHECK_EQ(run_phase(b.run[k % 2], &ph) == RUN_GOES_ON, k % 2 == 0 || k < 2);
	}
	CHECK_EQ(b.told[0], 0);
	CHECK_EQ(b.told[1], 1);
	CHECK_EQ(run_meet(b.run[0], &e), 0);
	CHECK_EQ(run_meet(b.run[1], &e), ERR_DENIED);
	run_free(b.run[0]);
	run_free(b.run[1]);
	agree_free(a);
	router_free(b.r);
	return 0;
}

/* Each hears its own only, and ends by itself. */
TEST(two_runs_in_one_process)
{
	for (uint64_t seed = 0; seed < 8; seed++) {
		atomic_int notes[2] = {0};

		alarm(60);
		CHECK_EQ(ranks_test(3, seed, two_runs, notes), 0);
		alarm(0);
		CHECK_EQ(atomic_load(&notes[0]), 9);
		CHECK_EQ(atomic_load(&notes[1]), 9);
	}
}
