#include "repo/packer.h"
#include "base/le.h"
#include "unit/repo_fixture.h"
#include <pthread.h>

#define MAX_PACKS 256

struct packs {
	struct fixture f;
	struct uploader *u;
	struct packer *p;
	struct repo_ctx *ctx;
	struct err err;
	int failed;
	size_t n;
	struct {
		struct id id;
		enum blob_type type;
		size_t size, blobs, bytes;
	} pack[MAX_PACKS];
	struct id blob[20000];
	size_t blobs;
};

/* What really lies in the store must be what was reported. */
static void stored(void *arg, const struct pack *p)
{
	struct packs *s = arg;
	struct blob *b = NULL;
	struct repo_ctx *c = repo_ctx_get(s->f.repo);
	uint64_t offset, bytes = 0;
	uint32_t length;
	size_t n = 0;
	struct buf file, header;
	struct id id;

	buf_init(&file, (size_t)1 << 30);
	buf_init(&header, (size_t)1 << 25);
	REQUIRE(backend_get(s->f.be, BACKEND_PACK, &p->id, &file, NULL) == 0);
	id = fixture_hash(file.p, file.len);
	CHECK(id_equal(&id, &p->id));
	REQUIRE(pack_header_span(file.p + file.len - 4, file.len, &offset, &length, NULL) == 0);
	buf_reserve(&header, length);
	REQUIRE(seal_open(c->seal, file.p + offset, length, header.p) == 0);
	REQUIRE(pack_header_parse(header.p, length - SEAL_OVERHEAD, offset, &b, &n, NULL) == 0);
	CHECK_EQ(n, p->n);
	for (size_t i = 0; i < n; i++) {
		CHECK(id_equal(&b[i].id, &p->blob[i].id));
		CHECK_EQ(b[i].type, p->type);
		CHECK_EQ(b[i].offset, p->blob[i].offset);
		/* The tests write the id's first byte all over the room. */
		for (uint32_t k = 0; k < b[i].length; k++)
			REQUIRE(file.p[b[i].offset + k] == b[i].id.b[0]);
		bytes += b[i].length;
		if (s->blobs < 20000)
			s->blob[s->blobs] = b[i].id;
		s->blobs++;
	}
	REQUIRE(s->n < MAX_PACKS);
	s->pack[s->n].id = p->id;
	s->pack[s->n].type = p->type;
	s->pack[s->n].size = file.len;
	s->pack[s->n].bytes = bytes;
	s->pack[s->n++].blobs = n;
	mem_free(b);
	buf_release(&file);
	buf_release(&header);
	repo_ctx_put(s->f.repo, c);
}

static void failed(void *arg, const struct err *e)
{
	struct packs *s = arg;

	s->failed++;
	err_copy(&s->err, e);
}

static struct packs *packs_new(size_t target, unsigned in_flight)
{
	struct packs *s = mem_zalloc(sizeof(*s));

	fixture_init(&s->f, 2);
	s->u = uploader_new(s->f.repo, in_flight, stored, failed, s);
	s->p = packer_new(s->f.repo, s->u, target);
	s->ctx = repo_ctx_get(s->f.repo);
	return s;
}

static void packs_settle(struct packs *s)
{
	while (loop_run(s->f.env.loop) || !uploader_idle(s->u))
		;
}

static void packs_free(struct packs *s)
{
	repo_ctx_put(s->f.repo, s->ctx);
	packer_free(s->p);
	uploader_free(s->u);
	fixture_release(&s->f);
	mem_free(s);
}

static struct blob blob(uint64_t n, enum blob_type t, uint32_t length)
{
	return (struct blob){.id = fixture_id(n),
		.type = t,
		.length = length,
		.plain = n % 2 ? 77 : 0};
}

static void put(struct packs *s, uint64_t n, enum blob_type t, uint32_t length)
{
	struct blob b = blob(n, t, length);
	struct packer_room room;
	struct err err = {0};

	REQUIRE(packer_reserve(s->p, &b, &room, &err) == 0);
	memset(room.p, b.id.b[0], length);
	packer_commit(s->p, &room, true, s->ctx);
	loop_run(s->f.env.loop);
}

