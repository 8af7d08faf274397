/*
 * Whatever the store does and whenever a run is stopped: every rank returns with the same result,
 * all memory in flight has come back, no descriptor is left open, and a snapshot is there only if
 * everything that it needs is, which check --read-data says.
 */
#include "lib/stores.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *dir, *other;
static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % n;
}

/* Some 11 MB in 120 files: a few packs, so that there is something to go wrong in the middle. */
static void fill(const char *to, uint64_t seed)
{
	char name[64];

	for (unsigned d = 0; d < 24; d++) {
		snprintf(name, sizeof(name), "%u/%u", d / 6, d % 6);
		files_mkdir(to, name);
		for (unsigned f = 0; f < 5; f++) {
			snprintf(name, sizeof(name), "%u/%u/%u", d / 6, d % 6, f);
			files_random(to, name, d % 8 == 3 && f == 2 ? (size_t)3 << 20 : roll(40000),
				seed + d * 10 + f);
		}
	}
}

void check_setup(void)
{
	dir = files_dir("src");
	fill(dir, 0);
	other = files_dir("other");
	fill(other, 1000);
}

void check_teardown(void)
{
	mem_free(dir);
	mem_free(other);
}

/* One backup through `through` into `store`, looked at from all sides.  Returns whether it
 * succeeded. */
static bool run(struct backend *store, struct backend *through, struct rig_backup b)
{
	size_t fds = files_fds(), before = rig_files(store, BACKEND_SNAPSHOT), after;

	b.be = through;
	if (!b.target)
		b.target = dir;
	b.adopt = true;
	if (!b.threads)
		b.threads = 1;
	alarm(100); /* a hang ends the program */
	rig_backup_run(&b);
	alarm(0);
	CHECK_EQ(files_fds(), fds);
	after = rig_files(store, BACKEND_SNAPSHOT);
	if (b.code == 0) {
		CHECK_EQ(after, before + 1);
		CHECK_EQ(b.notes, 0);
	} else {
		CHECK(b.err.msg[0]);
		/* Its PUT may have worked although the store said no: then it is complete all the
		 * same. */
		CHECK(after <= before + 1);
	}
	rig_check(store, after);
	return b.code == 0;
}

/* ---- a store that dies ---- */

static size_t operations(int ranks)
{
	struct backend *store = backend_mem_new(), *counter;
	struct backend_fault_policy p = {.seed = 1, .fail_from_op = UINT64_MAX};
	size_t low = 1, high = 4096;

	counter = backend_fault_new(backend_share(store), &p);
	CHECK(run(store, counter, (struct rig_backup){.ranks = ranks}));
	backend_free(counter);
	backend_free(store);
	/* How many there are shows in what the last one that may fail is. */
	while (low < high) {
		size_t mid = (low + high) / 2;
		bool ok;

		store = backend_mem_new();
		p.fail_from_op = mid;
		counter = backend_fault_new(backend_share(store), &p);
		ok = run(store, counter, (struct rig_backup){.ranks = ranks});
		backend_free(counter);
		backend_free(store);
		if (ok)
			high = mid;
		else
			low = mid + 1;
	}
	return low - 1;
}

TEST(a_store_that_dies_at_each_operation)
{
	for (int ranks = 1; ranks <= 4; ranks++) {
		size_t n = operations(ranks), good = 0;

		printf("    %d ranks: about %zu operations\n", ranks, n);
		CHECK(n >= 6 && n < 100);
		/* Each operation, or those of one remainder for each number of ranks. */
		for (uint64_t k = CHECK_LESS == 1 ? 1 : (uint64_t)ranks; k <= n; k += CHECK_LESS) {
			struct backend *store = backend_mem_new(), *bad;
			struct backend_fault_policy p = {.seed = k,
				.permanent = k % 2 ? 1000000 : 0,
				.fail_from_op = k};

			bad = backend_fault_new(backend_share(store), &p);
			good += run(store, bad,
				(struct rig_backup){.ranks = ranks,
					.threads = 1 + k % 2,
					.retry = k % 3 == 0});
			backend_free(bad);
			backend_free(store);
		}
		CHECK(good <=
			(size_t)ranks); /* packs may divide otherwise than when they were counted */
	}
}

/* ---- faults at random ---- */

TEST(random_faults)
{
	size_t good = 0, failed = 0;

	for (uint64_t seed = 1; seed <= 60 / CHECK_LESS; seed++) {
		struct backend *store = backend_mem_new(), *bad;
		struct backend_fault_policy p = {.seed = seed};
		struct rig_backup b = {.ranks = 1 + (int)(seed % 4), .retry = seed % 3 != 0};
		unsigned rate = b.retry ? 100000 : 30000 + 100000 * (unsigned)(seed % 2);

		switch (seed / 4 % 5) {
		case 0:
			p.put_fail = rate;
			break;
		case 1:
			p.put_fail_after = rate;
			break;
		case 2:
			p.get_fail = p.get_short = p.get_flip = rate;
			break;
		case 3:
			p.list_fail = 4 * rate;
			p.permanent = 300000;
			break;
		default:
			p.put_fail = p.put_fail_after = p.get_fail = p.get_short = p.get_flip =
				p.list_fail = rate / 2;
			p.permanent = 100000;
			break;
		}
		/* The first run is disturbed half of the time; the second one has indexes and a
		 * snapshot to read. */
		if (seed % 2) {
			bad = backend_fault_new(backend_share(store), &p);
			run(store, bad, b);
			backend_free(bad);
		} else {
			CHECK(run(store, store, b));
		}
		p.seed += 1000;
		b.target = other;
		bad = backend_fault_new(backend_share(store), &p);
		if (run(store, bad, b))
			good++;
		else
			failed++;
		backend_free(bad);
		/* What a failed run left is of use to the next. */
		CHECK(run(store, store, b));
		backend_free(store);
	}
	printf("    %zu runs got through, %zu failed\n", good, failed);
	CHECK(good > 10 / CHECK_LESS && (failed > 3 || CHECK_LESS > 1));
}

