/*
 * A rank owns blobs, and packs; what its blobs say of packs is added up at the packs' owners, and
 * all of it on rank 0.
 *
 * Where blobs lie in several packs it is added up three times: with all copies; of those blobs
 * alone; and, when each pack has a worth by that, with the one copy that counts (repo/copies.h).
 */
#include "engine/prune_priv.h"
#include "base/mem.h"
#include "format/pack.h"
#include "ranks/packsums.h"
#include <stdlib.h>

/* The sums of all packs, on rank 0; for this alone the numbers of packs change. */
static int collect(struct prune *p, int rc, struct err *err)
{
	struct packtable *mine = catalog_table(p->catalog), *none = packtable_new();

	if (router_size(p->router) > 1) {
		packtable_free(p->own);
		p->own = packtable_new();
		/* After an error its sums are of no use; but all wait for each. */
		packsums_collect(p->router, rc ? none : mine, p->own, err);
	}
	packtable_free(none);
	p->packs = p->own ? p->own : mine;
	return agree_all(p->agree, err);
}

/* Without what is no blob. */
static uint64_t blob_bytes(const struct catalog_pack *k)
{
	return k->size - PACK_OVERHEAD - 41 * (uint64_t)k->blobs + 4 * (uint64_t)k->raw;
}

/* ---- what the store has ---- */

static int pack_listed(void *arg, const struct id *name, uint64_t size)
{
	struct prune *p = arg;
	struct catalog_pack *k = packtable_find(p->packs, name);

	if (k) {
		struct prune_pack *e = &p->plan[k - packtable_at(p->packs, 0)];

		e->listed = true;
		e->file = size;
		return 0;
	}
	prune_ids_add(&p->unreferenced, name);
	p->res->stats.packs.unreferenced++;
	p->res->stats.bytes.unreferenced += size;
	return 0;
}

struct listing {
	struct prune *p;
	struct err err;
};

static void list(void *arg)
{
	struct listing *l = arg;

	backend_list(l->p->repo->be, BACKEND_PACK, pack_listed, l->p, &l->err);
}

static int begin_plan(struct prune *p, struct err *err)
{
	struct listing l = {.p = p};

	p->n_plan = packtable_count(p->packs);
	p->plan = mem_array(p->n_plan + 1, sizeof(*p->plan));
	for (size_t i = 0; i < p->n_plan; i++) {
		const struct catalog_pack *k = packtable_at(p->packs, i);

		p->plan[i] = (struct prune_pack){.id = k->id,
			.data = k->data,
			.tree = k->tree,
			.raw = k->raw > 0,
			.used_blobs = k->marked,
			.unused_blobs = k->blobs - k->marked};
	}
	router_aside(p->router, list, &l);
	return err_copy(err, &l.err);
}

/* ---- the copy that counts ---- */

struct worth {
	struct catalog_pack *k;
	uint64_t class; /* below */
	uint64_t size;
};

#define PARTS ((uint64_t)1 << 20)

/*
 * How good it is that a needed blob counts here: the part of the pack that is needed; above all
 * what is needed whole, and there what cannot go anyway before what may turn out to be a copy from
 * one end to the other; least what is not there, and what goes in any case.
 */
static uint64_t class_of(const struct prune *p, const struct prune_pack *e,
	const struct catalog_pack *k, uint64_t needed)
{
	bool compress = p->repo->config.version >= 2 && e->raw &&
			(p->opt->rules.uncompressed || (e->tree && !e->data));
	uint64_t part = e->unused_blobs ? PARTS * needed / (blob_bytes(k) + 1) : PARTS;

	if (!e->listed || e->file != k->size)
		return 0;
	if (compress)
		return 1 + part;
	if (e->unused_blobs)
		return 2 + PARTS + part;
	return 3 + 2 * PARTS + (e->used_blobs > k->marked);
}

/* The best last; of those that are alike the smaller one is. */
static int by_worth(const void *x, const void *y)
{
	const struct worth *a = x, *b = y;

	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return id_cmp(&a->k->id, &b->k->id);
}

/* p->packs has the sums of blobs with several copies, needed[] those with all copies.  More packs
 * than there are numbers share them. */
