/*
 * What N ranks leave is as few packs as one rank leaves, and whatever fails while their last packs
 * are merged: the run ends on all ranks, and every pack that an index names is whole.
 */
#include "lib/stores.h"
#include "base/mem.h"
#include "ranks/agree.h"
#include "ranks/ranks.h"
#include "ranks/lastpacks.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "unit/check.h"
#include <stdio.h>
#include <unistd.h>

#define PACK ((size_t)64 << 10)

static char *dir;
static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % n;
}

/* Some 4 MB in 800 files of 160 directories, so that each of many ranks has some of it. */
void check_setup(void)
{
	char name[64];

	dir = files_dir("src");
	for (unsigned d = 0; d < 160; d++) {
		snprintf(name, sizeof(name), "%u/%u", d / 10, d % 10);
		files_mkdir(dir, name);
		for (unsigned f = 0; f < 5; f++) {
			snprintf(name, sizeof(name), "%u/%u/%u", d / 10, d % 10, f);
			files_random(dir, name, 1 + roll(10000), d * 10 + f);
		}
	}
}

void check_teardown(void)
{
	mem_free(dir);
}

struct left {
	size_t full, small[2]; /* small ones of data, of trees */
	size_t stored;         /* files in the store */
};

static struct left left_in(struct backend *be)
{
	struct blobtable *cat = blobtable_new();
	struct left l = {0};
	struct rig g;
	struct repo *repo;

	rig_init(&g, 1);
	repo = rig_adopt(be, &g.env);
	CHECK_EQ(blobtable_load(cat, repo, NULL, NULL), 0);
	for (size_t i = 0; i < packtable_count(blobtable_packs(cat)); i++) {
		const struct catalog_pack *p = packtable_at(blobtable_packs(cat), i);

		CHECK(p->data != p->tree);
		if (p->size >= PACK)
			l.full++;
		else
			l.small[p->tree]++;
	}
	l.stored = rig_files(be, BACKEND_PACK);
	CHECK_EQ(l.stored, packtable_count(blobtable_packs(cat)));
	repo_close(repo);
	blobtable_free(cat);
	rig_release(&g);
	return l;
}

static void run(struct rig_backup *b)
{
	/* An absolute path would bring the directories above it, and others change those. */
	REQUIRE(!chdir(dir));
	b->target = ".";
	b->opt.cwd = dir;
	b->adopt = true;
	b->threads = 1;
	b->opt.pack_size = PACK;
	alarm(300); /* a hang ends the program */
	rig_backup_run(b);
	alarm(0);
}

TEST(as_few_small_packs_as_of_one_rank)
{
	struct backup_counts one = {0};
	uint64_t stolen = 0;

	for (int ranks = 1; ranks <= RIG_RANKS; ranks = ranks < 17    ? ranks + 1
							: ranks == 17 ? 100
								      : ranks + 28) {
		struct rig_backup b = {.ranks = ranks, .be = backend_mem_new()};
		struct left l;

		run(&b);
		CHECK_EQ(b.code, 0);
		l = left_in(b.be);
		printf("    %3d ranks leave %zu full packs, %zu + %zu small ones; %llu items "
		       "changed hands\n",
			ranks, l.full, l.small[0], l.small[1],
			(unsigned long long)b.result.counts.items_stolen);
		CHECK(l.full >= 50);
		CHECK(l.small[BLOB_DATA] <= 1);
		CHECK(l.small[BLOB_TREE] <= 1);
		if (ranks == 1)
			one = b.result.counts;
		/* What changed hands is counted once. */
		CHECK_EQ(b.result.counts.data_blobs, one.data_blobs);
		CHECK_EQ(b.result.counts.data_added, one.data_added);
		stolen += b.result.counts.items_stolen;
		rig_check(b.be, 1);
		backend_free(b.be);
	}
	CHECK(stolen > 0); /* else there were no tails */
}

/* Nothing new is nothing to merge. */
TEST(an_unchanged_run_adds_no_pack)
{
	struct rig_backup b = {.ranks = 5, .be = backend_mem_new()};
	struct id tree;
	struct left before, after;

	run(&b);
	CHECK_EQ(b.code, 0);
	before = left_in(b.be);
	tree = b.result.tree;
	b.parent = &tree;
	run(&b);
	CHECK_EQ(b.code, 0);
	after = left_in(b.be);
	CHECK_EQ(after.stored, before.stored);
	backend_free(b.be);
}

