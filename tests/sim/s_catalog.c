/* What stands on the catalog works on any rank when the catalog is shared out over several. */
#include "engine/treewalk.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/ranks.h"
#include "lib/rig.h"
#include "lib/stores.h"
#include "ranks/agree.h"
#include "ranks/catalog_ranks.h"
#include "repo/loader.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <string.h>

#define DIRS      20
#define IN_A_DIR  3
#define NODES     (1 + DIRS + DIRS * IN_A_DIR)
#define LOAD_SIZE ((size_t)1 << 20)

/* A repository with one directory of DIRS directories of small files. */
static struct rig_backup make(void)
{
	struct rig_backup b = {.ranks = 1,
		.threads = 2,
		.be = backend_mem_new(),
		.adopt = true,
		.target = "src",
		.opt = {.cwd = check_tmpdir()}};
	char *dir = files_dir("src");

	for (int i = 0; i < DIRS * IN_A_DIR; i++) {
		char *path = mem_printf("d%d/f%d", i % DIRS, i);

		if (i < DIRS) {
			char *sub = mem_printf("d%d", i);

			files_mkdir(dir, sub);
			mem_free(sub);
		}
		files_random(dir, path, 100, (uint64_t)i + 1);
		mem_free(path);
	}
	mem_free(dir);
	rig_backup_run(&b);
	CHECK_EQ(b.code, 0);
	return b;
}

struct one {
	struct backend *be;
	struct id tree;
	atomic_size_t nodes, damaged, packs, files;
};

struct walked {
	struct one *x;
	struct catalog *catalog;
	struct loop *loop;
};

static enum treewalk_next node(void *arg, const struct treewalk_entry *e)
{
	struct walked *w = arg;
	int8_t was[2] = {9, 9};
	struct id twice[2] = {e->node->subtree, e->node->subtree};
	struct catalog_mark m = {.type = BLOB_TREE, .id = twice, .n = 2, .bit = 1, .was = was};
	struct catalog_place at;

	atomic_fetch_add(&w->x->nodes, 1);
	if (e->node->type != NODE_DIR)
		return TREEWALK_GO;
	/* Serial code may ask in the middle of it. */
	catalog_mark_wait(w->catalog, w->loop, &m);
	CHECK_EQ(was[0], 0);
	CHECK_EQ(was[1], 1);
	CHECK(catalog_find_wait(w->catalog, w->loop, BLOB_TREE, &twice[0], 0, &at));
	CHECK(id_equal(&at.blob.id, &twice[0]));
	CHECK(!catalog_find_wait(w->catalog, w->loop, BLOB_DATA, &twice[0], 0, &at));
	return TREEWALK_GO;
}

static int walk(void *arg, struct comm *c, const struct env *env)
{
	struct one *x = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct repo *repo = rig_adopt(x->be, env);
	struct catalog *cat = catalog_ranks_new(r, NULL);
	struct loader *l = loader_new(repo, cat, LOAD_SIZE);
	struct walked w = {x, cat, env->loop};
	struct treewalk_fn fn = {.enter = node, .arg = &w};
	struct err e = {0};

	CHECK_EQ(catalog_load(cat, repo, NULL, NULL, &e), 0);
	if (c->rank == 0)
		CHECK_EQ(treewalk_run(l, env, &x->tree, "", &fn, &e), 0);
	CHECK_EQ(agree_all(a, &e), 0);
	CHECK_STR(e.msg, "");
	loader_free(l);
	catalog_free(cat);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return 0;
}

/* The answers for half of the trees come from the other rank. */
TEST(a_walk_asks_all_owners)
{
	struct rig_backup b = make();

	for (int ranks = 1; ranks <= 4; ranks *= 2) {
		struct one x = {.be = b.be, .tree = b.result.tree};

		CHECK_EQ(ranks_test(ranks, 0, walk, &x), 0);
		CHECK_EQ(atomic_load(&x.nodes), NODES);
	}
	backend_free(b.be);
}

static int on_damaged(void *arg, const struct id *index, const struct err *e)
{
	CHECK_EQ(index->b[0], 0x77);
	CHECK_EQ(e->code, ERR_INVALID);
	atomic_fetch_add(&((struct one *)arg)->damaged, 1);
	return 0;
}

static void on_pack(void *arg, const struct id *index, const struct id *pack, const struct blob *b,
	size_t n)
{
	(void)pack;
	(void)b;
	CHECK(n > 0 && index->b[0] != 0x77);
	atomic_fetch_add(&((struct one *)arg)->packs, 1);
}

static void on_file(void *arg, const struct id *index, size_t packs)
{
	(void)index;
	CHECK_EQ(packs, 2);
	atomic_fetch_add(&((struct one *)arg)->files, 1);
}

static int load(void *arg, struct comm *c, const struct env *env)
{
	struct one *x = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct repo *repo = rig_adopt(x->be, env);
	struct catalog *cat = catalog_ranks_new(r, NULL);
	struct catalog_watch w = {on_damaged, on_pack, on_file, x};
	uint64_t packs = 0, sum;
	struct err e = {0};

	CHECK_EQ(catalog_load(cat, repo, &w, &packs, &e), 0);
	CHECK_EQ(packs, 2);
	CHECK_EQ(catalog_gather(cat, 0, &e), 0);
	sum = catalog_packs(cat);
	agree_sum(a, &sum, 1);
	if (c->rank == 0)
		CHECK_EQ(sum, 2);
	CHECK_EQ(catalog_load(cat, repo, NULL, NULL, &e), ERR_INVALID);
	err_clear(&e);
	CHECK_EQ(agree_all(a, &e), 0);
	catalog_free(cat);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return 0;
}

/* Who watches a load hears of each file once, on some rank; a damaged one may be left out. */
TEST(a_load_is_watched)
{
	struct rig_backup b = make();
	struct id bad = {{0x77}};
	struct err e = {0};

	CHECK_EQ(backend_put(b.be, BACKEND_INDEX, &bad, "junk", 4, &e), 0);
	for (int ranks = 1; ranks <= 4; ranks *= 2) {
		struct one x = {.be = b.be};

		CHECK_EQ(ranks_test(ranks, 0, load, &x), 0);
		CHECK_EQ(atomic_load(&x.damaged), 1);
		CHECK_EQ(atomic_load(&x.packs), 2);
		CHECK_EQ(atomic_load(&x.files), 1);
	}
	backend_free(b.be);
}
