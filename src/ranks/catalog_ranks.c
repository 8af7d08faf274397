#include "ranks/catalog_ranks.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "ranks/idxshare.h"
#include "ranks/packsums.h"
#include "ranks/questions.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "repo/copies.h"
#include "repo/firsts.h"

/*
 *          question                                           answer
 * CLAIMS   u8 (bit 0 type, bit 1 take, bit 2 forget), id      u8 verdict
 * FINDS    u8 type, id, u32 nth                               u8 found; then pack id, u32 offset,
 *                                                             length, plain
 * FIRSTS   key id, what id                                    u8 agrees
 * MARKS    u8 (bit 0 type, the rest the bit's number), id     u8 was + 1
 * LISTS    pack id                                            u32 number; then id, u8 type,
 *                                                             u32 offset, length, plain of each
 */
enum kind { CLAIMS, FINDS, FIRSTS, MARKS, LISTS, KINDS };

struct catalog_ranks {
	struct catalog c;
	struct router *r;
	struct blobtable *table, *own; /* own: the same, or NULL */
	struct hashtab *firsts;
	struct packtable *sums; /* of the packs that this rank owns */
	struct questions *qs;
	struct moves *moves;
};

static struct catalog_ranks *over_of(struct catalog *c)
{
	return (struct catalog_ranks *)(void *)c;
}

/* The owner of an id; -1: this rank. */
static int other(const struct catalog_ranks *d, const struct id *id)
{
	int owner = catalog_owner(id, router_size(d->r));

	return owner == router_rank(d->r) ? -1 : owner;
}

/* ---- claim ---- */

static void over_claim(struct catalog *c, struct catalog_claim *r)
{
	struct catalog_ranks *d = over_of(c);

	/* Nothing calls back before the end of the loop, so `missing` needs no guard. */
	r->missing = r->n;
	for (size_t i = 0; i < r->n; i++) {
		int owner = other(d, &r->id[i]);
		struct buf *b;

		if (owner < 0) {
			r->verdict[i] = blobtable_claim(d->table, r->take, r->forget, r->type,
				&r->id[i]);
			r->missing--;
			continue;
		}
		b = questions_begin(d->qs, CLAIMS, owner);
		wire_put_u8(b, (uint8_t)((unsigned)r->type | (unsigned)r->take << 1 |
					 (unsigned)r->forget << 2));
		wire_put_id(b, &r->id[i]);
		questions_end(d->qs, CLAIMS, owner, r, i);
	}
	if (!r->missing)
		r->done(r);
}

static bool claim_reply(void *arg, struct wire_in *in, struct buf *out)
{
	struct catalog_ranks *d = arg;
	uint8_t flags = wire_u8(in);
	struct id id;

	wire_id(in, &id);
	if (in->bad || flags > 7)
		return false;
	wire_put_u8(out, (uint8_t)blobtable_claim(d->table, flags >> 1 & 1, flags >> 2,
				 (enum blob_type)(flags & 1), &id));
	return true;
}

/* Without a usable answer a blob is stored once more, which costs space; to believe that somebody
 * else stores it could cost data. */
static void claim_answered(void *arg, void *q, size_t i, struct wire_in *in)
{
	struct catalog_claim *r = q;
	uint8_t v = in ? wire_u8(in) : UINT8_MAX;

	(void)arg;
	if (v > CATALOG_ABSENT)
		r->verdict[i] = r->take ? CATALOG_YOURS : CATALOG_ABSENT;
	else
		r->verdict[i] = (enum catalog_verdict)v;
	if (!--r->missing)
		r->done(r);
}

/* ---- find ---- */

static void over_find(struct catalog *c, struct catalog_find *f)
{
	struct catalog_ranks *d = over_of(c);
	int owner = other(d, &f->id);
	struct buf *b;

	if (owner < 0) {
		f->found = blobtable_find(d->table, f->type, &f->id, f->nth, &f->place);
		f->done(f);
		return;
	}
	b = questions_begin(d->qs, FINDS, owner);
	wire_put_u8(b, (uint8_t)f->type);
	wire_put_id(b, &f->id);
	wire_put_u32(b, f->nth);
	questions_end(d->qs, FINDS, owner, f, 0);
}

static bool find_reply(void *arg, struct wire_in *in, struct buf *out)
{
	const struct catalog_ranks *d = arg;
	uint8_t type = wire_u8(in);
	struct catalog_place place;
	struct id id;
	uint32_t nth;

	wire_id(in, &id);
	nth = wire_u32(in);
	if (in->bad || type > 1)
		return false;
	if (!blobtable_find(d->table, (enum blob_type)type, &id, nth, &place)) {
		wire_put_u8(out, 0);
		return true;
	}
	wire_put_u8(out, 1);
	wire_put_id(out, &place.pack);
	wire_put_u32(out, place.blob.offset);
	wire_put_u32(out, place.blob.length);
	wire_put_u32(out, place.blob.plain);
	return true;
}

