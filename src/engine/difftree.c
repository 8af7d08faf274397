#include "engine/difftree.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "engine/treewalk.h"
#include <string.h>

/* Of a blob or tree: who has it.  COMMON: it lies below a directory that is equal on both sides;
 * SEEN: a tree of such, whose contents are known. */
enum { BEFORE = 1, AFTER = 2, COMMON = 4, SEEN = 8 };

struct has {
	struct id id;
	uint8_t data, tree; /* by its type */
};

/* Two directories side by side. */
struct level {
	struct level *up;
	struct buf plain[2];
	struct tree_in in[2];
	const struct node *at[2];
	size_t path; /* its length, with the slash behind it */
};

struct diff {
	struct loader *loader;
	struct catalog *catalog;
	const struct env *env;
	const struct difftree_fn *fn;
	struct difftree_sums *sums;
	bool metadata, stop;
	struct hashtab *blobs;
	struct level *top; /* where it is; NULL: at the end */
	struct buf path, mod;
	uint8_t side; /* BEFORE or AFTER, while one side is gone down alone */
};

static uint8_t *has_of(struct diff *d, enum blob_type t, const struct id *id)
{
	bool is_new;
	struct has *h = hashtab_add(d->blobs, id, &is_new);

	return t == BLOB_TREE ? &h->tree : &h->data;
}

static void note(struct diff *d, const struct node *n, uint8_t who)
{
	for (size_t i = 0; n->type == NODE_FILE && i < n->n_content; i++)
		*has_of(d, BLOB_DATA, &n->content[i]) |= who;
	if (n->type == NODE_DIR && n->has_subtree)
		*has_of(d, BLOB_TREE, &n->subtree) |= who;
}

static void count(struct difftree_side *s, const struct node *n)
{
	s->files += n->type == NODE_FILE;
	s->dirs += n->type == NODE_DIR;
	s->others += n->type != NODE_FILE && n->type != NODE_DIR;
}

static struct difftree_side *sums_of(const struct diff *d, uint8_t who)
{
	return who == BEFORE ? &d->sums->removed : &d->sums->added;
}

static void tell(struct diff *d, const char *modifier, const char *path, size_t n)
{
	if (d->fn->change(d->fn->arg, modifier, path, n))
		d->stop = true;
}

/* ---- one side alone ---- */

static enum treewalk_next alone_enter(void *arg, const struct treewalk_entry *e)
{
	struct diff *d = arg;
	size_t len = d->path.len;

	buf_add(&d->path, e->path, e->path_len);
	buf_adds(&d->path, e->node->type == NODE_DIR ? "/" : "");
	tell(d, d->side == BEFORE ? "-" : "+", buf_str(&d->path), d->path.len);
	d->path.len = len;
	count(sums_of(d, d->side), e->node);
	note(d, e->node, d->side);
	return d->stop ? TREEWALK_STOP : TREEWALK_GO;
}

static enum treewalk_next common_enter(void *arg, const struct treewalk_entry *e)
{
	struct diff *d = arg;
	uint8_t *has;

	note(d, e->node, COMMON);
	if (e->node->type != NODE_DIR || !e->node->has_subtree)
		return TREEWALK_GO;
	has = has_of(d, BLOB_TREE, &e->node->subtree);
	if (*has & SEEN)
		return TREEWALK_SKIP;
	*has |= SEEN;
	return TREEWALK_GO;
}

static enum treewalk_next alone_failed(void *arg, const char *path, const struct err *e)
{
	struct diff *d = arg;
	struct err own = *e;

	err_prefix(&own, "%s", path);
	d->fn->failed(d->fn->arg, &own);
	return TREEWALK_GO;
}

