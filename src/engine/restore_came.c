/*
 * Files that have come to their home: from another rank, or from this one (restore_away.c says what
 * a message holds).  They wait until windows have room; who sends them waits in turn when many are
 * not done.
 */
#include "base/mem.h"
#include "engine/nodewire.h"
#include "engine/restore_priv.h"
#include <string.h>

struct restore_parcel {
	struct restore_dir *dir; /* ours, or what came with it: with one thing pending */
	struct buf data;
	struct wire_in in;
	bool failed;    /* its directory is not to be had */
	size_t n, uses; /* of this rank itself: that count as being away until then */
	struct restore_parcel *later;
};

static void put(struct restore *r, struct restore_parcel *p)
{
	*(r->came ? &r->came_last->later : &r->came) = p;
	r->came_last = p;
	restore_flow_on(r);
}

void restore_came_here(struct restore *r, struct restore_dir *dir, struct buf *files, size_t n,
	size_t uses)
{
	struct restore_parcel *p = mem_zalloc(sizeof(*p));

	p->dir = dir;
	p->n = n;
	p->uses = uses;
	buf_init(&p->data, COMM_MAX);
	buf_move(&p->data, files);
	wire_in_init(&p->in, p->data.p, p->data.len);
	run_hold(r->run);
	put(r, p);
}

static void damaged(struct restore *r, int from)
{
	struct err e;

	err_set(&e, ERR_INVALID, "damaged message with files from rank %d", from);
	run_fail(r->run, &e);
}

void restore_on_files(void *arg, struct comm_msg *m)
{
	struct restore *r = arg;
	struct restore_parcel *p = mem_zalloc(sizeof(*p));
	struct dirref back;

	buf_init(&p->data, COMM_MAX);
	buf_move(&p->data, &m->data);
	wire_in_init(&p->in, p->data.p, p->data.len);
	dirref_get(&p->in, &back);
	p->dir = restore_dir_came(&r->dirs, &p->in, &back);
	if (p->dir) {
		run_hold(r->run);
		put(r, p);
	} else {
		damaged(r, m->from);
		buf_release(&p->data);
		mem_free(p);
	}
	run_came(r->run);
}

static void end(struct restore *r, struct restore_parcel *p)
{
	r->came = p->later;
	r->away_files -= p->n;
	r->away_uses -= p->uses;
	restore_dir_drop(&r->dirs, p->dir);
	buf_release(&p->data);
	mem_free(p);
	run_done(r->run);
}

/* It lies on the file system of its directory: else it would not have been sent. */
static void get_meta(struct wire_in *in, const struct restore_dir *d, struct meta *m)
{
	*m = (struct meta){.dev = d->is.dev};
	m->mode = (mode_t)wire_u32(in);
	m->uid = wire_u32(in);
	m->gid = wire_u32(in);
	m->ino = wire_u64(in);
	m->nlink = wire_u64(in);
	m->size = wire_u64(in);
	nodewire_time(in, &m->mtime);
}

void restore_part_put(const struct restore_part *p, struct buf *b)
{
	dirref_put(b, &p->back);
	wire_put_u64(b, p->base);
	wire_put_u64(b, p->whole);
	wire_put_u32(b, p->number);
	wire_put_u8(b, p->there);
}

static void get_part(struct wire_in *in, struct restore_part *p)
{
	dirref_get(in, &p->back);
	p->base = wire_u64(in);
	p->whole = wire_u64(in);
	p->number = wire_u32(in);
	p->there = wire_u8(in);
}

/* The next file of it.  Not wanted: it is only passed. */
static void one(struct restore *r, struct restore_parcel *p, bool wanted)
{
	static const struct err none = {.code = ERR_CANCELLED};
	struct restore_dir *d = p->dir;
	struct restore_part part;
	struct restore_leaf l = {.dir = d, .part = &part};
	uint8_t verdict, kind;

	verdict = wire_u8(&p->in);
	kind = wire_u8(&p->in);
	l.number = wire_u32(&p->in);
	get_meta(&p->in, d, &l.place.was);
	if (kind == RESTORE_PART)
		get_part(&p->in, &part);
	if (!nodewire_get(&p->in, &r->node) || verdict > RESTORE_LEAF_SKIP || kind > RESTORE_PART) {
		damaged(r, d->came ? (int)d->back.rank : run_rank(r->run));
		p->in.p = p->in.end;
		return;
	}
	if (!wanted) {
		if (kind == RESTORE_PART)
			r->sh.part_done(r, &part.back, &none);
		return;
	}
	l.verdict = (enum restore_leaf_verdict)verdict;
	l.place.kind = (enum restore_place)kind;
	l.node = &r->node.node;
	buf_reset(&r->path);
	buf_adds(&r->path, d->path);
	buf_addc(&r->path, '/');
	buf_add(&r->path, l.node->name.p, l.node->name.n);
	l.path = buf_str(&r->path);
	if (l.path)
		restore_settle(r, &l);
}

bool restore_came_on(struct restore *r)
{
	while (r->came) {
		struct restore_parcel *p = r->came;

		if (p->in.p == p->in.end) {
			end(r, p);
			continue;
		}
		if (restore_stopped(&r->sh) || p->failed) {
			one(r, p, false);
			continue;
		}
		if (!restore_flow_room(r))
			return false;
		/* For each: others may have been opened since. */
		p->failed = !restore_dir_need(&r->dirs, p->dir);
		one(r, p, !p->failed);
	}
	return true;
}
