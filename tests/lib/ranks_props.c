#include "lib/ranks_props.h"
#include "base/le.h"
#include "base/mem.h"
#include "ranks/agree.h"
#include "ranks/catalog_ranks.h"
#include "ranks/idxshare.h"
#include "ranks/workq.h"
#include "format/index.h"
#include "lib/jitter.h"
#include "format/pack.h"
#include "repo/blobtable.h"
#include "unit/check.h"
#include <stdio.h>

/* Random numbers of this rank alone. */
static uint64_t own_random(struct router *r, uint64_t seed)
{
	uint64_t x = seed * 7919 + (uint64_t)router_rank(r) + 1;

	return random_next(&x);
}

static void linger(struct router *r, uint64_t *x)
{
	if (random_next(x) % 3 == 0)
		clock_sleep(router_env(r)->clock, (int64_t)(random_next(x) % 300000));
}

/* ---- agree ---- */

/* What rank k brings in a round: computed by all, so that all know what must come out. */
static int failure(uint64_t seed, int round, int rank)
{
	uint64_t x = seed + (uint64_t)round * 1009 + (uint64_t)rank * 31;

	return random_next(&x) % 4 ? 0 : ERR_IO - (int)(random_next(&x) % 3);
}

static void one_agreement(struct router *r, struct agree *a, uint64_t seed, int round)
{
	int lowest = 0, size = router_size(r), me = router_rank(r);
	char want[64];
	struct err e;

	err_clear(&e);
	if (failure(seed, round, me))
		err_set(&e, failure(seed, round, me), "trouble %d of %d", round, me);
	while (lowest < size && !failure(seed, round, lowest))
		lowest++;
	CHECK_EQ(agree_all(a, &e), lowest < size ? failure(seed, round, lowest) : 0);
	CHECK_EQ(e.code, lowest < size ? failure(seed, round, lowest) : 0);
	if (size > 1)
		snprintf(want, sizeof(want), "rank %d: trouble %d of %d", lowest, round, lowest);
	else
		snprintf(want, sizeof(want), "trouble %d of 0", round);
	CHECK_STR(e.msg, lowest < size ? want : "");
}

static void one_sum(struct router *r, struct agree *a, int round)
{
	uint64_t n = (uint64_t)router_size(r), me = (uint64_t)router_rank(r);
	uint64_t v[3] = {1, me, (uint64_t)round << 40};

	agree_sum(a, v, 3);
	CHECK_EQ(v[0], me ? 1 : n);
	CHECK_EQ(v[1], me ? me : n * (n - 1) / 2);
	CHECK_EQ(v[2], me ? (uint64_t)round << 40 : n * (uint64_t)round << 40);
}

static void one_bcast(struct router *r, struct agree *a, uint64_t seed, int round)
{
	uint64_t x = seed + (uint64_t)round;
	size_t n = random_next(&x) % 5 ? random_next(&x) % 100 : random_next(&x) % 300000;
	struct buf b;

	buf_init(&b, COMM_MAX);
	buf_adds(&b, "old");
	if (router_rank(r) == 0) {
		buf_reset(&b);
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, (uint8_t)(i + (size_t)round));
	}
	agree_bcast(a, &b);
	CHECK_EQ(b.len, n);
	for (size_t i = 0; i < b.len; i += 97)
		if (b.p[i] != (uint8_t)(i + (size_t)round))
			CHECK_EQ(b.p[i], (uint8_t)(i + (size_t)round));
	buf_release(&b);
}

void props_agree(struct router *r, struct agree *a, uint64_t seed)
{
	uint64_t x = own_random(r, seed);

	for (int round = 0; round < 30; round++) {
		linger(r, &x);
		one_agreement(r, a, seed, round);
		one_bcast(r, a, seed, round);
		/* Two of them without a rendezvous in between: rank 0 may be far ahead. */
		one_bcast(r, a, seed + 1, round);
		linger(r, &x);
		one_sum(r, a, round);
	}
}

/* ---- claim ---- */

