#include "repo/saver.h"
#include "base/mem.h"
#include "format/pack.h"
#include "repo/saver_seal.h"
#include <assert.h>
#include <stdatomic.h>

/*
 * A blob's way: piece -> batch (one question to the catalog) -> job (a task on env->cpu that seals
 * a few) -> a room in a pack -> uploader.
 *
 * Batches and jobs only save overhead: a batch leaves at the loop's next turn even when it is
 * small.  Jobs go before other work on env->cpu, because they free memory.
 *
 * What must be true:
 * - Every piece leaves by piece_free, once: when the catalog says that it is not ours, or when its
 *   job is done with it, cancelled or failed too.  Its charge goes back to the budget there and
 *   nowhere else: readers wait for it.
 * - `pending` counts pieces from saver_put to that moment's task on the loop.  So 0, with no batch
 *   being filled (`asking`), means that all that was put lies in a pack, and that no job runs.
 * - Only the loop's thread touches struct saver, but for `cancelled`, and for what job_run,
 *   flush_run, adopt_run and saver_keep use: r, packer, and the charge's budget.
 * - Jobs may wait for a pack's buffer, and never for each other: packer.c says why that ends.
 * - A piece that failed fails the run.  The rest is dropped rather than stored, but comes back:
 *   a flush ends whatever has happened.
 */
#define BATCH     128
#define JOB_BLOBS 64
#define JOB_BYTES ((size_t)256 << 10)

struct piece {
	enum blob_type type;
	struct id id;
	struct buf plain;
	size_t charge;
};

struct batch {
	struct catalog_claim req;
	struct saver *s;
	size_t n;
	struct piece *piece[BATCH];
	struct id id[BATCH];
	enum catalog_verdict verdict[BATCH];
};

struct job {
	struct task task;
	struct saver *s;
	size_t n, bytes;
	struct piece *piece[JOB_BLOBS];
	struct saver_stats added;
	struct err err;
};

struct saver {
	struct repo *r;
	struct catalog *catalog;
	struct saver_events ev;
	struct uploader *up;
	struct packer *packer;
	struct batch *batch[2]; /* being filled, one a type */
	struct task ask;        /* posted while a batch is being filled */
	bool asking;            /* … and neither drain nor flush may go on before that */
	bool discard;
	/* Of the end, which comes once: drain_wanted until drained() is on its way; flush_wanted
	 * until flushed() was called; flushing: the last packs are being closed, or are;
	 * packs_closed: they are, and flushed() is not yet on its way. */
	bool drain_wanted, flush_wanted, flushing, packs_closed;
	struct task flush; /* the step of draining or flushing that is being taken: one at a time */
	atomic_bool cancelled;
	size_t pending;
	struct saver_stats stats;
};

static void saver_progress(struct saver *s);

static void pack_stored(void *arg, const struct pack *p)
{
	struct saver *s = arg;

	s->stats.packs++;
	s->stats.data_added_packed += PACK_OVERHEAD;
	if (!s->discard)
		s->ev.stored(s->ev.arg, p);
	saver_progress(s);
}

static void pack_failed(void *arg, const struct err *e)
{
	struct saver *s = arg;

	s->ev.failed(s->ev.arg, e);
	saver_progress(s);
}

struct saver *saver_new(struct repo *r, struct catalog *catalog, size_t pack_size,
	unsigned packs_in_flight, bool discard, const struct saver_events *ev)
{
	struct saver *s = mem_zalloc(sizeof(*s));

	s->r = r;
	s->catalog = catalog;
	s->ev = *ev;
	s->discard = discard;
	s->up = uploader_new(r, packs_in_flight, pack_stored, pack_failed, s);
	uploader_discard(s->up, discard);
	s->packer = packer_new(r, s->up, pack_size);
	return s;
}

void saver_free(struct saver *s)
{
	if (!s)
		return;
	assert(!s->pending && !s->asking && uploader_idle(s->up));
	packer_free(s->packer);
	uploader_free(s->up);
	mem_free(s);
}

void saver_hold(struct saver *s)
{
	uploader_hold(s->up);
}

void saver_release(struct saver *s)
{
	uploader_release(s->up);
}

/* Any thread. */
static void piece_free(struct saver *s, struct piece *pc)
{
	buf_release(&pc->plain);
	if (pc->charge)
		budget_give(s->r->env->budget, pc->charge);
	mem_free(pc);
}

