#include "repo/reader.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "unit/repo_fixture.h"
#include <pthread.h>
#include <time.h>

/* A store that counts, takes its time, and can damage what it gives. */
struct slow {
	struct backend b;
	struct backend *inner;
	struct jobs *pool;
	long pause_ns;
	atomic_uint gets, flips;           /* so many of the next answers are damaged */
	atomic_size_t bytes, handed, most; /* asked for; handed over; the most that was between */
};

struct slow_op {
	struct task task;
	struct slow *s;
	struct backend_op *op;
};

static void slow_run(struct task *t)
{
	struct slow_op *o = task_of(t, struct slow_op, task);
	struct backend_op *op = o->op, get = {.verb = op->verb,
					       .type = op->type,
					       .name = op->name,
					       .offset = op->offset,
					       .length = op->length,
					       .out = op->out};
	struct timespec pause = {0, o->s->pause_ns};

	nanosleep(&pause, NULL);
	backend_run(o->s->inner, &get, NULL);
	op->out = get.out;
	op->err = get.err;
	if (op->out.len && atomic_load(&o->s->flips)) {
		atomic_fetch_sub(&o->s->flips, 1);
		op->out.p[op->out.len / 2] ^= 1;
	}
}

static void slow_done(struct task *t)
{
	struct slow_op *o = task_of(t, struct slow_op, task);
	struct backend_op *op = o->op;

	mem_free(o);
	op->done(op);
}

static void slow_start(struct backend *b, struct backend_op *op)
{
	struct slow *s = (struct slow *)(void *)b;
	struct slow_op *o = mem_zalloc(sizeof(*o));
	size_t now;

	o->s = s;
	o->op = op;
	o->task = (struct task){.run = slow_run, .done = slow_done};
	atomic_fetch_add(&s->gets, 1);
	now = atomic_fetch_add(&s->bytes, op->length) + op->length - atomic_load(&s->handed);
	if (now > atomic_load(&s->most))
		atomic_store(&s->most, now);
	jobs_put(s->pool, &o->task);
}

static void slow_free(struct backend *b)
{
	struct slow *s = (struct slow *)(void *)b;

	jobs_free(s->pool);
	backend_free(s->inner);
	mem_free(s);
}

static const struct backend_vtable slow_vtable = {.scheme = "slow",
	.start = slow_start,
	.free = slow_free};

/* A catalog that answers later, as one that is shared out over ranks does. */
struct late {
	struct catalog c;
	struct catalog *inner;
	struct loop *loop;
};

struct late_find {
	struct task task;
	struct catalog *inner;
	struct catalog_find *find;
};

static void late_answer(struct task *t)
{
	struct late_find *f = task_of(t, struct late_find, task);

	catalog_find(f->inner, f->find);
	mem_free(f);
}

static void late_find(struct catalog *c, struct catalog_find *find)
{
	struct late *l = (struct late *)(void *)c;
	struct late_find *f = mem_zalloc(sizeof(*f));

	*f = (struct late_find){{.done = late_answer}, l->inner, find};
	loop_post(l->loop, &f->task);
}

static void late_free(struct catalog *c)
{
	catalog_free(((struct late *)(void *)c)->inner);
	mem_free(c);
}

static const struct catalog_vtable late_vtable = {.find = late_find, .free = late_free};

static struct catalog *late_new(struct catalog *inner, struct loop *loop)
{
	struct late *l = mem_zalloc(sizeof(*l));

	*l = (struct late){{&late_vtable}, inner, loop};
	return &l->c;
}

struct run {
	struct fixture f;
	struct slow *s;
	struct blobtable *table;
	struct catalog *catalog;
	struct reader *rd;
};

static void start(struct run *r, size_t bound)
{
	*r = (struct run){0};
	r->s = mem_zalloc(sizeof(*r->s));
	r->s->b.vt = &slow_vtable;
	r->s->b.connections = 3;
	r->s->inner = backend_mem_new();
	r->s->pool = jobs_new(3, NULL, "slow");
	fixture_env(&r->f);
	fixture_over(&r->f, &r->s->b, 2);
	r->table = blobtable_new();
	r->catalog = catalog_local_new(r->table);
	r->rd = reader_new(r->f.repo, r->catalog, bound);
}

