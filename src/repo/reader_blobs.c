#include "base/mem.h"
#include "repo/reader_priv.h"
#include <stdlib.h>

/*
 * A request's way: places looked for, unless they are known -> sorted -> ranges fetched, in order
 * -> each cut into parts, which workers decode, a group of blobs at a time -> ended.
 *
 * A part whose group has wrong blobs leaves the worker until another copy of each was found or none
 * is left (reader_copy.c), and goes on behind them: so few blobs of a range wait for their copies
 * at one time, be the whole pack gone.
 */
#define GAP        ((uint64_t)256 * 1024) /* not worth a request of its own */
#define TASK_BYTES ((uint64_t)4 << 20)    /* plaintext one task decodes */
#define GROUP      8                      /* blobs hashed at once */

/* Wants first … end-1 of the request, which one transfer is for. */
struct fetch {
	struct reader_blobs *q;
	struct backend_op op;
	struct task arrived;
	size_t first, end;
	size_t held;
	size_t parts; /* not yet done */
};

struct opened {            /* one blob of a group */
	size_t first, end; /* its wants */
	struct buf plain;
	struct err err;
	int rc;
};

/* Wants of a fetch, which one task decodes. */
struct part {
	struct task task;
	struct fetch *f;
	size_t next, end;
	struct opened *o; /* the group, n of them */
	size_t n;
	size_t wrong; /* those of it whose copies are being tried */
};

static const struct blob *nth(const struct reader_blobs *q, size_t i)
{
	return &q->want[i]->at.blob;
}

static int by_place(const void *x, const void *y)
{
	const struct catalog_place *a = &(*(struct reader_want *const *)x)->at,
				   *b = &(*(struct reader_want *const *)y)->at;
	int c = id_cmp(&a->pack, &b->pack);

	if (c)
		return c;
	if (a->blob.offset != b->blob.offset)
		return a->blob.offset < b->blob.offset ? -1 : 1;
	/* A damaged index may have several at one place. */
	c = id_cmp(&a->blob.id, &b->blob.id);
	if (c)
		return c;
	if (a->blob.type != b->blob.type)
		return a->blob.type < b->blob.type ? -1 : 1;
	if (a->blob.length != b->blob.length)
		return a->blob.length < b->blob.length ? -1 : 1;
	return (a->blob.plain > b->blob.plain) - (a->blob.plain < b->blob.plain);
}

/* The wants i and i - 1 are handed the same bytes. */
static bool same_blob(const struct reader_blobs *q, size_t i)
{
	return !q->takes && !by_place(&q->want[i - 1], &q->want[i]);
}

/* ---- decoding ---- */

/* A blob without its hash, which group_name makes for several at once. */
static void unseal(struct part *d, struct repo_ctx *ctx, struct opened *o)
{
	struct fetch *f = d->f;
	const struct catalog_place *w = &f->q->want[o->first]->at;
	uint64_t at = (uint64_t)w->blob.offset - nth(f->q, f->first)->offset;

	err_clear(&o->err);
	if (w->blob.length <= SEAL_OVERHEAD)
		o->rc = id_is_zero(&w->pack)
				? err_set(&o->err, ERR_NOTFOUND, "it is not in the index")
				: err_set(&o->err, ERR_INVALID, "the index gives it %u bytes",
					  w->blob.length);
	else if (f->op.err.code)
		o->rc = err_copy(&o->err, &f->op.err);
	else if (at > f->op.out.len || w->blob.length > f->op.out.len - at)
		o->rc = err_set(&o->err, ERR_INVALID, "%zu bytes came instead of %llu",
			f->op.out.len, (unsigned long long)f->op.length);
	else
		o->rc = repo_unseal_blob(ctx, &w->blob, f->op.out.p + at, &o->plain, &o->err);
}

/* Names the blobs that could be unsealed. */
static void group_name(struct part *d, struct repo_ctx *ctx)
{
	struct hash_job job[GROUP];
	struct opened *of[GROUP];
	size_t jobs = 0;

	for (size_t k = 0; k < d->n; k++)
		if (d->o[k].rc == 0) {
			job[jobs] = (struct hash_job){.p = d->o[k].plain.p, .n = d->o[k].plain.len};
			of[jobs++] = &d->o[k];
		}
	hash_many(ctx->hash, job, jobs);
	for (size_t k = 0; k < jobs; k++)
		of[k]->rc = repo_name_blob(nth(d->f->q, of[k]->first), &job[k].out, &of[k]->plain,
			&of[k]->err);
}

