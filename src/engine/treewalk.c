#include "engine/treewalk.h"
#include "base/mem.h"
#include "format/treemend.h"
#include <string.h>

#define AHEAD 24 /* subdirectories of one directory on their way at once */
#define AHEAD_BYTES                                                                                \
	((size_t)64 << 20) /* trees that have come and are not entered yet: beyond this only what  \
			      is needed next is asked for */

/* A subdirectory's tree that was asked for before it is needed. */
struct ahead {
	struct loader_tree get;
	struct walker *w;
	bool arrived;
	bool unwanted; /* nobody waits for it: it is freed when it comes */
};

/* One directory on the current path. */
struct level {
	struct buf plain;
	struct tree_in in;
	struct id *sub; /* the trees of its subdirectories, in order */
	size_t n_sub;
	size_t next,
		started; /* next: the first not yet passed; next … started-1 have been asked for */
	struct ahead *ahead[AHEAD]; /* sub i is at i % AHEAD */
	struct id id;
	size_t path_len; /* of the path before this directory's entries */
};

struct walker {
	struct loader *loader;
	const struct env *env;
	const struct treewalk_fn *fn;
	struct level *level;
	size_t depth, cap;
	struct buf path;
	size_t waiting;  /* bytes of trees that have come and are not entered yet, of all levels */
	size_t unwanted; /* trees on their way that nobody waits for */
	bool stop;
};

static void ahead_free(struct ahead *a)
{
	buf_release(&a->get.plain);
	mem_free(a);
}

static void arrived(struct loader_tree *t)
{
	struct ahead *a = t->arg;

	a->arrived = true;
	if (a->unwanted) {
		a->w->unwanted--;
		ahead_free(a);
	} else {
		a->w->waiting += t->plain.len;
	}
}

static void drop(struct walker *w, struct ahead *a)
{
	if (a->arrived) {
		w->waiting -= a->get.plain.len;
		ahead_free(a);
	} else {
		a->unwanted = true;
		w->unwanted++;
	}
}

/* Keep AHEAD fetches going from the place the walk has reached. */
static void fetch_ahead(struct walker *w, struct level *v)
{
	while (v->started < v->n_sub && v->started < v->next + AHEAD &&
		(v->started == v->next || w->waiting < AHEAD_BYTES)) {
		struct ahead *a = mem_zalloc(sizeof(*a));

		a->w = w;
		a->get.id = v->sub[v->started];
		a->get.done = arrived;
		a->get.arg = a;
		v->ahead[v->started++ % AHEAD] = a;
		loader_tree_get(w->loader, &a->get);
	}
}

/* Passes the next subdirectory without its tree. */
static void skip(struct walker *w, struct level *v)
{
	if (v->next < v->started)
		drop(w, v->ahead[v->next % AHEAD]);
	else
		v->started++;
	v->next++;
}

/* Passes the next subdirectory: its tree, or why there is none. */
static int take(struct walker *w, struct level *v, struct buf *plain, struct err *err)
{
	struct ahead *a;
	int rc;

	fetch_ahead(w, v);
	a = v->ahead[v->next++ % AHEAD];
	loop_until(w->env->loop, &a->arrived);
	w->waiting -= a->get.plain.len;
	rc = err_copy(err, &a->get.err);
	*plain = a->get.plain;
	a->get.plain = (struct buf){0};
	ahead_free(a);
	return rc;
}

static void level_release(struct walker *w, struct level *v)
{
	for (; v->next < v->started; v->next++)
		drop(w, v->ahead[v->next % AHEAD]);
	mem_free(v->sub);
	tree_in_release(&v->in);
	buf_release(&v->plain);
}

/* The ids of all subdirectories, in order: a first reading of the tree, so that they can be asked
 * for before they are needed. */
static int find_subs(struct level *v, struct err *err)
{
	struct tree_in in;
	const struct node *n;
	size_t cap = v->n_sub;
	int rc;

	v->n_sub = 0;
	tree_in_init(&in, v->plain.p, v->plain.len);
	while ((rc = tree_in_next(&in, &n, err)) == 1) {
		if (n->type != NODE_DIR || !n->has_subtree)
			continue;
		if (v->n_sub == cap) {
			cap = cap ? cap * 2 : 16;
			v->sub = mem_regrow(v->sub, cap, sizeof(*v->sub));
		}
		v->sub[v->n_sub++] = n->subtree;
	}
	tree_in_release(&in);
	return rc;
}

struct losses {
	struct walker *w;
	struct err *err; /* the first, where nobody wants to know of more */
};

