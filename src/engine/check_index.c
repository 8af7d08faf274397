#include "engine/check_index.h"
#include "base/hashtab.h"
#include "base/le.h"
#include "base/mem.h"
#include "repo/parallel.h"
#include <pthread.h>

/* What the index files say about one pack. */
struct named {
	struct id pack;
	uint64_t sum; /* of its blobs in the first file that names it */
	uint32_t last, files;
	bool differ;
};

struct load {
	struct repo *r;
	struct blobtable *cat;
	const struct check_index_events *ev;
	pthread_mutex_t lock; /* of what follows, and the catalog */
	struct hashtab *packs;
	uint32_t files;
	struct id *empty; /* files that name no packs */
	size_t n_empty;
};

/* One index file being read. */
struct file {
	struct load *l;
	uint32_t number;
	size_t packs; /* that it names */
};

/* The same for the same blobs in any order; that a wrong list has the same sum by chance is not to
 * be feared. */
static uint64_t sum_of(const struct blob *b, size_t n)
{
	uint64_t sum = n;

	for (size_t i = 0; i < n; i++) {
		uint64_t h = le64_get(b[i].id.b) ^ ((uint64_t)b[i].offset << 32 | b[i].length);

		h = (h ^ b[i].plain) * 0x9e3779b97f4a7c15u;
		sum += (h ^ h >> 29 ^ (uint64_t)b[i].type) * 0xbf58476d1ce4e5b9u;
	}
	return sum;
}

static int on_pack(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct file *f = arg;
	struct load *l = f->l;
	uint64_t sum = sum_of(b, n);
	struct named *p;
	bool is_new;

	f->packs++;
	pthread_mutex_lock(&l->lock);
	blobtable_add(l->cat, pack, b, n);
	p = hashtab_add(l->packs, pack, &is_new);
	if (is_new) {
		*p = (struct named){.pack = *pack, .sum = sum, .last = f->number, .files = 1};
	} else {
		/* Restic writes all of a pack into one file, at one place. */
		p->differ |= p->sum != sum;
		p->files += p->last != f->number;
		p->last = f->number;
	}
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static int load_file(void *arg, const struct id *id, struct err *err)
{
	struct file f = {.l = arg};
	struct load *l = arg;
	int rc;

	pthread_mutex_lock(&f.l->lock);
	f.number = ++f.l->files;
	pthread_mutex_unlock(&f.l->lock);
	rc = repo_load_index(l->r, id, on_pack, &f, err);
	if (!rc && !f.packs) {
		pthread_mutex_lock(&l->lock);
		l->empty = mem_regrow(l->empty, l->n_empty + 1, sizeof(*l->empty));
		l->empty[l->n_empty++] = *id;
		pthread_mutex_unlock(&l->lock);
	}
	return rc;
}

static int load_failed(void *arg, const struct id *id, const struct err *e)
{
	const struct load *l = arg;

	l->ev->damaged(l->ev->arg, id, e);
	return 0;
}

int check_index_load(struct repo *r, struct blobtable *cat, const struct check_index_events *ev,
	struct err *err)
{
	struct load l = {.r = r, .cat = cat, .ev = ev};
	int rc;

	pthread_mutex_init(&l.lock, NULL);
	l.packs = hashtab_new(sizeof(struct named), ID_SIZE, 0);
	rc = parallel_files(r, BACKEND_INDEX, load_file, load_failed, &l, err);
	for (size_t i = 0; rc == 0 && i < blobtable_packs(cat); i++) {
		const struct named *p = hashtab_find(l.packs, &blobtable_pack(cat, i)->id);

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
