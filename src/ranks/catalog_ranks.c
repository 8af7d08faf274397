#include "ranks/catalog_ranks.h"
#include "base/hashtab.h"
#include "base/le.h"
#include "base/mem.h"
#include "repo/firsts.h"

/*
 * CLAIM:   u32 number of the batch, then for each question a byte (bit 0 type, bit 1 take, bit 2
 *          forget) and an id.   VERDICT: the number, a byte for
 *          each question.
 * FIND:    u32 number of the batch, then for each question a byte (type), an id, u32 nth.
 * PLACE:   the number, then for each question a byte (found) and, if found, pack id, u32 offset,
 *          length, plain.
 *
 * FIRST:   u32 number of the batch, then for each question two ids: key, what.   AGREES: the
 *          number, a byte for each question (agrees).
 *
 * An owner answers a rank's batches in the order they came, and messages between two ranks stay in
 * order, so answers belong to the oldest
 * batch that is out; the number only confirms it.
 */
#define BATCH_MAX 512

enum kind { CLAIMS, FINDS, FIRSTS, KINDS };

static const unsigned tags[KINDS] = {ROUTER_CLAIM, ROUTER_FIND, ROUTER_FIRST};

struct slot {
	void *q; /* struct catalog_claim, catalog_find or catalog_first */
	size_t i;
};

struct batch {
	struct batch *next;
	struct slot *slot;
	size_t n, room;
	struct buf msg;
	uint32_t no;
};

/* One kind of question to one owner. */
struct lane {
	struct batch *open;          /* still being filled */
	struct batch *first, **last; /* sent, oldest first */
	uint32_t next_no;
	bool listed; /* in catalog_ranks.listed */
};

struct catalog_ranks {
	struct catalog c;
	struct router *r;
	struct blobtable *cat;
	struct hashtab *firsts;
	struct lane *lanes; /* KINDS for each rank */
	size_t *listed;     /* numbers of the lanes that may have an open batch */
	size_t n_listed;
};

int catalog_owner(const struct id *id, int ranks)
{
	/* The last bytes, because tables inside a rank look at the first. */
	return (int)((uint64_t)le32_get(id->b + ID_SIZE - 4) * (uint64_t)ranks >> 32);
}

static struct catalog_ranks *over_of(struct catalog *c)
{
	return (struct catalog_ranks *)(void *)c;
}

static void batch_free(struct batch *b)
{
	buf_release(&b->msg);
	mem_free(b->slot);
	mem_free(b);
}

static void lane_send(struct catalog_ranks *d, size_t i)
{
	struct lane *l = &d->lanes[i];
	struct batch *b = l->open;

	if (!b)
		return;
	l->open = NULL;
	*l->last = b;
	l->last = &b->next;
	router_send(d->r, (int)(i / KINDS), tags[i % KINDS], &b->msg);
}

static void flush(struct catalog_ranks *d)
{
	for (size_t i = 0; i < d->n_listed; i++) {
		d->lanes[d->listed[i]].listed = false;
		lane_send(d, d->listed[i]);
	}
	d->n_listed = 0;
}

/* Room for one more question to this owner. */
static struct batch *batch_of(struct catalog_ranks *d, enum kind k, int owner)
{
	size_t i = (size_t)owner * KINDS + k;
	struct lane *l = &d->lanes[i];
	struct batch *b = l->open;

	if (!b) {
		b = l->open = mem_zalloc(sizeof(*b));
		buf_init(&b->msg, COMM_MAX);
		b->no = l->next_no++;
		wire_put_u32(&b->msg, b->no);
	}
	if (!l->listed) {
		l->listed = true;
		d->listed[d->n_listed++] = i;
	}
	return b;
}

/* The question itself is in the message: remember whose it is, and send when the batch is full. */
static void batch_added(struct catalog_ranks *d, enum kind k, int owner, struct batch *b, void *q,
	size_t i)
{
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->slot = mem_regrow(b->slot, b->room, sizeof(*b->slot));
	}
	b->slot[b->n].q = q;
	b->slot[b->n++].i = i;
	if (b->n == BATCH_MAX)
		lane_send(d, (size_t)owner * KINDS + k);
}

static void over_claim(struct catalog *c, struct catalog_claim *r)
{
	struct catalog_ranks *d = over_of(c);
	int me = router_rank(d->r), size = router_size(d->r);

	/* Nothing calls back before the end of the loop, so `missing` needs no guard. */
	r->missing = r->n;
	for (size_t i = 0; i < r->n; i++) {
		int owner = catalog_owner(&r->id[i], size);
		struct batch *b;

		if (owner == me) {
			r->verdict[i] = blobtable_claim(d->cat, r->take, r->forget, r->type,
				&r->id[i]);
			r->missing--;
			continue;
		}
		b = batch_of(d, CLAIMS, owner);
		wire_put_u8(&b->msg, (uint8_t)((unsigned)r->type | (unsigned)r->take << 1 |
					       (unsigned)r->forget << 2));
		wire_put_id(&b->msg, &r->id[i]);
		batch_added(d, CLAIMS, owner, b, r, i);
	}
	if (!r->missing)
		r->done(r);
}

