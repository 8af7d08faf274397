#include "engine/item.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

static const struct sight seen = {.mode = 0100644,
	.uid = 1000,
	.gid = 0xfffffffe,
	.ino = 0x123456789abcdef,
	.dev = 0x801,
	.size = 7,
	.mtime = {-5, 999999999},
	.ctime = {0x100000000, 1}};

static bool same_sight(const struct sight *a, const struct sight *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->ino == b->ino &&
	       a->dev == b->dev && a->size == b->size && ts_cmp(&a->mtime, &b->mtime) == 0 &&
	       ts_cmp(&a->ctime, &b->ctime) == 0;
}

static struct item *sample(enum item_kind kind)
{
	struct dirref up = {3, 70000, 12};
	struct item *it = item_new(kind, &up, "/scratch/a b");

	if (kind == ITEM_DIR) {
		it->name = mem_strdup("a b");
		it->parents.has = 1 | 1 << 2;
		memset(&it->parents.tree[0], 7, sizeof(struct id));
		memset(&it->parents.tree[2], 9, sizeof(struct id));
		it->device = 0x1234567890;
		it->named = true;
		it->depth = 70000;
		it->seen = seen;
		return it;
	}
	it->apart = true;
	it->doubt = true;
	it->by = mem_strdup("rank 7 on node-3");
	it->other = seen;
	for (uint32_t i = 0; i < 100; i++) {
		struct item_file *f = item_add_file(it, i % 2 ? "\xff\n" : "plain",
			i % 3 ? NULL : "as-1", i);

		f->had = i % 5 == 0;
		f->named = i % 7 == 0;
		f->again = i % 3 == 0;
		f->meta_same = i % 2 == 0;
		if (f->again)
			memset(&f->content, (int)i + 1, sizeof(f->content));
		f->seen = seen;
		f->seen.size = (uint64_t)i << 33;
	}
	return it;
}

static struct item *round_trip(enum item_kind kind, size_t cut)
{
	struct item *it = sample(kind), *back;
	struct buf b;
	struct wire_in in;

	buf_init(&b, 1 << 20);
	item_pack(it, &b);
	item_free(it);
	wire_in_init(&in, b.p, cut < b.len ? cut : b.len);
	back = item_unpack(&in);
	if (back && cut >= b.len)
		CHECK(wire_done(&in));
	buf_release(&b);
	return back;
}

TEST(a_directory_travels)
{
	struct item *it = round_trip(ITEM_DIR, SIZE_MAX), *want = sample(ITEM_DIR);

	REQUIRE(it != NULL);
	CHECK_EQ(it->kind, ITEM_DIR);
	CHECK_EQ(it->up.rank, 3);
	CHECK_EQ(it->up.slot, 70000);
	CHECK_EQ(it->up.child, 12);
	CHECK_STR(it->path, want->path);
	CHECK_STR(it->name, want->name);
	CHECK(!it->meta_same);
	CHECK_MEM(&it->parents, &want->parents, sizeof(it->parents));
	CHECK_EQ(it->device, want->device);
	CHECK(it->named && !it->apart && !it->by);
	CHECK_EQ(it->depth, want->depth);
	CHECK(same_sight(&it->seen, &want->seen));
	item_free(it);
	item_free(want);
}

TEST(files_travel)
{
	struct item *it = round_trip(ITEM_FILES, SIZE_MAX), *want = sample(ITEM_FILES);

	REQUIRE(it != NULL && it->n == want->n);
	CHECK(it->apart && it->doubt);
	CHECK_STR(it->by, want->by);
	CHECK(same_sight(&it->other, &want->other));
	for (size_t i = 0; i < it->n; i++) {
		CHECK_STR(it->file[i].name, want->file[i].name);
		CHECK_STR(it->file[i].as, want->file[i].as);
		CHECK_EQ(it->file[i].child, want->file[i].child);
		CHECK_EQ(it->file[i].had, want->file[i].had);
		CHECK_EQ(it->file[i].named, want->file[i].named);
		CHECK_EQ(it->file[i].again, want->file[i].again);
		CHECK_EQ(it->file[i].meta_same, want->file[i].meta_same);
		CHECK(id_equal(&it->file[i].content, &want->file[i].content));
		CHECK(same_sight(&it->file[i].seen, &want->file[i].seen));
	}
	item_free(it);
	item_free(want);
}

TEST(a_cut_message_is_no_item)
{
	for (size_t cut = 0; cut < 150; cut++) {
		CHECK(round_trip(ITEM_FILES, cut) == NULL);
		if (cut < 60)
			CHECK(round_trip(ITEM_DIR, cut) == NULL);
	}
}