static void blob_id(uint64_t seed, size_t i, struct id *id)
{
	uint64_t x = seed * 1000003 + i;

	for (int k = 0; k < ID_SIZE; k += 8)
		le64_put(id->b + k, random_next(&x));
}

static bool is_known(size_t i)
{
	return i % 10 == 0;
}

static enum blob_type type_of(size_t i)
{
	return i % 7 == 0 ? BLOB_TREE : BLOB_DATA;
}

static struct blob known_blob(uint64_t seed, size_t i)
{
	struct blob b = {.type = type_of(i),
		.offset = (uint32_t)i,
		.length = (uint32_t)(1000 + i),
		.plain = (uint32_t)(2000 + i)};

	blob_id(seed, i, &b.id);
	return b;
}

struct asking {
	struct router *r;
	struct catalog *catalog;
	uint64_t seed, random;
	size_t blobs;
	size_t *order; /* in which the blobs are asked for */
	size_t next, out;
	bool take, over;
	uint64_t *count; /* of each blob: verdicts of each kind */
};

struct question {
	struct catalog_claim req;
	struct asking *a;
	struct id id[40];
	enum catalog_verdict verdict[40];
	size_t which[40];
};

static void ask_more(struct asking *a);

static void question_done(struct catalog_claim *req)
{
	struct question *q = req->arg;
	struct asking *a = q->a;

	CHECK_EQ(req->missing, 0);
	for (size_t i = 0; i < req->n; i++) {
		REQUIRE(q->verdict[i] <= CATALOG_ABSENT);
		a->count[q->which[i] * 4 + q->verdict[i]]++;
	}
	mem_free(q);
	a->out--;
	ask_more(a);
	a->over = a->next == a->blobs && !a->out;
}

/* Questions are of one type: the run of equal types from a->next on, at most 40. */
static void ask_once(struct asking *a)
{
	struct question *q = mem_zalloc(sizeof(*q));
	size_t most = 1 + random_next(&a->random) % 40;

	q->a = a;
	q->req = (struct catalog_claim){.take = a->take,
		.type = type_of(a->order[a->next]),
		.id = q->id,
		.verdict = q->verdict,
		.done = question_done,
		.arg = q};
	while (q->req.n < most && a->next < a->blobs && type_of(a->order[a->next]) == q->req.type) {
		q->which[q->req.n] = a->order[a->next];
		q->verdict[q->req.n] = (enum catalog_verdict)77;
		blob_id(a->seed, a->order[a->next++], &q->id[q->req.n++]);
	}
	a->out++;
	catalog_claim(a->catalog, &q->req);
}

static void ask_more(struct asking *a)
{
	/* One at a time here: question_done comes back to this when the answer is at hand, and must
	 * not nest for each blob. */
	if (a->next < a->blobs && a->out < 8)
		ask_once(a);
}

static void ask_all(struct asking *a, bool take)
{
	for (size_t i = 0; i < a->blobs; i++)
		a->order[i] = i;
	for (size_t i = a->blobs; i > 1; i--) {
		size_t k = random_next(&a->random) % i, t = a->order[i - 1];

		a->order[i - 1] = a->order[k];
		a->order[k] = t;
	}
	memset(a->count, 0, a->blobs * 4 * sizeof(*a->count));
	a->take = take;
	a->next = 0;
	a->over = false;
	for (int i = 0; i < 8; i++)
		ask_more(a);
	loop_until(router_loop(a->r), &a->over);
}

struct finding {
	struct catalog_find f;
	size_t *missing;
	bool *over;
	size_t which;
	bool expected;
	uint64_t seed;
};

static void found(struct catalog_find *f)
{
	struct finding *x = f->arg;

	CHECK_EQ(f->found, x->expected);
	if (f->found && x->expected) {
		struct blob want = known_blob(x->seed, x->which);

		CHECK(id_equal(&f->place.blob.id, &want.id));
		CHECK_EQ(f->place.blob.type, want.type);
		CHECK_EQ(f->place.blob.offset, want.offset);
		CHECK_EQ(f->place.blob.length, want.length);
		CHECK_EQ(f->place.blob.plain, want.plain);
		CHECK_EQ(f->place.pack.b[0], 0xaa);
	}
	*x->over = --*x->missing == 0;
}