TEST(a_store_that_fails_while_tails_are_merged)
{
	size_t good = 0, failed = 0;

	for (uint64_t seed = 1; seed <= 48 / CHECK_LESS; seed++) {
		struct backend *store = backend_mem_new();
		struct backend_fault_policy p = {.seed = seed};
		struct rig_backup b = {.ranks = 1 + (int)(seed % 16), .retry = seed % 4 == 0};
		size_t snapshots;

		if (seed % 3 == 0)
			p.fail_from_op =
				40 +
				roll(30); /* there are some 60 packs, half of them from tails */
		else
			p.put_fail = p.put_fail_after = seed % 4 ? 8000 : 100000;
		p.permanent = seed % 2 && !b.retry ? 1000000 : 0;
		b.be = backend_fault_new(backend_share(store), &p);
		run(&b);
		if (b.code == 0)
			good++;
		else
			failed++;
		backend_free(b.be);
		snapshots = rig_files(store, BACKEND_SNAPSHOT);
		/* A PUT may have worked although the store said no: then the snapshot is complete
		 * all the same. */
		CHECK(snapshots <= 1 && (b.code || snapshots));
		rig_check(store, snapshots);
		backend_free(store);
	}
	printf("    %zu runs got through, %zu failed\n", good, failed);
	CHECK(good > 5 / CHECK_LESS && failed > 5 / CHECK_LESS);
}

TEST(stopped_while_tails_are_merged)
{
	size_t stopped = 0;

	for (uint64_t k = 0; k < 48 / CHECK_LESS; k++) {
		struct rig_backup b = {.ranks = 1 + (int)(k % 16), .be = backend_mem_new()};

		b.stop_rank = k % 3 ? -1 : (int)(k % (uint64_t)b.ranks);
		b.stop_ns = 1 + (int64_t)roll(30) * 1000000;
		run(&b);
		CHECK(b.code == 0 || b.code == ERR_CANCELLED);
		stopped += b.code == ERR_CANCELLED;
		rig_check(b.be, b.code == 0 || b.result.partial);
		backend_free(b.be);
	}
	printf("    %zu of %d were stopped\n", stopped, 48 / CHECK_LESS);
	CHECK(stopped > 3 / CHECK_LESS);
}

/* What a run that ends early has stored is merged likewise. */
TEST(ended_early_at_any_moment)
{
	size_t ended = 0, full = 0;

	for (uint64_t k = 0; k < 48 / CHECK_LESS; k++) {
		struct rig_backup b = {.ranks = 1 + (int)(k % 16), .be = backend_mem_new()};
		struct left l;

		b.stop_rank = 0;
		b.stop_ns = 1 + (int64_t)roll(30) * 1000000;
		b.stop_how = STOPPED_EARLY;
		run(&b);
		CHECK(b.code == 0 || b.code == ERR_CANCELLED);
		l = left_in(b.be);
		CHECK(l.small[BLOB_DATA] <= 1 && l.small[BLOB_TREE] <= 1);
		ended += b.code == ERR_CANCELLED;
		full += b.code ? l.full : 0;
		rig_check(b.be, b.code == 0 || b.result.partial);
		backend_free(b.be);
	}
	printf("    %zu of %d were ended, with %zu full packs\n", ended, 48 / CHECK_LESS, full);
	CHECK(ended > 3 / CHECK_LESS);
}

/* ---- savers alone: each rank has tails of any size ---- */

struct one_rank {
	struct saver *saver;
	struct lastpacks *lastpacks;
	size_t small[2], blobs, cancel_after;
	uint64_t bytes;
	bool drained, merged, flushed;
};

struct savers {
	struct backend *be;
	struct one_rank *rank;
	bool cancel;
};

static void on_stored(void *arg, const struct pack *p)
{
	struct one_rank *me = arg;

	me->blobs += p->n;
	me->bytes += p->data.len;
	me->small[p->type] += p->data.len < PACK;
}

static void on_failed(void *arg, const struct err *e)
{
	(void)arg;
	CHECK_STR(e->msg, "no failure");
}

static void on_drained(void *arg)
{
	struct one_rank *me = arg;

	me->drained = true;
	lastpacks_start(me->lastpacks);
}

static void on_merged(void *arg)
{
	struct one_rank *me = arg;

	CHECK(me->drained && !me->merged);
	me->merged = true;
	saver_flush(me->saver);
}

static void on_flushed(void *arg)
{
	((struct one_rank *)arg)->flushed = true;
}

