#include "base/mem.h"
#include "format/pack.h"
#include "repo/reader_priv.h"
#include <string.h>

/*
 * A pack comes by one transfer.  But where the bound leaves room for less packs than there are
 * connections, a large one comes in pieces, by as many connections as are free: else some would
 * have nothing to do, and a far store would be waited for longer than need be.
 *
 * The pieces are written where they belong in one buffer.  If anything is the matter with one of
 * them the pack is asked for as a whole, and what is told of it is what came of that.
 */
struct piece {
	struct reader_pack *k;
	size_t at, n;
	struct backend_op op;
	struct task arrived;
};

static void pack_run(struct task *t)
{
	struct reader_pack *k = task_of(t, struct reader_pack, task);
	bool failed = k->op.err.code != 0;

	k->right = k->got(k, failed ? NULL : k->op.out.p, failed ? 0 : k->op.out.len,
		failed ? &k->op.err : NULL);
}

static void queue(struct reader *rd, struct reader_pack *k)
{
	k->cut = k->bad = false;
	k->asked = k->pieces = 0;
	k->later = NULL;
	*rd->packs_end = k;
	rd->packs_end = &k->later;
}

static void leave_queue(struct reader *rd)
{
	rd->packs = rd->packs->later;
	if (!rd->packs)
		rd->packs_end = &rd->packs;
}

static void end(struct reader_pack *k)
{
	k->reader->requests--;
	k->ended(k);
}

static void pack_done(struct task *t)
{
	struct reader_pack *k = task_of(t, struct reader_pack, task);
	struct reader *rd = k->reader;

	rd->held -= k->held;
	if (!k->right && !k->again && !stopped_set(k->stop)) {
		k->again = k->whole = true;
		queue(rd, k);
	} else {
		end(k);
	}
	reader_pump(rd);
}

/* Its bytes have come, or an error. */
static void decode(struct reader *rd, struct reader_pack *k)
{
	rd->held = rd->held - k->held + k->op.out.len;
	k->held = k->op.out.len;
	k->task = (struct task){.run = pack_run, .done = pack_done};
	jobs_put(rd->repo->env->cpu, &k->task);
}

/* ---- by one transfer ---- */

static void pack_arrived(struct task *t)
{
	struct reader_pack *k = task_of(t, struct reader_pack, task);
	struct reader *rd = k->reader;

	rd->active--;
	decode(rd, k);
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

/* ---- in pieces ---- */

static bool wants_pieces(const struct reader *rd, struct reader_pack *k)
{
	return k->size > READER_SPAN && !k->whole && rd->bound / k->size < rd->limit &&
	       !buf_try_reserve(&k->op.out, (size_t)k->size);
}

/* All pieces that were asked for are there, and no more will be. */
static void pieces_done(struct reader *rd, struct reader_pack *k)
{
	if (!k->bad) {
		err_clear(&k->op.err);
		k->op.out.len = (size_t)k->size;
		decode(rd, k);
		return;
	}
	rd->held -= k->held;
	if (stopped_set(k->stop)) {
		end(k);
		return;
	}
	k->whole = true;
	queue(rd, k);
}

static void piece_arrived(struct task *t)
{
	struct piece *p = task_of(t, struct piece, arrived);
	struct reader_pack *k = p->k;
	struct reader *rd = k->reader;
	uint8_t *to = k->op.out.p + p->at;

	rd->active--;
	k->pieces--;
	k->bad |= p->op.err.code || p->op.out.len != p->n;
	/* A store may have put it elsewhere. */
	if (!k->bad && p->op.out.p != to)
		memcpy(to, p->op.out.p, p->n);
	buf_release(&p->op.out);
	mem_free(p);
	if (!k->pieces && k->asked == k->size)
		pieces_done(rd, k);
	reader_pump(rd);
}

static void piece_op_done(struct backend_op *op)
{
	struct piece *p = op->arg;

	loop_post(p->k->reader->repo->env->loop, &p->arrived);
}

/* The next one of the pack at the head of the queue. */
static void piece_fetch(struct reader *rd, struct reader_pack *k)
{
	struct piece *p = mem_zalloc(sizeof(*p));
	size_t left = (size_t)k->size - k->asked;

	p->k = k;
	p->at = k->asked;
	p->n = left < READER_SPAN ? left : READER_SPAN;
	p->arrived = (struct task){.done = piece_arrived};
	/* The last one up to the end: a file that is longer is not what it should be. */
	p->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = k->id,
		.offset = p->at,
		.length = p->n < left ? p->n : 0,
		.done = piece_op_done,
		.arg = p};
	buf_lend(&p->op.out, k->op.out.p + p->at, p->n);
	k->asked += p->n;
	k->pieces++;
	if (k->asked == k->size)
		leave_queue(rd);
	reader_hold(rd, 0);
	backend_start(rd->repo->be, &p->op);
}

/* Of one whose pieces are being asked for. */
static bool piece_next(struct reader *rd, struct reader_pack *k)
{
	if (k->bad || stopped_set(k->stop)) {
		k->bad = true;
		k->asked = (size_t)k->size;
		leave_queue(rd);
		if (!k->pieces)
			pieces_done(rd, k);
		return true;
	}
	if (rd->active >= rd->limit)
		return false;
	piece_fetch(rd, k);
	return true;
}

/* ---- both ---- */

static bool packs_next(struct reader *rd)
{
	struct reader_pack *k = rd->packs;
	bool stopped = k && stopped_set(k->stop) && !k->again;

	if (!k)
		return false;
	if (k->cut)
		return piece_next(rd, k);
	k->held = k->size ? (size_t)k->size : PACK_SIZE_DEFAULT;
	if (!stopped && !reader_room(rd, k->held))
		return false;
	if (stopped) {
		leave_queue(rd);
		end(k);
		return true;
	}
	if (!k->op.out.max)
		buf_init(&k->op.out, UINT32_MAX);
	buf_reset(&k->op.out);
	k->cut = wants_pieces(rd, k);
	if (k->cut) {
		rd->held += k->held;
		return true;
	}
	leave_queue(rd);
	pack_fetch(rd, k);
	return true;
}

void reader_pack_start(struct reader *rd, struct reader_pack *k)
{
	k->reader = rd;
	k->again = k->right = k->whole = false;
	rd->requests++;
	rd->packs_next = packs_next;
	queue(rd, k);
	reader_pump(rd);
}

void reader_pack_release(struct reader_pack *k)
{
	buf_release(&k->op.out);
}
