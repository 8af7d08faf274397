#include "lib/stores.h"
#include "repo/blobtable.h"
#include "format/index.h"
#include "unit/repo_fixture.h"

static struct blob blob(uint64_t n, enum blob_type t, uint32_t offset)
{
	return (struct blob){.id = fixture_id(n),
		.type = t,
		.offset = offset,
		.length = (uint32_t)(100 + n % 1000),
		.plain = n % 3 ? 0 : (uint32_t)n + 1};
}

static bool has(struct blobtable *c, enum blob_type t, const struct id *id)
{
	return blobtable_claim(c, false, false, t, id) == CATALOG_KNOWN;
}

static bool promise(struct blobtable *c, enum blob_type t, const struct id *id)
{
	return blobtable_claim(c, true, false, t, id) == CATALOG_YOURS;
}

static bool promised(struct blobtable *c, enum blob_type t, const struct id *id)
{
	return blobtable_claim(c, false, false, t, id) == CATALOG_TAKEN;
}

static void forget(struct blobtable *c, enum blob_type t, const struct id *id)
{
	CHECK(blobtable_claim(c, false, true, t, id) != CATALOG_KNOWN);
}

TEST(finds_what_was_added)
{
	struct blobtable *c = blobtable_new();
	struct id pack = fixture_id(1000000);
	struct catalog_place p;
	struct blob b[3];

	for (uint32_t i = 0; i < 3; i++)
		b[i] = blob(i, i == 2 ? BLOB_TREE : BLOB_DATA, i * 1000);
	blobtable_add(c, &pack, b, 3);
	for (int i = 0; i < 3; i++) {
		REQUIRE(blobtable_find(c, b[i].type, &b[i].id, 0, &p));
		CHECK(id_equal(&p.pack, &pack));
		CHECK(id_equal(&p.blob.id, &b[i].id));
		CHECK_EQ(p.blob.type, b[i].type);
		CHECK_EQ(p.blob.offset, b[i].offset);
		CHECK_EQ(p.blob.length, b[i].length);
		CHECK_EQ(p.blob.plain, b[i].plain);
		CHECK(!blobtable_find(c, b[i].type, &b[i].id, 1, &p));
		CHECK(!has(c, b[i].type == BLOB_TREE ? BLOB_DATA : BLOB_TREE, &b[i].id));
	}
	CHECK_EQ(blobtable_blobs(c), 3);
	blobtable_free(c);
}

TEST(keeps_all_places_but_equal_ones_once)
{
	struct blobtable *c = blobtable_new();
	struct id pack[3] = {fixture_id(1), fixture_id(2), fixture_id(3)};
	struct blob b = blob(7, BLOB_DATA, 0);
	struct catalog_place p;

	for (int again = 0; again < 2; again++)
		for (int i = 0; i < 3; i++)
			blobtable_add(c, &pack[i], &b, 1);
	b.offset = 5000;
	blobtable_add(c, &pack[1], &b, 1);
	CHECK_EQ(blobtable_blobs(c), 1);
	for (unsigned i = 0; i < 3; i++) {
		REQUIRE(blobtable_find(c, BLOB_DATA, &b.id, i, &p));
		CHECK(id_equal(&p.pack, &pack[i]));
	}
	REQUIRE(blobtable_find(c, BLOB_DATA, &b.id, 3, &p));
	CHECK_EQ(p.blob.offset, 5000);
	CHECK(!blobtable_find(c, BLOB_DATA, &b.id, 4, &p));
	CHECK_EQ(packtable_find(blobtable_packs(c), &pack[0])->blobs, 1);
	CHECK_EQ(packtable_find(blobtable_packs(c), &pack[1])->blobs, 2);
	blobtable_free(c);
}

TEST(data_and_tree_with_one_id_are_two_blobs)
{
	struct blobtable *c = blobtable_new();
	struct id pack = fixture_id(1);
	struct blob d = blob(7, BLOB_DATA, 0), t = blob(7, BLOB_TREE, 500);
	struct catalog_place p;

	blobtable_add(c, &pack, &d, 1);
	CHECK(!has(c, BLOB_TREE, &d.id));
	CHECK(promise(c, BLOB_TREE, &d.id));
	blobtable_add(c, &pack, &t, 1);
	REQUIRE(blobtable_find(c, BLOB_TREE, &t.id, 0, &p));
	CHECK_EQ(p.blob.offset, 500);
	CHECK_EQ(blobtable_blobs(c), 2);
	blobtable_free(c);
}

