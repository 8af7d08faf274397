/* check over repositories with one thing wrong at a time: what it says, which packs it calls
 * broken, what it suggests. */
#include "lib/stores.h"
#include "base/mem.h"
#include "lib/checking.h"
#include "lib/craft.h"
#include "lib/gate.h"
#include "lib/lines.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct craft c;
static struct check_result res;
static struct buf said, hints;
static struct id file_tree, root, data_pack, tree_pack, blob[4];

static void on_error(void *arg, const char *message)
{
	(void)arg;
	buf_addf(&said, "%s\n", message);
}

static void on_hint(void *arg, const char *message)
{
	(void)arg;
	buf_addf(&hints, "%s\n", message);
}

static void on_stage(void *arg, const char *what)
{
	CHECK(what[0]);
	++*(int *)arg;
}

static volatile int stop;
static int stages;

/* ---- one rank, and whether more say the same ---- */

static bool alone; /* what a store with faults says depends on the order of requests */

static char *sorted(struct buf *b)
{
	return lines_sorted(b->len ? buf_str(b) : "");
}

static int cmp_packs(const void *a, const void *b)
{
	return memcmp(a, b, ID_SIZE);
}

static int check_by(int ranks, struct check_options o)
{
	struct check_events ev = {.error = on_error,
		.hint = on_hint,
		.stage = on_stage,
		.arg = &stages};
	struct checking k = {.ranks = ranks,
		.seed = (uint64_t)ranks - 1,
		.be = c.be,
		.repo = c.repo,
		.opt = o,
		.ev = &ev,
		.stop = &stop};

	check_result_release(&res);
	buf_reset(&said);
	buf_reset(&hints);
	stages = 0;
	checking_run(&k);
	res = k.res;
	if (res.n_broken)
		qsort(res.broken, res.n_broken, sizeof(*res.broken), cmp_packs);
	return k.code;
}

/* As one rank says it; and two and four must have said the same. */
static int check(struct check_options o)
{
	int code[2], one;
	char *bad[2], *hinted[2];
	struct check_result was[2] = {{0}};

	for (int i = 0; i < 2 && !alone; i++) {
		code[i] = check_by(2 << i, o);
		bad[i] = sorted(&said);
		hinted[i] = sorted(&hints);
		was[i] = res;
		res = (struct check_result){0};
	}
	one = check_by(1, o);
	for (int i = 0; i < 2 && !alone; i++) {
		char *b = sorted(&said), *h = sorted(&hints);

		CHECK_EQ(code[i], one);
		CHECK_STR(bad[i], b);
		CHECK_STR(hinted[i], h);
		CHECK_EQ(was[i].errors, res.errors);
		CHECK_EQ(was[i].hints, res.hints);
		CHECK_EQ(was[i].snapshots, res.snapshots);
		CHECK_EQ(was[i].trees, res.trees);
		CHECK_EQ(was[i].blobs, res.blobs);
		CHECK_EQ(was[i].suggest_repair_index, res.suggest_repair_index);
		CHECK_EQ(was[i].suggest_prune, res.suggest_prune);
		if (!o.subset_bytes) /* which are drawn by dice */
			CHECK_EQ(was[i].packs_read, res.packs_read);
		if (CHECK_EQ(was[i].n_broken, res.n_broken) && res.n_broken)
			CHECK(!memcmp(was[i].broken, res.broken,
				res.n_broken * sizeof(*res.broken)));
		check_result_release(&was[i]);
		mem_free(bad[i]);
		mem_free(hinted[i]);
		mem_free(b);
		mem_free(h);
	}
	return one;
}

static int check_all(void)
{
	return check((struct check_options){.read_data = true});
}

static const char *errors(void)
{
	return said.len ? buf_str(&said) : "";
}

static const char *hinted(void)
{
	return hints.len ? buf_str(&hints) : "";
}

static bool is_broken(const struct id *pack)
{
	return res.n_broken == 1 && id_equal(&res.broken[0], pack);
}

/* One snapshot of /d/f (two blobs) and /g (two blobs), in a data pack and a tree pack. */
static void begin(void)
{
	struct craft_tree t;

	craft_init(&c, 2);
	buf_init(&said, 1 << 20);
	buf_init(&hints, 1 << 20);
	for (int i = 0; i < 4; i++) {
		char text[64];

		snprintf(text, sizeof(text), "the text of blob %d", i);
		blob[i] = craft_text(&c, text);
	}
	craft_tree(&t);
	craft_file(&t, "f", blob, 2, 36);
	file_tree = craft_end(&c, &t);
	craft_tree(&t);
	craft_dir(&t, "d", &file_tree);
	craft_file(&t, "g", blob + 2, 2, 36);
	root = craft_end(&c, &t);
	craft_snapshot(&c, &root);
	craft_save(&c);
	craft_load(&c);
	data_pack = craft_place(&c, BLOB_DATA, &blob[0], 0).pack;
	tree_pack = craft_place(&c, BLOB_TREE, &root, 0).pack;
}

