#include "lib/stores.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "repo/loader.h"
#include "unit/repo_fixture.h"
#include <pthread.h>

/* A store that counts, and can be told to hold its answers back. */
struct gate {
	struct backend b;
	struct backend *inner;
	pthread_mutex_t lock;
	struct backend_op *held;
	bool hold;
	unsigned now, most, gets;
	unsigned flips;                      /* so many of the next answers are damaged */
	void (*done)(struct backend_op *op); /* of the one operation that is being damaged */
	void *arg;
};

static void flipped(struct backend_op *op)
{
	struct gate *g = op->arg;

	op->out.p[op->out.len / 2] ^= 1;
	op->done = g->done;
	op->arg = g->arg;
	op->done(op);
}

static void gate_start(struct backend *b, struct backend_op *op)
{
	struct gate *g = (struct gate *)(void *)b;
	bool held = false;

	pthread_mutex_lock(&g->lock);
	g->gets += op->verb == BACKEND_GET;
	if (g->flips) {
		g->flips--;
		g->done = op->done;
		g->arg = op->arg;
		op->done = flipped;
		op->arg = g;
	}
	if (g->hold) {
		if (++g->now > g->most)
			g->most = g->now;
		op->next = g->held;
		g->held = op;
		held = true;
	}
	pthread_mutex_unlock(&g->lock);
	if (!held)
		backend_start(g->inner, op);
}

static void gate_open_one(struct gate *g)
{
	struct backend_op *op;

	pthread_mutex_lock(&g->lock);
	op = g->held;
	if (op) {
		g->held = op->next;
		g->now--;
	}
	pthread_mutex_unlock(&g->lock);
	if (op)
		backend_start(g->inner, op);
}

static int gate_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	return backend_list_all(((struct gate *)(void *)b)->inner, t, to, err);
}

static void gate_free(struct backend *b)
{
	struct gate *g = (struct gate *)(void *)b;

	backend_free(g->inner);
	pthread_mutex_destroy(&g->lock);
	mem_free(g);
}

static const struct backend_vtable gate_vtable = {.scheme = "gate",
	.start = gate_start,
	.list = gate_list,
	.free = gate_free};

struct run {
	struct fixture f;
	struct gate *g;
	struct blobtable *cat;
	struct catalog *catalog;
	struct loader *l;
};

static void start(struct run *r, size_t cache)
{
	*r = (struct run){0};
	r->g = mem_zalloc(sizeof(*r->g));
	r->g->b.vt = &gate_vtable;
	r->g->b.connections = 2;
	r->g->inner = backend_mem_new();
	pthread_mutex_init(&r->g->lock, NULL);
	fixture_env(&r->f);
	fixture_over(&r->f, &r->g->b, 2);
	r->cat = blobtable_new();
	r->catalog = catalog_local_new(r->cat);
	r->l = loader_new(r->f.repo, r->catalog, cache);
}

static void stop(struct run *r)
{
	loader_free(r->l);
	catalog_free(r->catalog);
	blobtable_free(r->cat);
	fixture_release(&r->f);
}

/* Tree n is n + 10 bytes that follow from n. */
static void tree_text(uint64_t n, uint8_t *p)
{
	fixture_fill(p, n + 10, n, true);
}

static struct id tree_id(uint64_t n)
{
	uint8_t text[5000];

	tree_text(n, text);
	return fixture_hash(text, n + 10);
}

/* One pack that holds trees first … first + n - 1, half of them compressed.  Returns its id; `room`
 * more bytes make it large. */
static struct id put_pack(struct run *r, uint64_t first, size_t n, size_t room)
{
	struct repo_ctx *c = repo_ctx_get(r->f.repo);
	struct blob *b = mem_array(n, sizeof(*b));
	uint8_t text[5000], packed[6000];
	struct buf pack;
	struct id id;

	buf_init(&pack, (size_t)1 << 28);
	buf_reserve(&pack, n * 6000 + room);
	for (size_t i = 0; i < n; i++) {
		size_t len = first + i + 10, m = len;

		tree_text(first + i, text);
		b[i] = (struct blob){.id = fixture_hash(text, len),
			.type = BLOB_TREE,
			.offset = (uint32_t)pack.len};
		if (i % 2) {
			REQUIRE(compress_put(c->compress, 3, text, len, packed, sizeof(packed), &m,
					NULL) == 0);
			b[i].plain = (uint32_t)len;
		}
		b[i].length = (uint32_t)(m + SEAL_OVERHEAD);
		seal_put(c->seal, repo_ctx_iv(c), i % 2 ? packed : text, m, pack.p + pack.len);
		pack.len += b[i].length;
	}
	memset(pack.p + pack.len, 0, room);
	pack.len += room;
	id = fixture_hash(pack.p, pack.len);
	REQUIRE(backend_put(r->g->inner, BACKEND_PACK, &id, pack.p, pack.len, NULL) == 0);
	blobtable_add(r->cat, &id, b, n);
	buf_release(&pack);
	mem_free(b);
	repo_ctx_put(r->f.repo, c);
	return id;
}

