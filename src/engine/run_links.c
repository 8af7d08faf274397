#include "base/mem.h"
#include "engine/run.h"

/* What may share an inode number with others: its node waits until its inode's owner rank has said whether it is the same file as the others. */
struct link {
	struct claim_first ask;
	struct backup *b;
	struct dirref up;
	uint8_t *json;
	size_t n;
};

static void answered(struct claim_first *f)
{
	struct link *l = f->arg;
	struct backup *b = l->b;

	if (!f->agrees)
		l->n = node_apart(l->json, l->n);
	b->linking--;
	run_child(b, &l->up, l->json, l->n);
	mem_free(l);
	run_more(b);
}

void run_link(struct backup *b, const struct claim_first *ask, const struct dirref *up, uint8_t *json, size_t n)
{
	struct link *l = mem_alloc(sizeof(*l));

	*l = (struct link){.ask = *ask, .b = b, .up = *up, .json = json, .n = n};
	l->ask.done = answered;
	l->ask.arg = l;
	b->linking++;
	claim_first(b->claim, &l->ask);
}
