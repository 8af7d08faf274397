/*
 * Each item is a directory.  Once its tree is there its nodes are gone through in order, in slices,
 * as long as windows have room.  What it finds of directories is pushed so that the first of them
 * is begun first, which keeps the walk near the order of the tree.
 *
 * Who finds a directory makes it, if it is selected, and any rank may go through it then; one that
 * is made only when something in it is stays on its rank, with all that lies between.
 *
 * Nothing grows with the tree: a directory waits (paused) while many items are in the queue, with
 * its tree in memory, and goes on where it was when few are left.  The queue is emptied from its
 * newest end, so those that wait lie above each other, but for as many as are begun at once.
 */
#include "base/mem.h"
#include "engine/restore_priv.h"
#include "engine/restore_select.h"
#include "format/treemend.h"
#include <string.h>

#define AHEAD       24                 /* directories whose trees may be on their way */
#define AHEAD_BYTES ((size_t)64 << 20) /* of trees that have come: beyond this one at a time */
#define QUEUED_MAX  256                /* items: then directories wait … */
#define QUEUED_LOW  32                 /* … until so few are left */
#define SLICE       256                /* nodes in one task: others are to be answered meanwhile */
#define PATH_SIZE   ((size_t)1 << 20)

struct item {
	struct workq_item q;
	struct restore_dir *dir; /* entered */
	struct id tree;
	bool self;         /* selected, and not only what lies above such */
	struct item *next; /* not pushed yet */
};

struct restore_walk {
	struct restore *r;
	struct restore_dir *dir; /* to be dropped */
	struct loader_tree get;
	bool came, opened, self;
	struct tree_in in;
	uint32_t number;    /* nodes so far */
	struct item *found; /* directories, the last first */
	struct restore_walk *next;
};

/* ---- trees ---- */

static void tree_came(struct loader_tree *t)
{
	struct restore_walk *w = t->arg;

	w->came = true;
	w->r->tree_bytes += t->plain.len;
	restore_flow_on(w->r);
}

/* The second walk says it only if the first had nothing to say. */
static void tree_lost(struct restore *r, const char *path, const char *name, const struct err *e)
{
	if (r->sh.verifying && r->broken)
		return;
	restore_say(&r->dirs, path, name, e);
	if (!r->sh.verifying)
		restore_tell_broken(r);
}

static void node_lost(void *arg, const char *name, size_t n, const struct err *why)
{
	struct restore_walk *w = arg;
	/* Never the directory's own path, which would mean all of it. */
	char *s = mem_strndup(n ? name : "?", n ? n : 1);

	tree_lost(w->r, w->dir->path, s, why);
	mem_free(s);
}

/* Reads it once: what is wrong with it is known before anything is made of it. */
static int read_through(struct restore_walk *w, struct err *err)
{
	const struct node *n;
	int rc;

	tree_in_init(&w->in, w->get.plain.p, w->get.plain.len);
	do
		rc = tree_in_next(&w->in, &n, err);
	while (rc == 1);
	tree_in_release(&w->in);
	return rc;
}

/* A tree that cannot be read as it is, but without some of its nodes or in another order. */
static int mend(struct restore_walk *w, struct err *err)
{
	struct buf good;
	int rc;

	err_clear(err);
	buf_init(&good, SIZE_MAX / 2);
	rc = treemend(w->get.plain.p, w->get.plain.len, &good, node_lost, w, err);
	w->r->tree_bytes -= w->get.plain.len;
	buf_move(&w->get.plain, &good);
	w->r->tree_bytes += w->get.plain.len;
	return rc ? rc : read_through(w, err);
}

static bool open_tree(struct restore_walk *w)
{
	struct err e = w->get.err;
	int rc = e.code;

	if (!rc)
		rc = read_through(w, &e);
	if (rc == ERR_INVALID && !w->get.err.code)
		rc = mend(w, &e);
	if (rc) {
		tree_lost(w->r, w->dir->path, NULL, &e);
		return false;
	}
	tree_in_init(&w->in, w->get.plain.p, w->get.plain.len);
	w->opened = true;
	return true;
}

/* ---- nodes ---- */