static void end(void)
{
	check_result_release(&res);
	buf_release(&said);
	buf_release(&hints);
	craft_release(&c);
}

TEST(nothing_is_wrong)
{
	begin();
	CHECK_EQ(check_all(), 0);
	CHECK_STR(errors(), "");
	CHECK_STR(hinted(), "");
	CHECK_EQ(res.packs_read, 2);
	CHECK_EQ(res.snapshots, 1);
	CHECK_EQ(res.blobs, 4);
	CHECK_EQ(res.trees, 1); /* below the root */
	CHECK_EQ(stages, 4);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK_EQ(res.packs_read, 0);
	end();
}

TEST(a_damaged_blob)
{
	begin();
	craft_spoil(&c, &data_pack, craft_place(&c, BLOB_DATA, &blob[1], 0).blob.offset + 3);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK_EQ(res.errors, 0); /* it has to be read to be seen */
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 1);
	CHECK(is_broken(&data_pack));
	/* the blob, and the pack's own name */
	CHECK(strstr(errors(), "contains 2 errors") != NULL);
	CHECK(!res.suggest_repair_index && !res.suggest_prune);
	end();
}

TEST(a_damaged_tree)
{
	begin();
	craft_spoil(&c, &tree_pack, craft_place(&c, BLOB_TREE, &file_tree, 0).blob.offset + 3);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK_EQ(res.errors, 1);
	CHECK(strstr(errors(), ": /d: ") != NULL);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 2);
	CHECK(is_broken(&tree_pack));
	end();
}

TEST(a_missing_pack)
{
	begin();
	REQUIRE(backend_remove(c.be, BACKEND_PACK, &data_pack, NULL) == 0);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 1);
	CHECK(strstr(errors(), "does not exist") != NULL);
	CHECK(is_broken(&data_pack));
	CHECK_EQ(res.packs_read, 1);
	end();
}

TEST(a_truncated_pack)
{
	begin();
	craft_cut(&c, &data_pack, 50);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK_EQ(res.errors, 1);
	CHECK(strstr(errors(), "unexpected file size: got 50, expected ") != NULL);
	CHECK(is_broken(&data_pack));
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 2);
	CHECK(is_broken(&data_pack)); /* once */
	end();
}

TEST(an_orphan)
{
	begin();
	REQUIRE(backend_put(c.be, BACKEND_PACK, &blob[0], (const uint8_t *)"junk", 4, NULL) == 0);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 0);
	CHECK_EQ(res.hints, 1);
	CHECK(strstr(hinted(), "1 additional files were found") != NULL);
	CHECK(res.suggest_prune && !res.suggest_repair_index);
	/* While something is missing it is not called superfluous. */
	REQUIRE(backend_remove(c.be, BACKEND_PACK, &data_pack, NULL) == 0);
	CHECK_EQ(check_all(), 0);
	CHECK(!strstr(hinted(), "additional files"));
	/* Who needs it is told. */
	CHECK_EQ(res.hints, 2);
	CHECK(strstr(hinted(), ": pack ") && strstr(hinted(), " does not exist"));
	end();
}

static int remove_index(void *arg, const struct id *name, uint64_t size)
{
	(void)size;
	return backend_remove(arg, BACKEND_INDEX, name, NULL);
}

/* The packs of a lost index file look superfluous: to prune them would be the wrong advice. */
TEST(a_lost_index)
{
	for (int trees = 0; trees < 2; trees++) {
		struct craft_tree t;
		struct id more[2], tree;

		begin();
		/* Another index file: with a data pack and a tree pack, or with a data pack only.
		 */
		more[0] = craft_text(&c, "more, in another index");
		if (trees) {
			craft_tree(&t);
			craft_file(&t, "h", more, 1, 22);
			tree = craft_end(&c, &t);
			craft_snapshot(&c, &tree);
			craft_save(&c);
		} else {
			REQUIRE(backend_list(c.be, BACKEND_INDEX, remove_index, c.be, NULL) == 0);
			craft_save(&c);
		}
		CHECK_EQ(check_all(), 0);
		if (trees) {
			CHECK_EQ(res.errors, 0);
			REQUIRE(backend_list(c.be, BACKEND_INDEX, remove_index, c.be, NULL) == 0);
			CHECK_EQ(check_all(), 0);
		}
		CHECK(res.errors > 0);
		CHECK(res.suggest_repair_index && !res.suggest_prune);
		CHECK(strstr(hinted(), "packs are in no index; they may hold what is missing") &&
			!strstr(hinted(), "additional files"));
		end();
	}
}