static void node_lost(void *arg, const char *name, size_t n, const struct err *why)
{
	struct losses *l = arg;
	struct walker *w = l->w;
	size_t len = w->path.len;

	/* Never the directory's own path, which would mean all of it. */
	buf_addc(&w->path, '/');
	buf_add(&w->path, n ? name : "?", n ? n : 1);
	if (!w->fn->failed && !l->err->code) {
		err_copy(l->err, why);
		err_prefix(l->err, "%s", buf_str(&w->path));
	} else if (w->fn->failed && !w->stop &&
		   w->fn->failed(w->fn->arg, buf_str(&w->path), why) == TREEWALK_STOP) {
		w->stop = true;
	}
	w->path.len = len;
}

/* A tree that cannot be read as it is, but without some of its nodes or in another order. */
static int mend(struct walker *w, struct level *v, struct err *err)
{
	struct err first = {0};
	struct losses l = {w, &first};
	struct buf good;
	int rc;

	buf_init(&good, SIZE_MAX / 2);
	rc = treemend(v->plain.p, v->plain.len, &good, node_lost, &l, err);
	if (!rc && first.code)
		rc = err_copy(err, &first);
	tree_in_release(&v->in);
	buf_move(&v->plain, &good);
	tree_in_init(&v->in, v->plain.p, v->plain.len);
	return rc;
}

static bool all_came(void *w)
{
	return !((const struct walker *)w)->unwanted;
}

static int enter(struct walker *w, struct buf *plain, const struct id *id, struct err *err)
{
	struct level *v;
	int rc;

	if (w->depth == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 32;
		w->level = mem_regrow(w->level, w->cap, sizeof(*w->level));
	}
	v = &w->level[w->depth++];
	memset(v, 0, sizeof(*v));
	v->plain = *plain;
	*plain = (struct buf){0};
	v->id = *id;
	v->path_len = w->path.len;
	tree_in_init(&v->in, v->plain.p, v->plain.len);
	rc = find_subs(v, err);
	if (rc == ERR_INVALID) {
		err_clear(err);
		rc = mend(w, v, err);
		if (!rc)
			rc = find_subs(v, err);
	}
	return rc;
}

static int tree_failed(struct walker *w, struct err *err)
{
	int code = err->code;

	if (!w->fn->failed) {
		err_prefix(err, "%s", buf_str(&w->path));
		return code;
	}
	if (w->fn->failed(w->fn->arg, w->path.len ? buf_str(&w->path) : "/", err) == TREEWALK_STOP)
		w->stop = true;
	err_clear(err);
	return 0;
}

static void leave(struct walker *w)
{
	struct level *v = &w->level[w->depth - 1];

	level_release(w, v);
	w->depth--;
	if (!w->depth)
		return;
	if (w->fn->leave && !w->stop) {
		struct level *up = &w->level[w->depth - 1];
		struct treewalk_entry e = {buf_str(&w->path), w->path.len, &up->in.node, &up->id,
			(unsigned)w->depth - 1, NULL, 0};

		w->fn->leave(w->fn->arg, &e);
	}
	w->path.len = w->level[w->depth - 1].path_len;
}

/* A directory node: its tree, fetched ahead, becomes the new innermost level.  w->path ends with
 * its name. */
static int descend(struct walker *w, struct level *v, const struct node *n, bool wanted,
	struct err *err)
{
	struct id id = n->subtree;
	struct buf plain;
	int rc = 0;

	if (!wanted) {
		if (n->has_subtree)
			skip(w, v);
	} else if (!n->has_subtree) {
		err_set(err, ERR_INVALID, "a directory without a tree");
		rc = tree_failed(w, err);
	} else if (take(w, v, &plain, err) < 0) {
		rc = tree_failed(w, err);
	} else if (enter(w, &plain, &id, err) < 0) {
		level_release(w, &w->level[--w->depth]);
		rc = tree_failed(w, err);
	} else {
		return 0;
	}
	w->path.len = w->level[w->depth - 1].path_len;
	return rc;
}

/* One entry of the innermost directory; or its end. */
static int step(struct walker *w, struct err *err)
{
	struct level *v = &w->level[w->depth - 1];
	const struct node *n;
	struct treewalk_entry e;
	enum treewalk_next next;
	int rc = tree_in_next(&v->in, &n, err);

	if (rc < 0)
		return rc; /* cannot be: find_subs has read it */
	if (rc == 0) {
		leave(w);
		return 0;
	}
	buf_addc(&w->path, '/');
	buf_add(&w->path, n->name.p, n->name.n);
	e = (struct treewalk_entry){buf_str(&w->path), w->path.len, n, &v->id,
		(unsigned)w->depth - 1, v->in.raw, v->in.raw_len};
	if (!e.path)
		return err_set(err, ERR_NOMEM, "a path is too long");
	next = w->fn->enter(w->fn->arg, &e);
	if (next == TREEWALK_STOP)
		w->stop = true;
	if (n->type == NODE_DIR)
		return descend(w, v, n, next == TREEWALK_GO, err);
	w->path.len = v->path_len;
	return 0;
}