static void dir_node(struct restore_walk *w, const char *path, const struct node *n,
	struct restore_selection s)
{
	struct restore *r = w->r;
	struct restore_dir *d = restore_dir_enter(&r->dirs, w->dir, path, n);
	struct item *it;
	struct err e;

	r->mine.total_files += s.self && !r->sh.verifying;
	if (r->sh.verifying ? run_size(r->run) > 1
			    : s.self && (run_size(r->run) > 1 || !n->has_subtree))
		restore_dir_need(&r->dirs, d);
	if (!n->has_subtree) {
		err_set(&e, ERR_INVALID, "a directory without a tree");
		tree_lost(r, path, NULL, &e);
		restore_dir_drop(&r->dirs, d);
		return;
	}
	it = mem_zalloc(sizeof(*it));
	*it = (struct item){.dir = d, .tree = n->subtree, .self = s.self, .next = w->found};
	it->q.pinned = !d->used || d->failed;
	w->found = it;
	r->queued++;
}

static void node(struct restore_walk *w, const struct node *n)
{
	struct restore *r = w->r;
	bool dir = n->type == NODE_DIR;
	struct restore_selection s;
	const char *path;

	buf_reset(&r->path);
	buf_adds(&r->path, w->dir->path);
	buf_addc(&r->path, '/');
	buf_add(&r->path, n->name.p, n->name.n);
	path = buf_str(&r->path);
	if (!path) {
		struct err e;

		err_set(&e, ERR_NOMEM, "a path is too long");
		run_fail(r->run, &e);
		return;
	}
	s = restore_selected(r->opt, path, dir);
	if (s.self && !r->sh.verifying)
		restore_used_node(r->used, path, restore_tell_pattern, r);
	if (dir && (s.self || s.below))
		dir_node(w, path, n, s);
	else if (!dir && s.self && n->type != NODE_SOCKET && n->type != NODE_IRREGULAR)
		restore_node(r, &(struct restore_leaf){.dir = w->dir,
					.path = path,
					.number = w->number,
					.node = n});
}

/* ---- items ---- */

/* The first of them is begun first. */
static void push_found(struct restore_walk *w)
{
	while (w->found) {
		struct item *it = w->found;

		w->found = it->next;
		run_push(w->r->run, &it->q);
	}
}

static void walk_end(struct restore_walk *w)
{
	struct restore *r = w->r;

	push_found(w);
	r->tree_bytes -= w->get.plain.len;
	if (w->opened)
		tree_in_release(&w->in);
	buf_release(&w->get.plain);
	restore_dir_drop(&r->dirs, w->dir);
	mem_free(w);
	run_done(r->run);
}

/* What came from others is settled before more is found; and what this rank found. */
static bool may_walk(const struct restore *r)
{
	return !r->came && !restore_away_much(r);
}

static bool room(void *arg)
{
	const struct restore *r = arg;

	return may_walk(r) && r->windows <= RESTORE_WINDOWS && r->walking < AHEAD &&
	       (!r->walking || r->tree_bytes < AHEAD_BYTES);
}

static void begin(void *arg, struct workq_item *q)
{
	struct restore *r = arg;
	struct item *it = task_of(q, struct item, q);
	struct restore_walk *w = mem_zalloc(sizeof(*w));

	w->r = r;
	w->dir = it->dir;
	w->self = it->self;
	w->get = (struct loader_tree){.id = it->tree, .done = tree_came, .arg = w};
	mem_free(it);
	r->queued--;
	r->walking++;
	*(r->first ? &r->last->next : &r->first) = w;
	r->last = w;
	loader_tree_get(r->in->loader, &w->get);
}

static void drop(void *arg, struct workq_item *q)
{
	struct restore *r = arg;
	struct item *it = task_of(q, struct item, q);

	r->queued--;
	restore_dir_drop(&r->dirs, it->dir);
	mem_free(it);
}