static void set_worth(struct prune *p, const uint64_t *needed)
{
	struct worth *w = mem_array(p->n_plan + 1, sizeof(*w));
	size_t n = 0;

	for (size_t i = 0; i < p->n_plan; i++) {
		struct catalog_pack *k = packtable_find(p->packs, &p->plan[i].id);

		if (!k)
			continue;
		k->user = 0;
		if (!k->marked)
			continue;
		w[n++] = (struct worth){k, class_of(p, &p->plan[i], k, needed[i]), k->size};
	}
	qsort(w, n, sizeof(*w), by_worth);
	for (size_t i = 0; i < n; i++)
		w[i].k->user = (uint16_t)(n < UINT16_MAX ? i + 1 : 1 + i * (UINT16_MAX - 1) / n);
	mem_free(w);
}

static uint64_t *needed_bytes(const struct prune *p)
{
	uint64_t *v = mem_array(p->n_plan + 1, sizeof(*v));

	for (size_t i = 0; i < p->n_plan; i++)
		v[i] = packtable_at(p->packs, i)->marked_bytes;
	return v;
}

static int count_one_copy(struct prune *p, struct err *err)
{
	uint64_t *needed = needed_bytes(p);
	int rc = collect(p, catalog_gather(p->catalog, 1u << PRUNE_SEVERAL, err), err);

	if (!rc) {
		set_worth(p, needed);
		packsums_tell(p->agree, p->packs, catalog_share(p->catalog));
		rc = collect(p, catalog_gather_one(p->catalog, PRUNE_NEEDED, err), err);
	}
	mem_free(needed);
	return rc;
}

/* ---- the figures ---- */

/* All copies count as duplicates at first. */
static void add_needed(struct prune *p)
{
	struct prune_stats *s = &p->res->stats;

	for (size_t i = 0; i < p->n_plan; i++) {
		const struct catalog_pack *k = packtable_at(p->packs, i);

		s->blobs.duplicate += k->marked;
		s->bytes.duplicate += k->marked_bytes;
		s->blobs.unused += k->blobs - k->marked;
		s->bytes.unused += blob_bytes(k) - k->marked_bytes;
	}
}

static void add_counted(struct prune *p)
{
	struct prune_stats *s = &p->res->stats;

	for (size_t i = 0; i < p->n_plan; i++) {
		struct prune_pack *e = &p->plan[i];
		const struct catalog_pack *k = packtable_find(p->packs, &e->id);

		if (!k)
			continue;
		e->used_blobs = k->marked;
		e->unused_blobs = k->blobs - k->marked;
		e->unused = blob_bytes(k) - k->marked_bytes;
		e->used = k->size - e->unused;
		s->blobs.used += k->marked;
		s->bytes.used += k->marked_bytes;
	}
	s->blobs.duplicate -= s->blobs.used;
	s->bytes.duplicate -= s->bytes.used;
}

int prune_sums(struct prune *p, struct err *err)
{
	int rc = collect(p, catalog_gather(p->catalog, 1u << PRUNE_NEEDED, err), err);
	uint64_t n[2] = {0, atomic_load(&p->named)};
	bool leads = !router_rank(p->router);

	if (rc)
		return rc;
	if (leads && !begin_plan(p, err))
		add_needed(p);
	rc = agree_all(p->agree, err);
	if (rc)
		return rc;
	n[0] = catalog_several(p->catalog, PRUNE_NEEDED, PRUNE_SEVERAL);
	agree_sum(p->agree, n, 2);
	p->named_twice = n[1] > p->n_plan;
	if (prune_agreed(p, n[0] > 0))
		rc = count_one_copy(p, err);
	if (!rc && leads)
		add_counted(p);
	return rc;
}

void prune_sums_tell(struct prune *p)
{
	static const enum catalog_fate of[] = {[PRUNE_KEEP] = CATALOG_STAYS,
		[PRUNE_REPACK] = CATALOG_MOVES,
		[PRUNE_REMOVE] = CATALOG_GOES};

	for (size_t i = 0; i < p->n_plan; i++)
		packtable_find(p->packs, &p->plan[i].id)->user = (uint16_t)of[p->plan[i].fate];
	packsums_tell(p->agree, p->packs, catalog_share(p->catalog));
}