static void hand_over(struct part *d, struct opened *o)
{
	struct reader_blobs *q = d->f->q;

	for (size_t i = o->first; i < o->end; i++) {
		struct reader_want *w = q->want[i];
		struct reader_got g = {.plain = &o->plain,
			.sealed = d->f->op.out.p +
				  (w->at.blob.offset - nth(q, d->f->first)->offset),
			.at = &w->at};

		q->got(q, w, &g);
	}
}

/* The next up to GROUP blobs. */
static void group(struct part *d, struct repo_ctx *ctx)
{
	struct reader_blobs *q = d->f->q;

	d->n = d->wrong = 0;
	while (d->n < GROUP && d->next < d->end) {
		struct opened *o = &d->o[d->n++];

		o->first = d->next++;
		while (d->next < d->end && same_blob(q, d->next))
			d->next++;
		o->end = d->next;
		unseal(d, ctx, o);
	}
	group_name(d, ctx);
	for (size_t k = 0; k < d->n; k++)
		if (d->o[k].rc == 0)
			hand_over(d, &d->o[k]);
		else
			d->wrong++;
}

static void part_run(struct task *t)
{
	struct part *d = task_of(t, struct part, task);
	struct repo *repo = d->f->q->reader->repo;
	struct repo_ctx *ctx = repo_ctx_get(repo);

	if (!d->o) {
		d->o = mem_array(GROUP, sizeof(*d->o));
		for (size_t k = 0; k < GROUP; k++)
			buf_init(&d->o[k].plain, REPO_BLOB_MAX);
	}
	d->wrong = 0;
	while (d->next < d->end && !d->wrong && !stopped_set(d->f->q->stop))
		group(d, ctx);
	/* Waiting, or done: no plaintext is kept. */
	for (size_t k = 0; k < GROUP; k++)
		buf_release(&d->o[k].plain);
	if (!d->wrong) {
		mem_free(d->o);
		d->o = NULL;
	}
	repo_ctx_put(repo, ctx);
}

static void settle(struct reader_blobs *q)
{
	if (q->under_way || q->queued)
		return;
	q->reader->requests--;
	q->ended(q);
}

static void part_end(struct part *d)
{
	struct fetch *f = d->f;
	struct reader_blobs *q = f->q;
	struct reader *rd = q->reader;

	mem_free(d->o);
	mem_free(d);
	if (--f->parts)
		return;
	rd->held -= f->held;
	buf_release(&f->op.out);
	mem_free(f);
	q->under_way--;
	if (q->progress)
		q->progress(q);
	settle(q);
	reader_pump(rd);
}

static void part_on(struct part *d)
{
	if (d->next < d->end && !stopped_set(d->f->q->stop))
		jobs_put(d->f->q->reader->repo->env->cpu, &d->task);
	else
		part_end(d);
}

static void copies_done(void *arg)
{
	struct part *d = arg;

	if (--d->wrong == 0)
		part_on(d);
}

static void part_done(struct task *t)
{
	struct part *d = task_of(t, struct part, task);
	struct reader_blobs *q = d->f->q;
	size_t n = d->n;

	if (!d->wrong) {
		part_on(d);
		return;
	}
	d->wrong++; /* not before all have begun */
	for (size_t k = 0; k < n; k++) {
		struct opened *o = &d->o[k];

		if (o->rc < 0)
			reader_copies(q, &q->want[o->first], o->end - o->first, &o->err,
				copies_done, d);
	}
	copies_done(d);
}

/* ---- fetching ---- */

static void cut_into_parts(struct fetch *f)
{
	size_t i = f->first;

	f->parts = 1;
	while (i < f->end) {
		struct part *d = mem_zalloc(sizeof(*d));
		uint64_t bytes = 0;

		d->task = (struct task){.run = part_run, .done = part_done};
		d->f = f;
		d->next = i;
		for (; i < f->end; i++) {
			bool again = i > d->next && same_blob(f->q, i);

			if (bytes >= TASK_BYTES && !again)
				break;
			if (!again)
				bytes += blob_plain_size(nth(f->q, i));
		}
		d->end = i;
		f->parts++;
		jobs_put(f->q->reader->repo->env->cpu, &d->task);
	}
	f->parts--;
}

static void arrived(struct task *t)
{
	struct fetch *f = task_of(t, struct fetch, arrived);
	struct reader *rd = f->q->reader;

	if (f->held) {
		rd->active--;
		rd->held = rd->held - f->held + f->op.out.len;
		f->held = f->op.out.len;
	}
	cut_into_parts(f);
	reader_pump(rd);
}

