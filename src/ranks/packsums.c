/*
 * PARTS: for each pack its id, u64 size of what is in it, digest, marked_bytes, u32 blobs, marked,
 * raw, u8 (bit 0 data, bit 1 tree). ALL:   nothing: the last message of each rank; messages between
 * two ranks stay in order.
 */
#include "ranks/packsums.h"
#include "base/mem.h"
#include "format/pack.h"
#include "ranks/catalog_owner.h"

#define WINDOW     ((size_t)8 << 20) /* bytes on their way */
#define PARCEL_MAX ((size_t)64 << 10)
#define PART_SIZE  (ID_SIZE + 3 * 8 + 3 * 4 + 1)

enum { PARTS, ALL, TAGS };

struct gather {
	struct router *r;
	struct packtable *parts, *sums;
	unsigned tag;
	struct buf *box; /* one for each rank */
	size_t parcel;   /* a box of so many bytes is sent */
	bool to_0;       /* all of it goes to rank 0 */
	size_t next;     /* of the parts */
	int all;         /* ranks that have told everything */
	bool told;       /* this one has */
	struct err err;
};

static void put_part(struct buf *b, const struct catalog_pack *p)
{
	wire_put_id(b, &p->id);
	wire_put_u64(b, p->size - PACK_OVERHEAD);
	wire_put_u64(b, p->digest);
	wire_put_u64(b, p->marked_bytes);
	wire_put_u32(b, p->blobs);
	wire_put_u32(b, p->marked);
	wire_put_u32(b, p->raw);
	wire_put_u8(b, (uint8_t)((unsigned)p->data | (unsigned)p->tree << 1));
}

static void add_part(struct gather *g, struct wire_in *w)
{
	struct catalog_pack *p;
	struct id pack;
	uint8_t flags;

	wire_id(w, &pack);
	p = packtable_at(g->sums, packtable_number(g->sums, &pack));
	p->size += wire_u64(w);
	p->digest += wire_u64(w);
	p->marked_bytes += wire_u64(w);
	p->blobs += wire_u32(w);
	p->marked += wire_u32(w);
	p->raw += wire_u32(w);
	flags = wire_u8(w);
	p->data |= flags & 1;
	p->tree |= flags >> 1 & 1;
}

static void on_parts(void *arg, struct comm_msg *m)
{
	struct gather *g = arg;
	struct wire_in w;

	if (m->data.len % PART_SIZE) {
		err_set(&g->err, ERR_INVALID, "damaged message with sums of packs from rank %d",
			m->from);
		return;
	}
	wire_in_init(&w, m->data.p, m->data.len);
	while (w.p < w.end)
		add_part(g, &w);
}

static void on_all(void *arg, struct comm_msg *m)
{
	(void)m;
	((struct gather *)arg)->all++;
}

static void ship(struct gather *g, int to)
{
	if (g->box[to].len)
		router_send(g->r, to, g->tag + PARTS, &g->box[to]);
	buf_init(&g->box[to], COMM_MAX);
}

static void tell_all(struct gather *g)
{
	for (int to = 0; to < router_size(g->r); to++) {
		struct buf nothing;

		ship(g, to);
		buf_init(&nothing, COMM_MAX);
		router_send(g->r, to, g->tag + ALL, &nothing);
	}
	g->told = true;
}

/* Some more, when the last was taken; true when everybody has told everything. */
static bool goes_on(void *arg)
{
	struct gather *g = arg;
	size_t bytes = 0;

	if (g->told)
		return g->all == router_size(g->r);
	if (!router_sent(g->r))
		return false;
	for (; g->next < packtable_count(g->parts) && bytes < WINDOW; g->next++) {
		const struct catalog_pack *p = packtable_at(g->parts, g->next);
		int owner = g->to_0 ? 0 : catalog_owner(&p->id, router_size(g->r));

		put_part(&g->box[owner], p);
		if (g->box[owner].len < g->parcel)
			continue;
		bytes += g->box[owner].len;
		ship(g, owner);
	}
	if (g->next == packtable_count(g->parts))
		tell_all(g);
	return false;
}

static void reset(struct packtable *sums)
{
	for (size_t i = 0; i < packtable_count(sums); i++) {
		struct catalog_pack *p = packtable_at(sums, i);

		*p = (struct catalog_pack){.id = p->id, .size = PACK_OVERHEAD, .user = p->user};
	}
}

static int gather(struct gather *g, struct err *err)
{
	struct router *r = g->r;
	size_t size = (size_t)router_size(r);

	g->parcel = WINDOW / size < PARCEL_MAX ? WINDOW / size : PARCEL_MAX;
	g->box = mem_array(size, sizeof(*g->box));
	for (size_t i = 0; i < size; i++)
		buf_init(&g->box[i], COMM_MAX);
	reset(g->sums);
	g->tag = router_tags(r, TAGS);
	router_open(r, g->tag + PARTS, on_parts, g);
	router_open(r, g->tag + ALL, on_all, g);
	loop_until_fn(router_loop(r), goes_on, g);
	router_close(r, g->tag + PARTS);
	router_close(r, g->tag + ALL);
	router_tags_free(r, g->tag, TAGS);
	mem_free(g->box);
	return g->err.code ? err_copy(err, &g->err) : 0;
}

int packsums_gather(struct router *r, struct packtable *parts, struct packtable *sums,
	struct err *err)
{
	return gather(&(struct gather){.r = r, .parts = parts, .sums = sums}, err);
}

int packsums_collect(struct router *r, struct packtable *mine, struct packtable *all,
	struct err *err)
{
	return gather(&(struct gather){.r = r, .parts = mine, .sums = all, .to_0 = true}, err);
}

static void put_users(struct packtable *all, struct buf *b)
{
	for (size_t i = 0; i < packtable_count(all); i++) {
		const struct catalog_pack *p = packtable_at(all, i);

		if (!p->user)
			continue;
		wire_put_id(b, &p->id);
		wire_put_u32(b, p->user);
	}
}

void packsums_tell(struct agree *a, struct packtable *all, struct packtable *parts)
{
	struct wire_in w;
	struct buf b;

	buf_init(&b, COMM_MAX);
	if (all)
		put_users(all, &b);
	agree_bcast(a, &b);
	for (size_t i = 0; i < packtable_count(parts); i++)
		packtable_at(parts, i)->user = 0;
	wire_in_init(&w, b.p, b.len);
	while (w.p < w.end && !w.bad) {
		struct catalog_pack *p;
		struct id id;
		uint16_t user;

		wire_id(&w, &id);
		user = (uint16_t)wire_u32(&w);
		p = packtable_find(parts, &id);
		if (p)
			p->user = user;
	}
	buf_release(&b);
}
