/*
 * Prunes of made repositories by 1, 2 and 4 ranks: the same figures, and what is needed is there
 * once; one thing wrong at a time; and a store that ends at each request, before and after it.
 */
#include "lib/pruning.h"
#include "base/mem.h"
#include "lib/checking.h"
#include "lib/craft.h"
#include "lib/gate.h"
#include "lib/jitter.h"
#include "lib/stores.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define FILES 24

static struct craft c;
static struct id blob[FILES], unneeded[FILES], root, root_gone;
static struct buf said;

/* ---- a repository ---- */

static struct id text_blob(const char *what, int i)
{
	char text[400];

	/* Of many lengths, so that packs differ. */
	snprintf(text, sizeof(text), "%s %d %0*d", what, i, 20 + 9 * (i % 30), i * 7919);
	return craft_text(&c, text);
}

static struct id tree_of(const struct id *b, int from, int to)
{
	struct craft_tree t, top;
	struct id sub;
	char name[32];

	craft_tree(&t);
	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		craft_file(&t, name, &b[i], 1, 10);
	}
	sub = craft_end(&c, &t);
	craft_tree(&top);
	craft_dir(&top, "d", &sub);
	return craft_end(&c, &top);
}

/*
 * Six pairs of packs: in each what is needed and what is not; and one of which nothing is.  The
 * snapshot that needs the rest has gone.
 */
static void begin(void)
{
	craft_init(&c, 2);
	buf_init(&said, 1 << 20);
	for (int i = 0; i < FILES; i++) {
		blob[i] = text_blob("needed", i);
		unneeded[i] = text_blob("not needed", i);
		if (i % 4 == 3)
			craft_save(&c);
	}
	text_blob("alone", 1);
	craft_save(&c);
	root = tree_of(blob, 0, FILES);
	root_gone = tree_of(unneeded, 0, FILES);
	craft_save(&c);
	craft_snapshot(&c, &root);
	craft_load(&c);
}

static void end(void)
{
	buf_release(&said);
	craft_release(&c);
}

/* ---- a prune, and what is left ---- */

static void on_error(void *arg, const char *message)
{
	(void)arg;
	buf_addf(&said, "%s\n", message);
}

static bool says(const char *text)
{
	return said.len && strstr(buf_str(&said), text);
}

static struct pruning prune_by(int ranks, struct backend *be)
{
	static const struct prune_events ev = {.error = on_error};
	struct pruning k = {.ranks = ranks,
		.seed = (uint64_t)ranks,
		.be = be,
		.repo = c.repo,
		.ev = &ev};

	k.opt.rules.unused = PRUNE_BYTES;
	buf_reset(&said);
	return k;
}

static int count_file(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	++*(size_t *)arg;
	return 0;
}

static size_t files(struct backend *be, enum backend_type t)
{
	size_t n = 0;

	REQUIRE(backend_list(be, t, count_file, &n, NULL) == 0);
	return n;
}

static void on_check_error(void *arg, const char *message)
{
	(void)arg;
	CHECK_STR(message, "no error");
}

/* Every byte of what the snapshots need is there. */
static void check_all(struct backend *be)
{
	struct check_events ev = {.error = on_check_error};
	struct checking k = {.be = be, .repo = c.repo, .opt = {.read_data = true}, .ev = &ev};
	static const volatile int never;

	k.stop = &never;
	checking_run(&k);
	CHECK_EQ(k.code, 0);
	CHECK_EQ(k.res.errors, 0);
	check_result_release(&k.res);
}

/* What is needed is there once, and nothing else. */
static void check_clean(struct backend *be, size_t blobs)
{
	struct backend *was = c.be;
	struct catalog_place at;

	check_all(be);
	c.be = be;
	craft_load(&c);
	CHECK_EQ(blobtable_blobs(c.table), blobs);
	for (int i = 0; i < FILES; i++) {
		CHECK(blobtable_find(c.table, BLOB_DATA, &blob[i], 0, &at));
		CHECK(!blobtable_find(c.table, BLOB_DATA, &blob[i], 1, &at));
		CHECK(!blobtable_find(c.table, BLOB_DATA, &unneeded[i], 0, &at));
	}
	CHECK_EQ(packtable_count(blobtable_packs(c.table)), files(be, BACKEND_PACK));
	c.be = was;
}