TEST(a_header_that_says_something_else)
{
	struct blob b[8], t[8];
	size_t n, m;
	struct id id;

	begin();
	n = craft_blobs(&c, &data_pack, b, 8);
	m = craft_blobs(&c, &tree_pack, t, 8);
	REQUIRE(n == 4 && m == 2 && b[0].length == b[1].length);
	REQUIRE(backend_list(c.be, BACKEND_INDEX, remove_index, c.be, NULL) == 0);
	id = b[0].id;
	b[0].id = b[1].id;
	b[1].id = id;
	craft_index(&c, &data_pack, b, n);
	craft_index(&c, &tree_pack, t, m);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK_EQ(res.errors, 0);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 1);
	CHECK(strstr(errors(), "its header does not say what the index says") != NULL);
	CHECK(is_broken(&data_pack));
	end();
}

TEST(one_pack_in_two_indexes)
{
	struct blob b[8];
	size_t n;

	begin();
	n = craft_blobs(&c, &data_pack, b, 8);
	craft_index(&c, &data_pack, b, n);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 0);
	CHECK_EQ(res.hints, 1);
	CHECK(strstr(hinted(), "is contained in 2 indexes") != NULL);
	CHECK(res.suggest_repair_index);
	/* Half of it: restic before 0.10 did that, and now calls it damage. */
	craft_index(&c, &data_pack, b, n / 2);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK(strstr(errors(), "has different data in 3 indexes") != NULL);
	CHECK(is_broken(&data_pack));
	end();
}

TEST(a_mixed_pack)
{
	struct blob b[8], t[8];
	size_t n, m;

	begin();
	n = craft_blobs(&c, &data_pack, b, 8);
	m = craft_blobs(&c, &tree_pack, t, 8);
	REQUIRE(backend_list(c.be, BACKEND_INDEX, remove_index, c.be, NULL) == 0);
	b[3].type = BLOB_TREE;
	craft_index(&c, &data_pack, b, n);
	craft_index(&c, &tree_pack, t, m);
	CHECK_EQ(check((struct check_options){.read_data = false}), 0);
	CHECK(strstr(hinted(), "contains a mix of tree and data blobs") != NULL);
	CHECK(res.suggest_prune);
	/* As data, the fourth blob is not there any more. */
	CHECK_EQ(res.errors, 1);
	CHECK(strstr(errors(), "file /g: blob ") && strstr(errors(), "not found in index"));
	end();
}

static int spoil_index(void *arg, const struct id *name, uint64_t size)
{
	struct buf b;

	(void)arg;
	buf_init(&b, 1 << 20);
	REQUIRE(backend_get(c.be, BACKEND_INDEX, name, &b, NULL) == 0);
	b.p[size / 2] ^= 1;
	REQUIRE(backend_remove(c.be, BACKEND_INDEX, name, NULL) == 0);
	REQUIRE(backend_put(c.be, BACKEND_INDEX, name, b.p, b.len, NULL) == 0);
	buf_release(&b);
	return 0;
}

TEST(a_damaged_index_ends_it)
{
	begin();
	REQUIRE(backend_list(c.be, BACKEND_INDEX, spoil_index, NULL, NULL) == 0);
	CHECK_EQ(check_all(), 0);
	CHECK(res.errors >= 1);
	CHECK(strncmp(errors(), "index ", 6) == 0);
	CHECK(res.suggest_repair_index);
	CHECK_EQ(stages, 1);
	CHECK_EQ(res.n_broken, 0);
	end();
}

TEST(trees_with_holes)
{
	struct craft_tree t;
	struct id gone, tree;

	begin();
	memset(&gone, 0x55, sizeof(gone));
	craft_tree(&t);
	craft_raw(&t, "{\"name\":\"a\",\"type\":\"dir\",\"content\":null}");
	craft_file(&t, "b", &gone, 1, 5);
	craft_raw(&t, "{\"name\":\"c\",\"type\":\"file\",\"content\":null}");
	craft_dir(&t, "d", &gone);
	craft_dir(&t, "e", &(struct id){{0}});
	craft_dir(&t, "f", &file_tree);
	tree = craft_end(&c, &t);
	craft_save(&c);
	craft_snapshot(&c, &tree);
	craft_snapshot(&c, &gone);
	CHECK_EQ(check_all(), 0);
	CHECK(strstr(errors(), "directory /a has no tree") &&
		strstr(errors(), "file /b: blob 5555"));
	CHECK(strstr(errors(), "file /c has no content list") && strstr(errors(), ": /d: "));
	CHECK(strstr(errors(), "directory /e has no tree") && strstr(errors(), ": /: "));
	CHECK_EQ(res.errors, 6);
	CHECK_EQ(res.snapshots, 3);
	end();
}

