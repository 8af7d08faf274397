#include "lib/stores.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "repo/saver.h"
#include "unit/repo_fixture.h"
#include <pthread.h>

struct record {
	struct id pack;
	struct blob b;
};

struct run {
	struct fixture f;
	struct blobtable *cat;
	struct catalog *catalog;
	struct saver *s;
	struct record *rec;
	size_t n, packs;
	int failed, flushes;
	struct err err;
	bool flushed;
};

static void stored(void *arg, const struct pack *p)
{
	struct run *r = arg;
	uint64_t size;

	/* Invariant 2: recorded only when the store has it. */
	CHECK_EQ(backend_stat(r->f.be, BACKEND_PACK, &p->id, &size, NULL), 0);
	CHECK_EQ(size, p->data.len);
	r->rec = mem_regrow(r->rec, r->n + p->n, sizeof(*r->rec));
	for (size_t i = 0; i < p->n; i++)
		r->rec[r->n++] = (struct record){.pack = p->id, .b = p->blob[i]};
	r->packs++;
}

static void failed(void *arg, const struct err *e)
{
	struct run *r = arg;

	r->failed++;
	err_copy(&r->err, e);
}

static void flushed(void *arg)
{
	struct run *r = arg;

	r->flushed = true;
	r->flushes++;
}

static void start_over(struct run *r, size_t pack, unsigned in_flight, bool discard)
{
	struct saver_events ev = {stored, failed, NULL, flushed, r};

	r->cat = blobtable_new();
	r->catalog = catalog_local_new(r->cat);
	r->s = saver_new(r->f.repo, r->catalog, pack, in_flight, discard, &ev);
}

static void start(struct run *r, unsigned version, size_t pack)
{
	*r = (struct run){0};
	fixture_init(&r->f, version);
	start_over(r, pack, 4, false);
}

static void flush(struct run *r)
{
	r->flushed = false;
	saver_flush(r->s);
	CHECK(!r->flushed);
	fixture_until(&r->f, &r->flushed);
	CHECK_EQ(saver_pending(r->s), 0);
}

static void stop(struct run *r)
{
	saver_free(r->s);
	catalog_free(r->catalog);
	blobtable_free(r->cat);
	mem_free(r->rec);
	fixture_release(&r->f);
}

/* Blob `seed` has n bytes that follow from it. */
static struct id put(struct run *r, enum blob_type t, uint64_t seed, size_t n, bool compressible)
{
	struct buf b;
	struct id id;

	buf_init(&b, n + 1);
	buf_reserve(&b, n + 1);
	fixture_fill(b.p, n, seed, compressible);
	b.len = n;
	id = fixture_hash(b.p, n);
	budget_take(r->f.env.budget, n);
	saver_put(r->s, t, &id, &b, n);
	CHECK(!b.p && !b.len);
	return id;
}

/* Reads a recorded blob back from the store. */
static bool readable(struct run *r, const struct record *rec, uint64_t seed, size_t n,
	bool compressible)
{
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = rec->pack,
		.offset = rec->b.offset,
		.length = rec->b.length};
	struct repo_ctx *c = repo_ctx_get(r->f.repo);
	uint8_t *want = mem_alloc(n + 1);
	struct buf out;
	bool ok;

	fixture_fill(want, n, seed, compressible);
	buf_init(&out, n);
	buf_init(&op.out, rec->b.length);
	ok = backend_run(r->f.be, &op, NULL) == 0 &&
	     repo_open_blob(c, &rec->b, op.out.p, &out, NULL) == 0 && out.len == n &&
	     memcmp(out.p, want, n) == 0;
	buf_release(&op.out);
	buf_release(&out);
	mem_free(want);
	repo_ctx_put(r->f.repo, c);
	return ok;
}

static const struct record *record_of(struct run *r, enum blob_type t, const struct id *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rec[i].b.type == t && id_equal(&r->rec[i].b.id, id))
			return &r->rec[i];
	return NULL;
}

static size_t size_of(uint64_t i)
{
	return i % 97 == 0 ? 300000 : 1 + (i * 7919) % 5000;
}