/* ---- stopping ---- */

/* A signal that came before the first rank looked: some rank may ask for the end before rank 0 has
 * begun at the root. */
TEST(stopped_before_the_start)
{
	struct backend *store = backend_mem_new();
	struct rig_backup first = {.ranks = 1,
		.be = store,
		.target = dir,
		.adopt = true,
		.threads = 1};

	rig_backup_run(&first);
	REQUIRE(first.code == 0);
	for (int k = 0; k < 40 / CHECK_LESS; k++) {
		struct rig_backup b = {.ranks = 1 + k % 4,
			.be = store,
			.target = dir,
			.adopt = true,
			.threads = 1,
			.stop_ns = -1};

		b.parent = &first.result.tree;
		b.stop_how = k % 8 < 4 ? STOPPED_SIGNAL : STOPPED_EARLY;
		alarm(100);
		rig_backup_run(&b);
		alarm(0);
		CHECK_EQ(b.code, ERR_CANCELLED);
		CHECK_EQ(b.told, b.stop_how == STOPPED_SIGNAL ? b.ranks : 0);
		CHECK_EQ(rig_files(store, BACKEND_SNAPSHOT), 1);
	}
	backend_free(store);
}

TEST(stopped_at_any_moment)
{
	size_t stopped = 0;

	for (uint64_t k = 0; k < 60 / CHECK_LESS; k++) {
		struct backend *store = backend_mem_new();
		struct rig_backup b = {.ranks = 1 + (int)(k % 4),
			.be = store,
			.target = dir,
			.adopt = true,
			.threads = 1 + k % 2};
		size_t fds = files_fds(), snapshots;

		b.stop_rank = k % 3 ? -1 : (int)(k % (uint64_t)b.ranks);
		b.stop_ns = 1 + (int64_t)roll(80) * 1000000;
		alarm(100);
		rig_backup_run(&b);
		alarm(0);
		CHECK_EQ(files_fds(), fds);
		snapshots = rig_files(store, BACKEND_SNAPSHOT);
		CHECK(b.code == 0 || b.code == ERR_CANCELLED);
		CHECK_EQ(snapshots, b.code == 0);
		/* Each begins to count its own limit, whoever was stopped. */
		CHECK_EQ(b.told, b.code ? b.ranks : 0);
		stopped += b.code == ERR_CANCELLED;
		rig_check(store, snapshots);
		backend_free(store);
	}
	printf("    %zu of %d were stopped\n", stopped, 60 / CHECK_LESS);
	CHECK(stopped > 3 / CHECK_LESS);
}

/* Packs in the index of a repository of rig_adopt. */
static size_t packs_known(struct backend *store)
{
	struct blobtable *cat = blobtable_new();
	struct repo *repo;
	struct rig g;
	size_t n;

	rig_init(&g, 1);
	repo = rig_adopt(store, &g.env);
	CHECK_EQ(blobtable_load(cat, repo, NULL, NULL), 0);
	n = packtable_count(blobtable_packs(cat));
	blobtable_free(cat);
	repo_close(repo);
	rig_release(&g);
	return n;
}

/* There is time: no snapshot, but all that lies in packs is stored and found by the next run. */
TEST(ended_early_at_any_moment)
{
	size_t ended = 0, packs = 0;

	for (uint64_t k = 0; k < 40 / CHECK_LESS; k++) {
		struct backend *store = backend_mem_new();
		struct rig_backup b = {.ranks = 1 + (int)(k % 4),
			.be = store,
			.target = dir,
			.adopt = true,
			.threads = 1 + k % 2};
		size_t fds = files_fds(), there;

		b.stop_rank = k % 3 ? -1 : 0;
		b.stop_ns = 1 + (int64_t)roll(80) * 1000000;
		b.stop_how = STOPPED_EARLY;
		alarm(100);
		rig_backup_run(&b);
		alarm(0);
		CHECK_EQ(files_fds(), fds);
		CHECK(b.code == 0 || b.code == ERR_CANCELLED);
		CHECK_EQ(rig_files(store, BACKEND_SNAPSHOT), b.code == 0 || b.result.partial);
		there = rig_files(store, BACKEND_PACK);
		CHECK_EQ(packs_known(store), there);
		rig_check(store, b.code == 0 || b.result.partial);
		if (b.code) {
			ended++;
			packs += there;
			CHECK_EQ(there > 0,
				b.result.counts.data_blobs + b.result.counts.tree_blobs > 0);
		}
		backend_free(store);
	}
	printf("    %zu of %d were ended, with %zu packs\n", ended, 40 / CHECK_LESS, packs);
	CHECK(ended > 3 / CHECK_LESS && (packs > 3 || CHECK_LESS > 1));
}