TEST(a_promise_is_given_once_and_is_not_knowledge)
{
	struct blobtable *c = blobtable_new();
	struct blob b = blob(1, BLOB_DATA, 0);
	struct id pack = fixture_id(5);
	struct catalog_place p;

	CHECK(!promised(c, BLOB_DATA, &b.id));
	CHECK(promise(c, BLOB_DATA, &b.id));
	CHECK(!promise(c, BLOB_DATA, &b.id));
	CHECK(promised(c, BLOB_DATA, &b.id));
	CHECK(!has(c, BLOB_DATA, &b.id));
	CHECK(!blobtable_find(c, BLOB_DATA, &b.id, 0, &p));
	CHECK_EQ(blobtable_mark(c, BLOB_DATA, &b.id, 0), -1);
	CHECK_EQ(blobtable_blobs(c), 0);
	blobtable_add(c, &pack, &b, 1);
	CHECK(has(c, BLOB_DATA, &b.id));
	CHECK(!promised(c, BLOB_DATA, &b.id));
	CHECK(!promise(c, BLOB_DATA, &b.id));
	CHECK_EQ(blobtable_blobs(c), 1);
	blobtable_free(c);
}

TEST(marks)
{
	struct blobtable *c = blobtable_new();
	struct id pack[2] = {fixture_id(1), fixture_id(2)};
	struct blob b = blob(3, BLOB_TREE, 0);
	struct blob other = blob(4, BLOB_TREE, 0);

	blobtable_add(c, &pack[0], &b, 1);
	blobtable_add(c, &pack[1], &b, 1);
	blobtable_add(c, &pack[1], &other, 1);
	CHECK_EQ(blobtable_mark(c, BLOB_TREE, &b.id, 7), 0);
	CHECK_EQ(blobtable_mark(c, BLOB_TREE, &b.id, 7), 1);
	CHECK_EQ(blobtable_mark(c, BLOB_TREE, &b.id, 0), 0);
	CHECK_EQ(blobtable_marks(c, BLOB_TREE, &b.id), 0x81);
	CHECK_EQ(blobtable_marks(c, BLOB_TREE, &other.id), 0);
	CHECK_EQ(blobtable_mark(c, BLOB_DATA, &b.id, 7), -1);
	blobtable_free(c);
}

TEST(packs_have_the_size_their_file_must_have)
{
	struct blobtable *c = blobtable_new();
	struct id id = fixture_id(1);
	/* the second one is compressed */
	struct blob b[2] = {blob(1, BLOB_DATA, 0), blob(3, BLOB_TREE, 101)};
	struct catalog_pack *p;

	blobtable_add(c, &id, &b[0], 1);
	blobtable_add(c, &id, b, 2);
	CHECK_EQ(packtable_count(blobtable_packs(c)), 1);
	p = packtable_find(blobtable_packs(c), &id);
	REQUIRE(p && p == packtable_at(blobtable_packs(c), 0));
	CHECK_EQ(p->size, 36 + 101 + 37 + 103 + 41);
	CHECK_EQ(p->blobs, 2);
	CHECK(p->data && p->tree);
	CHECK_EQ(p->user, 0);
	id = fixture_id(2);
	CHECK(!packtable_find(blobtable_packs(c), &id));
	blobtable_free(c);
}

static int sum_one(void *arg, const struct catalog_place *p)
{
	uint64_t *sum = arg;

	sum[0]++;
	sum[1] += p->blob.offset;
	return sum[0] == 250000 ? 17 : 0;
}

/*
 * Against arithmetic: blob n lies in pack n / 100 at offset n, every tenth in a second pack too.
 * Growing must lose nothing and keep the order of places.
 */