TEST(everything_put_can_be_read_back)
{
	enum { N = 3000 };

	for (unsigned version = 1; version <= 2; version++) {
		struct id *id = mem_array(N, sizeof(*id));
		struct saver_stats st;
		struct run r;

		start(&r, version, 1 << 20);
		for (uint64_t i = 0; i < N; i++) {
			id[i] = put(&r, i % 5 ? BLOB_DATA : BLOB_TREE, i, size_of(i), i % 2);
			if (i % 100 == 0)
				loop_run(r.f.env.loop);
		}
		flush(&r);
		CHECK_EQ(r.failed, 0);
		saver_stats(r.s, &st);
		CHECK_EQ(r.n, st.data_blobs + st.tree_blobs);
		CHECK_EQ(r.packs, st.packs);
		CHECK_EQ(fixture_count(r.f.be, BACKEND_PACK), r.packs);
		CHECK(r.packs > 3);
		for (uint64_t i = 0; i < N; i += 7) {
			const struct record *rec = record_of(&r, i % 5 ? BLOB_DATA : BLOB_TREE,
				&id[i]);

			REQUIRE(rec != NULL);
			CHECK(readable(&r, rec, i, size_of(i), i % 2));
		}
		mem_free(id);
		stop(&r);
	}
}

TEST(each_blob_is_stored_once)
{
	struct saver_stats st;
	struct run r;
	struct id known;
	struct blob b = {.type = BLOB_DATA, .length = 5032};
	struct id pack = fixture_id(1);
	uint8_t text[5000];

	start(&r, 2, 1 << 20);
	fixture_fill(text, sizeof(text), 1000, false);
	known = b.id = fixture_hash(text, sizeof(text));
	blobtable_add(r.cat, &pack, &b, 1);
	for (int again = 0; again < 3; again++) {
		for (uint64_t i = 0; i < 200; i++)
			put(&r, BLOB_DATA, i, 5000, false);
		put(&r, BLOB_DATA, 1000, 5000, false);
		if (again)
			flush(&r);
	}
	CHECK_EQ(r.n, 200);
	CHECK(!record_of(&r, BLOB_DATA, &known));
	saver_stats(r.s, &st);
	CHECK_EQ(st.data_blobs, 200);
	CHECK_EQ(st.data_added, 200 * 5000);
	CHECK_EQ(r.flushes, 2);
	stop(&r);
}

static bool is_raw(struct run *r, enum blob_type t, const struct id *id)
{
	const struct record *rec = record_of(r, t, id);

	REQUIRE(rec != NULL);
	return rec->b.plain == 0;
}

TEST(what_is_compressed)
{
	for (int how = 0; how < 3;
		how++) { /* version 1; version 2; version 2 without compression of data */
		struct run r;
		struct id dense, loose, tree, small_tree;

		start(&r, how ? 2 : 1, 1 << 20);
		r.f.repo->compress_data = how < 2;
		dense = put(&r, BLOB_DATA, 1, 10000, false);
		loose = put(&r, BLOB_DATA, 2, 10000, true);
		tree = put(&r, BLOB_TREE, 3, 10000, true);
		small_tree = put(&r, BLOB_TREE, 4, 5, false);
		flush(&r);
		CHECK(is_raw(&r, BLOB_DATA, &dense));
		CHECK_EQ(is_raw(&r, BLOB_DATA, &loose), how != 1);
		CHECK_EQ(is_raw(&r, BLOB_TREE, &tree), how == 0);
		/* Even where it does not pay: restic's prune would repack it again and again. */
		CHECK_EQ(is_raw(&r, BLOB_TREE, &small_tree), how == 0);
		if (how)
			CHECK_EQ(record_of(&r, BLOB_TREE, &tree)->b.plain, 10000);
		stop(&r);
	}
}

