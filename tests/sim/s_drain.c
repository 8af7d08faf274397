/*
 * A run that is ended at each moment that there is, by a drain or at once: no rank waits, what a
 * closed tree holds is exactly what was settled before, and everything that it needs is there.
 */
#include "base/mem.h"
#include "engine/treewalk.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "lib/stores.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILES 44
#define LARGE 3 /* this one has several chunks */
#define S     ((int64_t)1000000000)

static char *dir;

void check_setup(void)
{
	char name[64];

	dir = files_dir("src");
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%u/%u", i % 4, i % 3);
		files_mkdir(dir, name);
		snprintf(name, sizeof(name), "%u/%u/f%u", i % 4, i % 3, i);
		files_random(dir, name, i == LARGE ? (size_t)7 << 20 : 100 + 977 * i, i + 1);
	}
}

void check_teardown(void)
{
	mem_free(dir);
}

/* ---- what is in the end ---- */

struct end {
	bool settled[FILES], there[FILES];
	size_t n_settled, n_there;
};

static void mark(bool *marks, size_t *n, const char *name)
{
	char *rest;
	unsigned long i;

	if (name[0] != 'f')
		return; /* a directory */
	i = strtoul(name + 1, &rest, 10);
	REQUIRE(!*rest && i < FILES);
	CHECK(!marks[i]);
	marks[i] = true;
	++*n;
}

static void on_item(void *arg, const char *action, const char *path)
{
	struct end *e = arg;
	const char *slash = strrchr(path, '/');

	CHECK_STR(action, "new");
	mark(e->settled, &e->n_settled, slash ? slash + 1 : path);
}

static enum treewalk_next on_node(void *arg, const struct treewalk_entry *t)
{
	struct end *e = arg;

	mark(e->there, &e->n_there, strrchr(t->path, '/') + 1);
	return TREEWALK_GO;
}

static void save_snapshot(struct repo *repo, const struct id *tree)
{
	struct snapshot s = {.time = {1700000000, 5},
		.hostname = "rig",
		.username = "",
		.program_version = "rig",
		.tree = *tree};
	struct buf json;
	struct id id;

	buf_init(&json, (size_t)1 << 20);
	snapshot_write(&s, NULL, &json);
	CHECK_EQ(repo_save(repo, BACKEND_SNAPSHOT, json.p, json.len, &id, NULL), 0);
	buf_release(&json);
}

/* The index names all packs that are there; the tree, if there is one, is whole. */
static void look(struct backend *be, const struct id *tree, bool saved, struct end *e)
{
	struct blobtable *table = blobtable_new();
	struct treewalk_fn fn = {.enter = on_node, .arg = e};
	struct catalog *catalog;
	struct loader *loader;
	struct err err = {0};
	struct repo *repo;
	struct rig g;

	rig_init(&g, 1);
	repo = rig_adopt(be, &g.env);
	CHECK_EQ(blobtable_load(table, repo, NULL, NULL), 0);
	CHECK_EQ(packtable_count(blobtable_packs(table)), rig_files(be, BACKEND_PACK));
	if (!id_is_zero(tree)) {
		catalog = catalog_local_new(table);
		loader = loader_new(repo, catalog, (size_t)1 << 20);
		CHECK_EQ(treewalk_run(loader, &g.env, tree, "", &fn, &err), 0);
		loader_free(loader);
		catalog_free(catalog);
		if (!saved)
			save_snapshot(repo, tree);
	}
	blobtable_free(table);
	repo_close(repo);
	rig_release(&g);
	rig_check(be, !id_is_zero(tree));
}

struct sum {
	size_t runs, closed, whole, partial, kept;
};

static void run(struct rig_backup *b)
{
	/* An absolute path would bring the directories above it, and others change those. */
	REQUIRE(!chdir(dir));
	b->target = ".";
	b->opt.cwd = dir;
	b->adopt = true;
	b->threads = 1;
	b->opt.verbose_items = true;
	alarm(60); /* a hang ends the program */
	rig_backup_run(b);
	alarm(0);
}