/* Another rank has taken it. */
static void pack(void *arg, struct workq_item *q, struct buf *out)
{
	struct restore *r = arg;
	struct item *it = task_of(q, struct item, q);
	/* What was stolen may be stolen again: who waits for it stays the same. */
	struct dirref back = it->dir->came ? it->dir->back : restore_away_dir(r, it->dir->up);

	dirref_put(out, &back);
	wire_put_id(out, &it->tree);
	wire_put_u8(out, it->self);
	restore_dir_put(&r->dirs, it->dir, true, out);
	restore_dir_forget(&r->dirs, it->dir);
	mem_free(it);
	r->queued--;
	restore_flow_on(r);
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct restore *r = arg;
	struct item *it = mem_zalloc(sizeof(*it));
	struct dirref back;

	dirref_get(in, &back);
	wire_id(in, &it->tree);
	it->self = wire_u8(in);
	it->dir = restore_dir_came(&r->dirs, in, &back);
	if (!it->dir) {
		mem_free(it);
		return NULL;
	}
	r->queued++;
	return &it->q;
}

/* ---- going on ---- */

static void take_first(struct restore *r)
{
	struct restore_walk *w = r->first;

	r->first = w->next;
	if (!r->first)
		r->last = NULL;
	w->next = NULL;
	r->walking--;
}

static void resume(struct restore *r)
{
	struct restore_walk *w = r->paused;

	r->paused = w->next;
	w->next = r->first;
	r->first = w;
	if (!r->last)
		r->last = w;
	r->walking++;
}

/* Up to *left nodes of the first directory.  False: it has to wait for something. */
static bool go_through(struct restore *r, size_t *left)
{
	struct restore_walk *w = r->first;
	bool stopped = restore_stopped(&r->sh);
	const struct node *n;
	struct err e;

	if (!w->came)
		return false;
	if (!w->opened && !stopped && w->self && !r->sh.verifying)
		restore_dir_need(&r->dirs, w->dir);
	if (!w->opened && (stopped || !open_tree(w))) {
		take_first(r);
		walk_end(w);
		return true;
	}
	for (; *left && (stopped || r->queued < QUEUED_MAX); --*left) {
		if (!stopped && !restore_flow_room(r))
			return false;
		if (stopped || tree_in_next(&w->in, &n, &e) != 1) {
			take_first(r);
			walk_end(w);
			return true;
		}
		node(w, n);
		w->number++;
	}
	if (r->queued >= QUEUED_MAX) {
		take_first(r);
		push_found(w);
		w->next = r->paused;
		r->paused = w;
	}
	return true;
}

static void go_on(struct task *t)
{
	struct restore *r = task_of(t, struct restore, pump);
	size_t left = SLICE;

	r->pumping = false;
	restore_came_on(r);
	restore_large_on(r);
	do {
		if (r->paused && (r->queued < QUEUED_LOW || restore_stopped(&r->sh)))
			resume(r);
	} while (r->first && left && (may_walk(r) || restore_stopped(&r->sh)) &&
		 go_through(r, &left));
	if (r->first && !left)
		restore_flow_on(r);
	if (restore_away_much(r) || (!r->walking && !r->queued && !r->paused))
		restore_flow_rest(r);
	run_more(r->run);
}

/* ---- the phase ---- */

static void start(void *arg)
{
	struct restore *r = arg;
	struct item *it;

	router_open(r->in->router, RESTORE_TAG_FILES, restore_on_files, r);
	if (run_rank(r->run) || run_end(r->run) != RUN_GOES_ON)
		return;
	it = mem_zalloc(sizeof(*it));
	it->q.pinned = true;
	it->dir = r->dirs.top;
	it->tree = *r->root;
	restore_dir_hold(it->dir);
	r->queued++;
	run_push(r->run, &it->q);
}

enum run_end restore_walk_phase(struct restore *r, const char *name)
{
	struct run_phase p = {.name = name,
		.start = start,
		.room = room,
		.begin = begin,
		.drop = drop,
		.pack = pack,
		.unpack = unpack,
		.arg = r};
	enum run_end end;

	buf_init(&r->path, PATH_SIZE);
	r->pump.done = go_on;
	restore_flow_begin(r);
	end = run_phase(r->run, &p);
	router_close(r->in->router, RESTORE_TAG_FILES);
	restore_flow_end(r);
	buf_release(&r->path);
	return end;
}
