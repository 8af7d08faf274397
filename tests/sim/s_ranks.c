/* The distributed modules over 1 to 8 ranks, threads of this process, with messages that overtake
 * each other as seeds say. */
#include "lib/stores.h"
#include "ranks/agree.h"
#include "lib/ranks_props.h"
#include "lib/ranks.h"
#include "unit/check.h"

struct prop {
	void (*fn)(struct router *r, struct agree *a, struct prop *p);
	uint64_t seed;
	struct props_work work;
	struct backend *be;
	size_t files, blobs;
};

static int rank_main(void *arg, struct comm *c, const struct env *env)
{
	struct prop *p = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);

	p->fn(r, a, p);
	agree_free(a);
	router_free(r);
	return 0;
}

static void agreements(struct router *r, struct agree *a, struct prop *p)
{
	props_agree(r, a, p->seed);
}

static void claims(struct router *r, struct agree *a, struct prop *p)
{
	props_claim(r, a, p->seed, p->blobs);
	/* Once more with the same router: what the first left behind must not disturb. */
	props_claim(r, a, p->seed + 1, 50);
}

static void catalogs(struct router *r, struct agree *a, struct prop *p)
{
	props_catalogs(r, a, p->seed, p->blobs);
	props_catalogs(r, a, p->seed + 1, 50);
}

static void indexes(struct router *r, struct agree *a, struct prop *p)
{
	props_idxshare(r, a, p->be, p->files, p->blobs);
}

static void work(struct router *r, struct agree *a, struct prop *p)
{
	props_workq(r, a, &p->work);
	props_workq(r, a, &p->work);
}

static const int sizes[] = {1, 2, 3, 8};
#define EACH_SIZE(n, body)                                                                         \
	for (size_t each = 0; each < sizeof(sizes) / sizeof(*sizes); each++) {                     \
		int n = sizes[each];                                                               \
		body;                                                                              \
	}

TEST(all_learn_the_worst_result)
{
	for (uint64_t seed = 0; seed < 4; seed++)
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main,
					      &(struct prop){.fn = agreements, .seed = seed}),
				     0));
}

TEST(a_blob_is_promised_to_one_rank_only)
{
	for (uint64_t seed = 0; seed < 3; seed++)
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main,
					      &(struct prop){.fn = claims,
						      .seed = seed,
						      .blobs = 4000 / CHECK_LESS}),
				     0));
}

TEST(two_catalogs_at_once)
{
	for (uint64_t seed = 0; seed < 3; seed++)
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main,
					      &(struct prop){.fn = catalogs,
						      .seed = seed,
						      .blobs = 900 / CHECK_LESS}),
				     0));
}

static void share(int n, uint64_t seed, size_t files, size_t blobs)
{
	struct prop p = {.fn = indexes,
		.seed = seed,
		.files = files,
		.blobs = blobs,
		.be = backend_mem_new()};

	CHECK_EQ(ranks_test(n, seed, rank_main, &p), 0);
	backend_free(p.be);
}

TEST(index_entries_end_at_their_owners)
{
	for (uint64_t seed = 0; seed < 2; seed++)
		EACH_SIZE(n, share(n, seed, 21, 1000 / CHECK_LESS));
	share(3, 0, 0, 0);
	share(8, 1, 3, 1); /* fewer files than ranks */
}

/*
 * A mailbox over another one that measures how many bytes a rank lets pile up before all it sent
 * was taken.  Rank 1 reads slowly.
 */
struct meter {
	struct comm c;
	struct comm *inner;
	size_t unsent, most;
};

static struct meter *meter_of(struct comm *c)
{
	return (struct meter *)(void *)c;
}

static void meter_send(struct comm *c, int to, uint32_t tag, struct buf *data)
{
	struct meter *m = meter_of(c);

	m->unsent += data ? data->len : 0;
	m->most = m->unsent > m->most ? m->unsent : m->most;
	comm_send(m->inner, to, tag, data);
}

static bool meter_poll(struct comm *c, struct comm_msg *msg)
{
	bool got = comm_poll(meter_of(c)->inner, msg);

	if (got && c->rank == 1)
		clock_sleep(clock_real(), 20000000);
	return got;
}

static void meter_idle(struct comm *c, struct loop *l, int64_t max_ns)
{
	comm_idle(meter_of(c)->inner, l, max_ns);
}

static bool meter_sent(struct comm *c)
{
	struct meter *m = meter_of(c);
	bool sent = comm_sent(m->inner);

	if (sent)
		m->unsent = 0;
	return sent;
}

static const struct comm_vtable meter_vtable = {.send = meter_send,
	.poll = meter_poll,
	.idle = meter_idle,
	.sent = meter_sent};

static int metered(void *arg, struct comm *c, const struct env *env)
{
	struct meter m = {.c = {&meter_vtable, c->rank, c->size}, .inner = c};
	int rc = rank_main(arg, &m.c, env);

	/* The window is 8 MiB; the list and the end marks come on top. */
	CHECK(m.most <= 9u << 20);
	if (CHECK_LESS == 1 && c->rank == 0)
		CHECK(m.most >= 4u << 20); /* or the index was too small to show anything */
	return rc;
}

TEST(entries_pile_up_to_the_window_only)
{
	struct prop p = {.fn = indexes,
		.files = 20,
		.blobs = 40000 / CHECK_LESS,
		.be = backend_mem_new()};

	CHECK_EQ(ranks_test(2, 0, metered, &p), 0);
	backend_free(p.be);
}

TEST(each_item_is_done_once)
{
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct prop tree = {.fn = work,
			.seed = seed,
			.work = {.seed = seed, .items = 600 / CHECK_LESS, .cost = 400000}};
		struct prop all_over = {.fn = work,
			.seed = seed,
			.work = {.seed = seed,
				.items = 600 / CHECK_LESS,
				.cost = 400000,
				.anywhere = true}};

		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main, &tree), 0));
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main, &all_over), 0));
	}
}

TEST(stealing_spreads_the_work_of_one_rank)
{
	struct prop p = {.fn = work,
		.work = {.seed = 5, .items = 800, .cost = 8000000, .spread = true}};

	CHECK_EQ(ranks_test(8, 0, rank_main, &p), 0);
	CHECK_EQ(ranks_test(2, 0, rank_main, &p), 0);
}