TEST(many)
{
	enum { N = 300000 };
	struct blobtable *c = blobtable_new();
	uint64_t sum[2] = {0};
	struct catalog_place p;
	struct blob b;
	struct id pack, id;

	for (uint32_t n = 0; n < N; n++) {
		b = blob(n, BLOB_DATA, n);
		pack = fixture_id(1000000 + n / 100);
		blobtable_add(c, &pack, &b, 1);
		if (n % 10 == 0) {
			id = fixture_id(2000000 + n / 100);
			blobtable_add(c, &id, &b, 1);
		}
		if (n % 7 == 0) {
			id = fixture_id(5000000 + n);
			promise(c, BLOB_TREE, &id);
		}
	}
	CHECK_EQ(blobtable_blobs(c), N);
	CHECK_EQ(packtable_count(blobtable_packs(c)), 2 * N / 100);
	for (uint32_t n = 0; n < N; n++) {
		id = fixture_id(n);
		pack = fixture_id(1000000 + n / 100);
		REQUIRE(blobtable_find(c, BLOB_DATA, &id, 0, &p) && p.blob.offset == n &&
			id_equal(&p.pack, &pack));
		pack = fixture_id(2000000 + n / 100);
		REQUIRE(blobtable_find(c, BLOB_DATA, &id, 1, &p) == (n % 10 == 0) &&
			(n % 10 || id_equal(&p.pack, &pack)));
		id = fixture_id(5000000 + n);
		REQUIRE(promised(c, BLOB_TREE, &id) == (n % 7 == 0));
		REQUIRE(!has(c, BLOB_DATA, &id));
	}
	CHECK_EQ(blobtable_each(c, sum_one, sum), 17);
	CHECK_EQ(sum[0], 250000);
	/* Between 53 and 59 bytes an entry, depending on the table's load, and the packs. */
	CHECK(blobtable_bytes(c) < (N + N / 10 + N / 7) * 62 + (2 * N / 100) * 120);
	blobtable_free(c);
}

/* A rank that owns the blobs whose ids leave one remainder must find them as fast as one that owns
 * all. */
TEST(a_share_of_the_ids_is_spread_too)
{
	struct blobtable *c = blobtable_new();
	struct id pack = fixture_id(1), id;
	struct blob b = blob(1, BLOB_DATA, 0);
	int64_t start = clock_mono(clock_real());

	for (uint64_t n = 0; n < 200000; n++) {
		b.id = fixture_id(n);
		memset(b.id.b, 0x11, 8);
		b.id.b[15] = b.id.b[23] = b.id.b[31] = 0;
		blobtable_add(c, &pack, &b, 1);
	}
	id = fixture_id(1);
	for (int i = 0; i < 100000; i++)
		has(c, BLOB_DATA, &id);
	/* Milliseconds; with all in one place it would be minutes. */
	CHECK(clock_mono(clock_real()) - start < (int64_t)10 * 1000000000);
	blobtable_free(c);
}

static struct id put_index(struct fixture *f, uint64_t first, size_t packs, size_t blobs)
{
	struct index_out x;
	struct buf json;
	struct id id;
	struct blob *b = mem_array(blobs, sizeof(*b));

	buf_init(&json, (size_t)1 << 26);
	index_begin(&x, &json);
	for (size_t i = 0; i < packs; i++) {
		struct id pack = fixture_id(first + i);

		for (size_t k = 0; k < blobs; k++) {
			b[k] = blob(first * 1000 + i * blobs + k, BLOB_DATA, (uint32_t)(k * 5000));
			b[k].plain = 0; /* legal in version 1 too */
		}
		index_pack(&x, &pack, b, blobs);
	}
	index_end(&x);
	REQUIRE(repo_save(f->repo, BACKEND_INDEX, json.p, json.len, &id, NULL) == 0);
	buf_release(&json);
	mem_free(b);
	return id;
}

TEST(load)
{
	for (unsigned version = 1; version <= 2; version++) {
		struct blobtable *c = blobtable_new();
		struct fixture f;
		struct err err = {0};

		fixture_init(&f, version);
		CHECK_EQ(blobtable_load(c, f.repo, NULL, &err), 0);
		CHECK_EQ(blobtable_blobs(c), 0);
		for (uint64_t i = 0; i < 9; i++)
			put_index(&f, i * 100, 5, 10);
		CHECK_EQ(blobtable_load(c, f.repo, NULL, &err), 0);
		CHECK_EQ(blobtable_blobs(c), 9 * 5 * 10);
		CHECK_EQ(packtable_count(blobtable_packs(c)), 9 * 5);
		blobtable_free(c);
		fixture_release(&f);
	}
}