static bool is_tree(uint64_t n, const struct buf *b)
{
	uint8_t text[5000];

	tree_text(n, text);
	return b->len == n + 10 && memcmp(b->p, text, b->len) == 0;
}

static int wait_tree(struct run *r, uint64_t n, struct err *err)
{
	struct id id = tree_id(n);
	struct buf b = {0};
	int rc;

	err_clear(err);
	rc = loader_tree_wait(r->l, &id, &b, err);
	if (!rc)
		CHECK(is_tree(n, &b));
	buf_release(&b);
	return rc;
}

struct many {
	struct loader_tree t;
	uint64_t n;
	size_t *left;
	bool *done;
	int rc;
};

static void many_done(struct loader_tree *t)
{
	struct many *m = (struct many *)(void *)t;

	m->rc = t->err.code;
	if (!m->rc)
		CHECK(is_tree(m->n, &t->plain));
	buf_release(&t->plain);
	*m->done = --*m->left == 0;
}

static struct many *get_many(struct run *r, uint64_t first, size_t n, size_t *left, bool *done)
{
	struct many *m = mem_array(n, sizeof(*m));

	*left = n;
	*done = n == 0;
	for (size_t i = 0; i < n; i++) {
		m[i].n = first + i;
		m[i].left = left;
		m[i].done = done;
		m[i].t.id = tree_id(first + i);
		m[i].t.done = many_done;
		loader_tree_get(r->l, &m[i].t);
	}
	return m;
}

