#include "repo/catalog_local.h"
#include "repo/blobtable.h"
#include "unit/repo_fixture.h"

static void asked(struct catalog_claim *r)
{
	++*(int *)r->arg;
}

static void found(struct catalog_find *f)
{
	++*(int *)f->arg;
}

TEST(verdicts)
{
	struct blobtable *cat = blobtable_new();
	struct catalog *c = catalog_local_new(cat);
	struct id id[4] = {fixture_id(1), fixture_id(2), fixture_id(2), fixture_id(3)},
		  pack = fixture_id(9);
	struct blob b = {.id = id[0], .type = BLOB_DATA, .length = 50};
	enum catalog_verdict v[4];
	int calls = 0;
	struct catalog_claim r = {.take = false,
		.type = BLOB_DATA,
		.id = id,
		.n = 4,
		.verdict = v,
		.done = asked,
		.arg = &calls};

	blobtable_add(cat, &pack, &b, 1);
	catalog_claim(c, &r);
	CHECK_EQ(calls, 1);
	CHECK_EQ(v[0], CATALOG_KNOWN);
	CHECK_EQ(v[1], CATALOG_ABSENT);
	r.take = true;
	r.n = 3;
	catalog_claim(c, &r);
	CHECK_EQ(v[0], CATALOG_KNOWN);
	CHECK_EQ(v[1], CATALOG_YOURS);
	CHECK_EQ(v[2], CATALOG_TAKEN); /* twice in one question */
	r.take = false;
	r.n = 4;
	catalog_claim(c, &r);
	CHECK_EQ(v[1], CATALOG_TAKEN);
	CHECK_EQ(v[3], CATALOG_ABSENT);
	r.type = BLOB_TREE;
	catalog_claim(c, &r);
	CHECK_EQ(v[0], CATALOG_ABSENT);
	CHECK_EQ(calls, 4);
	catalog_flush(c);
	catalog_free(c);
	blobtable_free(cat);
}

TEST(find)
{
	struct blobtable *cat = blobtable_new();
	struct catalog *c = catalog_local_new(cat);
	struct id pack[2] = {fixture_id(8), fixture_id(9)};
	struct blob b = {.id = fixture_id(1),
		.type = BLOB_TREE,
		.offset = 7,
		.length = 50,
		.plain = 99};
	int calls = 0;
	struct catalog_find f = {.type = BLOB_TREE, .id = b.id, .done = found, .arg = &calls};

	catalog_find(c, &f);
	CHECK(!f.found);
	blobtable_add(cat, &pack[0], &b, 1);
	blobtable_add(cat, &pack[1], &b, 1);
	catalog_find(c, &f);
	CHECK(f.found && id_equal(&f.place.pack, &pack[0]));
	CHECK_EQ(f.place.blob.plain, 99);
	f.nth = 1;
	catalog_find(c, &f);
	CHECK(f.found && id_equal(&f.place.pack, &pack[1]));
	f.nth = 2;
	catalog_find(c, &f);
	CHECK(!f.found);
	CHECK_EQ(calls, 4);
	catalog_free(c);
	blobtable_free(cat);
}

static void said(struct catalog_first *f)
{
	++*(int *)f->arg;
}

TEST(the_first_decides)
{
	struct blobtable *cat = blobtable_new();
	struct catalog *c = catalog_local_new(cat);
	int calls = 0;
	struct catalog_first f = {.key = fixture_id(1),
		.what = fixture_id(5),
		.done = said,
		.arg = &calls};

	catalog_first(c, &f);
	CHECK(calls == 1 && f.agrees);
	f.what = fixture_id(6);
	catalog_first(c, &f);
	CHECK(calls == 2 && !f.agrees);
	f.what = fixture_id(5);
	catalog_first(c, &f);
	CHECK(f.agrees);
	f.key = fixture_id(2);
	f.what = fixture_id(6);
	catalog_first(c, &f);
	CHECK(f.agrees);
	catalog_free(c);
	blobtable_free(cat);
}

/* What could not be read is not known: it is stored again, once. */
TEST(what_is_known_can_be_forgotten)
{
	struct blobtable *cat = blobtable_new();
	struct catalog *c = catalog_local_new(cat);
	struct id id = fixture_id(1), pack = fixture_id(9);
	struct blob b = {.id = id, .type = BLOB_TREE, .length = 50};
	enum catalog_verdict v;
	int calls = 0;
	struct catalog_claim r = {.forget = true,
		.type = BLOB_TREE,
		.id = &id,
		.n = 1,
		.verdict = &v,
		.done = asked,
		.arg = &calls};

	blobtable_add(cat, &pack, &b, 1);
	catalog_claim(c, &r);
	CHECK_EQ(v, CATALOG_ABSENT);
	r.take = true;
	catalog_claim(c, &r);
	CHECK_EQ(v, CATALOG_YOURS);
	catalog_claim(c, &r); /* a promise is not forgotten */
	CHECK_EQ(v, CATALOG_TAKEN);
	catalog_free(c);
	blobtable_free(cat);
}
