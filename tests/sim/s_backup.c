/* The backup engine over thread ranks and the memory store: one result for any number of ranks, and no snapshot after a fault. */
#include "base/mem.h"
#include "lib/rig.h"
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
	struct rig_backup b = {
		.ranks = ranks, .threads = threads, .be = be, .target = "src", .parent = parent, .opt = {.cwd = check_tmpdir()}};

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

		rig_init_repo(be, POLY);
		b = run(be, ranks[i], i % 2 + 1, NULL);
		CHECK_STR(b.err.msg, "");
		CHECK_EQ(b.code, 0);
		CHECK(!id_is_zero(&b.result.snapshot));
		CHECK_EQ(b.notes, 0);
		if (i == 0)
			tree = b.result.tree;
		CHECK(id_equal(&tree, &b.result.tree));
		printf("    %d ranks: %llu files, %llu data blobs, %llu stolen\n", ranks[i], (unsigned long long)b.result.counts.files_done,
			(unsigned long long)b.result.counts.data_blobs, (unsigned long long)b.result.counts.items_stolen);
		backend_free(be);
	}
}

TEST(unchanged_opens_no_file_and_stores_nothing)
{
	struct backend *be = backend_mem_new();
	struct rig_backup first, b;

	rig_init_repo(be, POLY);
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

static int count_file(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	++*(size_t *)arg;
	return 0;
}

/* A store that fails for good at some point: every rank returns, no snapshot is there. */
TEST(a_dying_store_leaves_no_snapshot)
{
	size_t failed = 0;

	for (uint64_t at = 5; at < 20; at += 2) {
		struct backend *mem = backend_mem_new(), *bad;
		struct backend_fault_policy p = {.seed = at, .permanent = 1000000, .fail_from_op = at};
		struct rig_backup b;
		size_t snapshots = 0;
		struct err e = {0};

		rig_init_repo(mem, POLY);
		bad = backend_fault_new(backend_share(mem), &p);
		b = run(bad, 3, 1, NULL);
		backend_list(mem, BACKEND_SNAPSHOT, count_file, &snapshots, &e);
		CHECK_EQ(snapshots, b.code == 0 ? 1 : 0);
		failed += b.code != 0;
		backend_free(bad);
		backend_free(mem);
	}
	CHECK(failed > 3); /* not all may fail before they begin, or none at all */
}
