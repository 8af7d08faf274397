/* The distributed modules over 1 to 8 ranks, threads of this process, with messages that overtake each other as seeds say. */
#include "dist/agree.h"
#include "lib/dist_props.h"
#include "lib/ranks.h"
#include "unit/check.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define LESS 5
#else
#define LESS 1
#endif

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
#define EACH_SIZE(n, body)                                                                                                                 \
	for (size_t each = 0; each < sizeof(sizes) / sizeof(*sizes); each++) {                                                             \
		int n = sizes[each];                                                                                                       \
		body;                                                                                                                      \
	}

TEST(all_learn_the_worst_result)
{
	for (uint64_t seed = 0; seed < 4; seed++)
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main, &(struct prop){.fn = agreements, .seed = seed}), 0));
}

TEST(a_blob_is_promised_to_one_rank_only)
{
	for (uint64_t seed = 0; seed < 3; seed++)
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main, &(struct prop){.fn = claims, .seed = seed, .blobs = 4000 / LESS}), 0));
}

static void share(int n, uint64_t seed, size_t files, size_t blobs)
{
	struct prop p = {.fn = indexes, .seed = seed, .files = files, .blobs = blobs, .be = backend_mem_new()};

	CHECK_EQ(ranks_test(n, seed, rank_main, &p), 0);
	backend_free(p.be);
}

TEST(index_entries_end_at_their_owners)
{
	for (uint64_t seed = 0; seed < 2; seed++)
		EACH_SIZE(n, share(n, seed, 21, 1000 / LESS));
	share(3, 0, 0, 0);
	share(8, 1, 3, 1); /* fewer files than ranks */
}

/* More than the window of unsent entries. */
TEST(a_large_index_passes_through_the_window)
{
	share(2, 0, 10, 40000 / LESS);
}

TEST(each_item_is_done_once)
{
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct prop tree = {.fn = work, .seed = seed, .work = {.seed = seed, .items = 600 / LESS, .cost = 400000}};
		struct prop all_over = {.fn = work, .seed = seed, .work = {.seed = seed, .items = 600 / LESS, .cost = 400000, .anywhere = true}};

		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main, &tree), 0));
		EACH_SIZE(n, CHECK_EQ(ranks_test(n, seed, rank_main, &all_over), 0));
	}
}

TEST(stealing_spreads_the_work_of_one_rank)
{
	struct prop p = {.fn = work, .work = {.seed = 5, .items = 800, .cost = 4000000, .spread = true}};

	CHECK_EQ(ranks_test(8, 0, rank_main, &p), 0);
	CHECK_EQ(ranks_test(2, 0, rank_main, &p), 0);
}
