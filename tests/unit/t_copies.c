#include "repo/copies.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdlib.h>

static struct blobtable *table;

static struct id id_of(unsigned n)
{
	struct id id = {{0}};

	id.b[0] = (uint8_t)n;
	id.b[8] = (uint8_t)(n * 37);
	id.b[31] = (uint8_t)n;
	return id;
}

/* Blob b into pack p. */
static void put(unsigned p, unsigned b, uint32_t offset, uint32_t length)
{
	struct blob blob = {.id = id_of(b),
		.type = BLOB_DATA,
		.offset = offset,
		.length = length,
		.plain = 500};
	struct id pack = id_of(p);

	blobtable_add(table, &pack, &blob, 1);
}

static struct catalog_pack *pack(unsigned p)
{
	struct id id = id_of(p);

	return packtable_find(blobtable_packs(table), &id);
}

static void mark(unsigned b)
{
	struct id id = id_of(b);

	CHECK(blobtable_mark(table, BLOB_DATA, &id, 0) >= 0);
}

/*
 * Pack 101: 1 2 3; 102: 2 3 4; 103: 3 5, and 5 once more.  Needed are 1, 2, 3 and 5.
 */
static void begin(bool backwards)
{
	table = blobtable_new();
	for (unsigned i = 0; i < 9; i++) {
		unsigned k = backwards ? 8 - i : i;
		static const unsigned p[] = {101, 101, 101, 102, 102, 102, 103, 103, 103},
				      b[] = {1, 2, 3, 2, 3, 4, 3, 5, 5};

		put(p[k], b[k], 100 * (k + 1), 100);
	}
	mark(1);
	mark(2);
	mark(3);
	mark(5);
}

static void needed(unsigned a, unsigned b, unsigned c)
{
	copies_gather(table, 1, true);
	CHECK_EQ(pack(101)->marked, a);
	CHECK_EQ(pack(102)->marked, b);
	CHECK_EQ(pack(103)->marked, c);
	CHECK_EQ(pack(101)->marked_bytes, 100 * a);
}

TEST(one_copy_counts)
{
	for (int backwards = 0; backwards < 2; backwards++) {
		begin(backwards);
		copies_gather(table, 1, false);
		CHECK_EQ(pack(101)->marked, 3);
		CHECK_EQ(pack(102)->marked, 2);
		CHECK_EQ(pack(103)->marked, 3);
		CHECK_EQ(copies_mark(table, 0, 1),
			3); /* 2, 3 and 5, which lies twice in one pack */
		copies_gather(table, 1 << 1, false);
		CHECK_EQ(pack(101)->marked, 2);
		CHECK_EQ(pack(103)->marked, 3);
		needed(3, 0, 1); /* the smallest pack */
		pack(102)->user = 1;
		needed(1, 2, 1);
		pack(103)->user = 2;
		needed(1, 1, 2);
		blobtable_free(table);
	}
}

static void moved(const struct moves *m, unsigned p, const unsigned *want, size_t n)
{
	struct id id = id_of(p);
	struct blob *b;

	CHECK_EQ(moves_of(m, &id, &b), n);
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < n; k++)
			found |= b[k].id.b[0] == want[i];
		CHECK(found);
	}
	mem_free(b);
}

TEST(what_moves)
{
	for (int backwards = 0; backwards < 2; backwards++) {
		struct moves *m;

		/* 2 and 3 lie in 102, which stays. */
		begin(backwards);
		pack(101)->user = CATALOG_MOVES;
		pack(103)->user = CATALOG_MOVES;
		m = moves_new(table, 0);
		CHECK_EQ(moves_count(m), 2);
		moved(m, 101, (const unsigned[]){1}, 1);
		moved(m, 102, NULL, 0);
		moved(m, 103, (const unsigned[]){5}, 1);
		moved(m, 104, NULL, 0);
		moves_free(m);
		/* Nothing is fetched from what goes. */
		pack(102)->user = CATALOG_GOES;
		m = moves_new(table, 0);
		CHECK_EQ(moves_count(m), 4);
		moved(m, 101, (const unsigned[]){1, 2, 3}, 3);
		moved(m, 103, (const unsigned[]){5}, 1);
		moves_free(m);
		pack(101)->user = CATALOG_GOES;
		pack(102)->user = CATALOG_MOVES;
		m = moves_new(table, 0);
		moved(m, 102, (const unsigned[]){2, 3}, 2);
		moves_free(m);
		blobtable_free(table);
	}
}