static void find_all(struct asking *a)
{
	struct finding *f = mem_array(2 * a->blobs, sizeof(*f));
	size_t missing = 2 * a->blobs;
	bool over = missing == 0;

	for (size_t i = 0; i < 2 * a->blobs; i++) {
		unsigned nth = (unsigned)(i & 1);

		f[i] = (struct finding){.missing = &missing,
			.over = &over,
			.which = i / 2,
			.seed = a->seed,
			.expected = is_known(i / 2) && nth == 0};
		f[i].f = (struct catalog_find){.type = type_of(i / 2),
			.nth = nth,
			.done = found,
			.arg = &f[i]};
		blob_id(a->seed, i / 2, &f[i].f.id);
		catalog_find(a->catalog, &f[i].f);
	}
	loop_until(router_loop(a->r), &over);
	mem_free(f);
}

static void add_known(struct router *r, struct blobtable *cat, uint64_t seed, size_t blobs)
{
	struct id pack;

	memset(pack.b, 0xaa, sizeof(pack.b));
	for (size_t i = 0; i < blobs; i++) {
		struct blob b = known_blob(seed, i);

		if (is_known(i) && catalog_owner(&b.id, router_size(r)) == router_rank(r))
			blobtable_add(cat, &pack, &b, 1);
	}
}

static void check_taken(struct asking *a, struct agree *ag)
{
	uint64_t n = (uint64_t)router_size(a->r);

	agree_sum(ag, a->count, a->blobs * 4);
	for (size_t i = 0; i < a->blobs && router_rank(a->r) == 0; i++) {
		const uint64_t *v = &a->count[i * 4];

		CHECK_EQ(v[CATALOG_KNOWN], is_known(i) ? n : 0);
		CHECK_EQ(v[CATALOG_YOURS], is_known(i) ? 0 : 1);
		CHECK_EQ(v[CATALOG_TAKEN], is_known(i) ? 0 : n - 1);
		CHECK_EQ(v[CATALOG_ABSENT], 0);
	}
}

static void check_only_asked(struct asking *a, struct agree *ag, bool promised)
{
	uint64_t n = (uint64_t)router_size(a->r);

	agree_sum(ag, a->count, a->blobs * 4);
	for (size_t i = 0; i < a->blobs && router_rank(a->r) == 0; i++) {
		const uint64_t *v = &a->count[i * 4];

		CHECK_EQ(v[CATALOG_KNOWN], is_known(i) ? n : 0);
		CHECK_EQ(v[CATALOG_YOURS], 0);
		CHECK_EQ(v[promised ? CATALOG_TAKEN : CATALOG_ABSENT], is_known(i) ? 0 : n);
	}
}

static void meet(struct agree *a)
{
	struct err e;

	err_clear(&e);
	CHECK_EQ(agree_all(a, &e), 0);
}

void props_claim(struct router *r, struct agree *ag, uint64_t seed, size_t blobs)
{
	struct blobtable *cat = blobtable_new();
	struct asking a = {.r = r, .seed = seed, .random = own_random(r, seed), .blobs = blobs};

	add_known(r, cat, seed, blobs);
	a.catalog = catalog_ranks_new(r, cat);
	a.order = mem_array(blobs, sizeof(*a.order));
	a.count = mem_array(blobs * 4, sizeof(*a.count));
	ask_all(&a, false);
	check_only_asked(&a, ag, false);
	meet(ag); /* or a fast rank takes while a slow one still only asks */
	ask_all(&a, true);
	check_taken(&a, ag);
	ask_all(&a, false);
	check_only_asked(&a, ag, true);
	find_all(&a);
	meet(ag);
	catalog_free(a.catalog);
	blobtable_free(cat);
	mem_free(a.order);
	mem_free(a.count);
}