static void start_late(struct run *r, size_t bound)
{
	start(r, bound);
	reader_free(r->rd);
	r->catalog = late_new(r->catalog, r->f.env.loop);
	r->rd = reader_new(r->f.repo, r->catalog, bound);
}

static void stop(struct run *r)
{
	reader_free(r->rd);
	catalog_free(r->catalog);
	blobtable_free(r->table);
	fixture_release(&r->f);
}

/* ---- packs: blob n is size bytes that follow from n and size ---- */

static struct id blob_id(uint64_t n, size_t size)
{
	uint8_t *text = mem_array(size, 1);
	struct id id;

	fixture_fill(text, size, n, true);
	id = fixture_hash(text, size);
	mem_free(text);
	return id;
}

static bool is_blob(uint64_t n, size_t size, const struct buf *b)
{
	uint8_t *text = mem_array(size, 1);
	bool is;

	fixture_fill(text, size, n, true);
	is = b && b->len == size && !memcmp(b->p, text, size);
	mem_free(text);
	return is;
}

/* A pack of data blobs first … first + n - 1 with `gap` bytes behind each, half of them compressed.
 */
static struct id put_pack(struct run *r, uint64_t first, size_t n, size_t size, size_t gap)
{
	struct repo_ctx *c = repo_ctx_get(r->f.repo);
	struct blob *b = mem_array(n, sizeof(*b));
	uint8_t *text = mem_array(size, 1), *packed = mem_array(2 * size + 100, 1);
	struct buf pack;
	struct id id;

	buf_init(&pack, (size_t)1 << 30);
	buf_reserve(&pack, n * (2 * size + 200 + gap));
	for (size_t i = 0; i < n; i++) {
		size_t m = size;

		fixture_fill(text, size, first + i, true);
		b[i] = (struct blob){.id = fixture_hash(text, size),
			.type = BLOB_DATA,
			.offset = (uint32_t)pack.len};
		if (i % 2) {
			REQUIRE(compress_put(c->compress, 3, text, size, packed, 2 * size + 100, &m,
					NULL) == 0);
			b[i].plain = (uint32_t)size;
		}
		b[i].length = (uint32_t)(m + SEAL_OVERHEAD);
		seal_put(c->seal, repo_ctx_iv(c), i % 2 ? packed : text, m, pack.p + pack.len);
		pack.len += b[i].length;
		memset(pack.p + pack.len, 0, gap);
		pack.len += gap;
	}
	id = fixture_hash(pack.p, pack.len);
	REQUIRE(backend_put(r->s->inner, BACKEND_PACK, &id, pack.p, pack.len, NULL) == 0);
	blobtable_add(r->table, &id, b, n);
	buf_release(&pack);
	mem_free(text);
	mem_free(packed);
	mem_free(b);
	repo_ctx_put(r->f.repo, c);
	return id;
}

/* ---- a request ---- */

struct wanted {
	struct reader_want want;
	uint64_t n;
	size_t size;
	atomic_int came; /* so often */
	bool right;
	struct err err;
};

struct request {
	struct reader_blobs q;
	struct run *r;
	struct wanted *w;
	struct reader_want **want;
	atomic_size_t came;
	size_t stop_after; /* so many blobs; 0: never */
	volatile int stop;
	size_t ended;
	bool done;
};

static void came(struct reader_blobs *q, struct reader_want *want, const struct reader_got *g)
{
	struct request *x = q->arg;
	struct wanted *w = (struct wanted *)(void *)want;

	atomic_fetch_add(&w->came, 1);
	w->right = is_blob(w->n, w->size, g->plain);
	if (g->err)
		err_copy(&w->err, g->err);
	else
		atomic_fetch_add(&x->r->s->handed, g->at->blob.length);
	CHECK(!g->plain == !!g->err);
	if (!g->err) { /* the sealed bytes are those of this blob */
		struct repo_ctx *c = repo_ctx_get(x->r->f.repo);
		struct buf b;

		buf_init(&b, (size_t)1 << 30);
		CHECK_EQ(repo_open_blob(c, &g->at->blob, g->sealed, &b, NULL), 0);
		CHECK(is_blob(w->n, w->size, &b));
		buf_release(&b);
		repo_ctx_put(x->r->f.repo, c);
	}
	if (q->takes && g->plain)
		buf_release(g->plain);
	if (atomic_fetch_add(&x->came, 1) + 1 == x->stop_after)
		__atomic_store_n(&x->stop, 1, __ATOMIC_RELAXED);
}

