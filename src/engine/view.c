/*
 * One bcast of the paths, one gather of what each rank has mounted below them, and then rounds:
 * rank 0 looks at everything and tells; the others look and compare.  A difference that is only one
 * of time may be somebody at work there, so there are several rounds.
 */
#include "engine/view.h"
#include "base/mem.h"
#include "engine/view_points.h"
#include "engine/view_spot.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROUNDS     4
#define ROUND_NS   ((int64_t)200 * 1000 * 1000) /* before the second; doubles */
#define HELD_SHARE 4 /* of the descriptors that the process may have: so many are held */
#define PATHS_MAX  (COMM_MAX / 2)

static void put_str(struct buf *b, const char *s)
{
	wire_put_bytes(b, s, strlen(s));
}

static void spot_add(struct view *v, size_t *cap, char *path, bool whole, bool below)
{
	if (v->n == *cap) {
		*cap = *cap ? 2 * *cap : 8;
		v->spot = mem_regrow(v->spot, *cap, sizeof(*v->spot));
	}
	v->spot[v->n++] = (struct spot){.path = path,
		.whole = whole,
		.below = below,
		.enter = true,
		.fd = -1};
}

/* A path before what is below it; of one that is there twice the one of which all is wanted. */
static int by_path(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	if (c)
		return c;
	return x->whole != y->whole ? y->whole - x->whole : x->below - y->below;
}

static void sort_spots(struct view *v)
{
	size_t kept = 0;

	if (v->n)
		qsort(v->spot, v->n, sizeof(*v->spot), by_path);
	for (size_t i = 0; i < v->n; i++) {
		if (kept && !strcmp(v->spot[kept - 1].path, v->spot[i].path))
			mem_free(v->spot[i].path);
		else
			v->spot[kept++] = v->spot[i];
	}
	v->n = kept;
}

/* ---- what is mounted below ---- */

static void add_points(struct view *v, size_t *cap, const struct buf *from)
{
	struct wire_in in;

	wire_in_init(&in, from->p, from->len);
	while (in.p < in.end && !in.bad) {
		char *p = wire_text(&in);

		if (in.bad || *p != '/')
			mem_free(p);
		else
			spot_add(v, cap, p, true, true);
	}
}

/* ---- comparing ---- */

static bool place_eq(const struct place *a, const struct place *b)
{
	return a->errnum == b->errnum && a->type == b->type && a->ino == b->ino &&
	       a->dev == b->dev && !ts_cmp(&a->mtime, &b->mtime) && a->names == b->names;
}

/* The kernel gives the lowest number that is free, so this counts for all ranks of a process
 * together. */
static int held_max(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur / HELD_SHARE > INT_MAX)
		return INT_MAX;
	return (int)(lim.rlim_cur / HELD_SHARE);
}

/* The path below which this was found; it sorts before, so it has been looked at. */
static const struct spot *path_above(const struct view *v, const struct spot *s)
{
	char *upper = mem_strdup(s->path);
	const struct spot *top = NULL;

	for (char *p = strrchr(upper, '/'); p && p != upper && (!top || top->below);
		p = strrchr(upper, '/')) {
		*p = 0;
		top = view_spot_at(v, upper);
	}
	mem_free(upper);
	return top && !top->below ? top : view_spot_at(v, "/");
}

struct looking {
	struct view *v;
	const struct view_rules *rules;
	const struct log *log;
	struct buf *points;
	int hold;
	bool first;
};

static void look(void *arg)
{
	const struct looking *l = arg;
	struct view *v = l->v;

	for (size_t i = 0; i < v->n; i++) {
		struct spot *s = &v->spot[i];
		const struct spot *top = s->below && l->rules->one_file_system ? path_above(v, s)
									       : NULL;
		struct place before = s->at;

		if (s->fd >= 0)
			close(s->fd);
		s->fd = place_look(s->path, &s->at);
		s->moved = !l->first && !place_eq(&before, &s->at);
		s->enter = !top || s->at.dev == top->at.dev;
		if (s->fd >= l->hold) {
			close(s->fd);
			s->fd = -1;
		}
	}
}

static void put_places(const struct view *v, struct buf *b)
{
	for (size_t i = 0; i < v->n; i++) {
		wire_put_u8(b, (uint8_t)(v->spot[i].enter | v->spot[i].moved << 1));
		place_put(b, &v->spot[i].at);
	}
}

static int differs(const struct spot *s, const char *leader, int code, const char *why,
	struct err *err)
{
	return err_set(err, code, "%s is not what it is on rank 0 (node %s): %s%s", s->path, leader,
		why,
		s->below ? "; mount the same there on all nodes, or leave it out (--exclude)"
			 : "; all nodes must see the same files below it");
}

static int compare(const struct spot *s, const char *leader, uint8_t flags,
	const struct place *there, struct err *err)
{
	bool enter = flags & 1, moved = flags >> 1;
	const char *why;
	enum place_match m = place_compare(&s->at, there, &why);

	if (s->enter != enter && !s->at.errnum && !there->errnum)
		return differs(s, leader, ERR_INVALID, "mounted on one of them only", err);
	if (!enter && !there->errnum && !s->at.errnum && s->at.type == there->type)
		return 0;
	/* Nobody can see two moments of what changes all the time; the inode is the same. */
	if (m == PLACE_MOVED && moved && s->moved && s->at.ino == there->ino)
		return 0;
	return m == PLACE_SAME
		       ? 0
		       : differs(s, leader, m == PLACE_MOVED ? ERR_IO : ERR_INVALID, why, err);
}

