#include "repo/claim.h"
#include "unit/repo_fixture.h"

static void asked(struct claim_req *r)
{
	++*(int *)r->arg;
}

static void found(struct claim_find *f)
{
	++*(int *)f->arg;
}

TEST(verdicts)
{
	struct catalog *cat = catalog_new();
	struct claim *c = claim_local_new(cat);
	struct id id[4] = {fixture_id(1), fixture_id(2), fixture_id(2), fixture_id(3)},
		  pack = fixture_id(9);
	struct blob b = {.id = id[0], .type = BLOB_DATA, .length = 50};
	enum claim_verdict v[4];
	int calls = 0;
	struct claim_req r = {.take = false,
		.type = BLOB_DATA,
		.id = id,
		.n = 4,
		.verdict = v,
		.done = asked,
		.arg = &calls};

	catalog_add(cat, &pack, &b, 1);
	claim_ask(c, &r);
	CHECK_EQ(calls, 1);
	CHECK_EQ(v[0], CLAIM_KNOWN);
	CHECK_EQ(v[1], CLAIM_ABSENT);
	r.take = true;
	r.n = 3;
	claim_ask(c, &r);
	CHECK_EQ(v[0], CLAIM_KNOWN);
	CHECK_EQ(v[1], CLAIM_YOURS);
	CHECK_EQ(v[2], CLAIM_TAKEN); /* twice in one question */
	r.take = false;
	r.n = 4;
	claim_ask(c, &r);
	CHECK_EQ(v[1], CLAIM_TAKEN);
	CHECK_EQ(v[3], CLAIM_ABSENT);
	r.type = BLOB_TREE;
	claim_ask(c, &r);
	CHECK_EQ(v[0], CLAIM_ABSENT);
	CHECK_EQ(calls, 4);
	claim_flush(c);
	claim_free(c);
	catalog_free(cat);
}

TEST(find)
{
	struct catalog *cat = catalog_new();
	struct claim *c = claim_local_new(cat);
	struct id pack[2] = {fixture_id(8), fixture_id(9)};
	struct blob b = {.id = fixture_id(1),
		.type = BLOB_TREE,
		.offset = 7,
		.length = 50,
		.plain = 99};
	int calls = 0;
	struct claim_find f = {.type = BLOB_TREE, .id = b.id, .done = found, .arg = &calls};

	claim_find(c, &f);
	CHECK(!f.found);
	catalog_add(cat, &pack[0], &b, 1);
	catalog_add(cat, &pack[1], &b, 1);
	claim_find(c, &f);
	CHECK(f.found && id_equal(&f.place.pack, &pack[0]));
	CHECK_EQ(f.place.blob.plain, 99);
	f.nth = 1;
	claim_find(c, &f);
	CHECK(f.found && id_equal(&f.place.pack, &pack[1]));
	f.nth = 2;
	claim_find(c, &f);
	CHECK(!f.found);
	CHECK_EQ(calls, 4);
	claim_free(c);
	catalog_free(cat);
}

static void said(struct claim_first *f)
{
	++*(int *)f->arg;
}

TEST(the_first_decides)
{
	struct catalog *cat = catalog_new();
	struct claim *c = claim_local_new(cat);
	int calls = 0;
	struct claim_first f = {.key = fixture_id(1),
		.what = fixture_id(5),
		.done = said,
		.arg = &calls};

	claim_first(c, &f);
	CHECK(calls == 1 && f.agrees);
	f.what = fixture_id(6);
	claim_first(c, &f);
	CHECK(calls == 2 && !f.agrees);
	f.what = fixture_id(5);
	claim_first(c, &f);
	CHECK(f.agrees);
	f.key = fixture_id(2);
	f.what = fixture_id(6);
	claim_first(c, &f);
	CHECK(f.agrees);
	claim_free(c);
	catalog_free(cat);
}

/* What could not be read is not known: it is stored again, once. */
TEST(what_is_known_can_be_forgotten)
{
	struct catalog *cat = catalog_new();
	struct claim *c = claim_local_new(cat);
	struct id id = fixture_id(1), pack = fixture_id(9);
	struct blob b = {.id = id, .type = BLOB_TREE, .length = 50};
	enum claim_verdict v;
	int calls = 0;
	struct claim_req r = {.forget = true,
		.type = BLOB_TREE,
		.id = &id,
		.n = 1,
		.verdict = &v,
		.done = asked,
		.arg = &calls};

	catalog_add(cat, &pack, &b, 1);
	claim_ask(c, &r);
	CHECK_EQ(v, CLAIM_ABSENT);
	r.take = true;
	claim_ask(c, &r);
	CHECK_EQ(v, CLAIM_YOURS);
	claim_ask(c, &r); /* a promise is not forgotten */
	CHECK_EQ(v, CLAIM_TAKEN);
	claim_free(c);
	catalog_free(cat);
}