/* A tree of 2^40 paths in 41 blobs: each is looked at once. */
TEST(shared_trees)
{
	struct craft_tree t;
	struct id id;

	begin();
	id = file_tree;
	for (int i = 0; i < 40; i++) {
		craft_tree(&t);
		craft_dir(&t, "left", &id);
		craft_dir(&t, "right", &id);
		id = craft_end(&c, &t);
	}
	craft_save(&c);
	craft_snapshot(&c, &id);
	craft_snapshot(&c, &id);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 0);
	CHECK_EQ(res.trees, 1 + 40 - 1); /* below roots; file_tree once */
	end();
}

/* What other ranks than rank 0 find, which have stolen the last of many trees, is named too. */
TEST(damage_that_others_find)
{
	struct craft_tree top, t;
	struct id gone, id;
	char name[32];

	begin();
	memset(&gone, 0x55, sizeof(gone));
	craft_tree(&top);
	for (int i = 0; i < 400; i++) {
		craft_tree(&t);
		snprintf(name, sizeof(name), "d%03d", i);
		craft_file(&t, name, i == 399 ? &gone : &blob[i % 4], 1, 5);
		id = craft_end(&c, &t);
		craft_dir(&top, name, &id);
	}
	id = craft_end(&c, &top);
	craft_save(&c);
	craft_snapshot(&c, &id);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(check_all(), 0);
		CHECK_EQ(res.errors, 1);
		CHECK(strstr(errors(), "file /d399/d399: blob 5555") != NULL);
	}
	end();
}

TEST(a_damaged_snapshot)
{
	begin();
	REQUIRE(backend_put(c.be, BACKEND_SNAPSHOT, &blob[0], (const uint8_t *)"nonsense", 8,
			NULL) == 0);
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.errors, 1);
	CHECK(strncmp(errors(), "snapshot ", 9) == 0);
	CHECK_EQ(res.snapshots, 1);
	end();
}

/* ---- parts of the data ---- */

static void many_packs(int n)
{
	begin();
	for (int i = 0; i < n - 2; i++) {
		char text[64];

		snprintf(text, sizeof(text), "a pack of its own: %d", i);
		craft_text(&c, text);
		craft_save(&c);
	}
}

TEST(subsets)
{
	uint64_t sum = 0, size = 0;

	many_packs(12);
	for (unsigned k = 1; k <= 5; k++) {
		CHECK_EQ(check((struct check_options){.subset_n = k, .subset_t = 5}), 0);
		sum += res.packs_read;
	}
	CHECK_EQ(sum, 12);
	CHECK_EQ(check((struct check_options){.subset_percent = 50}), 0);
	CHECK_EQ(res.packs_read, 6);
	CHECK_EQ(check((struct check_options){.subset_percent = 1}), 0);
	CHECK_EQ(res.packs_read, 1);
	CHECK_EQ(check((struct check_options){.subset_percent = 99.9}), 0);
	CHECK_EQ(res.packs_read, 11);
	CHECK_EQ(check((struct check_options){.subset_percent = 100}), 0);
	CHECK_EQ(res.packs_read, 12);
	CHECK_EQ(check((struct check_options){.subset_bytes = 1}), 0);
	CHECK_EQ(res.packs_read, 1);
	CHECK_EQ(check((struct check_options){.subset_bytes = UINT64_MAX}), 0);
	CHECK_EQ(res.packs_read, 12);
	craft_load(&c);
	for (size_t i = 0; i < packtable_count(blobtable_packs(c.table)); i++)
		size += packtable_at(blobtable_packs(c.table), i)->size;
	CHECK_EQ(check((struct check_options){.subset_bytes = size / 2}), 0);
	CHECK(res.packs_read > 1 && res.packs_read < 12);
	end();
}

TEST(stopped)
{
	many_packs(6);
	stop = 1;
	CHECK_EQ(check_all(), ERR_CANCELLED);
	CHECK_EQ(res.errors, 0);
	stop = 0;
	CHECK_EQ(check_all(), 0);
	CHECK_EQ(res.packs_read, 6);
	end();
}