static void find_answered(void *arg, void *q, size_t i, struct wire_in *in)
{
	struct catalog_find *f = q;
	struct catalog_place p = {.blob = {.id = f->id, .type = f->type}};

	(void)arg;
	(void)i;
	f->found = in && wire_u8(in) == 1;
	if (f->found) {
		wire_id(in, &p.pack);
		p.blob.offset = wire_u32(in);
		p.blob.length = wire_u32(in);
		p.blob.plain = wire_u32(in);
		f->found = !in->bad;
		f->place = p;
	}
	f->done(f);
}

/* ---- first ---- */

static void over_first(struct catalog *c, struct catalog_first *f)
{
	struct catalog_ranks *d = over_of(c);
	int owner = other(d, &f->key);
	struct buf *b;

	if (owner < 0) {
		f->agrees = firsts_agree(d->firsts, &f->key, &f->what);
		f->done(f);
		return;
	}
	b = questions_begin(d->qs, FIRSTS, owner);
	wire_put_id(b, &f->key);
	wire_put_id(b, &f->what);
	questions_end(d->qs, FIRSTS, owner, f, 0);
}

static bool first_reply(void *arg, struct wire_in *in, struct buf *out)
{
	struct catalog_ranks *d = arg;
	struct id key, what;

	wire_id(in, &key);
	wire_id(in, &what);
	if (in->bad)
		return false;
	wire_put_u8(out, firsts_agree(d->firsts, &key, &what));
	return true;
}

/* Without a usable answer nothing is known to be the same. */
static void first_answered(void *arg, void *q, size_t i, struct wire_in *in)
{
	struct catalog_first *f = q;

	(void)arg;
	(void)i;
	f->agrees = in && wire_u8(in) == 1;
	f->done(f);
}

/* ---- mark ---- */

static void over_mark(struct catalog *c, struct catalog_mark *m)
{
	struct catalog_ranks *d = over_of(c);

	m->missing = m->n;
	for (size_t i = 0; i < m->n; i++) {
		int owner = other(d, &m->id[i]);
		struct buf *b;

		if (owner < 0) {
			m->was[i] = (int8_t)blobtable_mark(d->table, m->type, &m->id[i], m->bit);
			m->missing--;
			continue;
		}
		b = questions_begin(d->qs, MARKS, owner);
		wire_put_u8(b, (uint8_t)((unsigned)m->type | m->bit << 1));
		wire_put_id(b, &m->id[i]);
		questions_end(d->qs, MARKS, owner, m, i);
	}
	if (!m->missing)
		m->done(m);
}

static bool mark_reply(void *arg, struct wire_in *in, struct buf *out)
{
	struct catalog_ranks *d = arg;
	uint8_t flags = wire_u8(in);
	struct id id;

	wire_id(in, &id);
	if (in->bad || flags > 15)
		return false;
	wire_put_u8(out,
		(uint8_t)(blobtable_mark(d->table, (enum blob_type)(flags & 1), &id, flags >> 1) +
			  1));
	return true;
}

/* Without a usable answer the blob counts as unknown, which whoever marks reports: a blob that is
 * not marked must not pass for one that nobody needs. */
static void mark_answered(void *arg, void *q, size_t i, struct wire_in *in)
{
	struct catalog_mark *m = q;
	uint8_t v = in ? wire_u8(in) : 0;

	(void)arg;
	m->was[i] = v <= 2 ? (int8_t)(v - 1) : -1;
	if (!--m->missing)
		m->done(m);
}

/* ---- list ---- */

static size_t over_move(struct catalog *c, unsigned bit)
{
	struct catalog_ranks *d = over_of(c);

	moves_free(d->moves);
	d->moves = moves_new(d->table, bit);
	return moves_count(d->moves);
}

static void over_list(struct catalog *c, struct catalog_list *l)
{
	struct catalog_ranks *d = over_of(c);

	l->n = moves_of(d->moves, &l->pack, &l->blob);
	l->failed = false;
	l->missing = (size_t)router_size(d->r) - 1;
	for (int to = 0; to < router_size(d->r); to++) {
		if (to == router_rank(d->r))
			continue;
		wire_put_id(questions_begin(d->qs, LISTS, to), &l->pack);
		questions_end(d->qs, LISTS, to, l, 0);
	}
}