static void ended(struct reader_blobs *q)
{
	struct request *x = q->arg;

	x->ended++;
	x->done = true;
}

/* n wants, in an order that is not the packs'; blob i is w[i] unless the test says otherwise. */
static void request(struct request *x, struct run *r, uint64_t first, size_t n, size_t size,
	bool placed)
{
	*x = (struct request){.r = r};
	x->w = mem_zalloc(n * sizeof(*x->w));
	x->want = mem_array(n, sizeof(struct reader_want *));
	for (size_t i = 0; i < n; i++) {
		struct wanted *w = &x->w[i];

		w->n = first + i;
		w->size = size;
		w->want.at.blob.type = BLOB_DATA;
		w->want.at.blob.id = blob_id(w->n, size);
		if (placed)
			blobtable_find(r->table, BLOB_DATA, &w->want.at.blob.id, 0, &w->want.at);
		x->want[i * 7 % n] = &w->want; /* n is no multiple of 7 */
	}
	x->q = (struct reader_blobs){.want = x->want,
		.n = n,
		.placed = placed,
		.stop = &x->stop,
		.got = came,
		.ended = ended,
		.arg = x};
}

static void fetch(struct request *x)
{
	reader_blobs_start(x->r->rd, &x->q);
	fixture_until(&x->r->f, &x->done);
	CHECK_EQ(x->ended, 1);
}

static void release(struct request *x)
{
	mem_free(x->w);
	mem_free(x->want);
}

/* All came once, and right. */
static void fetch_all(struct request *x)
{
	fetch(x);
	for (size_t i = 0; i < x->q.n; i++)
		CHECK(x->w[i].came == 1 && x->w[i].right);
}

/* ---- blobs ---- */

/* One request for blobs; `all` transfers since the start. */
static void gets(struct run *r, uint64_t first, size_t n, size_t size, bool placed, unsigned all)
{
	struct request x;

	request(&x, r, first, n, size, placed);
	fetch_all(&x);
	CHECK_EQ(r->s->gets, all);
	release(&x);
}

TEST(what_lies_together_comes_together)
{
	for (int placed = 0; placed < 2; placed++) {
		struct run r;

		start(&r, 0);
		put_pack(&r, 0, 100, 3000, 0);
		gets(&r, 0, 100, 3000, placed, 1);
		put_pack(&r, 100, 100, 3000, 0);
		gets(&r, 50, 100, 3000, placed, 3);
		/* Far apart */
		put_pack(&r, 200, 10, 3000, 300000);
		gets(&r, 200, 10, 3000, placed, 13);
		/* Not so far */
		put_pack(&r, 300, 10, 3000, 200000);
		gets(&r, 300, 10, 3000, placed, 14);
		/* More than one request's bytes: 26 MB, half of it compressed to less than half */
		if (placed) {
			put_pack(&r, 400, 26, 1000000, 0);
			gets(&r, 400, 26, 1000000, placed, 14 + 2);
		}
		stop(&r);
	}
}

TEST(nothing_is_wanted)
{
	struct request x;
	struct run r;

	start(&r, 0);
	request(&x, &r, 0, 1, 1, false);
	x.q.n = 0;
	fetch(&x);
	CHECK_EQ(r.s->gets, 0);
	release(&x);
	stop(&r);
}