TEST(counts)
{
	struct saver_stats st;
	struct run r;
	uint64_t bytes = 0;
	struct buf pack;

	start(&r, 2, 1 << 20);
	for (uint64_t i = 0; i < 500; i++)
		put(&r, i % 3 ? BLOB_DATA : BLOB_TREE, i, 10000, i % 2);
	flush(&r);
	saver_stats(r.s, &st);
	CHECK_EQ(st.tree_blobs, 167);
	CHECK_EQ(st.data_blobs, 333);
	CHECK_EQ(st.data_added, 500 * 10000);
	/* What it says was added is what lies there. */
	for (size_t i = 0; i < r.n; i++) {
		if (i && id_equal(&r.rec[i].pack, &r.rec[i - 1].pack))
			continue;
		buf_init(&pack, (size_t)1 << 30);
		REQUIRE(backend_get(r.f.be, BACKEND_PACK, &r.rec[i].pack, &pack, NULL) == 0);
		bytes += pack.len;
		buf_release(&pack);
	}
	CHECK_EQ(st.data_added_packed, bytes);
	stop(&r);
}

TEST(a_dry_run_counts_but_stores_and_reports_nothing)
{
	struct saver_stats st;
	struct run r = {0};

	fixture_init(&r.f, 2);
	start_over(&r, 1 << 20, 4, true);
	for (uint64_t i = 0; i < 300; i++)
		put(&r, BLOB_DATA, i, 10000, false);
	flush(&r);
	saver_stats(r.s, &st);
	CHECK_EQ(st.data_blobs, 300);
	CHECK(st.data_added_packed > 300 * 10000);
	CHECK_EQ(st.packs, 3);
	CHECK_EQ(r.packs, 0);
	CHECK_EQ(fixture_count(r.f.be, BACKEND_PACK), 0);
	stop(&r);
}

TEST(an_empty_flush)
{
	struct run r;

	start(&r, 2, 1 << 20);
	flush(&r);
	flush(&r);
	CHECK_EQ(r.flushes, 2);
	CHECK_EQ(r.packs, 0);
	stop(&r);
}

TEST(an_empty_blob_fails_the_run)
{
	struct run r;

	start(&r, 2, 1 << 20);
	put(&r, BLOB_DATA, 1, 0, false);
	flush(&r);
	CHECK_EQ(r.failed, 1);
	CHECK_EQ(r.err.code, ERR_INVALID);
	CHECK_EQ(r.packs, 0);
	stop(&r);
}

TEST(cancel)
{
	struct run r;

	start(&r, 2, 1 << 20);
	for (uint64_t i = 0; i < 2000; i++) {
		put(&r, BLOB_DATA, i, 5000, false);
		if (i % 50 == 0)
			loop_run(r.f.env.loop);
		if (i == 1000)
			saver_cancel(r.s);
	}
	flush(&r);
	CHECK_EQ(r.failed, 0); /* who cancelled knows */
	CHECK(r.n <= 1001);
	CHECK_EQ(fixture_count(r.f.be, BACKEND_PACK), r.packs);
	stop(&r);
}

/* A store that answers a PUT only when it is told to. */
struct slow {
	struct backend b;
	struct backend *inner;
	pthread_mutex_t lock;
	struct backend_op *held;
	bool open;
};

static void slow_start(struct backend *b, struct backend_op *op)
{
	struct slow *s = (struct slow *)(void *)b;
	bool held;

	pthread_mutex_lock(&s->lock);
	held = !s->open && op->verb == BACKEND_PUT;
	if (held) {
		op->next = s->held;
		s->held = op;
	}
	pthread_mutex_unlock(&s->lock);
	if (!held)
		backend_start(s->inner, op);
}