static void alone(struct diff *d, const struct id *tree, uint8_t who)
{
	struct treewalk_fn fn = {.enter = who == COMMON ? common_enter : alone_enter,
		.failed = alone_failed,
		.arg = d};
	struct err e = {0};
	size_t slash = d->path.len && d->path.p[d->path.len - 1] == '/';

	d->side = who;
	d->path.len -= slash; /* the walk's paths begin with one */
	if (treewalk_run(d->loader, d->env, tree, "", &fn, &e))
		d->fn->failed(d->fn->arg, &e);
	d->path.len += slash;
}

/* ---- both ---- */

static int next(struct level *l, int side, struct err *err)
{
	int rc = tree_in_next(&l->in[side], &l->at[side], err);

	if (rc <= 0)
		l->at[side] = NULL;
	return rc < 0 ? rc : 0;
}

static void pop(struct diff *d)
{
	struct level *l = d->top;

	d->top = l->up;
	for (int k = 0; k < 2; k++) {
		tree_in_release(&l->in[k]);
		buf_release(&l->plain[k]);
	}
	mem_free(l);
}

/* The path ends with a slash. */
static int push(struct diff *d, const struct id tree[2], struct err *err)
{
	struct level *l = mem_zalloc(sizeof(*l));
	int rc = 0;

	l->up = d->top;
	l->path = d->path.len;
	d->top = l;
	for (int k = 0; k < 2; k++)
		buf_init(&l->plain[k], REPO_BLOB_MAX);
	for (int k = 0; k < 2 && !rc; k++)
		rc = loader_tree_wait(d->loader, &tree[k], &l->plain[k], err);
	for (int k = 0; k < 2; k++)
		tree_in_init(&l->in[k], l->plain[k].p, l->plain[k].len);
	for (int k = 0; k < 2 && !rc; k++)
		rc = next(l, k, err);
	if (rc)
		pop(d);
	return rc;
}

/* A directory that both have.  One that cannot be read does not keep the others. */
static void enter(struct diff *d, const struct id tree[2])
{
	uint8_t *has = has_of(d, BLOB_TREE, &tree[0]);
	struct err e = {0};

	if (!id_equal(&tree[0], &tree[1])) {
		if (push(d, tree, &e)) {
			err_prefix(&e, "%s", buf_str(&d->path));
			d->fn->failed(d->fn->arg, &e);
		}
	} else if (!(*has & SEEN)) {
		*has |= SEEN;
		alone(d, &tree[0], COMMON);
	}
}

static void only(struct diff *d, const struct node *n, uint8_t who)
{
	note(d, n, who);
	count(sums_of(d, who), n);
	tell(d, who == BEFORE ? "-" : "+", buf_str(&d->path), d->path.len);
	if (n->type == NODE_DIR && n->has_subtree && !d->stop)
		alone(d, &n->subtree, who);
}

static void compare(struct diff *d, const struct node *a, const struct node *b)
{
	buf_reset(&d->mod);
	if (a->type != b->type)
		buf_addc(&d->mod, 'T');
	if (a->type == NODE_FILE && b->type == NODE_FILE && !node_same_content(a, b)) {
		struct node x = *a, y = *b;

		x.n_content = y.n_content = 0;
		x.has_content = y.has_content = false;
		d->sums->changed_files++;
		/* Nothing but the content has changed: bit rot, maybe. */
		buf_adds(&d->mod, node_equal(&x, &y) ? "M?" : "M");
	} else if (d->metadata && !node_equal(a, b)) {
		buf_addc(&d->mod, 'U');
	}
	if (d->mod.len)
		tell(d, buf_str(&d->mod), buf_str(&d->path), d->path.len);
}

static int order(const struct level *l)
{
	const struct str *a = l->at[0] ? &l->at[0]->name : NULL,
			 *b = l->at[1] ? &l->at[1]->name : NULL;
	int o;

	if (!a || !b)
		return a ? -1 : 1;
	o = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
	return o ? o : (a->n > b->n) - (a->n < b->n);
}

static void set_path(struct diff *d, const struct level *l, const struct node *n)
{
	d->path.len = l->path;
	buf_add(&d->path, n->name.p, n->name.n);
	buf_adds(&d->path, n->type == NODE_DIR ? "/" : "");
}