TEST(wanted_several_times)
{
	for (int takes = 0; takes < 2; takes++) {
		struct request x;
		struct run r;

		start(&r, 0);
		put_pack(&r, 0, 3, 5000, 0);
		request(&x, &r, 0, 100, 5000, false);
		x.q.takes = takes;
		for (size_t i = 0; i < 100; i++) {
			x.w[i].n = i % 3;
			x.w[i].want.at.blob.id = blob_id(i % 3, 5000);
		}
		fetch_all(&x);
		CHECK_EQ(r.s->gets, 1);
		release(&x);
		stop(&r);
	}
}

static void another_copy(void (*begin)(struct run *r, size_t bound))
{
	struct request x;
	struct run r;
	struct id a, b;

	/* A bad one */
	begin(&r, 0);
	a = put_pack(&r, 0, 20, 3000, 0);
	b = put_pack(&r, 0, 20, 3000, 100);
	fixture_spoil(r.s->inner, BACKEND_PACK, &a, false);
	request(&x, &r, 0, 20, 3000, false);
	fetch_all(&x);
	CHECK_EQ(r.s->gets, 1 + 1 + 1); /* the range, its blob by itself, the other copy */
	release(&x);
	/* A missing one: each blob once more where the index has it first */
	REQUIRE(backend_remove(r.s->inner, BACKEND_PACK, &a, NULL) == 0);
	request(&x, &r, 0, 20, 3000, true);
	fetch_all(&x);
	CHECK_EQ(r.s->gets, 3 + 1 + 20 + 20);
	release(&x);
	/* None is left: the first one's fault is told, of each */
	REQUIRE(backend_remove(r.s->inner, BACKEND_PACK, &b, NULL) == 0);
	request(&x, &r, 0, 20, 3000, true);
	fetch(&x);
	for (int i = 0; i < 20; i++) {
		CHECK(x.w[i].came == 1 && x.w[i].err.code == ERR_NOTFOUND);
		CHECK(id_equal(&x.w[i].want.at.pack, &a));
		reader_explain(&x.w[i].want, &x.w[i].err);
		CHECK(strstr(x.w[i].err.msg, "load data ") == x.w[i].err.msg &&
			strstr(x.w[i].err.msg, id_short(&a).s) != NULL);
	}
	release(&x);
	stop(&r);
}

TEST(another_copy)
{
	another_copy(start);
	another_copy(start_late);
}

TEST(damage_on_the_way)
{
	struct request x;
	struct run r;

	start(&r, 0);
	put_pack(&r, 0, 20, 3000, 0);
	r.s->flips = 1;
	request(&x, &r, 0, 20, 3000, true);
	fetch_all(&x);
	CHECK_EQ(r.s->gets, 2);
	release(&x);
	r.s->flips = 2; /* not for ever */
	request(&x, &r, 0, 20, 3000, true);
	fetch(&x);
	CHECK_EQ(r.s->gets, 4);
	for (int i = 0, lost = 0; i < 20; i++) {
		lost += x.w[i].err.code == ERR_INVALID && x.w[i].came == 1;
		CHECK(i < 19 || lost == 1);
	}
	release(&x);
	stop(&r);
}

/* A file was laid out with the first copy's length. */
TEST(a_copy_of_another_length)
{
	struct blob other = {.type = BLOB_DATA, .offset = 0, .length = 500};

	for (int placed = 0; placed < 2; placed++) {
		struct request x;
		struct run r;
		struct id a, b;

		start(&r, 0);
		a = put_pack(&r, 0, 1, 3000, 0);
		b = put_pack(&r, 1, 1, 3000, 0);
		other.id = blob_id(0, 3000);
		blobtable_add(r.table, &b, &other, 1);
		REQUIRE(backend_remove(r.s->inner, BACKEND_PACK, &a, NULL) == 0);
		request(&x, &r, 0, 1, 3000, placed);
		fetch(&x);
		CHECK_EQ(x.w[0].err.code, ERR_NOTFOUND);
		CHECK_EQ(r.s->gets, placed ? 2 : 3);
		release(&x);
		stop(&r);
	}
}