static size_t slow_held(struct slow *s)
{
	size_t n = 0;

	pthread_mutex_lock(&s->lock);
	for (struct backend_op *op = s->held; op; op = op->next)
		n++;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void slow_open(struct slow *s)
{
	struct backend_op *op, *next;

	pthread_mutex_lock(&s->lock);
	s->open = true;
	op = s->held;
	s->held = NULL;
	pthread_mutex_unlock(&s->lock);
	for (; op; op = next) {
		next = op->next;
		backend_start(s->inner, op);
	}
}

static void slow_free(struct backend *b)
{
	struct slow *s = (struct slow *)(void *)b;

	backend_free(s->inner);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

static const struct backend_vtable slow_vtable = {.scheme = "slow",
	.start = slow_start,
	.free = slow_free};

static struct slow *slow_new(void)
{
	struct slow *s = mem_zalloc(sizeof(*s));

	s->b.vt = &slow_vtable;
	s->b.connections = 2;
	s->inner = backend_mem_new();
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

/* Workers that wait for a pack are woken by a cancel, and that is not a failure of its own. */
TEST(cancel_while_the_store_is_slow)
{
	struct slow *store = slow_new();
	struct run r = {0};

	fixture_env(&r.f);
	fixture_over(&r.f, &store->b, 2);
	start_over(&r, 100000, 3, false);
	for (uint64_t i = 0; i < 500; i++)
		put(&r, BLOB_DATA, i, 5000, false);
	while (slow_held(store) < 3) {
		loop_wait(r.f.env.loop, 1000000);
		loop_run(r.f.env.loop);
	}
	CHECK(saver_pending(r.s) > 0);
	saver_cancel(r.s);
	saver_flush(r.s);
	while (saver_pending(r.s)) {
		loop_wait(r.f.env.loop, 1000000);
		loop_run(r.f.env.loop);
	}
	CHECK(!r.flushed); /* three packs are still on their way */
	slow_open(store);
	fixture_until(&r.f, &r.flushed);
	CHECK_EQ(r.failed, 0);
	CHECK_EQ(r.packs, 3);
	stop(&r);
}

/* The last word of saver_flush may be the end of the saver. */
static void free_at_once(void *arg)
{
	struct run *r = arg;

	saver_free(r->s);
	r->s = NULL;
	r->flushed = true;
}

TEST(flushed_may_free_the_saver)
{
	for (int with = 0; with < 2; with++) {
		struct slow *store = slow_new();
		struct run r = {0};
		struct saver_events ev = {stored, failed, NULL, free_at_once, &r};

		fixture_env(&r.f);
		fixture_over(&r.f, &store->b, 2);
		r.cat = blobtable_new();
		r.catalog = catalog_local_new(r.cat);
		r.s = saver_new(r.f.repo, r.catalog, 1 << 20, 4, false, &ev);
		if (with)
			put(&r, BLOB_DATA, 1, 5000, false);
		saver_flush(r.s);
		/* So that the end comes from the store's answer. */
		while (slow_held(store) < (size_t)with || saver_pending(r.s)) {
			loop_wait(r.f.env.loop, 1000000);
			loop_run(r.f.env.loop);
		}
		for (int i = 0; i < 5; i++) {
			loop_wait(r.f.env.loop, 1000000);
			loop_run(r.f.env.loop);
		}
		slow_open(store);
		fixture_until(&r.f, &r.flushed);
		CHECK_EQ(r.n, (size_t)with);
		stop(&r);
	}
}

struct bit_flip {
	uint8_t *byte;
};

/* Called when the first blob is about to be sealed, after it was compressed. */
static void flip(void *arg, void *p, size_t n)
{
	struct bit_flip *b = arg;

	rnd_fill(rnd_real(), p, n);
	if (b->byte)
		*b->byte ^= 1;
	b->byte = NULL;
}

/* A fault of the memory between compression and sealing must not reach the store. */
TEST(what_differs_when_opened_again_is_not_sent)
{
	for (int verify = 0; verify < 2; verify++) {
		struct run r = {0};
		struct bit_flip bad = {0};
		struct rnd rnd = {flip, &bad};
		struct buf plain;
		struct id id;

		fixture_env(&r.f);
		r.f.env.rnd = &rnd;
		fixture_over(&r.f, backend_mem_new(), 2);
		start_over(&r, 1 << 20, 4, false);
		r.f.repo->verify = verify;
		buf_init(&plain, 5000);
		buf_reserve(&plain, 5000);
		plain.len = 5000;
		fixture_fill(plain.p, plain.len, 1, true);
		id = fixture_hash(plain.p, plain.len);
		bad.byte = plain.p + 2500;
		saver_put(r.s, BLOB_DATA, &id, &plain, 0);
		flush(&r);
		CHECK(!bad.byte);
		CHECK_EQ(r.failed, verify);
		CHECK_EQ(r.n, !verify);
		CHECK_EQ(fixture_count(r.f.be, BACKEND_PACK), !verify);
		if (verify)
			CHECK_EQ(r.err.code, ERR_INVALID);
		stop(&r);
	}
}