TEST(a_pack_closes_at_the_target)
{
	struct packs *s = packs_new(100000, 4);

	for (uint64_t i = 0; i < 100; i++)
		put(s, i, BLOB_DATA, 3000);
	CHECK_EQ(s->n, 2); /* 34 blobs pass 100 000 bytes */
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 3);
	CHECK_EQ(s->pack[0].blobs, 34);
	CHECK_EQ(s->pack[1].blobs, 34);
	CHECK_EQ(s->pack[2].blobs, 32);
	CHECK_EQ(s->pack[0].size, 34 * 3000 + 36 + 17 * 37 + 17 * 41);
	CHECK_EQ(s->failed, 0);
	packs_free(s);
}

TEST(data_and_trees_never_meet)
{
	struct packs *s = packs_new(50000, 4);

	for (uint64_t i = 0; i < 90; i++)
		put(s, i, i % 3 ? BLOB_DATA : BLOB_TREE, 1000);
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 3);
	CHECK_EQ(s->blobs, 90);
	packs_free(s);
}

TEST(a_large_blob_has_a_pack_of_its_own)
{
	struct packs *s = packs_new(1 << 20, 4);

	put(s, 1, BLOB_DATA, 1000);
	put(s, 2, BLOB_TREE, 30 << 20);
	put(s, 3, BLOB_DATA, 1 << 20);
	put(s, 4, BLOB_TREE, 1000);
	put(s, 5, BLOB_DATA, 1000);
	CHECK_EQ(s->n, 2);
	CHECK_EQ(s->pack[0].bytes, 30 << 20);
	CHECK_EQ(s->pack[1].bytes, 1 << 20);
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 4);
	packs_free(s);
}

/* A tree blob may be below the target and still not fit behind what is open. */
TEST(what_does_not_fit_has_a_pack_of_its_own)
{
	struct packs *s = packs_new(40 << 20, 4);

	put(s, 1, BLOB_TREE, 30 << 20);
	put(s, 2, BLOB_TREE, 30 << 20);
	CHECK_EQ(s->n, 1);
	put(s, 3, BLOB_TREE, 10 << 20);
	CHECK_EQ(s->n, 2);
	CHECK_EQ(s->pack[1].blobs, 2);
	packs_free(s);
}

TEST(impossible_blobs)
{
	struct packs *s = packs_new(100000, 4);
	struct packer_room room;
	struct err err = {0};
	struct blob b = blob(2, BLOB_DATA, 32);

	CHECK_EQ(packer_reserve(s->p, &b, &room, &err), ERR_INVALID);
	b.length = 0;
	CHECK_EQ(packer_reserve(s->p, &b, &room, &err), ERR_INVALID);
	b.length = UINT32_MAX;
	CHECK_EQ(packer_reserve(s->p, &b, &room, &err), ERR_INVALID);
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 0);
	packs_free(s);
}

TEST(a_header_holds_so_many_entries_and_no_more)
{
	struct packs *s = packs_new((size_t)64 << 20, 4);

	for (uint64_t i = 0; i < PACK_ENTRIES_MAX + 2; i++) {
		struct blob b = {.type = BLOB_DATA, .length = 33, .plain = 1};
		struct packer_room room;

		le64_put(b.id.b + 8, i);
		REQUIRE(packer_reserve(s->p, &b, &room, NULL) == 0);
		memset(room.p, 0, 33);
		packer_commit(s->p, &room, true, s->ctx);
	}
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 2);
	CHECK_EQ(s->pack[0].blobs, PACK_ENTRIES_MAX);
	CHECK(s->pack[0].size - s->pack[0].bytes <= PACK_HEADER_MAX);
	CHECK_EQ(s->pack[1].blobs, 2);
	packs_free(s);
}

TEST(the_last_commit_closes_whatever_the_order)
{
	struct packs *s = packs_new(3000, 4);
	struct packer_room room[3];
	struct blob b[3];

	for (uint64_t i = 0; i < 3; i++) {
		b[i] = blob(i, BLOB_DATA, 1000);
		REQUIRE(packer_reserve(s->p, &b[i], &room[i], NULL) == 0);
		CHECK_EQ(b[i].offset, i * 1000);
		memset(room[i].p, b[i].id.b[0], 1000);
	}
	packer_commit(s->p, &room[2], true, s->ctx);
	packer_commit(s->p, &room[0], true, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 0);
	packer_commit(s->p, &room[1], true, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 1);
	packs_free(s);
}