/* ---- a store with faults: the data is right, so no pack may be called broken for what happens on
 * the way ---- */

TEST(faults_on_the_way)
{
	size_t second = 0, failed = 0, broken = 0;
	struct backend *mem;

	many_packs(8);
	alone = true;
	mem = c.be;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct backend_fault_policy p = {.seed = seed,
			.get_flip = 60000,
			.get_short = 30000};

		c.be = backend_fault_new(backend_share(mem), &p);
		failed += check_all() != 0;
		second += strstr(errors(), "check successful on second attempt") != NULL;
		broken += res.n_broken;
		backend_free(c.be);
	}
	printf("    second attempts: %zu, broken: %zu, ended: %zu\n", second, broken, failed);
	CHECK(second > 5 && broken <= 8); /* the same pack can be hit twice */
	/* A store that dies says nothing about packs. */
	for (uint64_t k = 1; k < 30; k++) {
		struct backend_fault_policy p = {.seed = 1, .fail_from_op = k};

		c.be = backend_fault_new(backend_share(mem), &p);
		if (check_all() == 0 && res.errors)
			failed++;
		CHECK_EQ(res.n_broken, 0);
		backend_free(c.be);
	}
	CHECK(failed > 3);
	c.be = c.repo->be = mem;
	alone = false;
	end();
}

/* ---- who reads what ---- */

static atomic_size_t whole, parts, of_trees;

static int count_gets(void *arg, const struct backend_op *op, enum backend_type t)
{
	(void)arg;
	if (!op || op->verb != BACKEND_GET || t != BACKEND_PACK)
		return 0;
	if (id_equal(&op->name, &tree_pack))
		atomic_fetch_add(&of_trees, 1);
	else
		atomic_fetch_add(op->offset || op->length ? &parts : &whole, 1);
	return 0;
}

/* Each data pack is fetched once over all ranks, and whole.  A rank that reads trees asks for the
 * first by itself, and then for their pack. */
TEST(each_pack_is_read_by_one)
{
	struct backend *mem;

	many_packs(40);
	mem = c.be;
	c.be = gate_new(backend_share(mem), count_gets, NULL);
	for (int ranks = 1; ranks <= 4; ranks++) {
		whole = parts = of_trees = 0;
		CHECK_EQ(check_by(ranks, (struct check_options){.read_data = true}), 0);
		CHECK_EQ(res.errors, 0);
		CHECK_EQ(res.packs_read, 40);
		CHECK_EQ(whole, 39); /* and one of trees */
		CHECK_EQ(parts, 0);
		CHECK(of_trees >= 2 && of_trees <= 1 + 2 * (size_t)ranks);
	}
	backend_free(c.be);
	c.be = mem;
	end();
}

/* ---- an end at any request ---- */

static atomic_size_t asked;
static size_t stop_at;

static int stop_then(void *arg, const struct backend_op *op, enum backend_type t)
{
	(void)arg;
	(void)op;
	(void)t;
	if (atomic_fetch_add(&asked, 1) + 1 == stop_at)
		__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	return 0;
}

/* All ranks come back with the same code, and nothing is called wrong for it. */
TEST(a_stop_at_any_request)
{
	struct backend *mem;

	many_packs(12);
	mem = c.be;
	c.be = gate_new(backend_share(mem), stop_then, NULL);
	for (int ranks = 1; ranks <= 4; ranks++) {
		bool came = true;

		for (stop_at = 1; came; stop_at++) {
			int rc;

			asked = 0;
			rc = check_by(ranks, (struct check_options){.read_data = true});
			came = asked >= stop_at;
			CHECK_EQ(rc, came ? ERR_CANCELLED : 0);
			CHECK_EQ(res.errors + res.n_broken, 0);
			stop = 0;
		}
		CHECK(stop_at > 12);
	}
	backend_free(c.be);
	c.be = mem;
	end();
}

/* A store that dies: no rank is left behind, and no pack is called broken. */
TEST(a_store_dies_for_several_ranks)
{
	struct backend *mem;

	many_packs(12);
	mem = c.be;
	for (int ranks = 2; ranks <= 4; ranks++) {
		for (uint64_t k = 1; k < 40; k++) {
			struct backend_fault_policy p = {.seed = k, .fail_from_op = k};

			c.be = backend_fault_new(backend_share(mem), &p);
			if (!check_by(ranks, (struct check_options){.read_data = true}))
				CHECK((res.errors != 0) == (backend_fault_count(c.be) != 0));
			CHECK_EQ(res.n_broken, 0);
			backend_free(c.be);
		}
	}
	c.be = mem;
	end();
}