/* On a worker.  After a failure the rest is dropped: the run has failed. */
static void job_run(struct task *t)
{
	struct job *j = task_of(t, struct job, task);
	struct saver *s = j->s;
	struct repo_ctx *ctx = repo_ctx_get(s->r);

	for (size_t i = 0; i < j->n; i++) {
		struct piece *pc = j->piece[i];

		if (!j->err.code && !atomic_load(&s->cancelled) &&
			saver_seal(s->r, s->packer, ctx, pc->type, &pc->id, &pc->plain, true,
				&j->added, &j->err))
			err_prefix(&j->err, "save %s blob %s", blob_type_name(pc->type),
				id_short(&pc->id).s);
		piece_free(s, pc);
	}
	repo_ctx_put(s->r, ctx);
}

/* Who cancelled knows. */
static void failed_unless_cancelled(struct saver *s, const struct err *e)
{
	if (e->code && !(e->code == ERR_CANCELLED && atomic_load(&s->cancelled)))
		s->ev.failed(s->ev.arg, e);
}

static void job_done(struct task *t)
{
	struct job *j = task_of(t, struct job, task);
	struct saver *s = j->s;

	saver_kept(s, &j->added);
	s->pending -= j->n;
	failed_unless_cancelled(s, &j->err);
	mem_free(j);
	saver_progress(s);
}

static void job_start(struct job *j)
{
	j->task = (struct task){.run = job_run, .done = job_done};
	jobs_put_front(j->s->r->env->cpu, &j->task);
}

/* What is ours goes to workers, in jobs of some hundred kilobytes; the rest is known or somebody
 * else's, and its plaintext not needed. */
static void batch_answered(struct catalog_claim *req)
{
	struct batch *b = req->arg;
	struct saver *s = b->s;
	struct job *j = NULL;

	for (size_t i = 0; i < b->n; i++) {
		struct piece *pc = b->piece[i];

		if (b->verdict[i] != CATALOG_YOURS) {
			piece_free(s, pc);
			s->pending--;
			continue;
		}
		if (j && (j->n == JOB_BLOBS || j->bytes + pc->plain.len > JOB_BYTES)) {
			job_start(j);
			j = NULL;
		}
		if (!j) {
			j = mem_zalloc(sizeof(*j));
			j->s = s;
		}
		j->piece[j->n++] = pc;
		j->bytes += pc->plain.len;
	}
	if (j)
		job_start(j);
	mem_free(b);
	saver_progress(s);
}

/* The batch is the catalog's from here on, until it answers; perhaps before this returns. */
static void batch_send(struct saver *s, enum blob_type t)
{
	struct batch *b = s->batch[t];

	if (!b)
		return;
	s->batch[t] = NULL;
	b->req = (struct catalog_claim){.take = true,
		.type = t,
		.id = b->id,
		.n = b->n,
		.verdict = b->verdict,
		.done = batch_answered,
		.arg = b};
	catalog_claim(s->catalog, &b->req);
}

static void turn_over(struct task *t)
{
	struct saver *s = task_of(t, struct saver, ask);

	s->asking = false;
	batch_send(s, BLOB_DATA);
	batch_send(s, BLOB_TREE);
	saver_progress(s);
}

/* At the loop's next turn what is batched leaves, and the next step is looked for. */
static void ask_soon(struct saver *s)
{
	if (s->asking)
		return;
	s->asking = true;
	s->ask = (struct task){.done = turn_over};
	loop_post(s->r->env->loop, &s->ask);
}

void saver_put(struct saver *s, enum blob_type t, const struct id *id, struct buf *plain,
	size_t charge)
{
	struct piece *pc = mem_zalloc(sizeof(*pc));
	struct batch *b = s->batch[t];

	pc->type = t;
	pc->id = *id;
	pc->charge = charge;
	buf_move(&pc->plain, plain);
	s->pending++;
	if (!b) {
		b = s->batch[t] = mem_alloc(sizeof(*b));
		b->s = s;
		b->n = 0;
	}
	b->piece[b->n] = pc;
	b->id[b->n++] = *id;
	ask_soon(s);
	if (b->n == BATCH)
		batch_send(s, t);
}

