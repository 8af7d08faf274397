/*
 * A store that becomes full, or may hold only so many objects: all ranks end in order, hardly
 * anything is tried any more, and what was stored is what the next run goes on from.
 */
#include "lib/stores.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/rig.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PACK     ((size_t)64 << 10)
#define AT_ONCE  5 /* packs of a rank on their way, as backup has it over four connections */
#define OF_OTHER 7 /* objects in the bucket that are not ours */

static char *dir;
static uint64_t whole; /* bytes that a run adds to an empty store */

static void run(struct rig_backup *b)
{
	/* An absolute path would bring the directories above it, and others change those. */
	REQUIRE(!chdir(dir));
	b->target = ".";
	b->opt.cwd = dir;
	b->adopt = true;
	b->threads = 1;
	b->opt.pack_size = PACK;
	alarm(100);
	rig_backup_run(b);
	alarm(0);
}

/* Some 3 MB in 400 files. */
void check_setup(void)
{
	struct rig_backup b = {.ranks = 1};
	char name[64];

	dir = files_dir("src");
	for (unsigned d = 0; d < 80; d++) {
		snprintf(name, sizeof(name), "%u/%u", d / 10, d % 10);
		files_mkdir(dir, name);
		for (unsigned f = 0; f < 5; f++) {
			snprintf(name, sizeof(name), "%u/%u/%u", d / 10, d % 10, f);
			files_random(dir, name, 1 + (d * 5 + f) * 7919 % 15000, d * 10 + f);
		}
	}
	b.be = backend_mem_new();
	run(&b);
	CHECK_EQ(b.code, 0);
	whole = b.result.counts.data_added;
	backend_free(b.be);
}

void check_teardown(void)
{
	mem_free(dir);
}

/* A bucket in memory that tells how full it is, and after some packs takes no more of them, or
 * nothing at all. */
struct bucket {
	struct backend b;
	struct backend *inner;
	unsigned packs_max; /* 0: any number */
	bool strict,
		mute; /* once full it takes no other file either; it does not tell how full it is */
	unsigned others; /* objects that others add with each pack of ours */
	atomic_uint objects, packs, refused, most, asked;
};

static void bucket_start(struct backend *b, struct backend_op *op)
{
	struct bucket *k = (struct bucket *)(void *)b;
	bool pack = op->type == BACKEND_PACK;

	if (op->verb == BACKEND_PUT) {
		unsigned packs = atomic_fetch_add(&k->packs, pack);

		if (k->packs_max && packs >= k->packs_max && (pack || k->strict)) {
			atomic_fetch_add(&k->refused, pack);
			err_set(&op->err, ERR_NOSPACE, "this bucket is full");
			op->done(op);
			return;
		}
		packs = atomic_fetch_add(&k->objects, 1 + pack * k->others) + 1 + pack * k->others;
		if (packs > atomic_load(&k->most))
			atomic_store(&k->most, packs);
	}
	backend_start(k->inner, op);
}

static int bucket_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(((struct bucket *)(void *)b)->inner, t, to, err);
}

static int bucket_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	struct bucket *k = (struct bucket *)(void *)b;

	(void)err;
	atomic_fetch_add(&k->asked, 1);
	u->known = !k->mute;
	u->objects = OF_OTHER + atomic_load(&k->objects);
	return 0;
}

static void bucket_free(struct backend *b)
{
	(void)b;
}

static const struct backend_vtable bucket_vtable = {.scheme = "bucket",
	.start = bucket_start,
	.list = bucket_list,
	.usage = bucket_usage,
	.free = bucket_free};

static void bucket_init(struct bucket *k, struct backend *inner)
{
	*k = (struct bucket){.b = {.vt = &bucket_vtable, .connections = AT_ONCE - 1},
		.inner = inner};
}

/* How many packs the index names; each blob must be in one only. */
static size_t indexed(struct backend *be)
{
	struct blobtable *cat = blobtable_new();
	struct rig g;
	struct repo *repo;
	uint64_t blobs = 0;
	size_t packs;

	rig_init(&g, 1);
	repo = rig_adopt(be, &g.env);
	CHECK_EQ(blobtable_load(cat, repo, NULL, NULL), 0);
	packs = packtable_count(blobtable_packs(cat));
	for (size_t i = 0; i < packs; i++)
		blobs += packtable_at(blobtable_packs(cat), i)->blobs;
	CHECK_EQ(blobs, blobtable_blobs(cat));
	repo_close(repo);
	blobtable_free(cat);
	rig_release(&g);
	return packs;
}

static void full_then_emptied(int ranks, unsigned packs_max, bool strict)
{
	struct bucket k;
	struct rig_backup b = {.ranks = ranks};
	struct backend *store = backend_mem_new();
	size_t stored;

	bucket_init(&k, store);
	k.packs_max = packs_max;
	k.strict = strict;
	b.be = &k.b;
	run(&b);
	CHECK_EQ(b.code, ERR_NOSPACE);
	CHECK(strstr(b.err.msg, "this bucket is full") && strstr(b.err.msg, "upload pack") &&
		strstr(b.err.msg, "free space there"));
	CHECK((strstr(b.err.msg, "is kept for the next run") != NULL) == !strict);
	stored = rig_files(store, BACKEND_PACK);
	CHECK_EQ(stored, packs_max);
	CHECK_EQ(rig_files(store, BACKEND_SNAPSHOT), 0);
	/* What was on its way when the first was refused, and no more. */
	CHECK(atomic_load(&k.refused) >= 1 && atomic_load(&k.refused) <= (unsigned)ranks * AT_ONCE);
	CHECK_EQ(indexed(store), strict ? 0 : stored);
	rig_check(store, 0);

	k.packs_max = 0;
	run(&b);
	CHECK_EQ(b.code, 0);
	/* A strict store has no index of what it got first. */
	if (strict)
		CHECK_EQ(b.result.counts.data_added, whole);
	else
		CHECK(b.result.counts.data_added < whole);
	CHECK_EQ(indexed(store), rig_files(store, BACKEND_PACK) - (strict ? stored : 0));
	rig_check(store, 1);
	backend_free(store);
}

