/*
 * One run that stores into two repositories at once, as a copy of both ways would: each has a
 * catalog, a reader and a storing of its own, and no message of one comes to the other.
 */
#include "base/mem.h"
#include "engine/storing.h"
#include "lib/ranks.h"
#include "lib/rig.h"
#include "lib/stores.h"
#include "ranks/catalog_ranks.h"
#include "repo/blobtable.h"
#include "repo/reader.h"
#include "unit/repo_fixture.h"
#include <unistd.h>

#define REPOS 2
#define BLOBS 60 /* of each rank; as many that all ranks have */
#define SIZE  3000

struct play {
	struct backend *be[REPOS];
	int ranks;
};

struct one { /* repository, on one rank */
	struct repo *repo;
	struct catalog *catalog;
	struct reader *reader;
	struct storing *storing;
};

struct part { /* one rank's */
	struct play *p;
	struct run *run;
	struct one one[REPOS];
};

static uint64_t seed_of(int repo, int rank, uint64_t i)
{
	return (uint64_t)repo * 1000000 + (uint64_t)(rank + 1) * 1000 + i;
}

static struct id put(struct saver *s, uint64_t seed)
{
	struct buf b;
	struct id id;

	buf_init(&b, SIZE);
	buf_reserve(&b, SIZE);
	b.len = SIZE;
	fixture_fill(b.p, SIZE, seed, false);
	id = fixture_hash(b.p, b.len);
	if (s)
		saver_put(s, BLOB_DATA, &id, &b, 0);
	buf_release(&b);
	return id;
}

static void start(void *arg)
{
	struct part *c = arg;

	for (uint64_t i = 0; i < BLOBS; i++)
		for (int k = 0; k < REPOS; k++) {
			struct saver *s = storing_saver(c->one[k].storing);

			put(s, seed_of(k, run_rank(c->run), i));
			put(s, seed_of(k, -1, i));
		}
}

static void ended(void *arg, const struct run_told *t)
{
	(void)arg;
	CHECK_EQ(t->end, RUN_GOES_ON);
}

static void progress(void *arg)
{
	struct part *c = arg;

	for (int k = 0; k < REPOS; k++)
		storing_tick(c->one[k].storing);
}

static void begin(struct part *c, int k, struct router *r, const struct env *env)
{
	struct storing_options o = {.pack_size = 20000};
	struct one *x = &c->one[k];
	struct err e = {0};

	x->repo = rig_adopt(c->p->be[k], env);
	x->catalog = catalog_ranks_new(r, NULL);
	CHECK_EQ(catalog_load(x->catalog, x->repo, NULL, NULL, &e), 0);
	x->reader = reader_new(x->repo, x->catalog, 0);
	x->storing = storing_new(c->run, r, x->repo, x->catalog, &o);
	if (run_rank(c->run) == 0)
		CHECK_EQ(storing_begin(x->storing, 0, 0, &e), 0);
}

static void end(struct one *x)
{
	storing_free(x->storing);
	reader_free(x->reader);
	catalog_free(x->catalog);
	repo_close(x->repo);
}

static int rank_main(void *arg, struct comm *comm, const struct env *env)
{
	struct part c = {.p = arg};
	struct run_ops ops = {.ended = ended, .progress = progress, .arg = &c};
	struct router *r = router_new(comm, env);
	struct agree *a = agree_new(r);
	struct run_phase put_all = {.name = "put", .start = start, .arg = &c};
	struct err e = {0};

	c.run = run_new(r, a, &ops);
	for (int k = 0; k < REPOS; k++)
		begin(&c, k, r, env);
	CHECK_EQ(run_phase(c.run, &put_all), RUN_GOES_ON);
	for (int k = REPOS; k-- > 0;)
		CHECK_EQ(storing_end(c.one[k].storing), RUN_GOES_ON);
	CHECK_EQ(run_meet(c.run, &e), 0);
	run_free(c.run);
	for (int k = 0; k < REPOS; k++)
		end(&c.one[k]);
	agree_free(a);
	router_free(r);
	return 0;
}

/* Each repository has what was put into it, once, and nothing else. */
static void look(const struct play *p, int k)
{
	struct blobtable *t = blobtable_new();
	struct catalog_place at;
	struct repo *repo;
	struct err e = {0};
	struct rig g;

	rig_init(&g, 1);
	repo = rig_adopt(p->be[k], &g.env);
	CHECK_EQ(blobtable_load(t, repo, NULL, &e), 0);
	CHECK_EQ(packtable_count(blobtable_packs(t)), fixture_count(p->be[k], BACKEND_PACK));
	CHECK_EQ(blobtable_blobs(t), (size_t)(p->ranks + 1) * BLOBS);
	for (int rank = -1; rank < p->ranks; rank++)
		for (uint64_t i = 0; i < BLOBS; i++) {
			struct id id = put(NULL, seed_of(k, rank, i));

			CHECK(blobtable_find(t, BLOB_DATA, &id, 0, &at));
			CHECK(!blobtable_find(t, BLOB_DATA, &id, 1, &at));
		}
	blobtable_free(t);
	repo_close(repo);
	rig_release(&g);
	rig_check(p->be[k], 0);
}

TEST(two_repositories_at_once)
{
	for (int ranks = 1; ranks <= 4; ranks *= 2)
		for (uint64_t seed = 0; seed < 4; seed++) {
			struct play p = {.ranks = ranks};

			for (int k = 0; k < REPOS; k++)
				p.be[k] = backend_mem_new();
			alarm(60);
			CHECK_EQ(ranks_test(ranks, seed, rank_main, &p), 0);
			alarm(0);
			for (int k = 0; k < REPOS; k++) {
				look(&p, k);
				backend_free(p.be[k]);
			}
		}
}
