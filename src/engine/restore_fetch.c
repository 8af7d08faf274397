#include "engine/restore_fetch.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include "kern/seal.h"
#include "repo/blobtable.h"

#define GAP        ((uint64_t)256 * 1024) /* not worth a request of its own */
#define SPAN       ((uint64_t)16 << 20)   /* bytes of one request */
#define TASK_BYTES ((uint64_t)4 << 20)    /* plaintext one task decodes */
#define GROUP      8                      /* blobs hashed at once */

/* A range of w->order that one request fetches; and a part of it that one task decodes. */
struct fetch {
	struct restore_window *w;
	struct backend_op op;
	struct task arrived;
	size_t first, end;
	size_t tasks;
};

struct decode {
	struct task task;
	struct fetch *f;
	size_t first, end;
	uint64_t written;
};

static struct restore_use *nth_use(const struct restore_window *w, size_t i)
{
	return &w->use[w->order[i]];
}

static bool same_blob(const struct restore_use *a, const struct restore_use *b)
{
	return a->at.blob.offset == b->at.blob.offset && a->at.blob.length == b->at.blob.length &&
	       a->at.blob.plain == b->at.blob.plain && id_equal(&a->at.blob.id, &b->at.blob.id) &&
	       id_equal(&a->at.pack, &b->at.pack);
}

/*
 * What came is not the blob, or nothing came.  Every copy, this one first, is tried by a request of
 * its own: the fault may lie on the way, or in another part of the range asked for.  A copy of
 * another length than the one that the file was laid out with is of no use.
 */
static int any_copy(struct restore_window *w, struct repo_ctx *ctx, const struct restore_use *u,
	struct buf *plain, struct err *err)
{
	struct catalog_place at;
	struct err e;
	int rc = err->code;

	for (unsigned nth = 0;
		rc < 0 && blobtable_find(w->sh->cat, BLOB_DATA, &u->at.blob.id, nth, &at); nth++) {
		struct backend_op op = {.verb = BACKEND_GET,
			.type = BACKEND_PACK,
			.name = at.pack,
			.offset = at.blob.offset,
			.length = at.blob.length};

		if (restore_stopped(w->sh) || at.blob.length <= SEAL_OVERHEAD ||
			blob_plain_size(&at.blob) != blob_plain_size(&u->at.blob))
			continue;
		err_clear(&e);
		buf_init(&op.out, at.blob.length);
		rc = backend_run(w->sh->repo->be, &op, &e);
		if (rc == 0 && op.out.len != at.blob.length)
			rc = err_set(&e, ERR_INVALID, "%zu bytes came instead of %u", op.out.len,
				at.blob.length);
		if (rc == 0)
			rc = repo_open_blob(ctx, &at.blob, op.out.p, plain, &e);
		buf_release(&op.out);
	}
	if (rc < 0)
		err_prefix(err, "blob %s in pack %s", id_short(&u->at.blob.id).s,
			id_short(&u->at.pack).s);
	return rc;
}

/* A use's blob without its hash, which decode_group makes for several at once. */
static int unseal_use(struct fetch *f, struct repo_ctx *ctx, const struct restore_use *u,
	struct buf *plain, struct err *err)
{
	const struct restore_use *base = nth_use(f->w, f->first);
	uint64_t at = (uint64_t)u->at.blob.offset - base->at.blob.offset;

	err_clear(err);
	if (f->op.err.code)
		return err_copy(err, &f->op.err);
	if (at > f->op.out.len || u->at.blob.length > f->op.out.len - at)
		return err_set(err, ERR_INVALID, "%zu bytes came instead of %llu", f->op.out.len,
			(unsigned long long)f->op.length);
	return repo_unseal_blob(ctx, &u->at.blob, f->op.out.p + at, plain, err);
}

struct opened {                        /* one blob of a group */
	const struct restore_use *use; /* the first of it */
	struct buf plain;
	struct err err;
	int rc;
};

/* Names the blobs that could be unsealed; what is not the right one is looked for elsewhere. */
static void name_group(struct restore_window *w, struct repo_ctx *ctx, struct opened *o, size_t n)
{
	struct hash_job job[GROUP];
	size_t of[GROUP], jobs = 0;

	for (size_t k = 0; k < n; k++)
		if (o[k].rc == 0) {
			job[jobs] = (struct hash_job){.p = o[k].plain.p, .n = o[k].plain.len};
			of[jobs++] = k;
		}
	hash_many(ctx->hash, job, jobs);
	for (size_t k = 0; k < jobs; k++) {
		struct opened *x = &o[of[k]];

		x->rc = repo_name_blob(&x->use->at.blob, &job[k].out, &x->plain, &x->err);
	}
	for (size_t k = 0; k < n; k++)
		if (o[k].rc < 0)
			o[k].rc = any_copy(w, ctx, o[k].use, &o[k].plain, &o[k].err);
}

