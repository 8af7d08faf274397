#include "ranks/catalog_ranks.h"
#include "base/le.h"
#include "base/mem.h"
#include "lib/hand.h"
#include "repo/blobtable.h"
#include "unit/check.h"

/* What the first catalog of a router has: questions and answers of each kind. */
enum {
	T_CLAIM = ROUTER_INSTANCES,
	T_VERDICT,
	T_FIND,
	T_PLACE,
	T_FIRST,
	T_AGREES,
	T_MARK,
	T_MARKED
};

struct sides {
	struct hand h;
	struct blobtable *cat[HAND_MAX];
	struct catalog *catalog[HAND_MAX];
};

static void setup(struct sides *s, int n)
{
	hand_init(&s->h, n);
	for (int i = 0; i < n; i++) {
		s->cat[i] = blobtable_new();
		s->catalog[i] = catalog_ranks_new(s->h.r[i], s->cat[i]);
	}
}

static void teardown(struct sides *s)
{
	for (int i = 0; i < s->h.n; i++) {
		catalog_free(s->catalog[i]);
		blobtable_free(s->cat[i]);
	}
	hand_release(&s->h);
}

/* The i-th id that belongs to this owner of two ranks. */
static struct id id_of(int owner, uint32_t i)
{
	struct id id = {{0}};

	le32_put(id.b, i * 2654435761u);
	le32_put(id.b + 4, i);
	le32_put(id.b + ID_SIZE - 4, owner ? 0xf0000000u : 0x10000000u);
	return id;
}

static void count_done(struct catalog_claim *r)
{
	++*(int *)r->arg;
}

static struct catalog_claim claim_of(bool take, bool forget, enum blob_type t, const struct id *id,
	enum catalog_verdict *v, int *done)
{
	return (struct catalog_claim){.take = take,
		.forget = forget,
		.type = t,
		.id = id,
		.n = 1,
		.verdict = v,
		.done = count_done,
		.arg = done};
}

TEST(owners_are_evenly_spread_and_in_range)
{
	int count[7] = {0};
	uint64_t x = 1;

	for (int i = 0; i < 7000; i++) {
		struct id id;

		for (int k = 0; k < ID_SIZE; k += 8) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			le64_put(id.b + k, x ^ x >> 31);
		}
		REQUIRE(catalog_owner(&id, 7) >= 0 && catalog_owner(&id, 7) < 7);
		CHECK_EQ(catalog_owner(&id, 1), 0);
		count[catalog_owner(&id, 7)]++;
	}
	for (int i = 0; i < 7; i++)
		CHECK(count[i] > 800 && count[i] < 1200);
	CHECK_EQ(catalog_owner(&(struct id){{0}}, 384), 0);
	CHECK_EQ(catalog_owner(&(struct id){.b = {[ID_SIZE - 4] = 255, 255, 255, 255}}, 384), 383);
}

TEST(the_own_share_is_answered_at_once)
{
	struct sides s;
	struct id id[2] = {id_of(0, 1), id_of(0, 1)};
	enum catalog_verdict v[2];
	int done = 0;
	struct catalog_claim r = {.take = true,
		.type = BLOB_DATA,
		.id = id,
		.n = 2,
		.verdict = v,
		.done = count_done,
		.arg = &done};

	setup(&s, 2);
	catalog_claim(s.catalog[0], &r);
	CHECK_EQ(done, 1);
	CHECK_EQ(v[0], CATALOG_YOURS);
	CHECK_EQ(v[1], CATALOG_TAKEN); /* the same blob twice in one question */
	r.n = 0;
	catalog_claim(s.catalog[0], &r);
	CHECK_EQ(done, 2);
	CHECK(router_sent(s.h.r[0]));
	teardown(&s);
}

/* Counts the batches on their way without answering. */
static void count_batch(void *arg, struct comm_msg *m)
{
	size_t *n = arg;

	n[0]++;
	n[1] = m->data.len;
}

