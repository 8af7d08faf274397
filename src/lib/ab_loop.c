/* What other threads want of the one that has the loop: trees, and the lengths of blobs. */
#include "base/latch.h"
#include "base/mem.h"
#include "format/treemend.h"
#include "lib/ab_priv.h"
#include <string.h>

/* ---- trees ---- */

struct tree_call {
	struct task task;
	struct loader_tree tree;
	struct loader *loader;
	struct latch over;
};

static void tree_begin_load(struct task *t)
{
	struct tree_call *c = task_of(t, struct tree_call, task);

	loader_tree_get(c->loader, &c->tree);
}

static void tree_came(struct loader_tree *t)
{
	latch_down(&((struct tree_call *)t->arg)->over);
}

static int all_of_it(const struct buf *plain, struct err *err)
{
	const struct node *node;
	struct tree_in in;
	int rc;

	tree_in_init(&in, plain->p, plain->len);
	do
		rc = tree_in_next(&in, &node, err);
	while (rc > 0);
	tree_in_release(&in);
	return rc;
}

static void on_lost(void *arg, const char *name, size_t n, const struct err *why)
{
	struct err *first = arg;

	if (!first->code)
		err_set(first, ERR_INVALID, "%.*s: %.800s", n < 200 ? (int)n : 200, name, why->msg);
}

static int mend(struct buf *plain, struct err *err)
{
	struct err lost = {0};
	struct buf good;
	int rc;

	buf_init(&good, SIZE_MAX / 2);
	rc = treemend(plain->p, plain->len, &good, on_lost, &lost, err);
	if (!rc && lost.code)
		rc = err_copy(err, &lost);
	buf_release(plain);
	if (rc)
		buf_release(&good);
	else
		buf_move(plain, &good);
	return rc;
}

int ab_tree(struct ab_repo *r, const struct id *id, struct buf *plain, struct err *err)
{
	struct tree_call c = {.task = {.done = tree_begin_load},
		.tree = {.id = *id, .done = tree_came, .arg = &c},
		.loader = r->loader};
	int rc;

	buf_init(plain, 0);
	latch_init(&c.over, 1);
	loop_post(r->env.loop, &c.task);
	latch_wait(&c.over);
	if (c.tree.err.code) {
		buf_release(&c.tree.plain);
		/* Nobody asked for a tree by name: what is not there is lost. */
		if (c.tree.err.code == ERR_NOTFOUND)
			c.tree.err.code = ERR_INVALID;
		return err_copy(err, &c.tree.err);
	}
	buf_move(plain, &c.tree.plain);
	rc = all_of_it(plain, err);
	if (rc == ERR_INVALID) {
		rc = mend(plain, err);
		if (rc)
			err_prefix(err, "tree %s", id_short(id).s);
	}
	return rc;
}

/* ---- lengths ---- */

struct ends_call {
	struct task task;
	struct seek seek;
	struct catalog *catalog;
	const struct id *id;
	size_t n, i;
	uint64_t *end, sum;
	bool inside, came;
	struct err err;
	struct latch over;
};

static void ends_go(struct ends_call *c);

static void place_came(struct seek *s)
{
	struct ends_call *c = s->arg;
	uint32_t size = s->find.found ? blob_plain_size(&s->find.place.blob) : 0;

	if (!s->find.found)
		err_set(&c->err, ERR_INVALID, "data %s is not in the index",
			id_short(&s->find.id).s);
	else if (__builtin_add_overflow(c->sum, size, &c->sum))
		err_set(&c->err, ERR_INVALID, "its blobs are too long");
	c->end[c->i++] = c->sum;
	c->came = true;
	if (!c->inside)
		ends_go(c);
}

/* Answers come within the call or later. */
static void ends_go(struct ends_call *c)
{
	c->inside = true;
	while (c->i < c->n && !c->err.code) {
		c->came = false;
		c->seek = (struct seek){.find = {.type = BLOB_DATA, .id = c->id[c->i]},
			.done = place_came,
			.arg = c};
		seek_next(c->catalog, &c->seek);
		if (!c->came) {
			c->inside = false;
			return;
		}
	}
	latch_down(&c->over);
}

static void ends_begin(struct task *t)
{
	ends_go(task_of(t, struct ends_call, task));
}

int ab_ends(struct ab_repo *r, const struct id *id, size_t n, uint64_t **end, struct err *err)
{
	struct ends_call c = {.task = {.done = ends_begin},
		.catalog = r->catalog,
		.id = id,
		.n = n,
		.end = mem_array(n, sizeof(**end))};

	latch_init(&c.over, 1);
	loop_post(r->env.loop, &c.task);
	latch_wait(&c.over);
	*end = c.end;
	if (!c.err.code)
		return 0;
	mem_free(c.end);
	*end = NULL;
	return err_copy(err, &c.err);
}