/* ---- two catalogs ---- */

#define PACK_BLOBS 30
#define BIT        3

/* A catalog's blobs are those of its seed; every fifth lies in a second pack too. */
struct side {
	struct blobtable *table;
	struct catalog *catalog;
	uint64_t seed;
	size_t every; /* of its blobs one in so many is marked */
	size_t answered;
	uint64_t *count; /* of each blob: unknown, the first, set before */
};

static struct id side_pack(const struct side *s, size_t blob, bool second)
{
	struct id id;

	blob_id(s->seed + 5000 + second, blob / PACK_BLOBS, &id);
	return id;
}

/* What this blob adds to a pack. */
static void side_sum(struct catalog_pack *p, const struct blob *b, bool marked)
{
	p->size += b->length + pack_entry_size(b);
	p->digest += blob_digest(b);
	p->blobs++;
	p->marked += marked;
	p->marked_bytes += marked ? b->length : 0;
	p->data |= b->type == BLOB_DATA;
	p->tree |= b->type == BLOB_TREE;
}

static void side_fill(struct side *s, struct router *r, size_t blobs)
{
	for (size_t i = 0; i < blobs; i++) {
		struct blob b = known_blob(s->seed, i);
		struct id pack = side_pack(s, i, false), second = side_pack(s, i, true);

		if (catalog_owner(&b.id, router_size(r)) != router_rank(r))
			continue;
		blobtable_add(s->table, &pack, &b, 1);
		blobtable_add(s->table, &pack, &b, 1); /* equal ones count once */
		if (i % 5 == 0)
			blobtable_add(s->table, &second, &b, 1);
	}
}

struct side_mark {
	struct catalog_mark m;
	struct side *s;
	size_t blob;
	struct id id;
	int8_t was;
};

static void side_marked(struct catalog_mark *m)
{
	struct side_mark *x = m->arg;

	REQUIRE(x->was >= -1 && x->was <= 1);
	x->s->count[x->blob * 3 + (size_t)(x->was + 1)]++;
	x->s->answered++;
	mem_free(x);
}

/* Of `blobs` and as many that nobody knows. */
static void side_mark(struct side *s, size_t blob)
{
	struct side_mark *x = mem_zalloc(sizeof(*x));

	x->s = s;
	x->blob = blob;
	blob_id(s->seed, blob, &x->id);
	x->m = (struct catalog_mark){.type = type_of(blob),
		.id = &x->id,
		.n = 1,
		.bit = BIT,
		.was = &x->was,
		.done = side_marked,
		.arg = x};
	catalog_mark(s->catalog, &x->m);
}

struct sides {
	struct side s[2];
	size_t asked;
};

static bool all_marked(void *arg)
{
	const struct sides *x = arg;

	return x->s[0].answered + x->s[1].answered == x->asked;
}

static void side_check_marks(struct side *s, struct router *r, struct agree *a, size_t blobs)
{
	uint64_t n = (uint64_t)router_size(r);

	agree_sum(a, s->count, 2 * blobs * 3);
	for (size_t i = 0; i < 2 * blobs && router_rank(r) == 0; i++) {
		bool marked = i % s->every == 0;

		CHECK_EQ(s->count[i * 3], marked && i >= blobs ? n : 0);
		CHECK_EQ(s->count[i * 3 + 1], marked && i < blobs ? 1 : 0);
		CHECK_EQ(s->count[i * 3 + 2], marked && i < blobs ? n - 1 : 0);
	}
}

