#include "base/mem.h"
#include "engine/backup_priv.h"

/* What may share an inode number with others: its node waits until its inode's owner rank has said
 * whether it is the same file as the others. */
struct link {
	struct catalog_first ask;
	struct backup *b;
	struct dirref up;
	uint8_t *json;
	size_t n;
};

static void answered(struct catalog_first *f)
{
	struct link *l = f->arg;
	struct backup *b = l->b;

	if (!f->agrees)
		l->n = node_apart(l->json, l->n);
	backup_child(b, &l->up, l->json, l->n);
	mem_free(l);
	run_done(b->run);
}

void backup_link(struct backup *b, const struct catalog_first *ask, const struct dirref *up,
	uint8_t *json, size_t n)
{
	struct link *l = mem_alloc(sizeof(*l));

	*l = (struct link){.ask = *ask, .b = b, .up = *up, .json = json, .n = n};
	l->ask.done = answered;
	l->ask.arg = l;
	run_hold(b->run);
	catalog_first(b->catalog, &l->ask);
}
