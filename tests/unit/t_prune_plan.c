#include "engine/prune_plan.h"
#include "unit/check.h"
#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define MAX 64

static struct prune_pack pack[MAX];
static size_t n;
static struct prune_rules rules;
static struct prune_stats s;

static void begin(void)
{
	n = 0;
	rules = (struct prune_rules){.unused = PRUNE_PERCENT,
		.percent = 5,
		.max_repack = UINT64_MAX,
		.version = 2};
	s = (struct prune_stats){.bytes.uncompressed = 0};
}

/* A data pack, in MiB; its figures are added to what the caller has to say. */
static struct prune_pack *add(unsigned used, unsigned unused)
{
	struct prune_pack *p = &pack[n++];

	*p = (struct prune_pack){.id.b[0] = (uint8_t)n,
		.used = used * MIB,
		.unused = unused * MIB,
		.used_blobs = used,
		.unused_blobs = unused,
		.file = (used + unused) * MIB,
		.listed = true,
		.data = true};
	s.blobs.used += used;
	s.bytes.used += used * MIB;
	s.blobs.unused += unused;
	s.bytes.unused += unused * MIB;
	return p;
}

static struct prune_pack *add_tree(unsigned used, unsigned unused)
{
	struct prune_pack *p = add(used, unused);

	p->data = false;
	p->tree = true;
	return p;
}

/* The fates as letters: keep, repack, remove, missing, size. */
static const char *fates(void)
{
	static char text[MAX + 1];

	prune_plan(&rules, pack, n, &s);
	for (size_t i = 0; i < n; i++)
		text[i] = "krdms"[pack[i].fate];
	text[n] = 0;
	return text;
}

TEST(what_each_pack_is)
{
	struct {
		unsigned used, unused;
		bool tree, mixed, raw, cacheable, uncompressed;
		unsigned version;
		const char *fate;
	} t[] = {
		{16, 0, false, false, false, false, false, 2, "k"},
		{0, 16, false, false, false, false, false, 2, "d"},
		{8, 8, false, false, false, false, false, 2, "r"},
		{8, 8, false, false, false, true, false, 2,
			"k"}, /* data, --repack-cacheable-only */
		{8, 8, true, false, false, true, false, 2, "r"},
		{8, 8, true, true, false, true, false, 2, "r"}, /* mixed is not data */
		{0, 8, false, false, false, true, false, 2, "d"},
		{16, 0, true, true, false, false, false, 2, "r"},
		{16, 0, true, false, true, false, false, 2, "r"}, /* a raw tree in version 2 */
		{16, 0, true, false, true, false, false, 1, "k"},
		{16, 0, false, false, true, false, false, 2, "k"},
		{16, 0, false, false, true, false, true, 2, "r"},
		{16, 0, false, false, false, false, true, 2, "k"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct prune_pack *p;

		begin();
		p = add(t[i].used, t[i].unused);
		p->tree = t[i].tree;
		p->data = !t[i].tree || t[i].mixed;
		p->raw = t[i].raw;
		rules.cacheable_only = t[i].cacheable;
		rules.uncompressed = t[i].uncompressed;
		rules.version = t[i].version;
		CHECK_STR(fates(), t[i].fate);
		CHECK_EQ(s.bytes.uncompressed,
			t[i].raw && t[i].version > 1 && *t[i].fate == 'k' ? 16 * MIB : 0);
	}
}

TEST(what_is_wrong)
{
	begin();
	add(16, 0)->listed = false;
	add(16, 0)->file--;
	add(0, 16)->listed = false;
	add(0, 16)->file--;
	add(16, 0);
	CHECK_EQ(prune_plan(&rules, pack, n, &s), 2);
	CHECK_STR(fates(), "msddk");
}

/* The worst first, until little enough stays. */
TEST(so_much_may_stay_unused)
{
	struct {
		enum prune_unused unused;
		double percent;
		uint64_t bytes;
		const char *fates;
	} t[] = {
		{PRUNE_PERCENT, 0, 0, "krrrd"}, {PRUNE_BYTES, 0, 0, "krrrd"},
		{PRUNE_UNLIMITED, 0, 0, "kkkkd"},
		{PRUNE_BYTES, 0, 2 * MIB, "krrrd"}, /* less than, not as much */
		{PRUNE_BYTES, 0, 2 * MIB + 1, "kkrrd"}, {PRUNE_BYTES, 0, 6 * MIB + 1, "kkrkd"},
		{PRUNE_BYTES, 0, 18 * MIB, "kkrkd"}, {PRUNE_BYTES, 0, 18 * MIB + 1, "kkkkd"},
		{PRUNE_PERCENT, 12.5, 0, "kkrkd"}, /* of 46: 6.57 */
		{PRUNE_PERCENT, 4, 0, "krrrd"},    /* 1.92 */
		{PRUNE_PERCENT, 5, 0, "kkrrd"},    /* 2.42 */
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin();
		add(16, 0);
		add(14, 2);
		add(4, 12);
		add(12, 4);
		add(0, 16);
		rules.unused = t[i].unused;
		rules.percent = t[i].percent;
		rules.bytes = t[i].bytes;
		CHECK_STR(fates(), t[i].fates);
	}
}

TEST(figures)
{
	begin();
	add(16, 0);
	add(14, 2);
	add(4, 12);
	add(0, 16);
	add(0, 3)->listed = false;
	rules.unused = PRUNE_BYTES;
	rules.bytes = 3 * MIB;
	CHECK_STR(fates(), "kkrdd");
	CHECK_EQ(s.blobs.repack, 16);
	CHECK_EQ(s.bytes.repack, 16 * MIB);
	CHECK_EQ(s.blobs.repack_remove, 12);
	CHECK_EQ(s.blobs.remove, 19);
	CHECK_EQ(s.bytes.remove, 19 * MIB);
	CHECK_EQ(s.packs.used, 1);
	CHECK_EQ(s.packs.partly_used, 2);
	CHECK_EQ(s.packs.unused, 1);
	CHECK_EQ(s.packs.keep, 2);
	CHECK_EQ(s.packs.repack, 1);
	CHECK_EQ(s.packs.remove, 1); /* the missing one is none */
}

/* Duplicates count as unused. */
TEST(duplicates_are_unused)
{
	begin();
	add(14, 2);
	s.blobs.unused = s.bytes.unused = 0;
	s.bytes.duplicate = 2 * MIB;
	rules.unused = PRUNE_BYTES;
	rules.bytes = 2 * MIB;
	CHECK_STR(fates(), "r");
}

/* Trees first; as much as may be written anew, to the byte: not even so much. */
TEST(so_much_is_written_anew)
{
	struct {
		uint64_t max;
		const char *fates;
	} t[] = {{0, "kkkk"}, {16 * MIB, "kkkk"}, {16 * MIB + 1, "kkkr"}, {32 * MIB, "kkkr"},
		{32 * MIB + 1, "krkr"}, {48 * MIB + 1, "krrr"}, {UINT64_MAX, "rrrr"}};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin();
		add(14, 2);
		add(4, 12);
		add(12, 4);
		add_tree(15, 1);
		rules.unused = PRUNE_BYTES;
		rules.max_repack = t[i].max;
		CHECK_STR(fates(), t[i].fates);
	}
}

