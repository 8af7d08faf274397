#include "engine/prune_plan.h"
#include "base/mem.h"
#include <stdlib.h>

#define SMALL_FEW 10 /* fewer packs that are only too small are left as they are */
#define SMALL_MIN ((uint64_t)4 << 20)

struct plan {
	const struct prune_rules *r;
	struct prune_pack *p;
	size_t n;
	struct prune_stats *s;
	uint64_t small;      /* a pack of fewer bytes is too small */
	struct candidate *c; /* those that may be written anew */
	size_t candidates;
};

struct candidate {
	struct prune_pack *p;
	bool no_data; /* it is cheap, and its trees are read often: limited by max_repack alone */
	bool small, compress;
	bool only_small;
};

static uint64_t size_of(const struct prune_pack *p)
{
	return p->used + p->unused;
}

static bool is_data(const struct prune_pack *p)
{
	return p->data && !p->tree;
}

static bool is_mixed(const struct prune_pack *p)
{
	return p->data && p->tree;
}

/* ---- what is too small ---- */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Well below what all but the smallest packs have: a repository whose packs were small for years
 * is not written anew as a whole. */
static uint64_t small_by_others(const struct plan *l)
{
	uint64_t *size = mem_array(l->n + 1, sizeof(*size)), at = SMALL_MIN;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->p[i].listed)
			size[n++] = l->p[i].file;
	if (n) {
		qsort(size, n, sizeof(*size), by_size);
		if (size[3 * n / 100] > at)
			at = size[3 * n / 100];
	}
	mem_free(size);
	return at / 5 * 4;
}

/* ---- the packs one by one ---- */

static void count_pack(struct prune_stats *s, const struct prune_pack *p)
{
	if (!p->used_blobs)
		s->packs.unused++;
	else if (!p->unused_blobs)
		s->packs.used++;
	else
		s->packs.partly_used++;
	if (p->raw)
		s->bytes.uncompressed += size_of(p);
}

static void remove_pack(struct prune_stats *s, struct prune_pack *p)
{
	p->fate = PRUNE_REMOVE;
	s->blobs.remove += p->unused_blobs;
	s->bytes.remove += p->unused;
}

static void keep_pack(struct prune_stats *s, struct prune_pack *p)
{
	p->fate = PRUNE_KEEP;
	s->packs.keep++;
}

static void repack(struct prune_stats *s, struct prune_pack *p)
{
	p->fate = PRUNE_REPACK;
	s->packs.repack++;
	s->blobs.repack += p->unused_blobs + p->used_blobs;
	s->bytes.repack += size_of(p);
	s->blobs.repack_remove += p->unused_blobs;
	s->bytes.repack_remove += p->unused;
	if (p->raw)
		s->bytes.uncompressed -= size_of(p);
}

static void candidate(struct plan *l, struct prune_pack *p, bool compress, bool only_small)
{
	l->c[l->candidates++] = (struct candidate){.p = p,
		.no_data = !is_data(p),
		.small = size_of(p) < l->small,
		.compress = compress,
		.only_small = only_small};
}

/* Returns 1 for one that must not be as it is. */
static size_t judge(struct plan *l, struct prune_pack *p)
{
	bool compress = l->r->version >= 2 && p->raw &&
			((p->tree && !p->data) || l->r->uncompressed);

	if (!p->listed && p->used_blobs) {
		p->fate = PRUNE_MISSING;
		return 1;
	}
	if (!p->listed) {
		remove_pack(l->s, p);
		return 0;
	}
	if (size_of(p) != p->file && p->used_blobs) {
		p->fate = PRUNE_WRONG_SIZE;
		return 1;
	}
	count_pack(l->s, p);
	if (!p->used_blobs) {
		remove_pack(l->s, p);
		l->s->packs.remove++;
	} else if (l->r->cacheable_only && is_data(p)) {
		keep_pack(l->s, p);
	} else if (p->unused_blobs || is_mixed(p) || compress) {
		candidate(l, p, compress, false);
	} else if (p->file < l->small) {
		candidate(l, p, compress, true);
	} else {
		keep_pack(l->s, p);
	}
	return 0;
}

/* ---- the candidates ---- */

static void leave_few_small(struct plan *l)
{
	size_t small = 0, n = 0;

	for (size_t i = 0; i < l->candidates; i++)
		small += l->c[i].only_small;
	if (small >= SMALL_FEW)
		return;
	for (size_t i = 0; i < l->candidates; i++) {
		if (l->c[i].only_small)
			keep_pack(l->s, l->c[i].p);
		else
			l->c[n++] = l->c[i];
	}
	l->candidates = n;
}

/* Those with the largest part that is not used first; before them what has trees, and small ones.
 */
static int by_need(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	uint64_t wa, wb;

	if (a->no_data != b->no_data)
		return a->no_data ? -1 : 1;
	if (a->small != b->small)
		return a->small ? -1 : 1;
	wa = a->p->unused * b->p->used;
	wb = b->p->unused * a->p->used;
	if (wa != wb)
		return wa > wb ? -1 : 1;
	return id_cmp(&a->p->id, &b->p->id);
}

static uint64_t may_stay_unused(const struct plan *l)
{
	if (l->r->unused == PRUNE_UNLIMITED)
		return UINT64_MAX;
	if (l->r->unused == PRUNE_BYTES)
		return l->r->bytes;
	return (uint64_t)(l->r->percent / (100 - l->r->percent) * (double)l->s->bytes.used);
}

static void choose(struct plan *l)
{
	struct prune_stats *s = l->s;
	uint64_t limit = may_stay_unused(l);

	if (l->candidates)
		qsort(l->c, l->candidates, sizeof(*l->c), by_need);
	for (size_t i = 0; i < l->candidates; i++) {
		struct candidate *c = &l->c[i];
		uint64_t stays = s->bytes.duplicate + s->bytes.unused - s->bytes.remove -
				 s->bytes.repack_remove;

		if (s->bytes.repack + size_of(c->p) >= l->r->max_repack)
			keep_pack(s, c->p);
		else if (!c->no_data && !c->compress && stays < limit && !c->small)
			keep_pack(s, c->p);
		else
			repack(s, c->p);
	}
}

size_t prune_plan(const struct prune_rules *r, struct prune_pack *p, size_t n,
	struct prune_stats *s)
{
	struct plan l = {.r = r, .p = p, .n = n, .s = s};
	size_t bad = 0;

	l.small = r->smaller_than ? r->smaller_than : small_by_others(&l);
	l.c = mem_array(n + 1, sizeof(*l.c));
	for (size_t i = 0; i < n; i++)
		bad += judge(&l, &p[i]);
	leave_few_small(&l);
	choose(&l);
	if (r->version < 2)
		s->bytes.uncompressed = 0;
	mem_free(l.c);
	return bad;
}
