#include "engine/packs_there.h"

#define LOOKS 8

struct look {
	struct repo *repo;
	struct id pack[LOOKS];
	uint64_t seen; /* places */
	uint64_t random;
	bool found;
	struct err err;
};

/* Any of them with the same probability. */
static int choose(void *arg, const struct catalog_place *p)
{
	struct look *l = arg;
	uint64_t at = l->seen++;

	if (at >= LOOKS) {
		l->random ^= l->random << 13;
		l->random ^= l->random >> 7;
		l->random ^= l->random << 17;
		at = l->random % l->seen;
	}
	if (at < LOOKS)
		l->pack[at] = p->pack;
	return 0;
}

static void look(void *arg)
{
	struct look *l = arg;

	for (uint64_t i = 0; i < l->seen && i < LOOKS; i++) {
		uint64_t size;
		int rc = backend_stat(l->repo->be, BACKEND_PACK, &l->pack[i], &size, &l->err);

		if (rc != ERR_NOTFOUND) {
			l->found = rc == 0;
			return;
		}
		err_clear(&l->err);
	}
}

int packs_there(struct agree *a, struct router *r, struct repo *repo, struct catalog *c,
	struct err *err)
{
	struct look l = {.repo = repo};
	uint64_t of_all[2]; /* ranks that know of packs; that have found one */

	rnd_fill(router_env(r)->rnd, &l.random, sizeof(l.random));
	l.random |= 1;
	catalog_each(c, choose, &l);
	if (l.seen)
		router_aside(r, look, &l);
	of_all[0] = l.seen > 0;
	of_all[1] = l.found;
	agree_sum(a, of_all, 2);
	if (!l.err.code && of_all[0] && !of_all[1] && router_rank(r) == 0)
		err_set(&l.err, ERR_IO,
			"the packs that the index names are not in the repository: is its "
			"directory "
			"data what it was, and mounted? If they are lost, what the index says must "
			"go first (a_backup repair index)");
	return err_copy(err, &l.err);
}
