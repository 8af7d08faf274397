#include "repo/blobtable.h"
#include "repo/parallel.h"
#include <pthread.h>

struct load {
	struct blobtable *c;
	struct repo *r;
	const struct catalog_watch *w; /* or NULL */
	pthread_mutex_t lock;          /* the table, among the readers */
};

struct file {
	struct load *l;
	const struct id *index;
	size_t packs;
};

static int load_pack(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct file *f = arg;
	struct load *l = f->l;

	f->packs++;
	if (l->w && l->w->pack)
		l->w->pack(l->w->arg, f->index, pack, b, n);
	pthread_mutex_lock(&l->lock);
	blobtable_add(l->c, pack, b, n);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static int load_index(void *arg, const struct id *id, struct err *err)
{
	struct load *l = arg;
	struct file f = {.l = l, .index = id};
	int rc = repo_load_index(l->r, id, load_pack, &f, err);

	if (!rc && l->w && l->w->file)
		l->w->file(l->w->arg, id, f.packs);
	return rc;
}

static int load_failed(void *arg, const struct id *id, const struct err *e)
{
	const struct load *l = arg;

	return l->w && l->w->damaged ? l->w->damaged(l->w->arg, id, e) : e->code;
}

int blobtable_load(struct blobtable *c, struct repo *r, const struct catalog_watch *w,
	struct err *err)
{
	struct load l = {.c = c, .r = r, .w = w};
	int rc;

	pthread_mutex_init(&l.lock, NULL);
	rc = parallel_files(r, BACKEND_INDEX, load_index, load_failed, &l, err);
	pthread_mutex_destroy(&l.lock);
	return rc;
}
