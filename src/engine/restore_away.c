/*
 * Files on their way to the rank that fetches what they hold, their home:
 *
 *     a file      the rank of the pack in which its first blob lies (restore_home.h), so that a
 *                 pack is fetched from by one rank, and files that share blobs meet in its windows
 *     one of several names of one inode   the rank of its number, which knows the other names
 *     an empty file, to be verified       a rank chosen by its directory
 *
 * The second walk sends a file where the first one did.
 *
 * The directory's rank has judged what lies at each name, and sends what it found: FILES: dirref
 * back, the directory (restore_dir_put), then for each: u8 verdict, u8 place, u32 number, what is
 * there, the node.  At home it is as if the directory was that rank's own, only that its metadata
 * is not its business; of a range of a file (restore_large.c) its place in it goes along.  When the
 * last of a message is done, `back` is told (DONE, of ranks/pending.h), as for a directory that was
 * stolen.
 *
 * Files whose home is this rank itself are not sent, but take the same way else.
 */
#include "base/mem.h"
#include "engine/nodewire.h"
#include "engine/restore_home.h"
#include "engine/restore_priv.h"
#include "engine/restore_verify.h"
#include "ranks/catalog_owner.h"
#include "ranks/pending.h"
#include "ranks/wire_err.h"
#include <string.h>

#define BATCH_FILES 512
#define BATCH_BYTES ((size_t)256 << 10)

/* A file whose home is asked for. */
struct away {
	struct catalog_find find;
	struct restore *r;
	struct restore_dir *dir; /* held */
	struct buf file;
	size_t uses;
};

/* What goes to one rank next: files of one directory. */
struct restore_batch {
	struct restore_dir *dir; /* held; NULL: nothing */
	struct buf files;
	size_t n, uses;
};

/* What another rank is to do in or below a directory of this one. */
struct awaited {
	struct restore_dir *dir; /* held; NULL: one file's end, told here: */
	void (*done)(void *arg, const struct err *e);
	void *arg;
	struct err err;
	size_t n, uses; /* files; 0: a directory */
};

/* ---- waiting ---- */

static struct dirref await(struct restore *r, const struct awaited *what)
{
	struct awaited *w = mem_dup(what, sizeof(*what));
	struct dirref back = {.rank = (uint32_t)run_rank(r->run)};

	back.slot = pending_open(r->pending, w, 1);
	pending_opened(r->pending, back.slot);
	return back;
}

struct dirref restore_away_dir(struct restore *r, struct restore_dir *d)
{
	restore_dir_hold(d);
	return await(r, &(struct awaited){.dir = d});
}

struct dirref restore_away_result(struct restore *r, void (*done)(void *arg, const struct err *e),
	void *arg)
{
	return await(r, &(struct awaited){.done = done, .arg = arg});
}

static void child(void *arg, void *slot, uint32_t child, uint8_t *p, size_t n)
{
	struct awaited *w = slot;
	struct wire_in in;

	(void)arg;
	(void)child;
	wire_in_init(&in, p, n);
	if (p)
		wire_err(&in, &w->err);
	mem_free(p);
}

static void full(void *arg, void *slot)
{
	struct restore *r = arg;
	struct awaited *w = slot;

	r->away_files -= w->n;
	r->away_uses -= w->uses;
	if (w->dir)
		restore_dir_drop(&r->dirs, w->dir);
	else
		w->done(w->arg, w->err.code ? &w->err : NULL);
	mem_free(w);
	restore_flow_on(r);
}

static void sent(void *arg)
{
	run_sent(((struct restore *)arg)->run);
}

static void came(void *arg)
{
	run_came(((struct restore *)arg)->run);
}

static void failed(void *arg, const struct err *e)
{
	run_fail(((struct restore *)arg)->run, e);
}

static void settled(void *arg, const struct dirref *back)
{
	pending_settle(((struct restore *)arg)->pending, back, NULL, 0);
}

static void part_done(void *arg, const struct dirref *back, const struct err *e)
{
	struct buf b;

	buf_init(&b, COMM_MAX);
	if (e)
		wire_put_err(&b, e);
	pending_settle(((struct restore *)arg)->pending, back, b.p, b.len);
}

/* ---- sending ---- */

static void send(struct restore *r, int home)
{
	struct restore_batch *o = &r->batch[home];
	size_t n = o->n;

	if (!o->dir)
		return;
	if (home == run_rank(r->run)) {
		restore_came_here(r, o->dir, &o->files, n, o->uses);
	} else {
		struct dirref back = await(r,
			&(struct awaited){.dir = o->dir, .n = n, .uses = o->uses});
		struct buf b;

		buf_init(&b, COMM_MAX);
		dirref_put(&b, &back);
		restore_dir_put(&r->dirs, o->dir, false, &b);
		buf_add(&b, o->files.p, o->files.len);
		run_sent(r->run);
		router_send(r->in->router, home, RESTORE_TAG_FILES, &b);
	}
	buf_release(&o->files);
	*o = (struct restore_batch){0};
	r->unsent -= n;
	if (!r->unsent)
		run_done(r->run);
}

