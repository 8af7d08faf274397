/* The backup engine over thread ranks and the memory store: one result for any number of ranks, and
 * no snapshot after a fault. */
#include "lib/stores.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "repo/blobtable.h"
#include "repo/indexer.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLY 0x3da3358b4dc173u

static uint64_t seed = 88172645463325252u;

static uint64_t rnd64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void make_file(const char *dir, unsigned i, size_t n)
{
	char *path = mem_printf("%s/f%u", dir, i);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	uint64_t *p = mem_alloc(n + 8);

	for (size_t k = 0; k * 8 < n; k++)
		p[k] = i % 7 == 3 ? 0 : rnd64();
	REQUIRE(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
	mem_free(p);
	mem_free(path);
}

static void make_dir(const char *dir, unsigned depth)
{
	unsigned files = (unsigned)(rnd64() % 9), dirs = depth ? (unsigned)(rnd64() % 5) + 1 : 0;

	mkdir(dir, 0755);
	for (unsigned i = 0; i < files; i++)
		make_file(dir, i, (size_t)(rnd64() % 20 == 0 ? rnd64() % 3000000 : rnd64() % 3000));
	for (unsigned i = 0; i < dirs; i++) {
		char *sub = mem_printf("%s/d%u", dir, i);

		make_dir(sub, depth - 1);
		mem_free(sub);
	}
}

static void source(void)
{
	static char *dir;

	if (!dir) {
		dir = mem_printf("%s/src", check_tmpdir());
		make_dir(dir, 4);
		make_file(dir, 100, (size_t)21 << 20);
	}
}

static struct rig_backup run(struct backend *be, int ranks, size_t threads, const struct id *parent)
{
	struct rig_backup b = {.ranks = ranks,
		.threads = threads,
		.be = be,
		.adopt = true,
		.target = "src",
		.parent = parent,
		.opt = {.cwd = check_tmpdir()}};

	source();
	rig_backup_run(&b);
	return b;
}

TEST(same_tree_for_any_number_of_ranks)
{
	struct id tree = {{0}};
	static const int ranks[] = {1, 2, 4, 7};

	for (size_t i = 0; i < 4; i++) {
		struct backend *be = backend_mem_new();
		struct rig_backup b;

		b = run(be, ranks[i], i % 2 + 1, NULL);
		CHECK_STR(b.err.msg, "");
		CHECK_EQ(b.code, 0);
		CHECK(!id_is_zero(&b.result.snapshot));
		CHECK_EQ(b.notes, 0);
		if (i == 0)
			tree = b.result.tree;
		CHECK(id_equal(&tree, &b.result.tree));
		printf("    %d ranks: %llu files, %llu data blobs, %llu stolen\n", ranks[i],
			(unsigned long long)b.result.counts.files_done,
			(unsigned long long)b.result.counts.data_blobs,
			(unsigned long long)b.result.counts.items_stolen);
		backend_free(be);
	}
}

TEST(unchanged_opens_no_file_and_stores_nothing)
{
	struct backend *be = backend_mem_new();
	struct rig_backup first, b;

	first = run(be, 2, 1, NULL);
	REQUIRE(first.code == 0);
	for (int ranks = 1; ranks <= 3; ranks++) {
		b = run(be, ranks, 1, &first.result.tree);
		CHECK_EQ(b.code, 0);
		CHECK(id_equal(&first.result.tree, &b.result.tree));
		CHECK_EQ(b.result.counts.files_opened, 0);
		CHECK_EQ(b.result.counts.data_blobs, 0);
		CHECK_EQ(b.result.counts.tree_blobs, 0);
		CHECK_EQ(b.result.counts.files_unmodified, first.result.counts.files_new);
		CHECK_EQ(b.result.counts.dirs_unmodified, first.result.counts.dirs_new);
	}
	backend_free(be);
}

/* As the command does it: rank 0 opens the repository by its password, the others join it. */
TEST(a_repository_of_its_own)
{
	struct backend *be = backend_mem_new();
	struct rig_backup b = {.ranks = 2,
		.be = be,
		.target = "src",
		.opt = {.cwd = check_tmpdir()}};

	source();
	rig_init_repo(be, POLY);
	rig_backup_run(&b);
	CHECK_EQ(b.code, 0);
	CHECK(!id_is_zero(&b.result.snapshot));
	backend_free(be);
}

/* Nothing is left: an error, and neither a snapshot nor a tree. */
TEST(an_empty_snapshot)
{
	struct match *all = match_new(false);
	const struct match *list[] = {all};
	char *dir = files_dir("empty");

	REQUIRE(match_add(all, "*", NULL) == 0);
	files_text(dir, "f", "f");
	for (int ranks = 1; ranks <= 3; ranks += 2) {
		struct backend *be = backend_mem_new();
		struct rig_backup b = {.ranks = ranks, .be = be, .adopt = true, .target = "."};

		b.opt = (struct backup_options){.cwd = dir, .exclude = list, .n_exclude = 1};
		rig_backup_run(&b);
		CHECK_EQ(b.code, ERR_USAGE);
		CHECK(strstr(b.err.msg, "snapshot is empty") != NULL);
		CHECK_EQ(rig_files(be, BACKEND_SNAPSHOT), 0);
		CHECK_EQ(rig_files(be, BACKEND_PACK), 0);
		/* An empty directory that was named is something. */
		b.target = "sub";
		b.opt.n_exclude = 0;
		files_mkdir(dir, "sub");
		rig_backup_run(&b);
		CHECK_EQ(b.code, 0);
		backend_free(be);
	}
	match_free(all);
	mem_free(dir);
}

/* The trees of `from` with an index of their own, in a store that has nothing else. */
struct only_trees {
	struct blobtable *cat;
	struct backend *from, *to;
	struct indexer *index;
	struct id pack;
	struct blob blob[1000];
	size_t n;
	bool flushed;
};

static int tree_blob(void *arg, const struct catalog_place *p)
{
	struct only_trees *o = arg;

	if (id_equal(&p->pack, &o->pack)) {
		REQUIRE(o->n < 1000);
		o->blob[o->n++] = p->blob;
	}
	return 0;
}

static void failed(void *arg, const struct err *e)
{
	(void)arg;
	CHECK_STR(e->msg, "no failure");
}

static void flushed(void *arg)
{
	((struct only_trees *)arg)->flushed = true;
}

static void copy_trees(struct backend *from, struct backend *to)
{
	struct only_trees o = {.cat = blobtable_new(), .from = from, .to = to};
	struct rig g;
	struct repo *a, *b;

	rig_init(&g, 1);
	a = rig_adopt(from, &g.env);
	b = rig_adopt(to, &g.env);
	o.index = indexer_new(b, 0, failed, flushed, &o);
	REQUIRE(blobtable_load(o.cat, a, NULL, NULL) == 0);
	for (size_t i = 0; i < packtable_count(blobtable_packs(o.cat)); i++) {
		const struct catalog_pack *p = packtable_at(blobtable_packs(o.cat), i);
		struct buf data;

		if (!p->tree)
			continue;
		buf_init(&data, (size_t)1 << 30);
		REQUIRE(backend_get(from, BACKEND_PACK, &p->id, &data, NULL) == 0);
		REQUIRE(backend_put(to, BACKEND_PACK, &p->id, data.p, data.len, NULL) == 0);
		buf_release(&data);
		o.pack = p->id;
		o.n = 0;
		blobtable_each(o.cat, tree_blob, &o);
		indexer_add(o.index, &p->id, o.blob, o.n);
	}
	indexer_flush(o.index);
	while (!o.flushed)
		if (!loop_run(g.env.loop))
			loop_wait(g.env.loop, -1);
	indexer_free(o.index);
	blobtable_free(o.cat);
	repo_close(a);
	repo_close(b);
	rig_release(&g);
}

/* Unchanged files whose content the repository has lost are read and stored again, and it is said.
 */
TEST(lost_content_is_stored_again)
{
	struct backend *be = backend_mem_new(), *poor = backend_mem_new();
	struct rig_backup first = {.ranks = 1,
				  .be = be,
				  .adopt = true,
				  .target = "src",
				  .opt = {.cwd = check_tmpdir()}},
			  b;

	source();
	rig_backup_run(&first);
	REQUIRE(first.code == 0);
	copy_trees(be, poor);
	for (int ranks = 1; ranks <= 2; ranks++) {
		b = first;
		b.ranks = ranks;
		b.be = poor;
		b.parent = &first.result.tree;
		rig_backup_run(&b);
		CHECK_EQ(b.code, 0);
		CHECK(id_equal(&b.result.tree, &first.result.tree));
		if (ranks == 1) {
			CHECK_EQ(b.result.counts.data_blobs, first.result.counts.data_blobs);
			/* nothing that was to be saved is missing: warnings about the repository */
			CHECK_EQ(b.notes + b.result.counts.errors, 0);
			CHECK(b.warnings > 50);
			CHECK_EQ(b.result.counts.parts_lost, (uint64_t)b.warnings);
		} else {
			CHECK_EQ(b.notes + b.warnings, 0);
			CHECK_EQ(b.result.counts.parts_lost, 0);
			CHECK_EQ(b.result.counts.files_opened, 0);
		}
	}
	backend_free(be);
	backend_free(poor);
}

/* So is everything, when the parent's trees are gone. */
TEST(a_parent_that_cannot_be_read)
{
	struct backend *be = backend_mem_new();
	struct rig_backup b = {.ranks = 2,
		.be = be,
		.adopt = true,
		.target = "src",
		.opt = {.cwd = check_tmpdir()}};
	struct id nowhere;

	source();
	memset(&nowhere, 0x3c, sizeof(nowhere));
	b.parent = &nowhere;
	rig_backup_run(&b);
	CHECK_EQ(b.code, 0);
	CHECK_EQ(b.warnings, 1);
	CHECK_EQ(b.notes + b.result.counts.errors, 0);
	CHECK(b.result.counts.files_new > 50 && !id_is_zero(&b.result.snapshot));
	backend_free(be);
}

/* Files that could have changed behind their times are read again; nothing has, so nothing is said
 * to have, and nothing is stored. */
TEST(young_files_are_read_again)
{
	struct backend *be = backend_mem_new();
	struct rig_backup first = run(be, 2, 1, NULL), b;

	REQUIRE(first.code == 0);
	for (int ranks = 1; ranks <= 3; ranks++) {
		b = first;
		b.ranks = ranks;
		b.parent = &first.result.tree;
		b.young = true;
		rig_backup_run(&b);
		CHECK_EQ(b.code, 0);
		CHECK(id_equal(&first.result.tree, &b.result.tree));
		CHECK_EQ(b.result.counts.files_opened, first.result.counts.files_opened);
		CHECK_EQ(b.result.counts.files_unmodified, first.result.counts.files_new);
		CHECK_EQ(b.result.counts.files_changed + b.result.counts.files_new, 0);
		CHECK_EQ(b.result.counts.dirs_unmodified, first.result.counts.dirs_new);
		CHECK_EQ(b.result.counts.data_blobs + b.result.counts.tree_blobs, 0);
	}
	backend_free(be);
}