static void op_done(struct backend_op *op)
{
	struct fetch *f = op->arg;

	loop_post(f->q->reader->repo->env->loop, &f->arrived);
}

/* The wants from q->next on that lie close together; returns how many bytes that are; 0: those that
 * have no place. */
static size_t range(const struct reader_blobs *q, size_t span, size_t *next)
{
	const struct catalog_place *u = &q->want[q->next]->at;
	bool none = u->blob.length <= SEAL_OVERHEAD;
	uint64_t from = u->blob.offset, end = from + u->blob.length;
	size_t i;

	for (i = q->next + 1; i < q->n; i++) {
		const struct catalog_place *v = &q->want[i]->at;
		uint64_t to = (uint64_t)v->blob.offset + v->blob.length;

		if (!id_equal(&u->pack, &v->pack) || v->blob.offset > end + GAP ||
			(to > from + span && to > end) || (v->blob.length <= SEAL_OVERHEAD) != none)
			break;
		if (to > end)
			end = to;
	}
	*next = i;
	return none ? 0 : (size_t)(end - from);
}

static void fetch(struct reader_blobs *q, size_t next, size_t bytes)
{
	struct fetch *f = mem_zalloc(sizeof(*f));
	struct reader *rd = q->reader;

	f->q = q;
	f->first = q->next;
	f->end = q->next = next;
	f->arrived = (struct task){.done = arrived};
	f->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = q->want[f->first]->at.pack,
		.offset = nth(q, f->first)->offset,
		.length = bytes,
		.done = op_done,
		.arg = f};
	f->held = bytes;
	q->under_way++;
	if (bytes) {
		buf_init(&f->op.out, bytes);
		reader_hold(rd, bytes);
		backend_start(rd->repo->be, &f->op);
	} else {
		loop_post(rd->repo->env->loop, &f->arrived);
	}
}

/* q is not fetched for any more. */
static void leave_queue(struct reader_blobs **link)
{
	struct reader_blobs *q = *link;

	*link = q->later;
	if (!*link)
		q->reader->blobs_end = link;
	q->queued = false;
	settle(q);
}

static bool blobs_next(struct reader *rd)
{
	struct reader_blobs *q = rd->blobs;
	size_t bytes, next;

	for (struct reader_blobs **at = &rd->blobs; *at; at = &(*at)->later)
		if (stopped_set((*at)->stop)) {
			leave_queue(at);
			return true;
		}
	if (!q)
		return false;
	if (q->next < q->n) {
		bytes = range(q, READER_SPAN < rd->bound ? READER_SPAN : rd->bound, &next);
		if (bytes && !reader_room(rd, bytes))
			return false;
		fetch(q, next, bytes);
	}
	if (q->next == q->n)
		leave_queue(&rd->blobs);
	return true;
}

/* ---- beginning ---- */

static void enqueue(struct reader_blobs *q)
{
	struct reader *rd = q->reader;

	if (q->n)
		qsort(q->want, q->n, sizeof(struct reader_want *), by_place);
	rd->blobs_next = blobs_next;
	q->queued = true;
	q->later = NULL;
	*rd->blobs_end = q;
	rd->blobs_end = &q->later;
	reader_pump(rd);
}

static void place_settled(struct reader_blobs *q)
{
	if (--q->under_way)
		return;
	mem_free(q->places);
	q->places = NULL;
	enqueue(q);
}

/* What has no place that could hold it keeps one that cannot, for the sentence. */
static void place_known(struct seek *p)
{
	struct reader_blobs *q = p->arg;
	struct catalog_place *at = &q->want[p - q->places]->at;

	*at = p->find.found ? p->find.place : p->odd;
	at->blob.type = p->find.type;
	at->blob.id = p->find.id;
	place_settled(q);
}

static void find_places(struct reader_blobs *q)
{
	q->under_way = q->n + 1;
	q->places = mem_zalloc(q->n * sizeof(*q->places));
	for (size_t i = 0; i < q->n; i++) {
		struct seek *p = &q->places[i];

		p->find.type = nth(q, i)->type;
		p->find.id = nth(q, i)->id;
		p->arg = q;
		p->done = place_known;
		seek_next(q->reader->catalog, p);
	}
	place_settled(q);
}

void reader_blobs_start(struct reader *rd, struct reader_blobs *q)
{
	q->reader = rd;
	q->next = q->under_way = 0;
	q->queued = false;
	rd->requests++;
	if (q->placed || !q->n)
		enqueue(q);
	else
		find_places(q);
}