static void side_check_pack(struct side *s, struct router *r, size_t first, bool second,
	size_t blobs, unsigned bits, uint64_t *packs)
{
	struct catalog_pack want = {.id = side_pack(s, first, second), .size = PACK_OVERHEAD};
	const struct catalog_pack *p = catalog_pack_find(s->catalog, &want.id);

	for (size_t i = first; i < first + PACK_BLOBS && i < blobs; i++) {
		struct blob b = known_blob(s->seed, i);

		if (!second || i % 5 == 0)
			side_sum(&want, &b, bits && i % s->every == 0);
	}
	CHECK_EQ(p != NULL, catalog_owner(&want.id, router_size(r)) == router_rank(r));
	if (!p)
		return;
	++*packs;
	CHECK_EQ(p->size, want.size);
	CHECK_EQ(p->digest, want.digest);
	CHECK_EQ(p->blobs, want.blobs);
	CHECK_EQ(p->marked, want.marked);
	CHECK_EQ(p->marked_bytes, want.marked_bytes);
	CHECK_EQ(p->data, want.data);
	CHECK_EQ(p->tree, want.tree);
}

static void side_check_packs(struct side *s, struct router *r, struct agree *a, size_t blobs,
	unsigned bits)
{
	uint64_t packs = 0, all = 2 * ((blobs + PACK_BLOBS - 1) / PACK_BLOBS);
	struct err e = {0};

	CHECK_EQ(catalog_gather(s->catalog, bits, &e), 0);
	for (size_t first = 0; first < blobs; first += PACK_BLOBS) {
		side_check_pack(s, r, first, false, blobs, bits, &packs);
		side_check_pack(s, r, first, true, blobs, bits, &packs);
	}
	CHECK_EQ(packs, catalog_packs(s->catalog));
	agree_sum(a, &packs, 1);
	if (router_rank(r) == 0)
		CHECK_EQ(packs, all);
}

void props_catalogs(struct router *r, struct agree *a, uint64_t seed, size_t blobs)
{
	struct sides x = {.s = {{.seed = seed, .every = 3}, {.seed = seed + 77, .every = 4}}};
	uint64_t random = own_random(r, seed);

	for (int k = 0; k < 2; k++) {
		x.s[k].table = blobtable_new();
		x.s[k].catalog = catalog_ranks_new(r, x.s[k].table);
		x.s[k].count = mem_array(2 * blobs * 3, sizeof(*x.s[k].count));
		side_fill(&x.s[k], r, blobs);
	}
	meet(a);
	for (int k = 0; k < 2; k++)
		side_check_packs(&x.s[k], r, a, blobs, 0);
	for (size_t i = 0; i < 2 * blobs; i++)
		for (int k = 0; k < 2; k++)
			if (i % x.s[k].every == 0) {
				side_mark(&x.s[k], i);
				x.asked++;
				linger(r, &random);
			}
	loop_until_fn(router_loop(r), all_marked, &x);
	meet(a); /* or what a slow rank marks is not in a fast one's sums */
	for (int k = 0; k < 2; k++) {
		side_check_marks(&x.s[k], r, a, blobs);
		if (catalog_packs(x.s[k].catalog))
			catalog_pack(x.s[k].catalog, 0)->user = 9;
		side_check_packs(&x.s[k], r, a, blobs, 1u << BIT);
		side_check_packs(&x.s[k], r, a, blobs, 0);
		if (catalog_packs(x.s[k].catalog))
			CHECK_EQ(catalog_pack(x.s[k].catalog, 0)->user, 9);
	}
	meet(a);
	for (int k = 0; k < 2; k++) {
		catalog_free(x.s[k].catalog);
		blobtable_free(x.s[k].table);
		mem_free(x.s[k].count);
	}
}

/* ---- idxshare ---- */

/* Blob b of file f; packs of 100 blobs, of mixed types. */
static struct blob file_blob(size_t f, size_t b)
{
	struct blob x = known_blob(42 + f, b);

	x.offset = (uint32_t)(b % 100) * 5000;
	return x;
}

static struct id pack_of(size_t f, size_t b)
{
	struct id id;

	blob_id(4242 + f, b / 100, &id);
	return id;
}

