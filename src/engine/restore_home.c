#include "engine/restore_home.h"
#include "base/le.h"
#include "base/mem.h"
#include "ranks/catalog_owner.h"
#include <stdlib.h>
#include <string.h>

struct restore_homes {
	uint64_t *key; /* the first bytes of each id, sorted */
	size_t n;
	int ranks;
};

static uint64_t key_of(const struct id *pack)
{
	return le64_get(pack->b);
}

static int by_key(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* This rank's share of the data packs. */
static void put_own(struct catalog *c, struct buf *b)
{
	for (size_t i = 0; i < catalog_packs(c); i++) {
		const struct catalog_pack *p = catalog_pack(c, i);

		if (p->data)
			wire_put_u64(b, key_of(&p->id));
	}
}

/* Rank 0 hears of all, and tells all. */
static void share(struct router *r, struct agree *a, struct buf *b)
{
	size_t n = (size_t)router_size(r);
	struct buf *of_rank = NULL;

	if (router_rank(r) == 0) {
		of_rank = mem_array(n, sizeof(*of_rank));
		for (size_t i = 0; i < n; i++)
			buf_init(&of_rank[i], COMM_MAX);
	}
	agree_gather(a, b, of_rank);
	buf_init(b, COMM_MAX);
	for (size_t i = 0; of_rank && i < n; i++) {
		buf_add(b, of_rank[i].p, of_rank[i].len);
		buf_release(&of_rank[i]);
	}
	mem_free(of_rank);
	agree_bcast(a, b);
}

int restore_homes_new(struct router *r, struct agree *a, struct catalog *c,
	struct restore_homes **out, struct err *err)
{
	struct restore_homes *h;
	struct wire_in in;
	struct buf b;
	int rc = catalog_gather(c, 0, err);

	*out = NULL;
	if (rc)
		return rc;
	buf_init(&b, COMM_MAX);
	put_own(c, &b);
	share(r, a, &b);
	h = mem_zalloc(sizeof(*h));
	h->ranks = router_size(r);
	h->n = b.len / sizeof(uint64_t);
	h->key = mem_array(h->n + 1, sizeof(*h->key));
	wire_in_init(&in, b.p, b.len);
	for (size_t i = 0; i < h->n; i++)
		h->key[i] = wire_u64(&in);
	qsort(h->key, h->n, sizeof(*h->key), by_key);
	buf_release(&b);
	*out = h;
	return 0;
}

void restore_homes_free(struct restore_homes *h)
{
	if (!h)
		return;
	mem_free(h->key);
	mem_free(h);
}

int restore_homes_of(const struct restore_homes *h, const struct id *pack)
{
	uint64_t key = key_of(pack);
	const uint64_t *at = bsearch(&key, h->key, h->n, sizeof(key), by_key);

	/* What an index file that came meanwhile names. */
	if (!at)
		return catalog_owner(pack, h->ranks);
	return (int)((size_t)(at - h->key) % (size_t)h->ranks);
}