static bool list_reply(void *arg, struct wire_in *in, struct buf *out)
{
	const struct catalog_ranks *d = arg;
	struct blob *b;
	struct id pack;
	size_t n;

	wire_id(in, &pack);
	if (in->bad || !d->moves)
		return false;
	n = moves_of(d->moves, &pack, &b);
	wire_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		wire_put_id(out, &b[i].id);
		wire_put_u8(out, (uint8_t)b[i].type);
		wire_put_u32(out, b[i].offset);
		wire_put_u32(out, b[i].length);
		wire_put_u32(out, b[i].plain);
	}
	mem_free(b);
	return true;
}

static void list_add(struct catalog_list *l, struct wire_in *in)
{
	uint32_t n = wire_u32(in);

	if (n > (size_t)(in->end - in->p) / ID_SIZE)
		in->bad = true;
	if (!n || in->bad)
		return;
	l->blob = mem_regrow(l->blob, l->n + n, sizeof(*l->blob));
	for (uint32_t i = 0; i < n; i++) {
		struct blob *b = &l->blob[l->n++];

		wire_id(in, &b->id);
		b->type = wire_u8(in) == BLOB_TREE ? BLOB_TREE : BLOB_DATA;
		b->offset = wire_u32(in);
		b->length = wire_u32(in);
		b->plain = wire_u32(in);
	}
}

static void list_answered(void *arg, void *q, size_t i, struct wire_in *in)
{
	struct catalog_list *l = q;

	(void)arg;
	(void)i;
	if (in)
		list_add(l, in);
	l->failed |= !in || in->bad;
	if (!--l->missing)
		l->done(l);
}

/* ---- what is done for all at once ---- */

static int over_load(struct catalog *c, struct repo *repo, const struct catalog_watch *w,
	uint64_t *packs, struct err *err)
{
	struct catalog_ranks *d = over_of(c);
	uint64_t n = 0;
	int rc = idxshare_load(d->r, repo, d->table, w, &n, err);

	if (packs)
		*packs = n;
	return rc;
}

static void over_flush(struct catalog *c)
{
	questions_flush(over_of(c)->qs);
}

static int over_each(struct catalog *c, int bit,
	int (*fn)(void *arg, const struct catalog_place *p), void *arg)
{
	const struct blobtable *t = over_of(c)->table;

	return bit < 0 ? blobtable_each(t, fn, arg)
		       : blobtable_each_marked(t, (unsigned)bit, fn, arg);
}

static int over_gather(struct catalog *c, unsigned bits, bool one_copy, struct err *err)
{
	struct catalog_ranks *d = over_of(c);

	copies_gather(d->table, bits, one_copy);
	return packsums_gather(d->r, blobtable_packs(d->table), d->sums, err);
}

static struct packtable *over_packs(struct catalog *c)
{
	return over_of(c)->sums;
}

static size_t over_several(struct catalog *c, unsigned bit, unsigned several)
{
	return copies_mark(over_of(c)->table, bit, several);
}

static struct packtable *over_share(struct catalog *c)
{
	return blobtable_packs(over_of(c)->table);
}

static void over_free(struct catalog *c)
{
	struct catalog_ranks *d = over_of(c);

	questions_free(d->qs);
	hashtab_free(d->firsts);
	packtable_free(d->sums);
	moves_free(d->moves);
	blobtable_free(d->own);
	mem_free(d);
}

static const struct catalog_vtable over_vtable = {.load = over_load,
	.claim = over_claim,
	.find = over_find,
	.first = over_first,
	.mark = over_mark,
	.flush = over_flush,
	.each = over_each,
	.gather = over_gather,
	.packs = over_packs,
	.several = over_several,
	.share = over_share,
	.move = over_move,
	.list = over_list,
	.free = over_free};

static const struct questions_kind kinds[KINDS] = {
	[CLAIMS] = {1, claim_reply, claim_answered},
	[FINDS] = {0, find_reply, find_answered},
	[FIRSTS] = {1, first_reply, first_answered},
	[MARKS] = {1, mark_reply, mark_answered},
	[LISTS] = {0, list_reply, list_answered},
};

struct catalog *catalog_ranks_new(struct router *r, struct blobtable *mine)
{
	struct catalog_ranks *d;

	if (router_size(r) == 1)
		return catalog_local_new(mine);
	d = mem_zalloc(sizeof(*d));
	d->c.vt = &over_vtable;
	d->r = r;
	d->own = mine ? NULL : blobtable_new();
	d->table = mine ? mine : d->own;
	d->firsts = firsts_new();
	d->sums = packtable_new();
	d->qs = questions_new(r, kinds, KINDS, d);
	return &d->c;
}