TEST(questions_go_in_batches_at_the_end_of_a_turn_or_when_full)
{
	struct hand h;
	struct blobtable *cat = blobtable_new();
	struct catalog *c;
	struct id *id = mem_array(1300, sizeof(*id));
	enum catalog_verdict *v = mem_array(1300, sizeof(*v));
	size_t batches[2] = {0};
	int done = 0;
	struct catalog_claim r = {.take = true,
		.type = BLOB_TREE,
		.id = id,
		.verdict = v,
		.done = count_done,
		.arg = &done};

	hand_init(&h, 2);
	c = catalog_ranks_new(h.r[0], cat);
	router_open(h.r[1], T_CLAIM, count_batch, batches);
	for (uint32_t i = 0; i < 1300; i++)
		id[i] = id_of(1, i);
	r.n = 1;
	catalog_claim(c, &r);
	router_turn(h.r[1]);
	CHECK_EQ(batches[0], 0);
	hand_settle(&h);
	CHECK_EQ(batches[0], 1);
	CHECK_EQ(batches[1], 4 + 33);
	r.n = 1300; /* two full ones go at once, the rest when told */
	catalog_claim(c, &r);
	router_turn(h.r[1]);
	CHECK_EQ(batches[0], 3);
	CHECK_EQ(batches[1], 4 + 512 * 33);
	catalog_flush(c);
	router_turn(h.r[1]);
	CHECK_EQ(batches[0], 4);
	CHECK_EQ(batches[1], 4 + 276 * 33);
	hand_settle(&h);
	CHECK_EQ(batches[0], 4);
	CHECK_EQ(done, 0);
	catalog_free(c); /* with questions out: their batches are freed */
	blobtable_free(cat);
	mem_free(id);
	mem_free(v);
	hand_release(&h);
}

static void ask_again(struct catalog_claim *r)
{
	struct catalog_claim *next = r->arg;

	if (next)
		catalog_claim(next->arg ? (struct catalog *)next->arg : NULL, next);
}

static void nothing(struct catalog_claim *r)
{
	(void)r;
}

TEST(done_may_ask_the_next_question)
{
	struct sides s;
	struct id id[2] = {id_of(1, 5), id_of(1, 6)};
	enum catalog_verdict v[2] = {(enum catalog_verdict)9, (enum catalog_verdict)9};
	struct catalog_claim second = {.take = false,
		.type = BLOB_DATA,
		.id = &id[1],
		.n = 1,
		.verdict = &v[1],
		.done = nothing};
	struct catalog_claim first = {.take = true,
		.type = BLOB_DATA,
		.id = &id[0],
		.n = 1,
		.verdict = &v[0],
		.done = ask_again,
		.arg = &second};

	setup(&s, 2);
	second.arg = s.catalog[0];
	catalog_claim(s.catalog[0], &first);
	hand_settle(&s.h);
	CHECK_EQ(v[0], CATALOG_YOURS);
	CHECK_EQ(v[1], CATALOG_ABSENT);
	teardown(&s);
}

TEST(both_kinds_of_blob_are_different_blobs)
{
	struct sides s;
	struct id id = id_of(1, 3);
	enum catalog_verdict v[2];
	int done = 0;
	struct catalog_claim a = claim_of(true, false, BLOB_DATA, &id, &v[0], &done);
	struct catalog_claim b = claim_of(true, false, BLOB_TREE, &id, &v[1], &done);

	setup(&s, 2);
	catalog_claim(s.catalog[0], &a);
	catalog_claim(s.catalog[0], &b);
	hand_settle(&s.h);
	CHECK_EQ(done, 2);
	CHECK_EQ(v[0], CATALOG_YOURS);
	CHECK_EQ(v[1], CATALOG_YOURS);
	teardown(&s);
}

static void find_done(struct catalog_find *f)
{
	++*(int *)f->arg;
}

TEST(find_gives_each_copy)
{
	struct sides s;
	struct id pack[2] = {{{1}}, {{2}}};
	struct blob b = {.id = id_of(1, 8),
		.type = BLOB_DATA,
		.offset = 7,
		.length = 100,
		.plain = 200};
	struct catalog_find f[3];
	int done = 0;

	setup(&s, 2);
	blobtable_add(s.cat[1], &pack[0], &b, 1);
	b.offset = 9000;
	blobtable_add(s.cat[1], &pack[1], &b, 1);
	for (unsigned i = 0; i < 3; i++) {
		f[i] = (struct catalog_find){.type = BLOB_DATA,
			.id = b.id,
			.nth = i,
			.done = find_done,
			.arg = &done};
		catalog_find(s.catalog[0], &f[i]);
	}
	hand_settle(&s.h);
	CHECK_EQ(done, 3);
	CHECK(f[0].found && f[1].found && !f[2].found);
	CHECK(f[0].place.blob.offset + f[1].place.blob.offset == 9007);
	CHECK_EQ(f[0].place.pack.b[0], f[0].place.blob.offset == 7 ? 1 : 2);
	CHECK_EQ(f[1].place.blob.plain, 200);
	CHECK_EQ(f[1].place.blob.length, 100);
	CHECK(id_equal(&f[1].place.blob.id, &b.id));
	teardown(&s);
}