static void make_index(struct repo *repo, size_t f, size_t blobs)
{
	struct blob some[100];
	struct index_out x;
	struct err e = {0};
	struct buf out;
	struct id id;

	buf_init(&out, COMM_MAX);
	index_begin(&x, &out);
	for (size_t b = 0; b < blobs; b += 100) {
		size_t n = blobs - b < 100 ? blobs - b : 100;
		struct id pack = pack_of(f, b);

		for (size_t i = 0; i < n; i++)
			some[i] = file_blob(f, b + i);
		index_pack(&x, &pack, some, n);
	}
	index_end(&x);
	CHECK_EQ(repo_save(repo, BACKEND_INDEX, out.p, out.len, &id, &e), 0);
	CHECK_STR(e.msg, "");
	buf_release(&out);
}

static void check_share(struct router *r, struct agree *a, struct blobtable *mine, size_t files,
	size_t blobs)
{
	uint64_t count = blobtable_blobs(mine);
	size_t wrong = 0;

	for (size_t i = 0; i < files * blobs; i++) {
		struct blob b = file_blob(i / blobs, i % blobs);
		struct id pack = pack_of(i / blobs, i % blobs);
		struct catalog_place at;
		bool there = blobtable_find(mine, b.type, &b.id, 0, &at);

		if (there != (catalog_owner(&b.id, router_size(r)) == router_rank(r)))
			wrong++;
		else if (there && (!id_equal(&at.pack, &pack) || at.blob.offset != b.offset ||
					  at.blob.length != b.length || at.blob.plain != b.plain))
			wrong++;
	}
	CHECK_EQ(wrong, 0);
	agree_sum(a, &count, 1);
	if (router_rank(r) == 0)
		CHECK_EQ(count, files * blobs);
}

/* A file that is neither what its name says nor sealed with our key. */
static void damage(struct backend *be)
{
	struct err e = {0};
	struct id id = {0};
	uint8_t junk[200] = {1};

	id.b[0] = 0x77;
	CHECK_EQ(backend_put(be, BACKEND_INDEX, &id, junk, sizeof(junk), &e), 0);
}

void props_idxshare(struct router *r, struct agree *a, struct backend *be, size_t files,
	size_t blobs)
{
	struct config config = {.version = 2};
	struct seal_key key;
	struct blobtable *mine = blobtable_new();
	struct repo *repo;
	uint64_t packs = 0;
	struct err e, same;

	memset(&key, 0x5a, sizeof(key));
	repo = repo_adopt(be, router_env(r), &config, &key);
	err_clear(&e);
	for (size_t f = 0; f < files && router_rank(r) == 0; f++)
		make_index(repo, f, blobs);
	meet(a);
	CHECK_EQ(idxshare_load(r, repo, mine, NULL, &packs, &e), 0);
	CHECK_STR(e.msg, "");
	check_share(r, a, mine, files, blobs);

	if (router_rank(r) == 0)
		damage(be);
	meet(a);
	CHECK_EQ(idxshare_load(r, repo, mine, NULL, &packs, &e), ERR_INVALID);
	same = e;
	{
		struct buf b;

		buf_init(&b, ERR_MSG_MAX);
		buf_adds(&b, e.msg);
		agree_bcast(a, &b);
		CHECK_STR(same.msg, buf_str(&b));
		buf_release(&b);
	}
	meet(a);
	blobtable_free(mine);
	repo_close(repo);
}

/* ---- workq ---- */

enum { TAG_COUNT = ROUTER_ENGINE, TAG_STOP };

struct item {
	struct workq_item link;
	struct task task;
	struct work *w;
	size_t number;
	int owner; /* who pushed it, if it is pinned; else -1 */
};

struct work {
	const struct props_work *p;
	struct router *r;
	struct workq *q;
	uint64_t random;
	uint64_t *done; /* how often each item was done here */
	size_t did, under_way;
	size_t reported; /* rank 0: done by all */
	bool over;
};

enum { AT_ONCE = 2, CHILDREN = 3 };

static void pack(void *arg, struct workq_item *link, struct buf *out)
{
	struct item *it = task_of(link, struct item, link);

	(void)arg;
	CHECK(!link->pinned);
	wire_put_u64(out, it->number);
	mem_free(it);
}

static struct item *item_new(struct work *w, size_t number)
{
	struct item *it = mem_zalloc(sizeof(*it));