TEST(a_broken_pack_is_never_sent)
{
	struct packs *s = packs_new(3000, 3);

	for (int round = 0; round < 5; round++) { /* and its place is free again */
		struct packer_room room[3];

		for (uint64_t i = 0; i < 3; i++) {
			struct blob b = blob(i, BLOB_DATA, 1000);

			REQUIRE(packer_reserve(s->p, &b, &room[i], NULL) == 0);
			memset(room[i].p, b.id.b[0], 1000);
		}
		for (int i = 0; i < 3; i++)
			packer_commit(s->p, &room[i], i != round % 3, s->ctx);
	}
	packs_settle(s);
	CHECK_EQ(s->n, 0);
	CHECK_EQ(fixture_count(s->f.be, BACKEND_PACK), 0);
	packs_free(s);
}

TEST(cancel_drops_what_is_open)
{
	struct packs *s = packs_new(100000, 4);
	struct blob b = blob(9, BLOB_DATA, 1000);
	struct packer_room room;
	struct err err = {0};

	put(s, 1, BLOB_DATA, 1000);
	put(s, 2, BLOB_TREE, 1000);
	packer_cancel(s->p);
	CHECK_EQ(packer_reserve(s->p, &b, &room, &err), ERR_CANCELLED);
	b.length = 200000;
	CHECK_EQ(packer_reserve(s->p, &b, &room, &err), ERR_CANCELLED);
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 0);
	packs_free(s);
}

struct worker {
	pthread_t thread;
	struct packs *s;
	uint64_t first, n;
	bool failed;
	atomic_int *running;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct repo_ctx *ctx = repo_ctx_get(w->s->f.repo);
	uint64_t x = w->first + 1;

	for (uint64_t i = 0; i < w->n && !w->failed; i++) {
		/* Now and then one that needs its own pack. */
		uint32_t length = fixture_random(&x) % 50 == 0
					  ? 25000
					  : (uint32_t)(33 + fixture_random(&x) % 3000);
		struct blob b = blob(w->first + i, fixture_random(&x) % 4 ? BLOB_DATA : BLOB_TREE,
			length);
		struct packer_room room;

		w->failed = packer_reserve(w->s->p, &b, &room, NULL) != 0;
		if (w->failed)
			break;
		memset(room.p, b.id.b[0], length);
		packer_commit(w->s->p, &room, true, ctx);
	}
	repo_ctx_put(w->s->f.repo, ctx);
	atomic_fetch_sub(w->running, 1);
	loop_poke(w->s->f.env.loop);
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	return id_cmp(a, b);
}

/* With the fewest packs there may be: if the reasoning in packer.c were wrong, this would stop. */
TEST(many_workers_few_packs)
{
	enum { W = 8, EACH = 150 };
	struct packs *s = packs_new(20000, 1);
	struct worker w[W];
	atomic_int running;
	int64_t end = clock_mono(clock_real()) + (int64_t)50 * 1000000000;

	atomic_init(&running, W);
	for (uint64_t i = 0; i < W; i++) {
		w[i] = (struct worker){.s = s, .first = i * 1000, .n = EACH, .running = &running};
		REQUIRE(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
	}
	while (atomic_load(&running)) {
		if (!loop_run(s->f.env.loop))
			loop_wait(s->f.env.loop, 100000000);
		REQUIRE(clock_mono(clock_real()) < end);
	}
	for (int i = 0; i < W; i++) {
		pthread_join(w[i].thread, NULL);
		CHECK(!w[i].failed);
	}
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->failed, 0);
	CHECK_EQ(s->blobs, W * EACH);
	qsort(s->blob, s->blobs, sizeof(*s->blob), by_id);
	for (size_t i = 1; i < s->blobs; i++)
		REQUIRE(!id_equal(&s->blob[i - 1], &s->blob[i]));
	packs_free(s);
}

/* ---- from one packer to another ---- */