TEST(what_the_index_says_wrongly)
{
	static const struct {
		uint32_t offset, length, plain;
		int code;
	} c[] = {{0, 32, 0, ERR_INVALID}, {0, 0, 0, ERR_INVALID}, {100000, 100, 50, ERR_TOOSHORT},
		{4000000000u, 4000000000u, 50, ERR_TOOSHORT}, {1, 100, 50, ERR_INVALID},
		{0, 3032, UINT32_MAX, ERR_INVALID}, {UINT32_MAX, UINT32_MAX, 0, ERR_TOOSHORT}};
	size_t n = sizeof(c) / sizeof(*c);
	struct request x;
	struct id pack;
	struct run r;

	for (int placed = 0; placed < 2; placed++) {
		start(&r, 100000);
		pack = put_pack(&r, 0, 20, 3000, 0);
		for (size_t i = 0; i < n; i++) {
			struct blob bad = {.id = blob_id(1000 + i, 3000),
				.type = BLOB_DATA,
				.offset = c[i].offset,
				.length = c[i].length,
				.plain = c[i].plain};

			blobtable_add(r.table, &pack, &bad, 1);
		}
		request(&x, &r, 1000, n + 1, 3000, placed);
		fetch(&x);
		for (size_t i = 0; i < n; i++)
			CHECK(x.w[i].came == 1 && x.w[i].err.code == c[i].code);
		CHECK_EQ(x.w[n].err.code, ERR_NOTFOUND); /* in no index */
		CHECK(strstr(x.w[0].err.msg, "the index gives it 32 bytes") != NULL);
		CHECK(strstr(x.w[n].err.msg, "not in the index") != NULL);
		release(&x);
		/* The good ones beside them */
		request(&x, &r, 0, 20, 3000, placed);
		fetch_all(&x);
		release(&x);
		stop(&r);
	}
}

/* Thousands of places that cannot hold it, before the one that does: no recursion, no harm. */
static void places_without_end(void (*begin)(struct run *r, size_t bound))
{
	struct request x;
	struct id pack;
	struct run r;

	begin(&r, 0);
	pack = fixture_id(1);
	for (uint32_t i = 0; i < 3000; i++) {
		struct blob bad = {.id = blob_id(0, 3000), .offset = i, .length = 10};

		blobtable_add(r.table, &pack, &bad, 1);
	}
	put_pack(&r, 0, 1, 3000, 0);
	request(&x, &r, 0, 1, 3000, false);
	fetch_all(&x);
	CHECK_EQ(r.s->gets, 1);
	release(&x);
	stop(&r);
}

TEST(places_without_end)
{
	places_without_end(start);
	places_without_end(start_late);
}

TEST(the_bound_is_kept)
{
	for (size_t bound = 10000; bound <= 160000; bound *= 2) {
		struct request x[3];
		struct run r;
		struct id id[3];

		start(&r, bound);
		r.s->pause_ns = 1000000;
		for (uint64_t p = 0; p < 3; p++)
			id[p] = put_pack(&r, p * 100, 100, 3000, 0);
		for (uint64_t p = 0; p < 3; p++) {
			request(&x[p], &r, p * 100, 100, 3000, p & 1);
			reader_blobs_start(r.rd, &x[p].q);
		}
		for (int p = 0; p < 3; p++) {
			fixture_until(&r.f, &x[p].done);
			for (int i = 0; i < 100; i++)
				CHECK(x[p].w[i].right && x[p].w[i].came == 1);
			release(&x[p]);
		}
		CHECK(r.s->most <= bound && r.s->most > bound / 4);
		/* Larger than the bound: alone, but it comes */
		put_pack(&r, 1000, 3, 2 * bound, 0);
		request(&x[0], &r, 1000, 3, 2 * bound, true);
		fetch_all(&x[0]);
		release(&x[0]);
		CHECK(r.s->most <= 2 * bound + SEAL_OVERHEAD);
		/* All copies must be tried: one at a time goes beyond */
		atomic_store(&r.s->most, 0);
		atomic_store(&r.s->bytes, atomic_load(&r.s->handed));
		fixture_spoil(r.s->inner, BACKEND_PACK, &id[1], false);
		request(&x[1], &r, 100, 100, 3000, true);
		r.s->flips = 1000;
		fetch(&x[1]);
		CHECK_EQ(x[1].came, 100);
		release(&x[1]);
		stop(&r);
	}
}

