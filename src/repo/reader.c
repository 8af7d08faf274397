#include "base/mem.h"
#include "format/pack.h"
#include "repo/reader_priv.h"
#include <assert.h>

/*
 * Every transfer holds its bytes from the moment it is asked for until a worker is done with them.
 * A worker never waits for anything but memory and the file system of its client, so what is held
 * is let go in the end, and what waits for room begins: but for copies (reader_copy.c), which a
 * range that holds its bytes waits for.  Therefore one copy passes without room.
 */

struct reader *reader_new(struct repo *r, struct catalog *catalog, size_t bound)
{
	struct reader *rd = mem_zalloc(sizeof(*rd));

	rd->repo = r;
	rd->catalog = catalog;
	rd->loop = pthread_self();
	rd->limit = r->be->connections ? r->be->connections : 1;
	rd->bound = bound ? bound : (rd->limit + 1) * READER_SPAN;
	rd->copies_end = &rd->copies;
	rd->packs_end = &rd->packs;
	rd->blobs_end = &rd->blobs;
	return rd;
}

void reader_free(struct reader *rd)
{
	assert(!rd || (!rd->requests && !rd->active && !rd->held));
	mem_free(rd);
}

bool reader_room(const struct reader *rd, size_t n)
{
	return rd->active < rd->limit &&
	       (!rd->held || (n <= rd->bound && rd->held <= rd->bound - n));
}

void reader_hold(struct reader *rd, size_t n)
{
	rd->active++;
	rd->held += n;
}

static bool pack_next(struct reader *rd);

void reader_pump(struct reader *rd)
{
	while ((rd->copies_next && rd->copies_next(rd)) || pack_next(rd) ||
		(rd->blobs_next && rd->blobs_next(rd)))
		;
}

int reader_explain(const struct reader_want *w, struct err *e)
{
	if (!id_is_zero(&w->at.pack))
		err_prefix(e, "pack %s", id_short(&w->at.pack).s);
	return err_prefix(e, "load %s %s", blob_type_name(w->at.blob.type),
		id_short(&w->at.blob.id).s);
}

/* ---- whole packs ---- */

static void pack_run(struct task *t)
{
	struct reader_pack *k = task_of(t, struct reader_pack, task);
	bool failed = k->op.err.code != 0;

	k->right = k->got(k, failed ? NULL : k->op.out.p, failed ? 0 : k->op.out.len,
		failed ? &k->op.err : NULL);
}

static void pack_queue(struct reader *rd, struct reader_pack *k)
{
	k->later = NULL;
	*rd->packs_end = k;
	rd->packs_end = &k->later;
}

static void pack_done(struct task *t)
{
	struct reader_pack *k = task_of(t, struct reader_pack, task);
	struct reader *rd = k->reader;

	rd->held -= k->held;
	if (!k->right && !k->again && !stopped_set(k->stop)) {
		k->again = true;
		pack_queue(rd, k);
	} else {
		rd->requests--;
		k->ended(k);
	}
	reader_pump(rd);
}

static void pack_arrived(struct task *t)
{
	struct reader_pack *k = task_of(t, struct reader_pack, task);
	struct reader *rd = k->reader;

	rd->active--;
	rd->held = rd->held - k->held + k->op.out.len;
	k->held = k->op.out.len;
	k->task = (struct task){.run = pack_run, .done = pack_done};
	jobs_put(rd->repo->env->cpu, &k->task);
	reader_pump(rd);
}

static void pack_op_done(struct backend_op *op)
{
	struct reader_pack *k = op->arg;

	loop_post(k->reader->repo->env->loop, &k->task);
}

static void pack_fetch(struct reader *rd, struct reader_pack *k)
{
	struct buf out = k->op.out;

	if (!out.max)
		buf_init(&out, UINT32_MAX);
	buf_reset(&out);
	reader_hold(rd, k->held);
	k->task = (struct task){.done = pack_arrived};
	k->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = k->id,
		.out = out,
		.done = pack_op_done,
		.arg = k};
	backend_start(rd->repo->be, &k->op);
}

static bool pack_next(struct reader *rd)
{
	struct reader_pack *k = rd->packs;
	bool stopped = k && stopped_set(k->stop) && !k->again;

	if (!k)
		return false;
	k->held = k->size ? (size_t)k->size : PACK_SIZE_DEFAULT;
	if (!stopped && !reader_room(rd, k->held))
		return false;
	rd->packs = k->later;
	if (!rd->packs)
		rd->packs_end = &rd->packs;
	if (stopped) {
		rd->requests--;
		k->ended(k);
	} else {
		pack_fetch(rd, k);
	}
	return true;
}

void reader_pack_start(struct reader *rd, struct reader_pack *k)
{
	k->reader = rd;
	k->again = k->right = false;
	rd->requests++;
	pack_queue(rd, k);
	reader_pump(rd);
}

void reader_pack_release(struct reader_pack *k)
{
	buf_release(&k->op.out);
}