TEST(blobs_move_and_what_is_left_stays_whole)
{
	struct packs *from = packs_new(100000, 4), *to = packs_new(20000, 4);
	struct buf b;

	to->f.repo->verify = false; /* what these tests write is not sealed */
	for (uint64_t i = 0; i < 30; i++)
		put(from, i, i % 3 ? BLOB_DATA : BLOB_TREE, 3000);
	CHECK_EQ(packer_tail(from->p, BLOB_DATA), 60000);
	CHECK_EQ(packer_tail(from->p, BLOB_TREE), 30000);
	buf_init(&b, (size_t)1 << 20);
	packer_give(from->p, BLOB_DATA, 24000, &b);
	CHECK_EQ(packer_tail(from->p, BLOB_DATA), 60000 - 7 * 3000);
	CHECK_EQ(packer_adopt(to->p, BLOB_DATA, b.p, b.len, to->ctx, &to->err), 0);
	buf_reset(&b);
	packer_give(from->p, BLOB_DATA, 1, &b); /* at least one */
	CHECK_EQ(packer_tail(from->p, BLOB_DATA), 60000 - 8 * 3000);
	CHECK_EQ(packer_adopt(to->p, BLOB_DATA, b.p, b.len, to->ctx, &to->err), 0);
	packs_settle(to);
	CHECK_EQ(to->n, 1); /* the seventh filled a pack */
	CHECK_EQ(packer_tail(to->p, BLOB_DATA), 3000);
	buf_reset(&b);
	packer_give(from->p, BLOB_TREE, SIZE_MAX, &b);
	CHECK_EQ(packer_tail(from->p, BLOB_TREE), 0);
	CHECK_EQ(packer_adopt(to->p, BLOB_TREE, b.p, b.len, to->ctx, &to->err), 0);
	packer_flush(from->p, from->ctx);
	packer_flush(to->p, to->ctx);
	packs_settle(from);
	packs_settle(to);
	/* stored() looks at every byte of each pack. */
	CHECK_EQ(from->n, 1);
	CHECK_EQ(from->blobs, 12);
	CHECK_EQ(to->n, 4);
	CHECK_EQ(to->blobs, 18);
	CHECK_EQ(from->failed + to->failed, 0);
	buf_release(&b);
	packs_free(from);
	packs_free(to);
}

TEST(nothing_to_give)
{
	struct packs *s = packs_new(100000, 4);
	struct packer_room room;
	struct blob b = blob(1, BLOB_DATA, 1000);
	struct buf out;

	buf_init(&out, 1000000);
	packer_give(s->p, BLOB_DATA, SIZE_MAX, &out);
	CHECK_EQ(out.len, 0);
	CHECK_EQ(packer_adopt(s->p, BLOB_DATA, out.p, 0, s->ctx, &s->err), 0);
	/* A pack with a bad blob is not spread. */
	put(s, 2, BLOB_DATA, 1000);
	REQUIRE(packer_reserve(s->p, &b, &room, &s->err) == 0);
	packer_commit(s->p, &room, false, s->ctx);
	CHECK_EQ(packer_tail(s->p, BLOB_DATA), 0);
	packer_give(s->p, BLOB_DATA, SIZE_MAX, &out);
	CHECK_EQ(out.len, 0);
	packs_free(s);
}

/* On the way a bit may change; what cannot be opened is not stored. */
TEST(damaged_parcels)
{
	struct packs *s = packs_new(1 << 20, 4);
	struct seal *seal = seal_new(&s->f.repo->master);
	uint8_t iv[SEAL_IV] = {1}, text[100] = {2};
	struct blob b = blob(1, BLOB_DATA, sizeof(text) + SEAL_OVERHEAD);
	struct packer_room room;
	struct buf out;

	REQUIRE(packer_reserve(s->p, &b, &room, &s->err) == 0);
	seal_put(seal, iv, text, sizeof(text), room.p);
	packer_commit(s->p, &room, true, s->ctx);
	buf_init(&out, (size_t)1 << 20);
	packer_give(s->p, BLOB_DATA, SIZE_MAX, &out);
	CHECK_EQ(packer_adopt(s->p, BLOB_DATA, out.p, out.len, s->ctx, &s->err), 0);
	for (size_t cut = 1; cut < out.len; cut++)
		CHECK_EQ(packer_adopt(s->p, BLOB_TREE, out.p, cut, s->ctx, &s->err), ERR_INVALID);
	out.p[out.len / 2] ^= 1;
	CHECK_EQ(packer_adopt(s->p, BLOB_DATA, out.p, out.len, s->ctx, &s->err), ERR_INVALID);
	CHECK(strstr(s->err.msg, "from pack to pack"));
	packer_flush(s->p, s->ctx);
	packs_settle(s);
	CHECK_EQ(s->n, 0);
	seal_free(seal);
	buf_release(&out);
	packs_free(s);
}