	it->w = w;
	it->number = number;
	it->owner = -1;
	return it;
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct work *w = arg;
	uint64_t number = wire_u64(in);

	return in->bad || number >= w->p->items ? NULL : &item_new(w, (size_t)number)->link;
}

static void push(struct work *w, size_t number, bool may_pin)
{
	struct item *it = item_new(w, number);

	if (may_pin && random_next(&w->random) % 10 == 0) {
		it->link.pinned = true;
		it->owner = router_rank(w->r);
	}
	workq_push(w->q, &it->link);
}

static void start(struct work *w);

static void item_done(struct task *t)
{
	struct item *it = task_of(t, struct item, task);
	struct work *w = it->w;
	struct buf b;

	w->under_way--;
	w->did++;
	w->done[it->number]++;
	if (it->owner >= 0)
		CHECK_EQ(it->owner, router_rank(w->r));
	/* The items are a tree: 0 has 1, 2, 3; 1 has 4, 5, 6; … */
	for (size_t k = 1; !w->p->anywhere && !w->p->spread && k <= CHILDREN; k++)
		if (it->number * CHILDREN + k < w->p->items)
			push(w, it->number * CHILDREN + k, true);
	buf_init(&b, 8);
	router_send(w->r, 0, TAG_COUNT, &b);
	mem_free(it);
	start(w);
}

static void start(struct work *w)
{
	struct workq_item *link;

	while (w->under_way < AT_ONCE && (link = workq_pop(w->q))) {
		struct item *it = task_of(link, struct item, link);

		w->under_way++;
		it->task.done = item_done;
		loop_after(router_loop(w->r),
			(int64_t)(random_next(&w->random) % (uint64_t)w->p->cost), &it->task);
	}
	workq_want(w->q, w->under_way < AT_ONCE);
}

static void arrived(void *arg)
{
	start(arg);
}

static void failed(void *arg, const struct err *e)
{
	(void)arg;
	CHECK_STR(e->msg, "");
}

static void on_count(void *arg, struct comm_msg *m)
{
	struct work *w = arg;

	(void)m;
	if (++w->reported < w->p->items)
		return;
	for (int to = 0; to < router_size(w->r); to++)
		router_send(w->r, to, TAG_STOP, NULL);
}

static void on_stop(void *arg, struct comm_msg *m)
{
	struct work *w = arg;

	(void)m;
	workq_stop(w->q);
	w->over = true;
}

void props_workq(struct router *r, struct agree *a, const struct props_work *p)
{
	struct work w = {.p = p, .r = r, .random = own_random(r, p->seed)};
	const struct workq_ops ops = {.pack = pack,
		.unpack = unpack,
		.arrived = arrived,
		.failed = failed,
		.arg = &w};
	size_t n = (size_t)router_size(r), me = (size_t)router_rank(r);

	w.q = workq_new(r, ROUTER_ENGINE + 8, router_env(r), &ops);
	w.done = mem_array(p->items, sizeof(*w.done));
	router_open(r, TAG_COUNT, on_count, &w);
	router_open(r, TAG_STOP, on_stop, &w);
	for (size_t i = 0; i < p->items; i++)
		if (p->anywhere ? i % n == me : p->spread ? me == 0 : me == 0 && i == 0)
			push(&w, i, p->anywhere);
	start(&w);
	loop_until(router_loop(r), &w.over);
	CHECK_EQ(workq_count(w.q), 0);
	CHECK_EQ(w.under_way, 0);
	if (p->spread) {
		CHECK(w.did * n * 4 >= p->items);
		CHECK(me == 0 || workq_stolen(w.q) >= w.did);
	}
	agree_sum(a, w.done, p->items);
	for (size_t i = 0; i < p->items && me == 0; i++)
		CHECK_EQ(w.done[i], 1);
	meet(a);
	router_close(r, TAG_COUNT);
	router_close(r, TAG_STOP);
	workq_free(w.q);
	mem_free(w.done);
}
