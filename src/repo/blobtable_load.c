#include "repo/blobtable.h"
#include "repo/parallel.h"
#include <pthread.h>

struct load {
	struct blobtable *c;
	struct repo *r;
	pthread_mutex_t lock; /* the table, among the readers */
	int (*warn)(void *arg, const struct id *index, const struct err *e);
	void *arg;
};

static int load_pack(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct load *l = arg;

	pthread_mutex_lock(&l->lock);
	blobtable_add(l->c, pack, b, n);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static int load_index(void *arg, const struct id *id, struct err *err)
{
	struct load *l = arg;

	return repo_load_index(l->r, id, load_pack, l, err);
}

static int load_failed(void *arg, const struct id *id, const struct err *e)
{
	struct load *l = arg;

	return l->warn ? l->warn(l->arg, id, e) : e->code;
}

int blobtable_load(struct blobtable *c, struct repo *r,
	int (*warn)(void *arg, const struct id *index, const struct err *e), void *arg,
	struct err *err)
{
	struct load l = {.c = c, .r = r, .warn = warn, .arg = arg};
	int rc;

	pthread_mutex_init(&l.lock, NULL);
	rc = parallel_files(r, BACKEND_INDEX, load_index, load_failed, &l, err);
	pthread_mutex_destroy(&l.lock);
	return rc;
}