static struct backend *copy_of(struct backend *from);

static int copy_one(void *arg, const struct id *name, uint64_t size, enum backend_type t)
{
	struct backend *to = arg;
	struct buf b;

	buf_init(&b, size + 1);
	REQUIRE(backend_get(c.be, t, name, &b, NULL) == 0);
	REQUIRE(backend_put(to, t, name, b.p, b.len, NULL) == 0);
	buf_release(&b);
	return 0;
}

static int copy_pack(void *arg, const struct id *name, uint64_t size)
{
	return copy_one(arg, name, size, BACKEND_PACK);
}

static int copy_index(void *arg, const struct id *name, uint64_t size)
{
	return copy_one(arg, name, size, BACKEND_INDEX);
}

static int copy_snapshot(void *arg, const struct id *name, uint64_t size)
{
	return copy_one(arg, name, size, BACKEND_SNAPSHOT);
}

static struct backend *copy_of(struct backend *from)
{
	struct backend *to = backend_mem_new();

	REQUIRE(backend_list(from, BACKEND_PACK, copy_pack, to, NULL) == 0);
	REQUIRE(backend_list(from, BACKEND_INDEX, copy_index, to, NULL) == 0);
	REQUIRE(backend_list(from, BACKEND_SNAPSHOT, copy_snapshot, to, NULL) == 0);
	return to;
}

/* ---- fine ---- */

/* By each number of ranks on a copy; the figures of the last. */
static struct prune_stats prune_all(size_t blobs)
{
	struct prune_stats first = {0};

	for (int ranks = 1; ranks <= 4; ranks *= 2) {
		struct backend *be = copy_of(c.be);
		struct pruning dry = prune_by(ranks, be), k;

		dry.opt.dry_run = true;
		pruning_run(&dry);
		CHECK_EQ(dry.code, 0);
		CHECK_EQ(files(be, BACKEND_PACK), files(c.be, BACKEND_PACK));
		k = prune_by(ranks, be);
		pruning_run(&k);
		CHECK_EQ(k.code, 0);
		CHECK(!memcmp(&k.res.stats, &dry.res.stats, sizeof(first)));
		if (ranks == 1)
			first = k.res.stats;
		CHECK(!memcmp(&k.res.stats, &first, sizeof(first)));
		CHECK_EQ(k.res.counts.moved, k.res.counts.to_move);
		CHECK_EQ(k.res.packs_left, 0);
		check_clean(be, blobs);
		/* Nothing is left to do. */
		k = prune_by(ranks, be);
		pruning_run(&k);
		CHECK_EQ(k.code, 0);
		CHECK_EQ(k.res.packs_removed + k.res.indexes_removed, 0);
		CHECK_EQ(k.res.stats.blobs.unused + k.res.stats.blobs.duplicate, 0);
		backend_free(be);
	}
	return first;
}

TEST(what_is_not_needed_goes)
{
	struct prune_stats s;

	begin();
	s = prune_all(FILES + 2);
	CHECK_EQ(s.blobs.used, FILES + 2);
	CHECK_EQ(s.blobs.unused, FILES + 3);
	CHECK_EQ(s.blobs.duplicate, 0);
	CHECK_EQ(s.packs.unused, 1);
	CHECK_EQ(s.packs.partly_used, 7);
	CHECK_EQ(s.packs.repack, 7);
	CHECK_EQ(s.blobs.remove, 1);
	CHECK_EQ(s.blobs.repack_remove, FILES + 2);
	end();
}

TEST(packs_in_no_index_go)
{
	struct id name = blob[0];
	struct prune_stats s;

	begin();
	REQUIRE(backend_put(c.be, BACKEND_PACK, &name, "junk", 4, NULL) == 0);
	s = prune_all(FILES + 2);
	CHECK_EQ(s.packs.unreferenced, 1);
	CHECK_EQ(s.bytes.unreferenced, 4);
	end();
}

