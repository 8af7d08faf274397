/*
 * An item is a tree that this rank was the first to mark.  So whoever reads a tree is the only one,
 * and what it names is asked for once.
 */
#include "ranks/mark.h"
#include "base/mem.h"
#include "format/treemend.h"

#define AT_ONCE   32                 /* trees being read on this rank */
#define IDS_BYTES ((size_t)32 << 20) /* of what they name; beyond it no other tree is begun */

struct item {
	struct workq_item q;
	struct id tree;
};

/* Ids of one type, and what the catalog says of them. */
struct ids {
	struct id *id;
	size_t n, cap;
	struct catalog_mark ask;
};

/* A tree, or the roots: then only `sub` counts. */
struct reading {
	struct mark *m;
	bool roots;
	struct loader_tree get;
	struct ids sub, data;
	size_t no_tree, no_content; /* nodes of it that are wrong */
	unsigned unanswered;        /* of the two */
};

struct mark {
	struct run *run;
	struct catalog *catalog;
	struct loader *loader;
	unsigned bit;
	struct mark_ops ops;
	struct mark_counts n;
	size_t under_way, bytes;
	const struct id *roots;
	size_t n_roots;
};

static void bad(struct mark *m, enum mark_bad what, const struct id *tree, const struct id *blob,
	const struct err *err)
{
	m->n.bad++;
	m->ops.bad(m->ops.arg, what, tree, blob, err);
}

/* ---- what a tree names ---- */

static void ids_add(struct ids *s, const struct id *id)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->id = mem_regrow(s->id, s->cap, sizeof(*s->id));
	}
	s->id[s->n++] = *id;
}

static void add_node(struct reading *r, const struct node *n)
{
	if (n->type == NODE_DIR && (!n->has_subtree || id_is_zero(&n->subtree)))
		r->no_tree++;
	else if (n->type == NODE_DIR)
		ids_add(&r->sub, &n->subtree);
	if (n->type != NODE_FILE)
		return;
	r->no_content += !n->has_content;
	for (size_t i = 0; i < n->n_content; i++)
		ids_add(&r->data, &n->content[i]);
}

static int parse(struct reading *r, const struct buf *plain, struct err *err)
{
	const struct node *n;
	struct tree_in in;
	int rc;

	r->sub.n = r->data.n = r->no_tree = r->no_content = 0;
	tree_in_init(&in, plain->p, plain->len);
	while ((rc = tree_in_next(&in, &n, err)) == 1)
		add_node(r, n);
	tree_in_release(&in);
	return rc;
}

static void node_lost(void *arg, const char *name, size_t n, const struct err *why)
{
	struct reading *r = arg;

	(void)name;
	(void)n;
	bad(r->m, MARK_NODE, &r->get.id, NULL, why);
}

/* As treewalk reads it: a tree that cannot be read as it is, without some of its nodes. */
static int mend_and_parse(struct reading *r, struct err *err)
{
	struct buf good;
	int rc;

	buf_init(&good, SIZE_MAX / 2);
	rc = treemend(r->get.plain.p, r->get.plain.len, &good, node_lost, r, err);
	if (!rc)
		rc = parse(r, &good, err);
	buf_release(&good);
	return rc;
}

/* ---- a reading ---- */

static size_t bytes_of(const struct reading *r)
{
	return (r->sub.cap + r->data.cap) * (ID_SIZE + 1);
}

static void reading_end(struct reading *r)
{
	struct mark *m = r->m;

	m->bytes -= bytes_of(r);
	m->under_way -= !r->roots;
	m->n.read += !r->roots;
	mem_free(r->sub.id);
	mem_free(r->sub.ask.was);
	mem_free(r->data.id);
	mem_free(r->data.ask.was);
	mem_free(r);
	run_done(m->run);
}

/* The first that the tree names is pushed last: it is the next to be read. */
static void push_new(struct reading *r)
{
	struct mark *m = r->m;

	for (size_t i = r->sub.n; i-- > 0;) {
		int8_t was = r->sub.ask.was[i];
		struct item *it;
		struct err e;

		m->n.trees += !r->roots && was != 1;
		if (was < 0) {
			err_set(&e, ERR_NOTFOUND, "it is in no index");
			bad(m, MARK_UNREADABLE, &r->sub.id[i], NULL, &e);
		} else if (!was) {
			it = mem_zalloc(sizeof(*it));
			it->tree = r->sub.id[i];
			m->n.found++;
			run_push(m->run, &it->q);
		}
	}
}