/* Blobs of at most a tenth of a pack: on most ranks less than a pack of them, on some none, on some
 * several packs. */
static void put_blobs(struct saver *s, struct repo *repo, uint64_t seed, size_t *n)
{
	struct repo_ctx *ctx = repo_ctx_get(repo);
	uint64_t x = seed * 0x9e3779b97f4a7c15u | 1;

	*n = seed % 7 == 3 ? 0 : seed % 5 == 1 ? 60 : 15;
	for (size_t i = 0; i < *n; i++) {
		struct buf b;
		struct id id;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf_init(&b, PACK);
		buf_reserve(&b, PACK);
		b.len = 8 + x % (PACK / 10);
		for (size_t k = 0; k < b.len; k++)
			b.p[k] = (uint8_t)(x >> k % 50);
		memcpy(b.p, &x, sizeof(x));
		hash_once(ctx->hash, b.p, b.len, &id);
		saver_put(s, i % 3 ? BLOB_DATA : BLOB_TREE, &id, &b, 0);
	}
	repo_ctx_put(repo, ctx);
}

static int save_and_merge(void *arg, struct comm *c)
{
	struct savers *all = arg;
	struct one_rank *me = &all->rank[c->rank];
	struct saver_events ev = {on_stored, on_failed, on_drained, on_flushed, me};
	struct blobtable *cat = blobtable_new();
	struct catalog *catalog = catalog_local_new(cat);
	struct saver_stats stats;
	struct router *r;
	struct agree *a;
	struct repo *repo;
	struct err e = {0};
	struct rig g;
	size_t put;

	rig_init(&g, 1);
	r = router_new(c, &g.env);
	a = agree_new(r);
	repo = rig_adopt(all->be, &g.env);
	me->saver = saver_new(repo, catalog, PACK, 1, false, &ev);
	me->lastpacks = lastpacks_new(r, me->saver, on_merged, me);
	agree_all(a, &e);
	put_blobs(me->saver, repo, (uint64_t)c->rank, &put);
	saver_drain(me->saver);
	for (size_t turns = 0; !me->flushed; turns++) {
		if (all->cancel && turns == me->cancel_after) {
			saver_cancel(me->saver);
			lastpacks_cancel(me->lastpacks);
		}
		if (!router_turn(r))
			router_idle(r, all->cancel ? 100000 : -1);
	}
	saver_stats(me->saver, &stats);
	if (!all->cancel)
		CHECK_EQ(stats.data_blobs + stats.tree_blobs, put);
	me->bytes -= stats.data_added_packed; /* 0 in all */
	CHECK_EQ(agree_all(a, &e), 0);
	lastpacks_free(me->lastpacks);
	saver_free(me->saver);
	catalog_free(catalog);
	blobtable_free(cat);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	rig_release(&g);
	return 0;
}

static void savers_run(int ranks, bool cancel)
{
	struct savers all = {.be = backend_mem_new(),
		.rank = mem_array((size_t)ranks, sizeof(*all.rank)),
		.cancel = cancel};
	size_t small[2] = {0}, blobs = 0, want = 0;
	uint64_t bytes = 0;

	for (int i = 0; i < ranks; i++)
		all.rank[i].cancel_after = roll(60);
	alarm(300);
	CHECK_EQ(ranks_run(ranks, save_and_merge, &all), 0);
	alarm(0);
	for (int i = 0; i < ranks; i++) {
		small[0] += all.rank[i].small[0];
		small[1] += all.rank[i].small[1];
		blobs += all.rank[i].blobs;
		bytes += all.rank[i].bytes;
		want += i % 7 == 3 ? 0 : i % 5 == 1 ? 60 : 15;
		CHECK(all.rank[i].merged);
	}
	if (cancel) {
		CHECK(blobs <= want);
	} else {
		CHECK_EQ(blobs, want);
		CHECK_EQ(bytes, 0); /* what was counted as stored is what lies there */
		CHECK(small[0] <= 1 && small[1] <= 1);
	}
	mem_free(all.rank);
	backend_free(all.be);
}

TEST(every_rank_has_tails)
{
	for (int ranks = 1; ranks <= 16; ranks++)
		savers_run(ranks, false);
	savers_run(100, false);
	savers_run(128, false);
}

TEST(cancelled_here_and_there_at_any_turn)
{
	for (int ranks = 2; ranks <= 16; ranks++)
		for (int again = 0; again < 6; again++)
			savers_run(ranks, true);
	savers_run(128, true);
}