/* A removed snapshot that a listing still shows. */
TEST(gone_snapshots_need_nothing)
{
	struct pruning k;
	struct id gone;

	begin();
	gone = craft_snapshot(&c, &root_gone);
	k = prune_by(2, c.be);
	k.opt.dry_run = true;
	pruning_run(&k);
	CHECK_EQ(k.res.stats.blobs.unused, 1);
	k = prune_by(2, c.be);
	k.opt.gone = &gone;
	k.opt.n_gone = 1;
	k.opt.dry_run = true;
	pruning_run(&k);
	CHECK_EQ(k.res.stats.blobs.unused, FILES + 3);
	end();
}

/* Some blobs lie in several packs: as after a prune that was killed, and in the middle of others.
 */
TEST(of_copies_one_stays)
{
	struct prune_stats s;

	begin();
	craft_forget(&c);
	for (int i = 0; i < FILES; i += 2)
		text_blob("needed", i);
	craft_save(&c);
	craft_forget(&c);
	for (int i = 0; i < FILES; i += 3) {
		text_blob("needed", i);
		text_blob("not needed", i);
	}
	craft_save(&c);
	s = prune_all(FILES + 2);
	CHECK_EQ(s.blobs.used, FILES + 2);
	CHECK_EQ(s.blobs.duplicate, FILES / 2 + FILES / 3);
	CHECK_EQ(s.blobs.unused, FILES + 3 + FILES / 3);
	/* The pack of copies alone stays as it is. */
	CHECK_EQ(s.packs.used, 1);
	CHECK_EQ(s.packs.keep, 1);
	end();
}