int treewalk_run(struct loader *l, const struct env *env, const struct id *root,
	const char *root_path, const struct treewalk_fn *fn, struct err *err)
{
	struct walker w = {.loader = l, .env = env, .fn = fn};
	struct buf plain;
	int rc;

	buf_init(&w.path, (size_t)1 << 20);
	buf_adds(&w.path, root_path);
	buf_init(&plain, (size_t)UINT32_MAX);
	rc = loader_tree_wait(l, root, &plain, err);
	if (rc == 0)
		rc = enter(&w, &plain, root, err);
	if (rc < 0)
		rc = tree_failed(&w, err);
	else
		while (w.depth && !w.stop && rc == 0)
			rc = step(&w, err);
	while (w.depth)
		level_release(&w, &w.level[--w.depth]);
	loop_until_fn(env->loop, all_came, &w);
	mem_free(w.level);
	buf_release(&w.path);
	buf_release(&plain);
	return rc;
}

void treewalk_node_release(struct treewalk_node *n)
{
	tree_in_release(&n->in);
	buf_release(&n->plain);
}

struct wanted {
	const char *name;
	size_t n;
	struct err why; /* it is lost */
};

static void wanted_lost(void *arg, const char *name, size_t n, const struct err *why)
{
	struct wanted *w = arg;

	if (n == w->n && !memcmp(name, w->name, n) && !w->why.code)
		err_copy(&w->why, why);
}

/* Positions out->in on the node of this name; ERR_NOTFOUND, without a sentence, at the end. */
static int find_node(struct treewalk_node *out, const char *name, size_t len, struct err *err)
{
	const struct node *n;
	int rc;

	tree_in_release(&out->in);
	tree_in_init(&out->in, out->plain.p, out->plain.len);
	while ((rc = tree_in_next(&out->in, &n, err)) == 1)
		if (n->name.n == len && !memcmp(n->name.p, name, len)) {
			out->node = *n;
			return 0;
		}
	return rc < 0 ? rc : ERR_NOTFOUND;
}

/* The same in a tree that cannot be read as it is. */
static int find_in_mended(struct treewalk_node *out, const char *name, size_t len, struct err *err)
{
	struct wanted w = {.name = name, .n = len};
	struct buf good;
	int rc;

	err_clear(err);
	buf_init(&good, SIZE_MAX / 2);
	rc = treemend(out->plain.p, out->plain.len, &good, wanted_lost, &w, err);
	tree_in_release(&out->in);
	buf_move(&out->plain, &good);
	if (!rc)
		rc = find_node(out, name, len, err);
	return rc == ERR_NOTFOUND && w.why.code ? err_copy(err, &w.why) : rc;
}

/* Positions out->in on the node of this name in the tree `id`. */
static int find_in(struct loader *l, const struct id *id, const char *name, size_t len,
	struct treewalk_node *out, struct err *err)
{
	int rc;

	treewalk_node_release(out);
	memset(out, 0, sizeof(*out));
	out->tree = *id;
	buf_init(&out->plain, (size_t)UINT32_MAX);
	rc = loader_tree_wait(l, id, &out->plain, err);
	if (rc < 0)
		return rc;
	rc = find_node(out, name, len, err);
	if (rc == ERR_INVALID)
		rc = find_in_mended(out, name, len, err);
	return rc == ERR_NOTFOUND ? err_set(err, rc, "%.*s: not in the snapshot", (int)len, name)
				  : rc;
}

int treewalk_find(struct loader *l, const struct id *root, const char *path,
	struct treewalk_node *out, struct err *err)
{
	struct id id = *root;
	const char *p = path;

	memset(out, 0, sizeof(*out));
	out->node = (struct node){.type = NODE_DIR, .subtree = *root, .has_subtree = true};
	out->tree = *root;
	while (*p == '/')
		p++;
	while (*p) {
		size_t n = strcspn(p, "/");
		int rc;

		if (out->node.type != NODE_DIR || !out->node.has_subtree)
			return err_set(err, ERR_NOTFOUND, "%.*s: not a directory in the snapshot",
				(int)(p - path), path);
		id = out->node.subtree;
		rc = find_in(l, &id, p, n, out, err);
		if (rc < 0)
			return err_prefix(err, "%s", path);
		p += n;
		while (*p == '/')
			p++;
	}
	return 0;
}