static void over_find(struct catalog *c, struct catalog_find *f)
{
	struct catalog_ranks *d = over_of(c);
	int owner = catalog_owner(&f->id, router_size(d->r));
	struct batch *b;

	if (owner == router_rank(d->r)) {
		f->found = blobtable_find(d->cat, f->type, &f->id, f->nth, &f->place);
		f->done(f);
		return;
	}
	b = batch_of(d, FINDS, owner);
	wire_put_u8(&b->msg, (uint8_t)f->type);
	wire_put_id(&b->msg, &f->id);
	wire_put_u32(&b->msg, f->nth);
	batch_added(d, FINDS, owner, b, f, 0);
}

static void over_first(struct catalog *c, struct catalog_first *f)
{
	struct catalog_ranks *d = over_of(c);
	int owner = catalog_owner(&f->key, router_size(d->r));
	struct batch *b;

	if (owner == router_rank(d->r)) {
		f->agrees = firsts_agree(d->firsts, &f->key, &f->what);
		f->done(f);
		return;
	}
	b = batch_of(d, FIRSTS, owner);
	wire_put_id(&b->msg, &f->key);
	wire_put_id(&b->msg, &f->what);
	batch_added(d, FIRSTS, owner, b, f, 0);
}

static void on_claim(void *arg, struct comm_msg *m)
{
	struct catalog_ranks *d = arg;
	struct wire_in w;
	struct buf out;

	wire_in_init(&w, m->data.p, m->data.len);
	buf_init(&out, COMM_MAX);
	wire_put_u32(&out, wire_u32(&w));
	while (!w.bad && w.p < w.end) {
		uint8_t flags = wire_u8(&w);
		struct id id;

		wire_id(&w, &id);
		if (w.bad || flags > 7)
			break; /* the answer is too short, which tells the asker */
		wire_put_u8(&out, (uint8_t)blobtable_claim(d->cat, flags >> 1 & 1, flags >> 2,
					  (enum blob_type)(flags & 1), &id));
	}
	router_send(d->r, m->from, ROUTER_VERDICT, &out);
}

static void on_find(void *arg, struct comm_msg *m)
{
	struct catalog_ranks *d = arg;
	struct wire_in w;
	struct buf out;

	wire_in_init(&w, m->data.p, m->data.len);
	buf_init(&out, COMM_MAX);
	wire_put_u32(&out, wire_u32(&w));
	while (!w.bad && w.p < w.end) {
		uint8_t type = wire_u8(&w);
		struct catalog_place place;
		struct id id;
		uint32_t nth;

		wire_id(&w, &id);
		nth = wire_u32(&w);
		if (w.bad || type > 1)
			break;
		if (!blobtable_find(d->cat, (enum blob_type)type, &id, nth, &place)) {
			wire_put_u8(&out, 0);
			continue;
		}
		wire_put_u8(&out, 1);
		wire_put_id(&out, &place.pack);
		wire_put_u32(&out, place.blob.offset);
		wire_put_u32(&out, place.blob.length);
		wire_put_u32(&out, place.blob.plain);
	}
	router_send(d->r, m->from, ROUTER_PLACE, &out);
}

static void on_first(void *arg, struct comm_msg *m)
{
	struct catalog_ranks *d = arg;
	struct wire_in w;
	struct buf out;

	wire_in_init(&w, m->data.p, m->data.len);
	buf_init(&out, COMM_MAX);
	wire_put_u32(&out, wire_u32(&w));
	while (!w.bad && w.p < w.end) {
		struct id key, what;

		wire_id(&w, &key);
		wire_id(&w, &what);
		if (w.bad)
			break;
		wire_put_u8(&out, firsts_agree(d->firsts, &key, &what));
	}
	router_send(d->r, m->from, ROUTER_AGREES, &out);
}

/* The batch an answer belongs to, out of its lane; *ok says whether its number fits.  NULL when
 * none is out. */
static struct batch *answered(struct catalog_ranks *d, enum kind k, const struct comm_msg *m,
	struct wire_in *w, bool *ok)
{
	struct lane *l = &d->lanes[(size_t)m->from * KINDS + k];
	struct batch *b = l->first;

	wire_in_init(w, m->data.p, m->data.len);
	*ok = b && wire_u32(w) == b->no && !w->bad;
	if (!b)
		return NULL;
	l->first = b->next;
	if (!l->first)
		l->last = &l->first;
	return b;
}

static void damaged(struct catalog_ranks *d, const struct comm_msg *m)
{
	log_msg(&router_env(d->r)->log, LOG_ERROR, "damaged answer about blobs from rank %d",
		m->from);
}