TEST(stopped_in_the_middle)
{
	for (size_t after = 1; after < 400; after = 2 * after + 3) {
		struct request x;
		struct run r;

		(after % 3 ? start : start_late)(&r, 20000);
		for (uint64_t p = 0; p < 5; p++)
			put_pack(&r, p * 100, 100, 3000, 0);
		r.s->pause_ns = 100000;
		r.s->flips = after % 2 ? 20 : 0;
		request(&x, &r, 0, 500, 3000, after & 2);
		x.stop_after = after;
		fetch(&x);
		CHECK(x.came >= after && x.came < 500);
		for (int i = 0; i < 500; i++)
			CHECK(x.w[i].came <= 1);
		for (int i = 0; i < 10; i++)
			loop_run(r.f.env.loop);
		CHECK_EQ(x.ended, 1);
		release(&x);
		/* Before it began */
		request(&x, &r, 0, 500, 3000, true);
		x.stop = 1;
		fetch(&x);
		CHECK_EQ(x.came, 0);
		release(&x);
		stop(&r);
	}
}

/* Two repositories in one process, each with its own. */
TEST(two_instances)
{
	struct request x, y;
	struct run r, s;

	start(&r, 10000);
	start(&s, 10000);
	put_pack(&r, 0, 100, 3000, 0);
	put_pack(&s, 1000, 100, 3000, 0);
	r.s->pause_ns = s.s->pause_ns = 100000;
	request(&x, &r, 0, 100, 3000, false);
	request(&y, &s, 1000, 100, 3000, false);
	reader_blobs_start(r.rd, &x.q);
	reader_blobs_start(s.rd, &y.q);
	while (!x.done || !y.done)
		if (!(loop_run(r.f.env.loop) + loop_run(s.f.env.loop)))
			loop_wait(r.f.env.loop, 1000000);
	for (int i = 0; i < 100; i++)
		CHECK(x.w[i].right && y.w[i].right);
	release(&x);
	release(&y);
	stop(&r);
	stop(&s);
}

/* ---- who may wait ---- */

struct caller {
	pthread_t thread;
	struct run *r;
	uint64_t first;
	atomic_int *left;
	int stopped;
	bool ok;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	struct err e = {0};
	struct buf b;

	c->ok = true;
	for (uint64_t i = 0; i < 50; i++) {
		struct id id = blob_id(c->first + i, 3000);

		c->ok &= reader_read(c->r->rd, BLOB_DATA, &id, NULL, &b, &e) == 0 &&
			 is_blob(c->first + i, 3000, &b);
		buf_release(&b);
	}
	c->ok &= reader_read(c->r->rd, BLOB_TREE, &(struct id){{1}}, NULL, &b, &e) == ERR_NOTFOUND;
	c->ok &= strstr(e.msg, "load tree 01000000: it is not in the index") != NULL;
	c->stopped = 1;
	c->ok &= reader_read(c->r->rd, BLOB_DATA, &(struct id){{1}}, &c->stopped, &b, &e) ==
		 ERR_CANCELLED;
	atomic_fetch_sub(c->left, 1);
	loop_poke(c->r->f.env.loop);
	return NULL;
}

TEST(callers_on_other_threads)
{
	atomic_int left = 4;
	struct caller c[4];
	struct request x;
	struct run r;

	start(&r, 0);
	put_pack(&r, 0, 200, 3000, 0);
	for (uint64_t i = 0; i < 4; i++) {
		c[i] = (struct caller){.r = &r, .first = i * 40, .left = &left};
		REQUIRE(pthread_create(&c[i].thread, NULL, call, &c[i]) == 0);
	}
	request(&x, &r, 0, 200, 3000, false); /* and one of the loop's between them */
	fetch_all(&x);
	while (left)
		if (!loop_run(r.f.env.loop))
			loop_wait(r.f.env.loop, 1000000000);
	for (int i = 0; i < 4; i++) {
		pthread_join(c[i].thread, NULL);
		CHECK(c[i].ok);
	}
	release(&x);
	stop(&r);
}