/* One damaged answer for each field: the asker must never believe that somebody else stores the
 * blob. */
static void answer_with(const uint8_t *p, size_t n, unsigned tag, unsigned question)
{
	struct hand h;
	struct blobtable *cat = blobtable_new();
	struct catalog *c;
	struct id id = id_of(1, 4);
	enum catalog_verdict v = CATALOG_TAKEN;
	int done = 0;
	struct catalog_claim r = claim_of(true, false, BLOB_DATA, &id, &v, &done);
	struct catalog_find f = {.type = BLOB_DATA,
		.id = id,
		.found = true,
		.done = find_done,
		.arg = &done};

	hand_init(&h, 2);
	c = catalog_ranks_new(h.r[0], cat);
	router_open(h.r[1], T_CLAIM, NULL, NULL);
	router_open(h.r[1], T_FIND, NULL, NULL);
	router_open(h.r[1], tag, NULL, NULL);
	if (question == T_CLAIM)
		catalog_claim(c, &r);
	else
		catalog_find(c, &f);
	hand_settle(&h);
	hand_send(&h, 1, 0, tag, p, n);
	hand_settle(&h);
	CHECK_EQ(done, 1);
	CHECK(h.errors >= 1);
	if (question == T_CLAIM)
		CHECK_EQ(v, CATALOG_YOURS);
	else
		CHECK(!f.found);
	hand_send(&h, 1, 0, tag, p, n); /* nobody has asked */
	hand_settle(&h);
	CHECK_EQ(done, 1);
	catalog_free(c);
	blobtable_free(cat);
	hand_release(&h);
}

TEST(damaged_answers_are_safe)
{
	static const uint8_t short_one[] = {0, 0, 0, 0}, wrong_no[] = {9, 0, 0, 0, CATALOG_TAKEN},
			     long_one[] = {0, 0, 0, 0, CATALOG_TAKEN, CATALOG_TAKEN};
	static const uint8_t cut[] = {0, 0}, place[] = {0, 0, 0, 0, 1, 5, 5};

	answer_with(short_one, sizeof(short_one), T_VERDICT, T_CLAIM);
	answer_with(wrong_no, sizeof(wrong_no), T_VERDICT, T_CLAIM);
	answer_with(long_one, sizeof(long_one), T_VERDICT, T_CLAIM);
	answer_with(cut, sizeof(cut), T_VERDICT, T_CLAIM);
	answer_with(NULL, 0, T_VERDICT, T_CLAIM);
	answer_with(place, sizeof(place), T_PLACE, T_FIND);
	answer_with(wrong_no, sizeof(wrong_no), T_PLACE, T_FIND);
	answer_with(cut, sizeof(cut), T_PLACE, T_FIND);
}

struct answer {
	size_t len, n;
};

static void see_answer(void *arg, struct comm_msg *m)
{
	struct answer *a = arg;

	a->len = m->data.len;
	a->n++;
}

/* The owner answers what it can read; the asker then sees that the answer is too short. */
TEST(damaged_questions_are_answered_short)
{
	static const uint8_t junk[4 + 33 + 10] = {0}, flags[4 + 33] = {0, 0, 0, 0, 8};
	struct hand h;
	struct blobtable *cat = blobtable_new();
	struct catalog *c;
	struct answer verdict = {0, 0}, place = {0, 0};

	hand_init(&h, 2);
	c = catalog_ranks_new(h.r[0], cat);
	router_open(h.r[1], T_CLAIM, NULL, NULL);
	router_open(h.r[1], T_FIND, NULL, NULL);
	router_open(h.r[1], T_VERDICT, see_answer, &verdict);
	router_open(h.r[1], T_PLACE, see_answer, &place);
	hand_send(&h, 1, 0, T_CLAIM, junk, sizeof(junk));
	hand_settle(&h);
	CHECK_EQ(verdict.len, 4 + 1);
	hand_send(&h, 1, 0, T_CLAIM, flags, sizeof(flags));
	hand_settle(&h);
	CHECK_EQ(verdict.len, 4);
	hand_send(&h, 1, 0, T_FIND, junk, sizeof(junk));
	hand_settle(&h);
	CHECK_EQ(place.len, 4 + 1);
	hand_send(&h, 1, 0, T_FIND, NULL, 0);
	hand_settle(&h);
	CHECK_EQ(place.n, 2);
	catalog_free(c);
	blobtable_free(cat);
	hand_release(&h);
}