struct warned {
	struct id id;
	int n, answer;
};

static int warn(void *arg, const struct id *index, const struct err *e)
{
	struct warned *w = arg;

	w->id = *index;
	w->n++;
	CHECK_EQ(e->code, ERR_INVALID);
	return w->answer;
}

TEST(a_damaged_index_is_an_error_unless_the_caller_skips_it)
{
	struct blobtable *c = blobtable_new();
	struct warned w = {.answer = 0};
	struct catalog_watch watch = {.damaged = warn, .arg = &w};
	struct fixture f;
	struct err err = {0};
	struct id bad;

	fixture_init(&f, 2);
	put_index(&f, 100, 5, 10);
	bad = put_index(&f, 200, 5, 10);
	put_index(&f, 300, 5, 10);
	fixture_spoil(f.be, BACKEND_INDEX, &bad, false);
	CHECK_EQ(blobtable_load(c, f.repo, NULL, &err), ERR_INVALID);
	CHECK(strstr(err.msg, id_short(&bad).s) != NULL);
	blobtable_free(c);
	c = blobtable_new();
	CHECK_EQ(blobtable_load(c, f.repo, &watch, &err), 0);
	CHECK_EQ(w.n, 1);
	CHECK(id_equal(&w.id, &bad));
	CHECK_EQ(blobtable_blobs(c), 100);
	w.answer = ERR_CANCELLED;
	CHECK_EQ(blobtable_load(c, f.repo, &watch, &err), ERR_CANCELLED);
	blobtable_free(c);
	fixture_release(&f);
}

TEST(a_failed_listing_is_an_error)
{
	struct backend_fault_policy p = {.list_fail = 1000000};
	struct blobtable *c = blobtable_new();
	struct fixture f;
	struct err err = {0};

	fixture_env(&f);
	fixture_over(&f, backend_fault_new(backend_mem_new(), &p), 2);
	CHECK_EQ(blobtable_load(c, f.repo, NULL, &err), ERR_IO);
	blobtable_free(c);
	fixture_release(&f);
}

/* All places of a blob go; the other type of blob with that id, promises, and what comes later
 * stay. */
TEST(forgets_what_cannot_be_read)
{
	struct blobtable *c = blobtable_new();
	struct id p1 = fixture_id(1), p2 = fixture_id(2);
	struct blob a = blob(7, BLOB_TREE, 10), b = blob(7, BLOB_TREE, 900),
		    data = blob(7, BLOB_DATA, 5);
	struct catalog_place place;

	blobtable_add(c, &p1, &a, 1);
	blobtable_add(c, &p2, &b, 1);
	blobtable_add(c, &p1, &data, 1);
	CHECK_EQ(blobtable_blobs(c), 2);
	forget(c, BLOB_TREE, &a.id);
	CHECK(!has(c, BLOB_TREE, &a.id) && !blobtable_find(c, BLOB_TREE, &a.id, 0, &place));
	CHECK(has(c, BLOB_DATA, &a.id));
	CHECK_EQ(blobtable_blobs(c), 1);
	CHECK(!promised(c, BLOB_TREE, &a.id));
	CHECK(promise(c, BLOB_TREE, &a.id));
	CHECK(promised(c, BLOB_TREE, &a.id) && !promise(c, BLOB_TREE, &a.id));
	forget(c, BLOB_TREE, &a.id);
	CHECK(promised(c, BLOB_TREE, &a.id));
	blobtable_add(c, &p2, &b, 1);
	CHECK(blobtable_find(c, BLOB_TREE, &a.id, 0, &place) && id_equal(&place.pack, &p2) &&
		place.blob.offset == 900);
	CHECK(!blobtable_find(c, BLOB_TREE, &a.id, 1, &place));
	CHECK_EQ(blobtable_blobs(c), 2);
	forget(c, BLOB_TREE, &(struct id){{0xee}}); /* unknown */
	blobtable_free(c);
}