TEST(one_blob_on_the_loop)
{
	struct id id = blob_id(3, 3000), other = fixture_id(999);
	struct err err = {0};
	struct buf b;
	struct run r;

	start(&r, 0);
	put_pack(&r, 0, 20, 3000, 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(reader_read_here(r.rd, BLOB_DATA, &id, &b, &err), 0);
		CHECK(is_blob(3, 3000, &b));
		buf_release(&b);
	}
	CHECK_EQ(r.s->gets, 3);
	CHECK_EQ(reader_read_here(r.rd, BLOB_TREE, &id, &b, &err), ERR_NOTFOUND);
	CHECK(strstr(err.msg, "load tree ") && strstr(err.msg, "not in the index"));
	CHECK_EQ(reader_read_here(r.rd, BLOB_DATA, &other, &b, &err), ERR_NOTFOUND);
	stop(&r);
}

/* ---- whole packs ---- */

struct whole {
	struct reader_pack k;
	struct run *r;
	struct id is;
	int calls, code;
	bool done;
	struct task soon;
	volatile int stopped;
};

static bool pack_came(struct reader_pack *k, const uint8_t *p, size_t n, const struct err *err)
{
	struct whole *w = (struct whole *)(void *)k;

	CHECK_EQ(k->again, w->calls > 0);
	w->calls++;
	w->code = err ? err->code : 0;
	CHECK(!p == !!err);
	if (p) {
		w->is = fixture_hash(p, n);
		atomic_fetch_add(&w->r->s->handed, k->size);
	}
	return p && id_equal(&w->is, &k->id);
}

static void pack_ended(struct reader_pack *k)
{
	struct whole *w = (struct whole *)(void *)k;

	CHECK(!w->done);
	w->done = true;
}

static void read_pack(struct whole *w, struct run *r, const struct id *id)
{
	w->r = r;
	w->calls = w->code = 0;
	w->done = false;
	w->k.id = *id;
	w->k.got = pack_came;
	w->k.ended = pack_ended;
	reader_pack_start(r->rd, &w->k);
	fixture_until(&r->f, &w->done);
}

TEST(whole_packs)
{
	struct whole w = {0};
	struct id a, b, none = fixture_id(5);
	struct run r;
	int stopped = 1;

	start(&r, 0);
	a = put_pack(&r, 0, 20, 3000, 0);
	b = put_pack(&r, 0, 20, 3000, 100); /* copies, which do not help */
	read_pack(&w, &r, &a);
	CHECK(w.calls == 1 && id_equal(&w.is, &a));
	r.s->flips = 1;
	read_pack(&w, &r, &b);
	CHECK(w.calls == 2 && w.k.again && id_equal(&w.is, &b));
	fixture_spoil(r.s->inner, BACKEND_PACK, &a, false);
	read_pack(&w, &r, &a);
	CHECK(w.calls == 2 && w.code == 0 && !id_equal(&w.is, &a));
	read_pack(&w, &r, &none);
	CHECK(w.calls == 2 && w.code == ERR_NOTFOUND);
	CHECK_EQ(r.s->gets, 1 + 2 + 2 + 2);
	w.k.stop = &stopped;
	read_pack(&w, &r, &b);
	CHECK_EQ(w.calls, 0);
	CHECK_EQ(r.s->gets, 7);
	reader_pack_release(&w.k);
	stop(&r);
}

/* Blobs and packs share one bound. */
TEST(packs_under_the_bound)
{
	struct whole w[8] = {0};
	struct request x;
	struct run r;

	start(&r, 700000);
	r.s->pause_ns = 1000000;
	put_pack(&r, 100, 100, 3000, 0);
	for (uint64_t i = 0; i < 8; i++) {
		w[i].k.id = put_pack(&r, 1000 * (i + 1), 100, 3000, 0);
		w[i].r = &r;
		w[i].k.size = 300000;
		w[i].k.got = pack_came;
		w[i].k.ended = pack_ended;
		reader_pack_start(r.rd, &w[i].k);
	}
	request(&x, &r, 100, 100, 3000, false);
	fetch_all(&x);
	for (int i = 0; i < 8; i++) {
		fixture_until(&r.f, &w[i].done);
		CHECK_EQ(w[i].calls, 1);
		reader_pack_release(&w[i].k);
	}
	release(&x);
	stop(&r);
}