TEST(the_second_tree_fetches_the_pack)
{
	struct loader_stats st;
	struct run r;
	struct err err;

	start(&r, 1 << 20);
	put_pack(&r, 0, 100, 0);
	CHECK_EQ(wait_tree(&r, 5, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, 1);
	CHECK(st.bytes < 200); /* only the tree */
	for (uint64_t i = 0; i < 100; i++)
		CHECK_EQ(wait_tree(&r, i, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, 2);
	CHECK_EQ(r.g->gets, 2);
	CHECK_EQ(st.trees, 101);
	CHECK_EQ(st.hits, 99);
	stop(&r);
}

TEST(a_large_pack_waits_for_the_fourth)
{
	struct loader_stats st;
	struct run r;
	struct err err;

	start(&r, 1 << 20);
	put_pack(&r, 0, 500, 0);
	for (uint64_t i = 0; i < 10; i++) {
		CHECK_EQ(wait_tree(&r, 499 - i, &err), 0);
		loader_stats(r.l, &st);
		CHECK_EQ(st.gets, i < 4 ? i + 1 : 4);
		CHECK(i < 3 ? st.bytes < 3 * 600 : st.bytes > 70000);
	}
	stop(&r);
}

TEST(requests_that_wait_share_one_fetch)
{
	struct loader_stats st;
	struct many *m;
	struct run r;
	size_t left;
	bool done;

	start(&r, 1 << 20);
	for (uint64_t p = 0; p < 10; p++)
		put_pack(&r, p * 50, 50, 0);
	r.g->hold = true;
	m = get_many(&r, 0, 500, &left, &done);
	CHECK_EQ(r.g->most, 2);
	while (!done) {
		gate_open_one(r.g);
		if (!loop_run(r.f.env.loop))
			loop_wait(r.f.env.loop, 1000000);
	}
	CHECK_EQ(r.g->most, 2); /* the store's connections */
	loader_stats(r.l, &st);
	/* The first two packs were being asked for one tree when the second was wanted; nothing
	 * else is fetched twice. */
	CHECK(st.gets <= 12);
	for (int i = 0; i < 500; i++)
		CHECK_EQ(m[i].rc, 0);
	mem_free(m);
	stop(&r);
}

TEST(the_cache_is_bounded)
{
	struct loader_stats st;
	struct run r;
	struct err err;
	uint64_t gets;

	start(&r, 100000); /* three packs of 30 KB */
	for (uint64_t p = 0; p < 6; p++)
		put_pack(&r, p * 20, 20, 30000);
	for (int round = 0; round < 2; round++)
		for (uint64_t p = 0; p < 6; p++)
			for (uint64_t i = 0; i < 4; i++)
				CHECK_EQ(wait_tree(&r, p * 20 + i, &err), 0);
	loader_stats(r.l, &st);
	/* Each pack: one range, then whole; in the second round whole again, because five others
	 * came between. */
	CHECK_EQ(st.gets, 6 * 2 + 6);
	gets = st.gets;
	for (uint64_t p = 3; p < 6; p++)
		CHECK_EQ(wait_tree(&r, p * 20, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, gets); /* the last three are still there */
	stop(&r);
}

TEST(what_was_used_last_stays)
{
	struct loader_stats st;
	struct run r;
	struct err err;
	uint64_t gets;

	start(&r, 100000);
	for (uint64_t p = 0; p < 4; p++)
		put_pack(&r, p * 20, 20, 30000);
	for (uint64_t p = 0; p < 3; p++)
		for (uint64_t i = 0; i < 2; i++)
			CHECK_EQ(wait_tree(&r, p * 20 + i, &err), 0);
	CHECK_EQ(wait_tree(&r, 0, &err), 0); /* the oldest is wanted again */
	CHECK_EQ(wait_tree(&r, 60, &err), 0);
	CHECK_EQ(wait_tree(&r, 61, &err), 0); /* the fourth pushes the second out */
	loader_stats(r.l, &st);
	gets = st.gets;
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, gets);
	CHECK_EQ(wait_tree(&r, 20, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, gets + 1);
	stop(&r);
}

/* More packs are in use at once than there is room for: what comes is bounded by what there is, not
 * by the number of trees. */
TEST(packs_that_do_not_stay_come_in_parts)
{
	struct loader_stats st;
	struct run r;
	struct err err;

	start(&r, 500000); /* two packs of 220 KB, or seven parts */
	for (uint64_t p = 0; p < 4; p++)
		put_pack(&r, p * 200, 200, 80000);
	for (uint64_t i = 0; i < 200; i++)
		for (uint64_t p = 0; p < 4; p++)
			CHECK_EQ(wait_tree(&r, p * 200 + i, &err), 0);
	loader_stats(r.l, &st);
	/* Of each pack one tree, the whole, and not more than its parts. */
	CHECK(st.gets <= 4 * (2 + 5));
	CHECK(st.bytes < 4 * 2 * 250000);
	stop(&r);
}

/* The second pack does not fit beside the first, whose trees are still being decoded. */
TEST(a_pack_in_use_is_not_dropped)
{
	struct loader_stats st;
	struct many *m;
	struct run r;
	size_t left;
	bool done;

	start(&r, 100000);
	put_pack(&r, 0, 40, 60000);
	put_pack(&r, 40, 40, 60000);
	m = get_many(&r, 0, 80, &left, &done);
	fixture_until(&r.f, &done);
	for (int i = 0; i < 80; i++)
		CHECK_EQ(m[i].rc, 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, 3); /* one tree, and each pack once */
	mem_free(m);
	stop(&r);
}

TEST(a_damaged_answer_is_asked_for_again)
{
	struct loader_stats st;
	struct run r;
	struct err err;

	start(&r, 1 << 20);
	put_pack(&r, 0, 1, 0);
	r.g->flips = 1;
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, 2);
	r.g->flips = 1; /* the whole pack */
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, 4);
	stop(&r);

	start(&r, 1 << 20);
	put_pack(&r, 0, 1, 0);
	r.g->flips = 2;
	CHECK_EQ(wait_tree(&r, 0, &err), ERR_INVALID); /* not for ever */
	stop(&r);
}

TEST(a_pack_larger_than_the_cache)
{
	struct loader_stats st;
	struct run r;
	struct err err;

	start(&r, 100000);
	put_pack(&r, 0, 20, 300000);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_EQ(wait_tree(&r, i, &err), 0);
	loader_stats(r.l, &st);
	CHECK_EQ(st.gets, 21); /* tried once as a whole */
	stop(&r);
}

TEST(another_copy_helps)
{
	struct run r;
	struct err err;
	struct id a, b;

	start(&r, 1 << 20);
	a = put_pack(&r, 0, 20, 0);
	b = put_pack(&r, 0, 20, 1000);
	CHECK(!id_equal(&a, &b));
	REQUIRE(backend_remove(r.g->inner, BACKEND_PACK, &a, NULL) == 0);
	for (uint64_t i = 0; i < 5; i++)
		CHECK_EQ(wait_tree(&r, i, &err), 0);
	REQUIRE(backend_remove(r.g->inner, BACKEND_PACK, &b, NULL) == 0);
	CHECK_EQ(wait_tree(&r, 6, &err), 0); /* cached */
	stop(&r);
}

TEST(damaged_copies)
{
	struct run r;
	struct err err;
	struct id a, b;

	start(&r, 1 << 20);
	a = put_pack(&r, 0, 1, 0);
	b = put_pack(&r, 0, 1, 1000);
	fixture_spoil(r.g->inner, BACKEND_PACK, &a, false);
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	REQUIRE(backend_remove(r.g->inner, BACKEND_PACK, &b, NULL) == 0);
	CHECK_EQ(wait_tree(&r, 0, &err), 0); /* its whole pack is in the cache */
	stop(&r);

	start(&r, 1 << 20);
	a = put_pack(&r, 0, 1, 0);
	b = put_pack(&r, 0, 1, 1000);
	fixture_spoil(r.g->inner, BACKEND_PACK, &a, false);
	REQUIRE(backend_remove(r.g->inner, BACKEND_PACK, &b, NULL) == 0);
	CHECK_EQ(wait_tree(&r, 0, &err), ERR_INVALID); /* the first copy's fault is told */
	CHECK(strstr(err.msg, id_short(&a).s) != NULL);
	stop(&r);
}

TEST(what_the_index_says_wrongly)
{
	static const struct {
		uint32_t offset, length;
		int code;
	} c[] = {{0, 32, ERR_INVALID}, {0, 0, ERR_INVALID}, {100000, 100, ERR_TOOSHORT},
		{4000000000u, 4000000000u, ERR_TOOSHORT}, {1, 100, ERR_INVALID}};
	struct run r;
	struct err err;
	struct id pack, unknown = fixture_id(77);
	struct buf b = {0};

	start(&r, 1 << 20);
	pack = put_pack(&r, 0, 20, 0);
	for (uint64_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct blob bad = {.id = tree_id(1000 + i),
			.type = BLOB_TREE,
			.offset = c[i].offset,
			.length = c[i].length,
			.plain = 50};

		blobtable_add(r.cat, &pack, &bad, 1);
		CHECK_EQ(wait_tree(&r, 1000 + i, &err), c[i].code);
	}
	CHECK_EQ(loader_tree_wait(r.l, &unknown, &b, &err), ERR_NOTFOUND);
	CHECK(strstr(err.msg, id_short(&unknown).s) != NULL);
	stop(&r);
}

/* Thousands of places that cannot hold it before the one that does, or alone. */
TEST(places_without_end)
{
	struct run r;
	struct err err;
	struct id pack = fixture_id(1);

	start(&r, 1 << 20);
	for (uint32_t i = 0; i < 20000; i++) {
		struct blob bad = {.type = BLOB_TREE, .offset = i, .length = 10};

		bad.id = tree_id(i % 2);
		blobtable_add(r.cat, &pack, &bad, 1);
	}
	put_pack(&r, 0, 1, 0);
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	CHECK_EQ(wait_tree(&r, 1, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "the index gives it 10 bytes") != NULL);
	stop(&r);
}

/* A place beyond the end of a pack that is in the cache. */
TEST(beyond_the_end_of_a_cached_pack)
{
	struct run r;
	struct err err;
	struct id pack;
	struct blob bad = {.id = tree_id(1000),
		.type = BLOB_TREE,
		.offset = 4000000000u,
		.length = 4000000000u};

	start(&r, 1 << 20);
	pack = put_pack(&r, 0, 20, 0);
	blobtable_add(r.cat, &pack, &bad, 1);
	CHECK_EQ(wait_tree(&r, 0, &err), 0);
	CHECK_EQ(wait_tree(&r, 1, &err), 0);
	CHECK_EQ(wait_tree(&r, 1000, &err), ERR_INVALID);
	stop(&r);
}

/* A store that flips and cuts: every tree comes right, or with an error. */
TEST(a_bad_connection)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct backend_fault_policy p = {.seed = seed,
			.get_fail = 50000,
			.get_flip = 100000,
			.get_short = 50000};
		struct many *m;
		struct run r;
		size_t left, good = 0;
		bool done;

		start(&r, 60000);
		for (uint64_t k = 0; k < 20; k++)
			put_pack(&r, k * 20, 20, 5000);
		r.g->inner = backend_fault_new(r.g->inner, &p);
		m = get_many(&r, 0, 400, &left, &done);
		fixture_until(&r.f, &done);
		for (int i = 0; i < 400; i++)
			good += m[i].rc == 0;
		CHECK(good > 200);
		mem_free(m);
		stop(&r);
	}
}
