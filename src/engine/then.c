#include "engine/then.h"

static void step(struct then *t)
{
	t->node = NULL;
	if (t->open && tree_in_next(&t->in, &t->node, &t->err) != 1) {
		t->node = NULL;
		t->open = false;
	}
}

void then_begin(struct then *t, const struct buf *tree)
{
	*t = (struct then){.open = tree != NULL};
	if (!tree)
		return;
	tree_in_init(&t->in, tree->p, tree->len);
	step(t);
}

const struct node *then_at(struct then *t, const char *name)
{
	size_t n = t->node ? strlen(name) : 0;

	while (t->node) {
		size_t m = t->node->name.n < n ? t->node->name.n : n;
		int c = memcmp(t->node->name.p, name, m);

		if (c == 0 && t->node->name.n == n)
			return t->node;
		if (c > 0 || (c == 0 && t->node->name.n > n))
			return NULL;
		step(t);
	}
	return NULL;
}

void then_release(struct then *t)
{
	tree_in_release(&t->in);
}