/* The uses from `from` on, of up to GROUP blobs; returns where the next group begins. */
static size_t decode_group(struct decode *d, struct repo_ctx *ctx, struct opened *o, size_t from)
{
	struct restore_window *w = d->f->w;
	size_t n = 0, end = from, k = 0;

	for (; end < d->end; end++) {
		struct restore_use *u = nth_use(w, end);

		if (end > from && same_blob(u, nth_use(w, end - 1)))
			continue;
		if (n == GROUP)
			break;
		o[n].use = u;
		o[n].rc = unseal_use(d->f, ctx, u, &o[n].plain, &o[n].err);
		n++;
	}
	name_group(w, ctx, o, n);
	for (size_t i = from; i < end; i++) {
		struct restore_use *u = nth_use(w, i);

		if (i > from && !same_blob(u, nth_use(w, i - 1)))
			k++;
		if (o[k].rc < 0)
			restore_content_lose(u, &o[k].err);
		else if (restore_content_write(u, o[k].plain.p, o[k].plain.len))
			d->written += o[k].plain.len;
	}
	return end;
}

static void decode_run(struct task *t)
{
	struct decode *d = task_of(t, struct decode, task);
	struct repo *repo = d->f->w->sh->repo;
	struct repo_ctx *ctx = repo_ctx_get(repo);
	struct opened *o = mem_array(GROUP, sizeof(*o));

	for (size_t k = 0; k < GROUP; k++)
		buf_init(&o[k].plain, REPO_BLOB_MAX);
	for (size_t i = d->first; i < d->end;)
		i = decode_group(d, ctx, o, i);
	for (size_t k = 0; k < GROUP; k++)
		buf_release(&o[k].plain);
	mem_free(o);
	repo_ctx_put(repo, ctx);
}

static void fetch_end(struct fetch *f)
{
	struct restore_window *w = f->w;

	buf_release(&f->op.out);
	mem_free(f);
	w->tasks--;
	restore_window_progress(w);
	restore_window_advance(w);
}

static void decode_done(struct task *t)
{
	struct decode *d = task_of(t, struct decode, task);
	struct fetch *f = d->f;

	f->w->sh->dirs->counts->bytes_restored += d->written;
	mem_free(d);
	if (--f->tasks == 0)
		fetch_end(f);
}

static void fetched(struct task *t)
{
	struct fetch *f = task_of(t, struct fetch, arrived);
	size_t i = f->first;

	f->tasks = 1;
	while (i < f->end) {
		struct decode *d = mem_zalloc(sizeof(*d));
		uint64_t bytes = 0;

		d->task = (struct task){.run = decode_run, .done = decode_done};
		d->f = f;
		d->first = i;
		for (; i < f->end; i++) {
			bool again = i > d->first &&
				     same_blob(nth_use(f->w, i), nth_use(f->w, i - 1));

			if (bytes >= TASK_BYTES && !again)
				break;
			if (!again)
				bytes += blob_plain_size(&nth_use(f->w, i)->at.blob);
		}
		d->end = i;
		f->tasks++;
		jobs_put(f->w->sh->env->cpu, &d->task);
	}
	if (--f->tasks == 0)
		fetch_end(f);
}

static void op_done(struct backend_op *op)
{
	struct fetch *f = op->arg;

	loop_post(f->w->sh->env->loop, &f->arrived);
}

/* The next request: uses of one pack that lie close together. */
void restore_fetch_next(struct restore_window *w)
{
	struct fetch *f = mem_zalloc(sizeof(*f));
	const struct restore_use *u = nth_use(w, w->next);
	uint64_t from = u->at.blob.offset, end = from + u->at.blob.length;

	f->w = w;
	f->first = w->next++;
	for (; w->next < w->n_order; w->next++) {
		const struct restore_use *v = nth_use(w, w->next);
		uint64_t to = (uint64_t)v->at.blob.offset + v->at.blob.length;

		if (!id_equal(&u->at.pack, &v->at.pack) || v->at.blob.offset > end + GAP ||
			(to > from + SPAN && to > end))
			break;
		if (to > end)
			end = to;
	}
	f->end = w->next;
	f->arrived = (struct task){.done = fetched};
	f->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = u->at.pack,
		.offset = from,
		.length = end - from,
		.done = op_done,
		.arg = f};
	buf_init(&f->op.out, end - from);
	w->tasks++;
	backend_start(w->sh->repo->be, &f->op);
}