int saver_keep(struct saver *s, struct repo_ctx *ctx, const struct blob *b, const uint8_t *sealed,
	const struct buf *plain, bool compress, struct saver_stats *added, struct err *err)
{
	/* Compressed even where it grows: else a prune would move it again and again. */
	if (!b->plain && s->r->config.version >= 2 && (compress || b->type == BLOB_TREE))
		return saver_seal(s->r, s->packer, ctx, b->type, &b->id, plain, false, added, err);
	if (packer_keep(s->packer, b, sealed, ctx, err))
		return err->code;
	saver_count(b, blob_plain_size(b), added);
	return 0;
}

void saver_kept(struct saver *s, const struct saver_stats *added)
{
	s->stats.data_blobs += added->data_blobs;
	s->stats.tree_blobs += added->tree_blobs;
	s->stats.data_added += added->data_added;
	s->stats.data_added_packed += added->data_added_packed;
}

/* On a worker: the header of the last pack is sealed, and its upload begins. */
static void flush_run(struct task *t)
{
	struct saver *s = task_of(t, struct saver, flush);
	struct repo_ctx *ctx = repo_ctx_get(s->r);

	packer_flush(s->packer, ctx);
	repo_ctx_put(s->r, ctx);
}

static void flush_done(struct task *t)
{
	struct saver *s = task_of(t, struct saver, flush);

	s->packs_closed = true;
	saver_progress(s);
}

static void flush_over(struct task *t)
{
	struct saver *s = task_of(t, struct saver, flush);

	s->flush_wanted = s->flushing = false;
	s->ev.flushed(s->ev.arg);
}

static void drain_over(struct task *t)
{
	struct saver *s = task_of(t, struct saver, flush);

	s->ev.drained(s->ev.arg);
}

/*
 * The next step of a drain or flush, if one is under way and may be taken: all blobs packed ->
 * packs closed -> all packs settled.  Called after whatever may have been waited for: a job that is
 * done, a batch that has left, a pack that is settled.
 */
static void saver_progress(struct saver *s)
{
	if (s->pending || s->asking)
		return;
	if (s->drain_wanted) {
		s->drain_wanted = false;
		s->flush = (struct task){.done = drain_over};
		loop_post(s->r->env->loop, &s->flush);
		return;
	}
	if (!s->flush_wanted)
		return;
	if (!s->flushing) {
		s->flushing = true;
		s->packs_closed = false;
		s->flush = (struct task){.run = flush_run, .done = flush_done};
		jobs_put(s->r->env->cpu, &s->flush);
		return;
	}
	if (!s->packs_closed || !uploader_idle(s->up))
		return;
	/* From a turn of its own: flushed() may free the saver, and we may have been called by its
	 * uploader. */
	s->packs_closed = false;
	s->flush = (struct task){.done = flush_over};
	loop_post(s->r->env->loop, &s->flush);
}

void saver_drain(struct saver *s)
{
	assert(!s->flush_wanted);
	s->drain_wanted = true;
	ask_soon(s);
}

/* Both through the loop: no event comes before they return. */
void saver_flush(struct saver *s)
{
	if (s->flush_wanted)
		return;
	s->flush_wanted = true;
	ask_soon(s);
}

size_t saver_tail(const struct saver *s, enum blob_type t)
{
	return packer_tail(s->packer, t);
}

void saver_give(struct saver *s, enum blob_type t, size_t max, struct buf *out)
{
	packer_give(s->packer, t, max, out);
}

static void adopt_run(struct task *t)
{
	struct saver_parcel *p = task_of(t, struct saver_parcel, task);
	struct repo_ctx *ctx = repo_ctx_get(p->s->r);

	packer_adopt(p->s->packer, p->type, p->data.p + p->offset, p->data.len - p->offset, ctx,
		&p->err);
	repo_ctx_put(p->s->r, ctx);
}

static void adopt_done(struct task *t)
{
	struct saver_parcel *p = task_of(t, struct saver_parcel, task);

	failed_unless_cancelled(p->s, &p->err);
	buf_release(&p->data);
	p->done(p);
}

void saver_adopt(struct saver *s, struct saver_parcel *p)
{
	p->s = s;
	err_clear(&p->err);
	p->task = (struct task){.run = adopt_run, .done = adopt_done};
	jobs_put(s->r->env->cpu, &p->task);
}

void saver_cancel(struct saver *s)
{
	atomic_store(&s->cancelled, true);
	packer_cancel(s->packer);
}

void saver_stats(const struct saver *s, struct saver_stats *out)
{
	*out = s->stats;
}

size_t saver_pending(const struct saver *s)
{
	return s->pending;
}