static void send_all(void *arg)
{
	struct restore *r = arg;

	for (int i = 0; i < run_size(r->run); i++)
		send(r, i);
}

/* Its home is known. */
static void add(struct away *a, int home)
{
	struct restore *r = a->r;
	struct restore_batch *o = &r->batch[home];

	if (o->dir != a->dir || o->n >= BATCH_FILES || o->files.len + a->file.len > BATCH_BYTES)
		send(r, home);
	if (o->dir) {
		restore_dir_drop(&r->dirs, a->dir);
	} else {
		o->dir = a->dir;
		buf_init(&o->files, COMM_MAX);
	}
	buf_add(&o->files, a->file.p, a->file.len);
	o->n++;
	o->uses += a->uses;
	buf_release(&a->file);
	mem_free(a);
}

/* ---- where to ---- */

static void found(struct catalog_find *f)
{
	struct away *a = f->arg;

	/* Of what is not there this rank says so. */
	add(a, f->found ? restore_homes_of(a->r->homes, &f->place.pack) : run_rank(a->r->run));
}

static int spread(const struct restore *r, uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;

	return (int)((x >> 32) * (uint64_t)run_size(r->run) >> 32);
}

static void go(struct away *a, const struct node *n)
{
	struct restore *r = a->r;

	if (linkset_may(n)) {
		add(a, spread(r, n->inode, n->device_id));
	} else if (!n->n_content) {
		add(a, spread(r, a->dir->is.ino, 0));
	} else {
		a->find = (struct catalog_find){.type = BLOB_DATA,
			.id = n->content[0],
			.done = found,
			.arg = a};
		catalog_find(r->in->catalog, &a->find);
	}
}

static void put_meta(struct buf *b, const struct meta *m)
{
	wire_put_u32(b, m->mode);
	wire_put_u32(b, m->uid);
	wire_put_u32(b, m->gid);
	wire_put_u64(b, m->ino);
	wire_put_u64(b, m->nlink);
	wire_put_u64(b, m->size);
	nodewire_put_time(b, &m->mtime);
}

void restore_away_send(struct restore *r, const struct restore_leaf *l)
{
	const struct node *n = l->node;
	struct away *a = mem_zalloc(sizeof(*a));

	a->r = r;
	a->dir = l->dir;
	a->uses = n->n_content;
	restore_dir_hold(l->dir);
	buf_init(&a->file, COMM_MAX);
	wire_put_u8(&a->file, (uint8_t)l->verdict);
	wire_put_u8(&a->file, (uint8_t)l->place.kind);
	wire_put_u32(&a->file, l->number);
	put_meta(&a->file, &l->place.was);
	if (l->place.kind == RESTORE_PART)
		restore_part_put(l->part, &a->file);
	nodewire_put(&a->file, n);
	r->away_files++;
	r->away_uses += a->uses;
	if (!r->unsent++)
		run_hold(r->run);
	go(a, n);
}

bool restore_away(struct restore *r, const struct restore_leaf *l)
{
	const struct node *n = l->node;

	if (!r->homes)
		return false;
	if (!linkset_may(n) && (n->type != NODE_FILE || l->verdict != RESTORE_LEAF_MAKE))
		return false;
	/* In a dry run nothing is to be done for it but where something lies. */
	if (!linkset_may(n) && r->opt->dry_run && l->place.kind != RESTORE_OURS)
		return false;
	if (!linkset_may(n) && !n->n_content && !r->sh.written)
		return false;
	/* Mounted on its name: other nodes know it by another number. */
	if (l->place.kind != RESTORE_FREE && l->place.was.dev != l->dir->is.dev)
		return false;
	restore_away_send(r, l);
	return true;
}

/* ---- life ---- */

int restore_away_begin(struct restore *r, struct err *err)
{
	struct pending_ops ops = {child, full, sent, came, failed, r};
	int rc;

	r->dirs.settled = settled;
	r->dirs.copied = restore_tell_copy;
	r->sh.part_done = part_done;
	r->sh.arg = r;
	if (run_size(r->run) == 1)
		return 0;
	rc = restore_homes_new(r->in->router, r->in->agree, r->in->catalog, &r->homes, err);
	if (rc)
		return rc;
	r->batch = mem_array((size_t)run_size(r->run), sizeof(*r->batch));
	r->pending = pending_new(r->in->router, RESTORE_TAG_DONE, &ops);
	router_on_turn(r->in->router, send_all, r);
	return 0;
}

void restore_away_end(struct restore *r)
{
	if (!r->batch)
		return;
	router_off_turn(r->in->router, send_all, r);
	pending_free(r->pending, NULL);
	restore_homes_free(r->homes);
	mem_free(r->batch);
	nodewire_release(&r->node);
}