/* The next entry of the deepest level.  An error: its tree cannot be read any further. */
static int step(struct diff *d, struct err *err)
{
	struct level *l = d->top;
	int o = order(l), rc = 0;
	const struct node *a = o <= 0 ? l->at[0] : NULL, *b = o >= 0 ? l->at[1] : NULL;
	bool dirs = a && b && a->type == NODE_DIR && b->type == NODE_DIR && a->has_subtree &&
		    b->has_subtree;
	struct id tree[2] = {{{0}}, {{0}}};

	set_path(d, l, b ? b : a);
	if (dirs) {
		tree[0] = a->subtree;
		tree[1] = b->subtree;
	}
	if (a && b) {
		note(d, a, BEFORE);
		note(d, b, AFTER);
		compare(d, a, b);
	} else {
		only(d, a ? a : b, a ? BEFORE : AFTER);
	}
	if (a)
		rc = next(l, 0, err);
	if (b && !rc)
		rc = next(l, 1, err);
	if (dirs && !d->stop)
		enter(d, tree);
	return rc;
}

static int go_down(struct diff *d, struct err *err)
{
	while (d->top && !d->stop) {
		struct level *l = d->top;
		struct err e = {0};

		if (!l->at[0] && !l->at[1]) {
			pop(d);
		} else if (step(d, &e)) {
			l->at[0] = l->at[1] = NULL;
			if (!l->up)
				return err_copy(err, &e);
			err_prefix(&e, "%.*s", (int)l->path, buf_str(&d->path));
			d->fn->failed(d->fn->arg, &e);
		}
	}
	return 0;
}

/* ---- the sums ---- */

static void add_blob(struct diff *d, const struct has *h, enum blob_type t, uint8_t who)
{
	struct difftree_side *s;
	struct catalog_place at;
	struct err e = {0};

	if ((who & COMMON) || !(who & BEFORE) == !(who & AFTER))
		return;
	s = sums_of(d, who & BEFORE ? BEFORE : AFTER);
	s->data_blobs += t == BLOB_DATA;
	s->tree_blobs += t == BLOB_TREE;
	if (catalog_find_wait(d->catalog, d->env->loop, t, &h->id, 0, &at)) {
		s->bytes += blob_plain_size(&at.blob);
		return;
	}
	err_set(&e, ERR_NOTFOUND, "unable to find blob size for <%s/%s>", blob_type_name(t),
		id_short(&h->id).s);
	d->fn->failed(d->fn->arg, &e);
}

static int add_up(void *arg, void *entry)
{
	struct diff *d = arg;
	const struct has *h = entry;

	add_blob(d, h, BLOB_DATA, h->data);
	add_blob(d, h, BLOB_TREE, h->tree);
	return 0;
}

int difftree_run(struct loader *l, struct catalog *c, const struct env *env,
	const struct id roots[2], bool metadata, const struct difftree_fn *fn,
	struct difftree_sums *sums, struct err *err)
{
	struct diff d = {.loader = l,
		.catalog = c,
		.env = env,
		.fn = fn,
		.sums = sums,
		.metadata = metadata,
		.blobs = hashtab_new(sizeof(struct has), ID_SIZE, 0)};
	int rc;

	*sums = (struct difftree_sums){0};
	buf_init(&d.path, SIZE_MAX / 2);
	buf_init(&d.mod, 8);
	buf_addc(&d.path, '/');
	*has_of(&d, BLOB_TREE, &roots[0]) |= BEFORE;
	*has_of(&d, BLOB_TREE, &roots[1]) |= AFTER;
	rc = push(&d, roots, err);
	if (!rc)
		rc = go_down(&d, err);
	while (d.top)
		pop(&d);
	if (!rc && !d.stop)
		hashtab_each(d.blobs, add_up, &d);
	hashtab_free(d.blobs);
	buf_release(&d.path);
	buf_release(&d.mod);
	return rc;
}
