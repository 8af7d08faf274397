#include "format/treemend.h"
#include "base/mem.h"
#include "format/fields.h"
#include <stdlib.h>

/* One node that can be used: where its text is and where its name. */
struct piece {
	const uint8_t *text; /* NULL: it was written anew, at `at` in mend.fixed */
	size_t at, len;
	size_t name, name_n; /* in mend.names */
	size_t order;
	const struct buf *names;
};

struct mend {
	struct piece *v;
	size_t n, cap;
	struct buf names, fixed;
	struct buf one; /* a node as a tree of its own */
	treemend_fn *lost;
	void *arg;
};

static void lose(struct mend *m, const struct str *name, const char *why)
{
	struct err e;

	err_set(&e, ERR_INVALID, "%s", why);
	m->lost(m->arg, name ? name->p : NULL, name ? name->n : 0, &e);
}

static struct piece *add(struct mend *m, const struct node *n, const uint8_t *text, size_t len)
{
	struct piece *p;

	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->v = mem_regrow(m->v, m->cap, sizeof(*m->v));
	}
	p = &m->v[m->n];
	*p = (struct piece){.text = text,
		.len = len,
		.name = m->names.len,
		.name_n = n->name.n,
		.order = m->n,
		.names = &m->names};
	m->n++;
	buf_add(&m->names, n->name.p, n->name.n);
	return p;
}

/* The node at text, len: is it one? */
static void take(struct mend *m, const uint8_t *text, size_t len)
{
	const struct node *n;
	struct tree_in t;
	struct err e;

	buf_reset(&m->one);
	tree_begin(&m->one);
	tree_node(&m->one, true, text, len);
	tree_end(&m->one);
	tree_in_init(&t, m->one.p, m->one.len);
	t.lenient = true;
	if (tree_in_next(&t, &n, &e) != 1) {
		bool named = tree_name_good(&t.node.name);

		lose(m, named ? &t.node.name : NULL, e.msg);
	} else if (!t.dropped) {
		add(m, n, text, len);
	} else {
		struct piece *p = add(m, n, NULL, 0);

		lose(m, &n->name, "extended attributes whose names are empty or contain a 0 byte");
		p->at = m->fixed.len;
		node_write(n, NULL, &m->fixed);
		p->len = m->fixed.len - p->at;
	}
	tree_in_release(&t);
}

static int read_nodes(struct mend *m, struct json_in *j)
{
	enum json_token t;

	while ((t = json_next(j)) != JSON_ARRAY_END) {
		const uint8_t *text = j->p - 1; /* a container's first byte has just been passed */

		if (t == JSON_BAD || json_skip(j) < 0)
			return ERR_INVALID;
		if (t == JSON_OBJECT)
			take(m, text, (size_t)(j->p - text));
		else
			lose(m, NULL, "a node is not an object");
	}
	return 1;
}

struct reading {
	struct mend *m;
	bool has_nodes;
};

static int member(void *arg, struct json_in *j)
{
	struct reading *r = arg;

	if (!FIELD(j, "nodes"))
		return 0;
	if (r->has_nodes)
		return json_bad(j, "there are two \"nodes\"");
	r->has_nodes = true;
	return json_expect(j, JSON_ARRAY, "nodes") < 0 ? ERR_INVALID : read_nodes(r->m, j);
}

static int by_name(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	size_t n = x->name_n < y->name_n ? x->name_n : y->name_n;
	int c = memcmp(x->names->p + x->name, y->names->p + y->name, n);

	if (!c)
		c = (x->name_n > y->name_n) - (x->name_n < y->name_n);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static bool same_name(const struct mend *m, const struct piece *a, const struct piece *b)
{
	return a->name_n == b->name_n &&
	       !memcmp(m->names.p + a->name, m->names.p + b->name, a->name_n);
}

static void write_tree(struct mend *m, struct buf *out)
{
	bool first = true;

	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), by_name);
	tree_begin(out);
	for (size_t i = 0; i < m->n; i++) {
		const struct piece *p = &m->v[i];

		if (i && same_name(m, p, p - 1)) {
			struct str name = {(const char *)m->names.p + p->name, p->name_n};

			lose(m, &name, "this name comes twice; the first of them counts");
			continue;
		}
		tree_node(out, first, p->text ? p->text : m->fixed.p + p->at, p->len);
		first = false;
	}
	tree_end(out);
}

int treemend(const void *json, size_t n, struct buf *out, treemend_fn *lost, void *arg,
	struct err *err)
{
	struct mend m = {.lost = lost, .arg = arg};
	struct reading r = {.m = &m};
	struct json_in j;
	int rc;

	buf_init(&m.names, SIZE_MAX / 2);
	buf_init(&m.fixed, SIZE_MAX / 2);
	buf_init(&m.one, SIZE_MAX / 2);
	json_in_mem(&j, json, n);
	rc = fields_document(&j, "a tree", member, &r);
	if (rc >= 0 && !r.has_nodes)
		rc = json_bad(&j, "there is no \"nodes\"");
	if (rc < 0) {
		rc = err_copy(err, &j.err);
		if (err)
			err_prefix(err, "tree");
	} else {
		write_tree(&m, out);
		rc = out->overflow ? err_set(err, ERR_NOMEM, "tree: the mended tree is too large")
				   : 0;
	}
	json_in_release(&j);
	buf_release(&m.names);
	buf_release(&m.fixed);
	buf_release(&m.one);
	mem_free(m.v);
	return rc;
}