/* Without a usable answer a blob is stored once more, which costs space; to believe that somebody
 * else stores it could cost data. */
static void on_verdict(void *arg, struct comm_msg *m)
{
	struct catalog_ranks *d = arg;
	struct wire_in w;
	bool ok;
	struct batch *b = answered(d, CLAIMS, m, &w, &ok);

	ok = ok && (size_t)(w.end - w.p) == b->n;
	if (!ok)
		damaged(d, m);
	for (size_t i = 0; b && i < b->n; i++) {
		struct catalog_claim *r = b->slot[i].q;
		uint8_t v = ok ? wire_u8(&w) : UINT8_MAX;

		if (v > CATALOG_ABSENT)
			r->verdict[b->slot[i].i] = r->take ? CATALOG_YOURS : CATALOG_ABSENT;
		else
			r->verdict[b->slot[i].i] = (enum catalog_verdict)v;
		if (!--r->missing)
			r->done(r);
	}
	if (b)
		batch_free(b);
}

static void get_place(struct wire_in *w, struct catalog_find *f)
{
	struct catalog_place p = {0};

	f->found = wire_u8(w) == 1;
	if (!f->found)
		return;
	wire_id(w, &p.pack);
	p.blob.id = f->id;
	p.blob.type = f->type;
	p.blob.offset = wire_u32(w);
	p.blob.length = wire_u32(w);
	p.blob.plain = wire_u32(w);
	f->found = !w->bad;
	f->place = p;
}

static void on_place(void *arg, struct comm_msg *m)
{
	struct catalog_ranks *d = arg;
	struct wire_in w;
	bool ok;
	struct batch *b = answered(d, FINDS, m, &w, &ok);

	for (size_t i = 0; b && i < b->n; i++) {
		struct catalog_find *f = b->slot[i].q;

		f->found = false;
		if (ok)
			get_place(&w, f);
		f->done(f);
	}
	if (!ok || !wire_done(&w))
		damaged(d, m);
	if (b)
		batch_free(b);
}

/* Without a usable answer nothing is known to be the same. */
static void on_agrees(void *arg, struct comm_msg *m)
{
	struct catalog_ranks *d = arg;
	struct wire_in w;
	bool ok;
	struct batch *b = answered(d, FIRSTS, m, &w, &ok);

	ok = ok && (size_t)(w.end - w.p) == b->n;
	if (!ok)
		damaged(d, m);
	for (size_t i = 0; b && i < b->n; i++) {
		struct catalog_first *f = b->slot[i].q;

		f->agrees = ok && wire_u8(&w) == 1;
		f->done(f);
	}
	if (b)
		batch_free(b);
}

static void over_flush(struct catalog *c)
{
	flush(over_of(c));
}

static void turn_end(void *arg)
{
	flush(arg);
}

static void over_free(struct catalog *c)
{
	struct catalog_ranks *d = over_of(c);

	router_off_turn(d->r, turn_end, d);
	router_close(d->r, ROUTER_CLAIM);
	router_close(d->r, ROUTER_VERDICT);
	router_close(d->r, ROUTER_FIND);
	router_close(d->r, ROUTER_PLACE);
	router_close(d->r, ROUTER_FIRST);
	router_close(d->r, ROUTER_AGREES);
	for (size_t i = 0; i < KINDS * (size_t)router_size(d->r); i++) {
		struct lane *l = &d->lanes[i];

		/* Normally none are left; their askers have gone. */
		if (l->open)
			batch_free(l->open);
		while (l->first) {
			struct batch *b = l->first;

			l->first = b->next;
			batch_free(b);
		}
	}
	hashtab_free(d->firsts);
	mem_free(d->lanes);
	mem_free(d->listed);
	mem_free(d);
}

static const struct catalog_vtable over_vtable = {.claim = over_claim,
	.find = over_find,
	.first = over_first,
	.flush = over_flush,
	.free = over_free};

struct catalog *catalog_ranks_new(struct router *r, struct blobtable *mine)
{
	struct catalog_ranks *d = mem_zalloc(sizeof(*d));
	size_t lanes = KINDS * (size_t)router_size(r);

	d->c.vt = &over_vtable;
	d->r = r;
	d->cat = mine;
	d->firsts = firsts_new();
	d->lanes = mem_array(lanes, sizeof(*d->lanes));
	d->listed = mem_array(lanes, sizeof(*d->listed));
	for (size_t i = 0; i < lanes; i++)
		d->lanes[i].last = &d->lanes[i].first;
	router_open(r, ROUTER_CLAIM, on_claim, d);
	router_open(r, ROUTER_VERDICT, on_verdict, d);
	router_open(r, ROUTER_FIND, on_find, d);
	router_open(r, ROUTER_PLACE, on_place, d);
	router_open(r, ROUTER_FIRST, on_first, d);
	router_open(r, ROUTER_AGREES, on_agrees, d);
	router_on_turn(r, turn_end, d);
	return &d->c;
}