static void first_done(struct catalog_first *f)
{
	++*(int *)f->arg;
}

/* One rank answers for a key, whoever asks. */
TEST(the_first_decides_for_all_ranks)
{
	struct sides s;
	int done = 0;

	setup(&s, 2);
	for (int owner = 0; owner < 2; owner++) {
		struct catalog_first a = {.key = id_of(owner, 7),
					     .what = id_of(0, 1),
					     .done = first_done,
					     .arg = &done},
				     b = a, c = a;

		b.what = id_of(0, 2);
		catalog_first(s.catalog[1], &a);
		catalog_flush(s.catalog[1]);
		hand_settle(&s.h);
		catalog_first(s.catalog[0], &b);
		catalog_first(s.catalog[0], &c);
		hand_settle(&s.h);
		CHECK(a.agrees);
		CHECK(!b.agrees);
		CHECK(c.agrees);
		CHECK_EQ(done, 3 * (owner + 1));
	}
	CHECK_EQ(s.h.errors, 0);
	teardown(&s);
}

TEST(a_damaged_answer_agrees_with_nobody)
{
	static const uint8_t wrong_no[] = {9, 0, 0, 0, 1}, long_one[] = {0, 0, 0, 0, 1, 1},
			     junk[4 + 64 + 10] = {0};
	const uint8_t *answer[] = {wrong_no, long_one};
	size_t size[] = {sizeof(wrong_no), sizeof(long_one)};

	for (int i = 0; i < 2; i++) {
		struct hand h;
		struct blobtable *cat = blobtable_new();
		struct catalog *c;
		int done = 0;
		struct catalog_first f = {.key = id_of(1, 4),
			.what = id_of(1, 5),
			.agrees = true,
			.done = first_done,
			.arg = &done};
		struct answer agrees = {0, 0};

		hand_init(&h, 2);
		c = catalog_ranks_new(h.r[0], cat);
		router_open(h.r[1], T_FIRST, NULL, NULL);
		router_open(h.r[1], T_AGREES, see_answer, &agrees);
		catalog_first(c, &f);
		hand_settle(&h);
		hand_send(&h, 1, 0, T_AGREES, answer[i], size[i]);
		hand_settle(&h);
		CHECK(done == 1 && !f.agrees && h.errors == 1);
		hand_send(&h, 1, 0, T_FIRST, junk, sizeof(junk));
		hand_settle(&h);
		CHECK_EQ(agrees.len, 4 + 1);
		catalog_free(c);
		blobtable_free(cat);
		hand_release(&h);
	}
}

/* Who asks after it has said that a blob cannot be read is told to store it, at whatever rank that
 * is decided. */
TEST(the_owner_forgets)
{
	struct sides s;

	setup(&s, 2);
	for (int owner = 0; owner < 2; owner++) {
		struct id id = id_of(owner, 9), pack = id_of(0, 77);
		struct blob b = {.id = id, .type = BLOB_TREE, .length = 50};
		enum catalog_verdict v[2];
		int done = 0;
		struct catalog_claim forget = claim_of(false, true, BLOB_TREE, &id, &v[0], &done);
		struct catalog_claim take = claim_of(true, false, BLOB_TREE, &id, &v[1], &done);

		blobtable_add(s.cat[owner], &pack, &b, 1);
		catalog_claim(s.catalog[0], &forget);
		catalog_claim(s.catalog[0], &take);
		catalog_flush(s.catalog[0]);
		hand_settle(&s.h);
		CHECK_EQ(done, 2);
		CHECK_EQ(v[1], CATALOG_YOURS);
	}
	teardown(&s);
}