static void count_data(struct reading *r)
{
	for (size_t i = 0; i < r->data.n; i++) {
		r->m->n.blobs += r->data.ask.was[i] == 0;
		if (r->data.ask.was[i] < 0)
			bad(r->m, MARK_UNKNOWN, &r->get.id, &r->data.id[i], NULL);
	}
}

static void answered(struct catalog_mark *ask)
{
	struct reading *r = ask->arg;

	if (--r->unanswered)
		return;
	if (run_end(r->m->run) != RUN_CANCELLED) {
		push_new(r);
		count_data(r);
	}
	reading_end(r);
}

static void ask(struct reading *r, enum blob_type type, struct ids *s)
{
	s->ask = (struct catalog_mark){.type = type,
		.id = s->id,
		.n = s->n,
		.bit = r->m->bit,
		.was = mem_array(s->n + 1, 1),
		.done = answered,
		.arg = r};
	catalog_mark(r->m->catalog, &s->ask);
}

static void ask_both(struct reading *r)
{
	r->m->bytes += bytes_of(r);
	r->unanswered = 2;
	ask(r, BLOB_TREE, &r->sub);
	ask(r, BLOB_DATA, &r->data);
}

static void tell_nodes(struct reading *r)
{
	for (; r->no_tree; r->no_tree--)
		bad(r->m, MARK_NO_TREE, &r->get.id, NULL, NULL);
	for (; r->no_content; r->no_content--)
		bad(r->m, MARK_NO_CONTENT, &r->get.id, NULL, NULL);
}

static void tree_came(struct loader_tree *get)
{
	struct reading *r = get->arg;
	struct err err = {0};
	int rc = err_copy(&err, &get->err);

	if (run_end(r->m->run) == RUN_CANCELLED) {
		buf_release(&get->plain);
		reading_end(r);
		return;
	}
	if (!rc)
		rc = parse(r, &get->plain, &err);
	if (rc == ERR_INVALID && !get->err.code) {
		err_clear(&err);
		rc = mend_and_parse(r, &err);
	}
	buf_release(&get->plain);
	if (rc) {
		r->sub.n = r->data.n = 0;
		bad(r->m, MARK_UNREADABLE, &get->id, NULL, &err);
	} else {
		tell_nodes(r);
	}
	ask_both(r);
}

/* ---- the phase ---- */

static void start(void *arg)
{
	struct mark *m = arg;
	struct reading *r;

	if (!m->n_roots)
		return;
	r = mem_zalloc(sizeof(*r));
	r->m = m;
	r->roots = true;
	for (size_t i = 0; i < m->n_roots; i++)
		ids_add(&r->sub, &m->roots[i]);
	run_hold(m->run);
	ask_both(r);
}

static bool room(void *arg)
{
	const struct mark *m = arg;

	return m->under_way < AT_ONCE && (m->bytes < IDS_BYTES || !m->under_way);
}

static void begin(void *arg, struct workq_item *q)
{
	struct item *it = task_of(q, struct item, q);
	struct reading *r = mem_zalloc(sizeof(*r));
	struct mark *m = arg;

	m->under_way++;
	r->m = m;
	r->get.id = it->tree;
	r->get.done = tree_came;
	r->get.arg = r;
	mem_free(it);
	loader_tree_get(m->loader, &r->get);
}

static void drop(void *arg, struct workq_item *q)
{
	(void)arg;
	mem_free(task_of(q, struct item, q));
}

static void pack(void *arg, struct workq_item *q, struct buf *out)
{
	struct item *it = task_of(q, struct item, q);

	(void)arg;
	wire_put_id(out, &it->tree);
	mem_free(it);
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct item *it = mem_zalloc(sizeof(*it));

	(void)arg;
	wire_id(in, &it->tree);
	if (!in->bad)
		return &it->q;
	mem_free(it);
	return NULL;
}

struct mark *mark_new(struct run *run, struct catalog *catalog, struct loader *loader, unsigned bit,
	const struct mark_ops *ops)
{
	struct mark *m = mem_zalloc(sizeof(*m));

	*m = (struct mark){.run = run,
		.catalog = catalog,
		.loader = loader,
		.bit = bit,
		.ops = *ops};
	return m;
}

void mark_free(struct mark *m)
{
	mem_free(m);
}

enum run_end mark_run(struct mark *m, const struct id *roots, size_t n)
{
	struct run_phase p = {.name = "mark",
		.start = start,
		.room = room,
		.begin = begin,
		.drop = drop,
		.pack = pack,
		.unpack = unpack,
		.arg = m};

	m->roots = roots;
	m->n_roots = n;
	return run_phase(m->run, &p);
}

struct mark_counts mark_counts(const struct mark *m)
{
	return m->n;
}
