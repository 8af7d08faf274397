#include "engine/check_index.h"
#include "base/hashtab.h"
#include "base/le.h"
#include "base/mem.h"
#include <pthread.h>

/* What the index files say about one pack. */
struct named {
	struct id pack;
	uint64_t sum;  /* of its blobs in the first file that names it */
	uint64_t last; /* the latest file that did */
	uint32_t files;
	bool differ;
};

struct load {
	const struct check_index_events *ev;
	pthread_mutex_t lock; /* of what follows */
	struct hashtab *packs;
	struct id *empty; /* files that name no packs */
	size_t n_empty;
};

static void on_pack(void *arg, const struct id *index, const struct id *pack, const struct blob *b,
	size_t n)
{
	struct load *l = arg;
	uint64_t sum = n, file = le64_get(index->b);
	struct named *p;
	bool is_new;

	for (size_t i = 0; i < n; i++)
		sum += blob_digest(&b[i]);
	pthread_mutex_lock(&l->lock);
	p = hashtab_add(l->packs, pack, &is_new);
	if (is_new) {
		*p = (struct named){.pack = *pack, .sum = sum, .last = file, .files = 1};
	} else {
		/* Restic writes all of a pack into one file, at one place. */
		p->differ |= p->sum != sum;
		p->files += p->last != file;
		p->last = file;
	}
	pthread_mutex_unlock(&l->lock);
}

static void on_file(void *arg, const struct id *index, size_t packs)
{
	struct load *l = arg;

	if (packs)
		return;
	pthread_mutex_lock(&l->lock);
	l->empty = mem_regrow(l->empty, l->n_empty + 1, sizeof(*l->empty));
	l->empty[l->n_empty++] = *index;
	pthread_mutex_unlock(&l->lock);
}

static int on_damaged(void *arg, const struct id *index, const struct err *e)
{
	const struct load *l = arg;

	l->ev->damaged(l->ev->arg, index, e);
	return 0;
}

int check_index_load(struct repo *r, struct catalog *cat, const struct check_index_events *ev,
	struct err *err)
{
	struct load l = {.ev = ev};
	struct catalog_watch w = {on_damaged, on_pack, on_file, &l};
	int rc;

	pthread_mutex_init(&l.lock, NULL);
	l.packs = hashtab_new(sizeof(struct named), ID_SIZE, 0);
	rc = catalog_load(cat, r, &w, NULL, err);
	if (rc == 0)
		rc = catalog_gather(cat, 0, err);
	for (size_t i = 0; rc == 0 && i < catalog_packs(cat); i++) {
		const struct named *p = hashtab_find(l.packs, &catalog_pack(cat, i)->id);

		if (p && p->files > 1)
			ev->twice(ev->arg, &p->pack, p->files, p->differ);
	}
	for (size_t i = 0; rc == 0 && i < l.n_empty; i++)
		ev->empty(ev->arg, &l.empty[i]);
	mem_free(l.empty);
	hashtab_free(l.packs);
	pthread_mutex_destroy(&l.lock);
	return rc;
}
