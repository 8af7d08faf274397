#include "cmd/find_ids.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "unit/check.h"
#include <string.h>

static struct id id_of(uint8_t first, uint8_t last)
{
	struct id id = {.b = {first, 1, 2, 3, [ID_SIZE - 1] = last}};

	return id;
}

static bool has(const struct find_ids *f, enum find_kind kind, uint8_t first, uint8_t last)
{
	struct id id = id_of(first, last);

	return find_ids_has(f, kind, &id);
}

/* An ID as it is written: whole, or its first 8 digits; of another kind it means nothing. */
TEST(whole_and_short)
{
	struct find_ids *f = find_ids_new();
	struct id whole = id_of(0xab, 1);
	struct err e = {0};

	CHECK_EQ(find_ids_add(f, FIND_BLOBS, id_hex(&whole).s, &e), 0);
	CHECK_EQ(find_ids_add(f, FIND_BLOBS, "CD010203", &e), 0);
	CHECK_EQ(find_ids_add(f, FIND_TREES, "ef010203", &e), 0);
	CHECK(has(f, FIND_BLOBS, 0xab, 1) && !has(f, FIND_BLOBS, 0xab, 2));
	CHECK(has(f, FIND_BLOBS, 0xcd, 1) && has(f, FIND_BLOBS, 0xcd, 2));
	CHECK(!has(f, FIND_BLOBS, 0xef, 1) && has(f, FIND_TREES, 0xef, 1) &&
		!has(f, FIND_TREES, 0xcd, 1));
	find_ids_free(f);
	find_ids_free(NULL);
}

TEST(what_is_no_id)
{
	static const char *const bad[] = {"", "abc", "abcdefgh", "abcdef012", "/data/x",
		"zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00"};
	struct find_ids *f = find_ids_new();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = {0};

		CHECK_EQ(find_ids_add(f, FIND_BLOBS, bad[i], &e), ERR_USAGE);
		CHECK(strstr(e.msg, "is not an ID") != NULL);
	}
	find_ids_free(f);
}

/* Pack 1: a blob and a tree; pack 2: another blob, and the first one again. */
TEST(packs)
{
	const struct blob one[] = {{.id = id_of(10, 0), .type = BLOB_DATA, .length = 40},
		{.id = id_of(11, 0), .type = BLOB_TREE, .length = 40}};
	const struct blob two[] = {{.id = id_of(12, 0), .type = BLOB_DATA, .length = 40},
		{.id = id_of(10, 0), .type = BLOB_DATA, .length = 40}};
	const struct id pack[] = {id_of(1, 1), id_of(2, 2)};
	struct blobtable *c = blobtable_new();
	struct catalog *cat = catalog_local_new(c);
	struct find_ids *f = find_ids_new();
	struct err e = {0};

	blobtable_add(c, &pack[0], one, 2);
	blobtable_add(c, &pack[1], two, 2);
	/* Written in both ways. */
	CHECK_EQ(find_ids_add(f, FIND_PACKS, id_hex(&pack[0]).s, &e), 0);
	CHECK_EQ(find_ids_add(f, FIND_PACKS, "01010203", &e), 0);
	CHECK_EQ(find_ids_unpack(f, cat, &e), 0);
	CHECK(has(f, FIND_BLOBS, 10, 0) && has(f, FIND_TREES, 11, 0));
	CHECK(!has(f, FIND_TREES, 10, 0) && !has(f, FIND_BLOBS, 11, 0) &&
		!has(f, FIND_BLOBS, 12, 0));
	CHECK_EQ(find_ids_add(f, FIND_PACKS, "02010203", &e), 0);
	CHECK_EQ(find_ids_unpack(f, cat, &e), 0);
	CHECK(has(f, FIND_BLOBS, 12, 0));
	/* One that is nowhere is named, as it was written. */
	CHECK_EQ(find_ids_add(f, FIND_PACKS, "03010203", &e), 0);
	CHECK_EQ(find_ids_unpack(f, cat, &e), ERR_NOTFOUND);
	CHECK_STR(e.msg, "the index does not have the pack 03010203");
	find_ids_free(f);
	catalog_free(cat);
	blobtable_free(c);
}