/* True: it was ended. */
static bool run_to(int ranks, uint64_t event, enum stopped_how how, int64_t ns, struct sum *sum)
{
	struct end e = {0};
	struct rig_backup b = {.ranks = ranks,
		.be = backend_mem_new(),
		.stop_event = event,
		.stop_how = how,
		.item = on_item,
		.arg = &e};

	b.opt.signal_ns = ns;
	run(&b);
	CHECK(b.code == 0 || b.code == ERR_CANCELLED);
	CHECK_EQ(b.told, b.code ? ranks : 0);
	CHECK_EQ(rig_files(b.be, BACKEND_SNAPSHOT), b.code == 0 || b.result.partial);
	CHECK_EQ(b.result.partial, !id_is_zero(&b.result.snapshot) && b.code);
	CHECK_EQ(b.notes, 0);
	if (b.code) {
		bool closed = !id_is_zero(&b.result.tree);

		/* What was finished is kept, whatever it is. */
		if (closed && how == STOPPED_SIGNAL && ns == 60 * S)
			CHECK_EQ(b.result.partial, e.n_settled > 0);
		sum->kept += b.result.partial;

		look(b.be, &b.result.tree, b.result.partial, &e);
		if (closed)
			CHECK_MEM(e.there, e.settled, sizeof(e.there));
		CHECK(closed || e.n_there == 0);
		/* Time enough: the tree closes, if it was begun. */
		if (ns == 60 * S && how == STOPPED_SIGNAL)
			CHECK(closed || e.n_settled == 0);
		sum->runs++;
		sum->closed += closed;
		sum->whole += closed && e.n_there == FILES;
		sum->partial += closed && e.n_there > 0 && e.n_there < FILES;
	}
	backend_free(b.be);
	return b.code != 0;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* At each event until there are no more; in larger steps where that takes too long. */
static void each_event(enum stopped_how how, int64_t ns, double most, struct sum *sum)
{
	for (int ranks = 1; ranks <= 3; ranks++) {
		double end = seconds() + most / 3;
		uint64_t step = CHECK_LESS, event = 1;

		for (; run_to(ranks, event, how, ns, sum); event += step)
			step = seconds() < end ? CHECK_LESS : 2 * step;
		printf("    %d ranks: %llu events\n", ranks, (unsigned long long)event);
	}
	printf("    %zu runs, %zu trees closed: %zu of all files, %zu of some\n", sum->runs,
		sum->closed, sum->whole, sum->partial);
}

TEST(drained_at_each_event)
{
	struct sum sum = {0};

	each_event(STOPPED_SIGNAL, 60 * S, 10, &sum);
	CHECK(sum.partial > 3 && sum.closed > 6 && sum.kept > 3);
}

/* Late at once; and soon, too late for some, which are cancelled. */
TEST(drained_with_no_time_at_each_event)
{
	struct sum sum = {0};

	each_event(STOPPED_SIGNAL, S / 50, 6, &sum);
	CHECK(sum.runs > 6);
}

TEST(cancelled_at_each_event)
{
	struct sum sum = {0};

	each_event(STOPPED_FAIL, 60 * S, 6, &sum);
	CHECK(sum.runs > 6 && sum.closed == 0 && sum.kept == 0);
}

/* A snapshot of an earlier run, old enough for the times of its files to be believed. */
static struct snapshot parent_of(const struct rig_backup *b)
{
	struct snapshot s = {.id = b->result.snapshot, .tree = b->result.tree, .has_summary = true};

	s.summary.backup_start = clock_now(clock_real());
	s.summary.backup_start.sec += 3600;
	return s;
}

/* What a drained run has stored is not stored again, and what it has finished not read. */
TEST(the_next_run_goes_on)
{
	struct rig_backup all = {.ranks = 2, .be = backend_mem_new()};
	size_t less = 0;

	run(&all);
	CHECK_EQ(all.code, 0);
	for (uint64_t part = 1; part < 10; part++) {
		struct rig_backup first = {.ranks = 2,
			.be = backend_mem_new(),
			.stop_event = all.events * part / 10};
		struct rig_backup next = {.ranks = 2, .be = first.be};
		struct snapshot partial;
		uint64_t stored, finished;

		first.opt.signal_ns = 60 * S;
		run(&first);
		stored = first.result.counts.data_blobs;
		finished = first.result.counts.files_new;
		partial = parent_of(&first);
		next.opt.partial[0] = &partial;
		next.opt.partials = first.result.partial;
		run(&next);
		CHECK_EQ(next.code, 0);
		CHECK(id_equal(&next.result.tree, &all.result.tree));
		CHECK_EQ(stored + next.result.counts.data_blobs, all.result.counts.data_blobs);
		if (first.result.partial) {
			CHECK_EQ(next.result.counts.files_unmodified, finished);
			CHECK_EQ(next.result.counts.files_new, FILES - finished);
		}
		less += stored > 0 && first.result.partial;
		rig_check(first.be, first.code == 0 || first.result.partial ? 2 : 1);
		backend_free(first.be);
	}
	CHECK(less > 0);
	backend_free(all.be);
}

/* Runs that are cut again and again: each reads what none before it has finished, and nothing is
 * lost that an earlier one had and a later one did not come to. */
TEST(many_cuts)
{
	struct rig_backup all = {.ranks = 2, .be = backend_mem_new()};
	struct backend *be = backend_mem_new();
	struct snapshot partial[PARENTS_MAX - 1];
	uint64_t finished = 0, has[PARENTS_MAX - 1];
	unsigned n = 0;

	run(&all);
	for (unsigned cut = 0; cut < PARENTS_MAX; cut++) {
		struct rig_backup b = {.ranks = 2, .be = be};

		if (cut < PARENTS_MAX - 1)
			b.stop_event = all.events * (4 + 2 * cut) / 10;
		b.opt.signal_ns = 60 * S;
		for (unsigned i = 0; i < n; i++)
			b.opt.partial[i] = &partial[n - 1 - i];
		b.opt.partials = n;
		run(&b);
		finished += b.result.counts.files_new;
		for (unsigned i = 0; i < n; i++)
			CHECK(b.result.missing[i] || b.result.counts.files_done >= has[n - 1 - i]);
		if (b.result.partial) {
			has[n] = b.result.counts.files_done;
			partial[n++] = parent_of(&b);
		}
		if (b.code == 0) {
			CHECK(id_equal(&b.result.tree, &all.result.tree));
			break;
		}
	}
	CHECK(n > 0);
	CHECK_EQ(finished, FILES);
	backend_free(be);
	backend_free(all.be);
}
