#include "ranks/pending.h"
#include "base/mem.h"
#include <string.h>

/* A message: u32 slot, u32 child, u8 whether there are bytes, the bytes. */
#define OVERHEAD 64

struct slot {
	void *user;       /* NULL: vacant */
	uint32_t n;       /* children */
	uint32_t left;    /* of them, not settled; and the opener */
	uint8_t *settled; /* a bit a child */
};

struct pending {
	struct router *r;
	unsigned tag;
	struct pending_ops ops;
	struct slot *slot;
	uint32_t n, cap;
	uint32_t *vacant; /* numbers */
	uint32_t n_vacant;
};

void dirref_put(struct buf *b, const struct dirref *d)
{
	wire_put_u32(b, d->rank);
	wire_put_u32(b, d->slot);
	wire_put_u32(b, d->child);
}

void dirref_get(struct wire_in *w, struct dirref *d)
{
	d->rank = wire_u32(w);
	d->slot = wire_u32(w);
	d->child = wire_u32(w);
}

/* ---- slots ---- */

static size_t bytes_for(uint32_t n)
{
	return ((size_t)n + 7) / 8;
}

uint32_t pending_open(struct pending *p, void *user, uint32_t n)
{
	uint32_t at;

	if (p->n_vacant) {
		at = p->vacant[--p->n_vacant];
	} else {
		if (p->n == p->cap) {
			p->cap = p->cap ? 2 * p->cap : 64;
			p->slot = mem_regrow(p->slot, p->cap, sizeof(*p->slot));
			p->vacant = mem_regrow(p->vacant, p->cap, sizeof(*p->vacant));
		}
		at = p->n++;
	}
	p->slot[at] = (struct slot){user, 0, 1, NULL};
	pending_more(p, at, n);
	return at;
}

uint32_t pending_more(struct pending *p, uint32_t slot, uint32_t n)
{
	struct slot *s = &p->slot[slot];
	size_t had = bytes_for(s->n), need = bytes_for(s->n + n);
	uint32_t first = s->n;

	if (need > had) {
		s->settled = mem_regrow(s->settled, need, 1);
		memset(s->settled + had, 0, need - had);
	}
	s->n += n;
	s->left += n;
	return first;
}

static void close_slot(struct pending *p, uint32_t slot)
{
	mem_free(p->slot[slot].settled);
	p->slot[slot] = (struct slot){0};
	p->vacant[p->n_vacant++] = slot;
}

static void one_less(struct pending *p, uint32_t slot)
{
	void *user = p->slot[slot].user;

	if (--p->slot[slot].left)
		return;
	close_slot(p, slot);
	p->ops.full(p->ops.arg, user);
}

/* False: nobody waits for it. */
static bool mark(struct pending *p, uint32_t slot, uint32_t child)
{
	struct slot *s = slot < p->n ? &p->slot[slot] : NULL;
	uint8_t bit = (uint8_t)(1u << child % 8);

	if (!s || !s->user || child >= s->n || (s->settled[child / 8] & bit))
		return false;
	s->settled[child / 8] |= bit;
	return true;
}

static void nobody_waits(struct pending *p, uint32_t slot, uint32_t child)
{
	struct err e;

	err_set(&e, ERR_INVALID,
		"a result for directory %u, entry %u, which nobody waits for: this is an error in "
		"the program",
		slot, child);
	p->ops.failed(p->ops.arg, &e);
}

void pending_ready(struct pending *p, uint32_t slot, uint32_t child)
{
	if (mark(p, slot, child))
		p->slot[slot].left--;
	else
		nobody_waits(p, slot, child);
}

void pending_opened(struct pending *p, uint32_t slot)
{
	one_less(p, slot);
}

size_t pending_count(const struct pending *p)
{
	return p->n - p->n_vacant;
}

/* ---- results ---- */

static void settle_here(struct pending *p, uint32_t slot, uint32_t child, uint8_t *bytes, size_t n)
{
	if (!mark(p, slot, child)) {
		mem_free(bytes);
		nobody_waits(p, slot, child);
		return;
	}
	p->ops.child(p->ops.arg, p->slot[slot].user, child, bytes, n);
	one_less(p, slot);
}

void pending_settle(struct pending *p, const struct dirref *up, uint8_t *bytes, size_t n)
{
	struct err e;
	struct buf m;

	if (up->rank == (uint32_t)router_rank(p->r)) {
		settle_here(p, up->slot, up->child, bytes, n);
		return;
	}
	if (n > COMM_MAX - OVERHEAD || up->rank >= (uint32_t)router_size(p->r)) {
		mem_free(bytes);
		err_set(&e, ERR_NOMEM,
			"a node of %zu bytes is too large to be sent to another rank", n);
		p->ops.failed(p->ops.arg, &e);
		return;
	}
	buf_init(&m, COMM_MAX);
	wire_put_u32(&m, up->slot);
	wire_put_u32(&m, up->child);
	wire_put_u8(&m, bytes != NULL);
	wire_put_bytes(&m, bytes, n);
	mem_free(bytes);
	if (p->ops.sent)
		p->ops.sent(p->ops.arg);
	router_send(p->r, (int)up->rank, p->tag, &m);
}

static void on_result(void *arg, struct comm_msg *m)
{
	struct pending *p = arg;
	struct wire_in w;
	uint32_t slot, child;
	const uint8_t *bytes;
	struct err e;
	bool there;
	size_t n;

	wire_in_init(&w, m->data.p, m->data.len);
	slot = wire_u32(&w);
	child = wire_u32(&w);
	there = wire_u8(&w);
	bytes = wire_bytes(&w, &n);
	if (wire_done(&w)) {
		settle_here(p, slot, child, there ? mem_dup(bytes, n) : NULL, there ? n : 0);
	} else {
		err_set(&e, ERR_INVALID, "a damaged result from rank %d", m->from);
		p->ops.failed(p->ops.arg, &e);
	}
	if (p->ops.came)
		p->ops.came(p->ops.arg);
}

struct pending *pending_new(struct router *r, unsigned tag, const struct pending_ops *ops)
{
	struct pending *p = mem_zalloc(sizeof(*p));

	p->r = r;
	p->tag = tag;
	p->ops = *ops;
	router_on(r, tag, on_result, p);
	return p;
}

void pending_free(struct pending *p, void (*drop)(void *slot))
{
	if (!p)
		return;
	router_on(p->r, p->tag, NULL, NULL);
	for (uint32_t i = 0; i < p->n; i++) {
		if (p->slot[i].user && drop)
			drop(p->slot[i].user);
		mem_free(p->slot[i].settled);
	}
	mem_free(p->slot);
	mem_free(p->vacant);
	mem_free(p);
}