/* A pack of n bytes of noise, as large ones are, under its name. */
static struct id put_noise(struct run *r, uint64_t seed, size_t n)
{
	uint64_t *p = mem_array(n / 8, 8), x = seed;
	struct id id;

	for (size_t i = 0; i < n / 8; i++)
		p[i] = fixture_random(&x);
	id = fixture_hash(p, n);
	CHECK_EQ(backend_put(r->s->inner, BACKEND_PACK, &id, p, n, NULL), 0);
	mem_free(p);
	return id;
}

#define MB ((size_t)1 << 20)

/* Room for one pack, and three connections: they share it. */
TEST(a_large_pack_comes_in_pieces)
{
	struct whole w = {0};
	struct id a, b, none = fixture_id(5);
	struct run r;

	start(&r, 64 * MB);
	a = put_noise(&r, 1, 50 * MB);
	b = put_noise(&r, 2, 15 * MB);
	w.k.size = 50 * MB;
	read_pack(&w, &r, &a);
	CHECK(w.calls == 1 && id_equal(&w.is, &a));
	CHECK_EQ(r.s->gets, 4);
	/* One that is not large. */
	w.k.size = 15 * MB;
	read_pack(&w, &r, &b);
	CHECK(w.calls == 1 && id_equal(&w.is, &b));
	CHECK_EQ(r.s->gets, 5);
	/* What a piece brings is wrong: the second time it comes whole. */
	r.s->flips = 1;
	w.k.size = 50 * MB;
	read_pack(&w, &r, &a);
	CHECK(w.calls == 2 && w.k.again && id_equal(&w.is, &a));
	CHECK_EQ(r.s->gets, 5 + 4 + 1);
	/* A file that is longer, or shorter, or not there, is told as it would be whole. */
	w.k.size = 49 * MB;
	read_pack(&w, &r, &a);
	CHECK(w.calls == 1 && id_equal(&w.is, &a));
	w.k.size = 60 * MB;
	read_pack(&w, &r, &a);
	CHECK(w.calls == 1 && id_equal(&w.is, &a));
	w.k.size = 50 * MB;
	read_pack(&w, &r, &none);
	CHECK(w.calls == 2 && w.code == ERR_NOTFOUND);
	reader_pack_release(&w.k);
	stop(&r);
}

/* Where there is room for as many packs as there are connections each comes by one of them. */
TEST(packs_that_keep_all_connections_busy_come_whole)
{
	struct whole w = {.k.size = 20 * MB};
	struct run r;
	struct id a;

	start(&r, 60 * MB);
	a = put_noise(&r, 1, 20 * MB);
	read_pack(&w, &r, &a);
	CHECK(w.calls == 1 && id_equal(&w.is, &a));
	CHECK_EQ(r.s->gets, 1);
	reader_pack_release(&w.k);
	stop(&r);
}

static void stop_soon(struct task *t)
{
	struct whole *w = task_of(t, struct whole, soon);

	__atomic_store_n(&w->stopped, 1, __ATOMIC_RELAXED);
}

/* Between two pieces: nothing is handed over, and it ends. */
TEST(stopped_between_pieces)
{
	for (int64_t after = 5; after < 60; after += 15) {
		struct whole w = {.k.size = 50 * MB, .soon = {.done = stop_soon}};
		struct run r;
		struct id a;

		start(&r, 50 * MB);
		r.s->pause_ns = 20000000;
		a = put_noise(&r, 1, 50 * MB);
		w.k.stop = &w.stopped;
		loop_after(r.f.env.loop, after * 1000000, &w.soon);
		read_pack(&w, &r, &a);
		CHECK(w.calls <= 1);
		loop_cancel(r.f.env.loop, &w.soon);
		reader_pack_release(&w.k);
		stop(&r);
	}
}
