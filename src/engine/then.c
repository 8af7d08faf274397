#include "engine/then.h"
#include "base/mem.h"

static void step(struct then *t)
{
	if (t->node && !t->met && !t->missed++)
		t->missing = mem_strndup(t->node->name.p, t->node->name.n);
	t->met = false;
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

		if (c == 0 && t->node->name.n == n) {
			t->met = true;
			return t->node;
		}
		if (c > 0 || (c == 0 && t->node->name.n > n))
			return NULL;
		step(t);
	}
	return NULL;
}

void then_differs(struct then *t)
{
	t->met = false;
}

void then_rest(struct then *t)
{
	while (t->node)
		step(t);
}

void then_release(struct then *t)
{
	mem_free(t->missing);
	tree_in_release(&t->in);
}