TEST(a_full_store_ends_all_ranks)
{
	for (int ranks = 1; ranks <= 8; ranks += ranks == 4 ? 4 : 1)
		for (unsigned packs = 1; packs <= 21; packs += CHECK_LESS == 1 ? 10 : 20)
			for (int strict = 0; strict < 2; strict++)
				full_then_emptied(ranks, packs, strict);
}

struct ends {
	size_t good, before, middle;
};

/* One run into a bucket for `most` objects, and when that ends it, another one without a limit. */
static void limited(int ranks, unsigned most, int64_t lag_ns, struct ends *n)
{
	struct bucket k;
	struct rig_backup b = {.ranks = ranks,
		.lag_ns = lag_ns,
		.opt = {.objects_max = most, .objects_max_given = true}};
	struct backend *store = backend_mem_new();
	size_t stored;

	bucket_init(&k, store);
	k.mute = most % 2; /* then others' objects are not seen */
	b.be = &k.b;
	run(&b);
	stored = rig_files(store, BACKEND_PACK);
	CHECK(atomic_load(&k.most) + (k.mute ? 0 : OF_OTHER) <= most);
	CHECK_EQ(indexed(store), stored);
	rig_check(store, b.code == 0);
	if (b.code == 0) {
		n->good++;
	} else {
		CHECK_EQ(b.code, ERR_NOSPACE);
		CHECK(strstr(b.err.msg, "--max-objects") && strstr(b.err.msg, "--pack-size 128"));
		*(stored ? &n->middle : &n->before) += 1;
		b.opt.objects_max = 0;
		b.lag_ns = 0;
		run(&b);
		CHECK_EQ(b.code, 0);
		CHECK(stored ? b.result.counts.data_added < whole
			     : b.result.counts.data_added == whole);
		rig_check(store, 1);
	}
	backend_free(store);
}

/* The limit is kept whatever it is, and a run that ends at it leaves an index of all that it
 * stored. */
TEST(no_more_objects_than_allowed)
{
	struct ends n = {0};

	for (int ranks = 1; ranks <= 4; ranks++)
		for (unsigned most = 8; most <= 98; most += CHECK_LESS == 1 ? 9 : 27)
			limited(ranks, most, 0, &n);
	printf("    %zu runs fitted, %zu did not begin, %zu ended before the limit\n", n.good,
		n.before, n.middle);
	CHECK(n.good > 3 && n.before > 3 / CHECK_LESS && n.middle > 3 / CHECK_LESS);
}

/* However late rank 0 hears of what the others store. */
TEST(the_limit_is_kept_by_ranks_that_are_ahead)
{
	struct ends n = {0};

	for (int ranks = 2; ranks <= 4; ranks++)
		for (unsigned most = 40; most <= 56; most += 8)
			limited(ranks, most, 10000000, &n);
	CHECK(n.middle > 3);
}

/* Two or more runs fill one bucket: each sees what the others do before it is too late, and asks
 * seldom. */
TEST(others_fill_the_bucket_too)
{
	const size_t reserve = 2 * AT_ONCE + 3;

	for (unsigned others = 1; others <= 3; others++) {
		struct bucket k;
		struct rig_backup b = {.ranks = 2,
			.opt = {.objects_max = 60, .objects_max_given = true}};
		struct backend *store = backend_mem_new();
		size_t stored;

		bucket_init(&k, store);
		k.others = others;
		b.be = &k.b;
		run(&b);
		stored = rig_files(store, BACKEND_PACK);
		CHECK_EQ(b.code, ERR_NOSPACE);
		/* It asks when half of what is left is taken; then there may be packs on their way,
		 * and what others add meanwhile our reserve does not know. */
		CHECK(stored <= (60 - OF_OTHER - reserve) / 2 + 1 + (size_t)2 * AT_ONCE);
		CHECK(atomic_load(&k.asked) >= 2 && atomic_load(&k.asked) <= 8);
		CHECK_EQ(indexed(store), stored);
		backend_free(store);
	}
}

/* The store's usual limit holds unless another one is given; a dry run stores nothing. */
TEST(where_the_limit_comes_from)
{
	struct bucket k;
	struct rig_backup b = {.ranks = 1, .be = &k.b};
	struct backend *store = backend_mem_new();

	bucket_init(&k, store);
	k.b.objects_max = 5;
	run(&b);
	CHECK_EQ(b.code, ERR_NOSPACE);
	CHECK_EQ(rig_files(store, BACKEND_PACK), 0);
	b.opt.dry_run = true;
	run(&b);
	CHECK_EQ(b.code, 0);
	b.opt.dry_run = false;
	b.opt.objects_max_given = true;
	run(&b);
	CHECK_EQ(b.code, 0);
	backend_free(store);
}