/* One pack holds a blob twice. */
TEST(twice_in_one_pack)
{
	struct catalog_place at;
	struct saver_stats added = {0};
	struct prune_stats s;
	struct repo_ctx *ctx;
	struct buf pack, plain;
	struct err e = {0};

	begin();
	at = craft_place(&c, BLOB_DATA, &blob[5], 0);
	buf_init(&pack, 1 << 20);
	buf_init(&plain, 1 << 20);
	REQUIRE(backend_get(c.be, BACKEND_PACK, &at.pack, &pack, NULL) == 0);
	ctx = repo_ctx_get(c.repo);
	REQUIRE(repo_open_blob(ctx, &at.blob, pack.p + at.blob.offset, &plain, &e) == 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(saver_keep(c.saver, ctx, &at.blob, pack.p + at.blob.offset, &plain, false,
				 &added, &e),
			0);
	CHECK_EQ(added.data_blobs, 2);
	repo_ctx_put(c.repo, ctx);
	buf_release(&pack);
	buf_release(&plain);
	craft_save(&c);
	s = prune_all(FILES + 2);
	CHECK_EQ(s.blobs.duplicate, 2);
	end();
}

TEST(limits)
{
	struct pruning k;

	begin();
	k = prune_by(2, c.be);
	k.opt.rules.unused = PRUNE_UNLIMITED;
	k.opt.rules.cacheable_only = true;
	pruning_run(&k);
	CHECK_EQ(k.code, 0);
	CHECK_EQ(k.res.packs_removed, 2); /* what was not needed at all, and trees */
	check_all(c.be);
	k = prune_by(2, c.be);
	k.opt.rules.max_repack = 1;
	pruning_run(&k);
	CHECK_EQ(k.res.packs_removed + k.res.indexes_removed, 0);
	k = prune_by(2, c.be);
	pruning_run(&k);
	check_clean(c.be, FILES + 2);
	end();
}

/* ---- one thing is wrong: nothing that an index names is removed ---- */

static void refused(const char *sentence)
{
	for (int ranks = 1; ranks <= 4; ranks *= 2) {
		size_t packs = files(c.be, BACKEND_PACK), indexes = files(c.be, BACKEND_INDEX);
		struct pruning k = prune_by(ranks, c.be);

		pruning_run(&k);
		CHECK_EQ(k.code, ERR_INVALID);
		if (!says(sentence))
			CHECK_STR(said.len ? buf_str(&said) : "", sentence);
		CHECK(files(c.be, BACKEND_PACK) >= packs);
		CHECK(files(c.be, BACKEND_INDEX) >= indexes);
	}
}

TEST(a_blob_is_in_no_index)
{
	struct id tree, gone;

	begin();
	memset(&gone, 0x55, sizeof(gone));
	tree = tree_of(&gone, 0, 1);
	craft_save(&c);
	craft_snapshot(&c, &tree);
	refused(": file /d/f00: blob 5555");
	end();
}

TEST(a_tree_cannot_be_read)
{
	struct catalog_place at;

	begin();
	at = craft_place(&c, BLOB_TREE, &root, 0);
	craft_spoil(&c, &at.pack, at.blob.offset + 3);
	refused(": /: ");
	end();
}

TEST(a_snapshot_cannot_be_read)
{
	struct pruning k;

	begin();
	REQUIRE(backend_put(c.be, BACKEND_SNAPSHOT, &blob[0], "nonsense", 8, NULL) == 0);
	k = prune_by(2, c.be);
	pruning_run(&k);
	CHECK(k.code < 0);
	CHECK_EQ(k.res.packs_removed, 0);
	end();
}

TEST(a_needed_pack_is_missing)
{
	struct id pack;

	begin();
	pack = craft_place(&c, BLOB_DATA, &blob[5], 0).pack;
	REQUIRE(backend_remove(c.be, BACKEND_PACK, &pack, NULL) == 0);
	refused(": file /d/f05: pack ");
	CHECK(says("is missing"));
	end();
}

TEST(a_needed_pack_has_another_size)
{
	struct id pack;

	begin();
	pack = craft_place(&c, BLOB_DATA, &blob[5], 0).pack;
	craft_cut(&c, &pack, 50);
	refused(": file /d/f05: pack ");
	CHECK(says("calculated size") && says("has a wrong size"));
	end();
}

/* Nobody needs it: its index entry goes. */
TEST(another_pack_is_missing)
{
	struct id pack;

	begin();
	craft_forget(&c);
	pack = craft_place(&c, BLOB_DATA, &unneeded[0], 0).pack;
	for (int i = 0; i < 4; i++)
		text_blob("needed", i);
	craft_save(&c);
	REQUIRE(backend_remove(c.be, BACKEND_PACK, &pack, NULL) == 0);
	prune_all(FILES + 2);
	end();
}

TEST(a_bad_blob_is_taken_from_another_copy)
{
	struct catalog_place at;

	begin();
	at = craft_place(&c, BLOB_DATA, &blob[5], 0);
	craft_forget(&c);
	text_blob("needed", 5);
	text_blob("something else", 5);
	craft_save(&c);
	craft_spoil(&c, &at.pack, at.blob.offset + 3);
	prune_all(FILES + 2);
	end();
}

TEST(a_bad_blob_without_another_copy)
{
	struct catalog_place at;

	begin();
	at = craft_place(&c, BLOB_DATA, &blob[5], 0);
	craft_spoil(&c, &at.pack, at.blob.offset + 3);
	refused(": file /d/f05: ");
	end();
}

/* ---- the store ends ---- */

struct ending {
	struct backend *inner;
	uint64_t at;
	bool after; /* the last request is still done */
	_Atomic uint64_t n;
};

static int ask(void *arg, const struct backend_op *op, enum backend_type t)
{
	struct ending *e = arg;
	uint64_t n = atomic_fetch_add(&e->n, 1) + 1;

	(void)t;
	if (n < e->at)
		return 0;
	if (n == e->at && e->after && op && op->verb == BACKEND_PUT)
		backend_put(e->inner, op->type, &op->name, op->data, op->size, NULL);
	if (n == e->at && e->after && op && op->verb == BACKEND_REMOVE)
		backend_remove(e->inner, op->type, &op->name, NULL);
	return ERR_DENIED;
}

/* True: it was ended before it was done. */
static bool end_at(int ranks, uint64_t at, bool after)
{
	struct ending e = {.inner = copy_of(c.be), .at = at, .after = after};
	struct backend *be = gate_new(backend_share(e.inner), ask, &e);
	struct pruning k = prune_by(ranks, be), next;
	bool ended;

	pruning_run(&k);
	ended = atomic_load(&e.n) >= at;
	backend_free(be);
	check_all(e.inner);
	next = prune_by(ranks, e.inner);
	pruning_run(&next);
	CHECK_EQ(next.code, 0);
	check_clean(e.inner, FILES + 2);
	backend_free(e.inner);
	return ended;
}

TEST(ended_at_each_request)
{
	uint64_t at;

	begin();
	REQUIRE(backend_put(c.be, BACKEND_PACK, &unneeded[0], "junk", 4, NULL) == 0);
	for (int ranks = 1; ranks <= 2; ranks++)
		for (int after = 0; after < 2; after++) {
			for (at = 1; end_at(ranks, at, after); at += CHECK_LESS)
				;
			printf("    %d ranks: %llu requests\n", ranks, (unsigned long long)at);
			CHECK(at > 30);
		}
	end();
}

/* ---- index files ---- */

static int remove_index(void *arg, const struct id *name, uint64_t size)
{
	(void)size;
	return backend_remove(arg, BACKEND_INDEX, name, NULL);
}

/* What another index file says once more, and what old programs said in parts: of what stays
 * nothing is lost, and what is said twice is said once then. */
TEST(packs_that_several_index_files_name)
{
	for (int parts = 0; parts < 2; parts++) {
		struct pruning k;
		struct id packs[16];
		struct blob b[64];
		size_t n = 0;

		begin();
		REQUIRE(packtable_count(blobtable_packs(c.table)) <= 16);
		for (; n < packtable_count(blobtable_packs(c.table)); n++)
			packs[n] = packtable_at(blobtable_packs(c.table), n)->id;
		if (parts)
			REQUIRE(backend_list(c.be, BACKEND_INDEX, remove_index, c.be, NULL) == 0);
		for (size_t i = 0; i < n; i++) {
			size_t m = craft_blobs(&c, &packs[i], b, 64);

			craft_index(&c, &packs[i], b, parts ? m / 2 : m);
			if (parts)
				craft_index(&c, &packs[i], b + m / 2, m - m / 2);
		}
		/* Where packs of data stay, and where none does. */
		k = prune_by(2, c.be);
		k.opt.rules.unused = PRUNE_UNLIMITED;
		k.opt.rules.cacheable_only = true;
		pruning_run(&k);
		CHECK_EQ(k.code, 0);
		CHECK_EQ(k.res.packs_removed, 2);
		CHECK(k.res.indexes_removed > 1);
		check_all(c.be);
		prune_all(FILES + 2);
		end();
	}
}

/* Nothing goes but the second naming. */
TEST(what_is_named_twice_alone)
{
	struct pruning k;
	struct blob b[64];
	struct id pack;
	size_t n, indexes;

	begin();
	k = prune_by(2, c.be);
	pruning_run(&k);
	craft_load(&c);
	pack = craft_place(&c, BLOB_DATA, &blob[5], 0).pack;
	n = craft_blobs(&c, &pack, b, 64);
	craft_index(&c, &pack, b, n);
	indexes = files(c.be, BACKEND_INDEX);
	k = prune_by(2, c.be);
	pruning_run(&k);
	CHECK_EQ(k.code, 0);
	CHECK_EQ(k.res.indexes_removed, indexes);
	CHECK_EQ(files(c.be, BACKEND_INDEX), 1);
	check_clean(c.be, FILES + 2);
	end();
}

/* ---- what is not compressed ---- */

/* Noise does not shrink, so it was stored as it is; compressed once it stays. */
TEST(noise_is_compressed_once)
{
	struct pruning k;
	struct craft_tree t;
	struct id noise, tree;
	uint8_t bytes[5000];

	begin();
	rnd_fill(rnd_real(), bytes, sizeof(bytes));
	noise = craft_blob(&c, BLOB_DATA, bytes, sizeof(bytes));
	craft_tree(&t);
	craft_file(&t, "noise", &noise, 1, sizeof(bytes));
	tree = craft_end(&c, &t);
	craft_save(&c);
	craft_snapshot(&c, &tree);
	craft_load(&c);
	CHECK_EQ(craft_place(&c, BLOB_DATA, &noise, 0).blob.plain, 0);
	for (int turn = 0; turn < 3; turn++) {
		k = prune_by(2, c.be);
		k.opt.rules.uncompressed = turn > 0;
		pruning_run(&k);
		CHECK_EQ(k.code, 0);
		CHECK_EQ(k.res.stats.packs.repack > 0, turn < 2);
		craft_load(&c);
		CHECK_EQ(craft_place(&c, BLOB_DATA, &noise, 0).blob.plain,
			turn ? sizeof(bytes) : 0);
		check_all(c.be);
	}
	end();
}