/* What does not fit is passed over, what comes behind it may fit. */
TEST(a_large_one_is_passed_over)
{
	begin();
	add(4, 60);
	add(4, 12);
	rules.unused = PRUNE_BYTES;
	rules.max_repack = 20 * MIB;
	CHECK_STR(fates(), "kr");
}

/* Ten or more that are too small are put together. */
TEST(small_packs)
{
	for (unsigned few = 9; few <= 10; few++) {
		begin();
		for (unsigned i = 0; i < few; i++)
			add(2, 0);
		add(16, 0);
		CHECK_STR(fates(), few == 9 ? "kkkkkkkkkk" : "rrrrrrrrrrk");
	}
}

TEST(how_small_is_small)
{
	struct {
		uint64_t smaller;
		unsigned size;   /* of ten packs */
		unsigned others; /* size of 40 */
		char fate;
	} t[] = {
		{0, 3, 16, 'r'}, {0, 4, 16, 'k'}, /* 0.8 of 4 MiB */
		{5 * MIB, 4, 16, 'r'}, {4 * MIB, 4, 16, 'k'},
		{0, 14, 64, 'k'}, /* 0.8 of the second smallest, which is one of them */
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *f;

		begin();
		for (unsigned k = 0; k < 40; k++)
			add(t[i].others, 0);
		for (unsigned k = 0; k < 10; k++)
			add(t[i].size, 0);
		rules.smaller_than = t[i].smaller;
		f = fates();
		CHECK_EQ(f[0], 'k');
		CHECK_EQ(f[40], t[i].fate);
		CHECK_EQ(f[49], t[i].fate);
	}
}

/* A small one that has to be written anyway is, however few there are; and before large ones. */
TEST(small_and_unused)
{
	begin();
	add(1, 1);
	add(2, 0);
	add(14, 2);
	rules.unused = PRUNE_UNLIMITED;
	CHECK_STR(fates(), "rkk");
}

/* The same packs in another order have the same fates. */
TEST(in_any_order)
{
	struct prune_pack all[20];
	char by_id[21] = "";

	begin();
	for (unsigned i = 0; i < 20; i++)
		add(10, 6); /* alike in all but the id */
	memcpy(all, pack, sizeof(all));
	rules.max_repack = 100 * MIB;
	rules.unused = PRUNE_BYTES;
	for (int turn = 0; turn < 20; turn++) {
		struct prune_stats was = s;
		const char *f;
		char now[21] = "";

		for (size_t i = 0; i < n; i++)
			pack[i] = all[(i * 7 + (size_t)turn) % 20];
		f = fates();
		for (size_t i = 0; i < n; i++)
			now[pack[i].id.b[0] - 1] = f[i];
		if (!turn)
			memcpy(by_id, now, sizeof(now));
		CHECK_STR(now, by_id);
		s = was;
	}
}