static int compare_all(struct view *v, const struct buf *b, struct mounts_pair *pair,
	struct err *err)
{
	struct wire_in in;
	char *leader;
	int rc = 0;

	wire_in_init(&in, b->p, b->len);
	leader = wire_text(&in);
	for (size_t i = 0; i < v->n && !in.bad; i++) {
		struct place there;
		uint8_t flags = wire_u8(&in);

		place_get(&in, &there);
		pair[i] = (struct mounts_pair){v->spot[i].at.dev, there.dev};
		if (!rc && !in.bad)
			rc = compare(&v->spot[i], leader, flags, &there, err);
	}
	if (!wire_done(&in))
		rc = err_set(err, ERR_INVALID, "a damaged message from rank 0: what it sees");
	mem_free(leader);
	return rc;
}

static int rounds(struct view *v, struct agree *a, struct router *r, const struct view_rules *rules,
	struct err *err)
{
	struct mounts_pair *pair = mem_array(v->n ? v->n : 1, sizeof(*pair));
	struct looking l = {.v = v, .rules = rules, .hold = held_max()};
	int64_t pause = ROUND_NS;
	struct buf b;
	int rc = 0;

	buf_init(&b, COMM_MAX);
	for (int i = 0;; i++, pause *= 2) {
		l.first = i == 0;
		router_aside(r, look, &l);
		if (router_rank(r) == 0) {
			buf_reset(&b);
			put_str(&b, router_env(r)->node ? router_env(r)->node : "?");
			put_places(v, &b);
		}
		agree_bcast(a, &b);
		err_clear(err);
		if (router_rank(r) != 0)
			compare_all(v, &b, pair, err);
		rc = agree_all(a, err);
		if (rc != ERR_IO || i + 1 == ROUNDS)
			break;
		clock_sleep(router_env(r)->clock, pause);
	}
	if (!rc && router_rank(r) != 0)
		v->map = mounts_map_new(pair, v->n);
	buf_release(&b);
	mem_free(pair);
	return rc;
}

/* ---- together ---- */

static void put_paths(const struct view_path *paths, size_t n, struct buf *b)
{
	for (size_t i = 0; i < n && b->len < PATHS_MAX; i++) {
		wire_put_u8(b, paths[i].whole);
		put_str(b, paths[i].path);
	}
}

static void get_paths(struct view *v, size_t *cap, const struct buf *b)
{
	struct wire_in in;

	wire_in_init(&in, b->p, b->len);
	while (in.p < in.end && !in.bad) {
		bool whole = wire_u8(&in);

		spot_add(v, cap, wire_text(&in), whole, false);
	}
}

static void find_points(void *arg)
{
	const struct looking *l = arg;
	const struct view *v = l->v;
	struct view_path *path = mem_array(v->n ? v->n : 1, sizeof(*path));

	for (size_t i = 0; i < v->n; i++)
		path[i] = (struct view_path){v->spot[i].path, v->spot[i].whole};
	view_points(path, v->n, l->rules, l->log, l->points);
	mem_free(path);
}

/* All ranks' mount points to rank 0, and from there to all. */
static int share_points(struct view *v, size_t *cap, struct agree *a, struct router *r,
	const struct view_rules *rules, struct err *err)
{
	int size = router_size(r);
	struct buf mine, *all = NULL;
	struct looking l = {.v = v, .rules = rules, .log = &router_env(r)->log, .points = &mine};
	bool leads = router_rank(r) == 0;

	buf_init(&mine, COMM_MAX / (size_t)size - 64);
	router_aside(r, find_points, &l);
	if (mine.overflow)
		err_set(err, ERR_NOMEM,
			"too many file systems are mounted below what is to be saved");
	if (err->code)
		buf_reset(&mine);
	if (leads) {
		all = mem_array((size_t)size, sizeof(*all));
		for (int i = 0; i < size; i++)
			buf_init(&all[i], COMM_MAX);
	}
	agree_gather(a, &mine, all);
	mine.max = COMM_MAX;
	for (int i = 0; leads && i < size; i++) {
		buf_add(&mine, all[i].p, all[i].len);
		buf_release(&all[i]);
	}
	mem_free(all);
	agree_bcast(a, &mine);
	add_points(v, cap, &mine);
	sort_spots(v);
	buf_release(&mine);
	return agree_all(a, err);
}

int view_share(struct agree *a, struct router *r, const struct view_path *paths, size_t n,
	const struct view_rules *rules, struct view **out, struct err *err)
{
	struct view *v = mem_zalloc(sizeof(*v));
	size_t cap = 0;
	struct buf b;
	int rc;

	err_clear(err);
	buf_init(&b, COMM_MAX);
	put_paths(paths, n, &b);
	agree_bcast(a, &b);
	get_paths(v, &cap, &b);
	buf_release(&b);
	sort_spots(v);
	rc = share_points(v, &cap, a, r, rules, err);
	if (!rc)
		rc = rounds(v, a, r, rules, err);
	if (rc) {
		view_free(v);
		v = NULL;
	}
	*out = v;
	return rc;
}

void view_free(struct view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++) {
		if (v->spot[i].fd >= 0)
			close(v->spot[i].fd);
		mem_free(v->spot[i].path);
	}
	mem_free(v->spot);
	mounts_map_free(v->map);
	mem_free(v);
}
