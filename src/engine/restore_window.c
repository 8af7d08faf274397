#include "engine/restore_window.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include "engine/stopped.h"
#include "kern/seal.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP          ((uint64_t)256 * 1024) /* not worth a request of its own */
#define SPAN         ((uint64_t)16 << 20)   /* bytes of one request */
#define TASK_BYTES   ((uint64_t)4 << 20)    /* plaintext one task decodes */
#define GROUP        8                      /* blobs hashed at once */
#define TASK_FILES   64
#define VERIFY_BYTES ((uint64_t)8 << 20) /* read by one task */

bool restore_stopped(const struct restore_shared *sh)
{
	return engine_stopped(sh->stop);
}

static const struct restore_options *options(const struct restore_window *w)
{
	return w->sh->dirs->opt;
}

static void progress(struct restore_window *w)
{
	const struct restore_dirs *s = w->sh->dirs;

	if (s->ev->progress)
		s->ev->progress(s->ev->arg, s->counts);
}

/* ---- filling ---- */

struct restore_window *restore_window_new(struct restore_shared *sh)
{
	struct restore_window *w = mem_zalloc(sizeof(*w));

	w->sh = sh;
	return w;
}

bool restore_window_full(const struct restore_window *w)
{
	return w->n >= RESTORE_WINDOW_FILES || w->bytes >= RESTORE_WINDOW_BYTES || w->n_dirs >= w->sh->dirs_max;
}

static void room_for_uses(struct restore_window *w, size_t n)
{
	size_t need = w->n_use + n;

	if (need <= w->cap_use)
		return;
	/* A file of terabytes has millions of uses: not twice the memory for that one. */
	w->cap_use = need > w->cap_use + w->cap_use / 2 ? need : w->cap_use + w->cap_use / 2;
	w->use = mem_regrow(w->use, w->cap_use, sizeof(*w->use));
}

static void add_uses(struct restore_window *w, struct restore_file *f, const struct node *n)
{
	struct err e;

	f->first_use = (uint32_t)w->n_use;
	if (n->n_content > UINT32_MAX - w->n_use) {
		err_set(&e, ERR_NOMEM, "a file of %zu blobs is too large", n->n_content);
		restore_content_fail(f, &e);
		return;
	}
	room_for_uses(w, n->n_content);
	for (size_t i = 0; i < n->n_content; i++) {
		struct restore_use *u = &w->use[w->n_use++];

		*u = (struct restore_use){.file = f, .offset = f->size};
		if (!catalog_find(w->sh->cat, BLOB_DATA, &n->content[i], 0, &u->at))
			err_set(&e, ERR_NOTFOUND, "blob %s is not in the index", id_short(&n->content[i]).s);
		else if (u->at.blob.length <= SEAL_OVERHEAD)
			err_set(&e, ERR_INVALID, "blob %s has %u bytes in the index", id_short(&n->content[i]).s, u->at.blob.length);
		else {
			f->size += blob_plain_size(&u->at.blob);
			continue;
		}
		w->n_use = f->first_use; /* nothing is fetched for it */
		restore_content_fail(f, &e);
		break;
	}
	f->uses = (uint32_t)w->n_use - f->first_use;
	atomic_store(&f->pending, f->uses);
}

void restore_window_add(struct restore_window *w, struct restore_dir *dir, const struct node *n, const struct meta *was, bool *lost)
{
	struct restore_file *f = mem_zalloc(sizeof(*f));

	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->file = mem_regrow(w->file, w->cap, sizeof(*w->file));
	}
	w->file[w->n++] = f;
	pthread_mutex_init(&f->lock, NULL);
	f->w = w;
	f->dir = dir;
	f->fd = -1;
	f->there = was != NULL;
	f->was_size = was ? was->size : 0;
	f->node_size = n->size;
	f->lost = lost;
	restore_dir_pin(w->sh->dirs, dir);
	if (dir != w->last_dir) {
		w->last_dir = dir;
		w->n_dirs++;
	}
	f->name = mem_strndup(n->name.p, n->name.n);
	restore_keep_node(&f->keep, n, w->sh->dirs->owners);
	add_uses(w, f, n);
	w->bytes += f->size;
}

/* ---- fetching and writing ---- */

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

static void advance(struct restore_window *w);

static struct restore_use *nth_use(const struct restore_window *w, size_t i)
{
	return &w->use[w->order[i]];
}

static bool same_blob(const struct restore_use *a, const struct restore_use *b)
{
	return a->at.blob.offset == b->at.blob.offset && a->at.blob.length == b->at.blob.length &&
	       id_equal(&a->at.blob.id, &b->at.blob.id) && id_equal(&a->at.pack, &b->at.pack);
}

/*
 * What came is not the blob, or nothing came.  Every copy, this one first, is tried by a request of its own: the fault may lie on the
 * way, or in another part of the range asked for.
 */
static int any_copy(struct restore_window *w, struct repo_ctx *ctx, const struct restore_use *u, struct buf *plain, struct err *err)
{
	struct catalog_place at;
	struct err e;
	int rc = err->code;

	for (unsigned nth = 0; rc < 0 && catalog_find(w->sh->cat, BLOB_DATA, &u->at.blob.id, nth, &at); nth++) {
		struct backend_op op = {
			.verb = BACKEND_GET, .type = BACKEND_PACK, .name = at.pack, .offset = at.blob.offset, .length = at.blob.length};

		if (restore_stopped(w->sh) || at.blob.length <= SEAL_OVERHEAD)
			continue;
		err_clear(&e);
		buf_init(&op.out, at.blob.length);
		rc = backend_run(w->sh->repo->be, &op, &e);
		if (rc == 0 && op.out.len != at.blob.length)
			rc = err_set(&e, ERR_INVALID, "%zu bytes came instead of %u", op.out.len, at.blob.length);
		if (rc == 0)
			rc = repo_open_blob(ctx, &at.blob, op.out.p, plain, &e);
		buf_release(&op.out);
	}
	if (rc < 0)
		err_prefix(err, "blob %s in pack %s", id_short(&u->at.blob.id).s, id_short(&u->at.pack).s);
	return rc;
}

/* A use's blob without its hash, which decode_group makes for several at once. */
static int unseal_use(struct fetch *f, struct repo_ctx *ctx, const struct restore_use *u, struct buf *plain, struct err *err)
{
	const struct restore_use *base = nth_use(f->w, f->first);
	uint64_t at = (uint64_t)u->at.blob.offset - base->at.blob.offset;

	err_clear(err);
	if (f->op.err.code)
		return err_copy(err, &f->op.err);
	if (at > f->op.out.len || u->at.blob.length > f->op.out.len - at)
		return err_set(err, ERR_INVALID, "%zu bytes came instead of %llu", f->op.out.len, (unsigned long long)f->op.length);
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
	progress(w);
	advance(w);
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
			bool again = i > d->first && same_blob(nth_use(f->w, i), nth_use(f->w, i - 1));

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
static void fetch_next(struct restore_window *w)
{
	struct fetch *f = mem_zalloc(sizeof(*f));
	const struct restore_use *u = nth_use(w, w->next);
	uint64_t from = u->at.blob.offset, end = from + u->at.blob.length;

	f->w = w;
	f->first = w->next++;
	for (; w->next < w->n_order; w->next++) {
		const struct restore_use *v = nth_use(w, w->next);
		uint64_t to = (uint64_t)v->at.blob.offset + v->at.blob.length;

		if (!id_equal(&u->at.pack, &v->at.pack) || v->at.blob.offset > end + GAP || (to > from + SPAN && to > end))
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

/* ---- verifying ---- */

/* Uses of one file, or all of several small ones. */
struct verify {
	struct task task;
	struct restore_window *w;
	size_t first_file, end_file, first_use, end_use;
};

static void verify_run(struct task *t)
{
	struct verify *v = task_of(t, struct verify, task);
	struct repo_ctx *ctx = repo_ctx_get(v->w->sh->repo);

	for (size_t i = v->first_file; i < v->end_file && !restore_stopped(v->w->sh); i++) {
		struct restore_file *f = v->w->file[i];
		size_t first = f->first_use, end = first + f->uses;

		if (v->end_use) {
			first = v->first_use;
			end = v->end_use;
		}
		if (!atomic_load(&f->failed) && !f->unchanged)
			restore_content_verify(f, first, end, ctx);
	}
	repo_ctx_put(v->w->sh->repo, ctx);
}

static void verify_done(struct task *t)
{
	struct verify *v = task_of(t, struct verify, task);
	struct restore_window *w = v->w;

	mem_free(v);
	w->tasks--;
	advance(w);
}

static void verify_put(struct restore_window *w, size_t first_file, size_t end_file, size_t first_use, size_t end_use)
{
	struct verify *v = mem_zalloc(sizeof(*v));

	*v = (struct verify){.task = {.run = verify_run, .done = verify_done}, .w = w};
	v->first_file = first_file;
	v->end_file = end_file;
	v->first_use = first_use;
	v->end_use = end_use;
	w->tasks++;
	jobs_put(w->sh->env->cpu, &v->task);
}

/* A large file is read by several workers. */
static void verify_large(struct restore_window *w, size_t file)
{
	const struct restore_file *f = w->file[file];
	size_t end = (size_t)f->first_use + f->uses;

	for (size_t i = f->first_use, first = i; i < end; first = i) {
		for (uint64_t bytes = 0; i < end && bytes < VERIFY_BYTES; i++)
			bytes += blob_plain_size(&w->use[i].at.blob);
		verify_put(w, file, file + 1, first, i);
	}
}

/* --verify: what was written is read again and hashed. */
static void verify(struct restore_window *w)
{
	w->verifying = true;
	w->tasks = 1;
	for (size_t i = 0; i < w->n;) {
		size_t first = i;

		if (w->file[i]->size > VERIFY_BYTES) {
			verify_large(w, i++);
			continue;
		}
		for (uint64_t bytes = 0; i < w->n && bytes + w->file[i]->size <= VERIFY_BYTES && i - first < TASK_FILES; i++)
			bytes += w->file[i]->size;
		verify_put(w, first, i, 0, 0);
	}
	w->tasks--;
	advance(w);
}

/* ---- the steps ---- */

static void advance(struct restore_window *w)
{
	bool stop = restore_stopped(w->sh);

	while (!stop && w->started && w->next < w->n_order && w->tasks < w->sh->repo->be->connections + 1)
		fetch_next(w);
	if (!w->started || w->over || w->tasks || (!stop && w->next < w->n_order))
		return;
	if (options(w)->verify && !stop && !w->verifying) {
		verify(w);
		return;
	}
	w->over = true;
	w->ended(w);
}

struct prepare {
	struct task task;
	struct restore_window *w;
	size_t first, end; /* files */
};

static void prepare_run(struct task *t)
{
	struct prepare *p = task_of(t, struct prepare, task);
	struct repo_ctx *ctx = repo_ctx_get(p->w->sh->repo);

	for (size_t i = p->first; i < p->end && !restore_stopped(p->w->sh); i++) {
		struct restore_file *f = p->w->file[i];

		if (atomic_load(&f->failed))
			continue;
		if (!f->uses)
			restore_content_empty(f);
		else if (f->there)
			restore_content_compare(f, ctx);
	}
	repo_ctx_put(p->w->sh->repo, ctx);
}

static int by_place(const void *x, const void *y, void *arg)
{
	const struct restore_window *w = arg;
	const struct restore_use *a = &w->use[*(const uint32_t *)x], *b = &w->use[*(const uint32_t *)y];
	int c = id_cmp(&a->at.pack, &b->at.pack);

	if (c)
		return c;
	if (a->at.blob.offset != b->at.blob.offset)
		return a->at.blob.offset < b->at.blob.offset ? -1 : 1;
	/* A damaged index may have several at one place. */
	return id_cmp(&a->at.blob.id, &b->at.blob.id);
}

static void fetch_all(struct restore_window *w)
{
	struct restore_counts *c = w->sh->dirs->counts;

	w->order = mem_array(w->n_use ? w->n_use : 1, sizeof(*w->order));
	for (size_t i = 0; i < w->n_use && !options(w)->dry_run; i++) {
		const struct restore_use *u = &w->use[i];

		if (u->done)
			c->bytes_restored += u->file->unchanged ? 0 : blob_plain_size(&u->at.blob);
		else if (!atomic_load(&u->file->failed))
			w->order[w->n_order++] = (uint32_t)i;
	}
	if (w->n_order)
		qsort_r(w->order, w->n_order, sizeof(*w->order), by_place, w);
	w->started = true;
	advance(w);
}

static void prepare_done(struct task *t)
{
	struct prepare *p = task_of(t, struct prepare, task);
	struct restore_window *w = p->w;

	mem_free(p);
	if (--w->tasks == 0)
		fetch_all(w);
}

void restore_window_start(struct restore_window *w, void (*ended)(struct restore_window *w), void *arg)
{
	w->ended = ended;
	w->arg = arg;
	w->tasks = 1;
	for (size_t i = 0; i < w->n;) {
		struct prepare *p;
		size_t first = i, work = 0;

		/* Reading an existing file costs more than making an empty one. */
		for (; i < w->n && work < TASK_FILES; i++)
			work += w->file[i]->there ? 8 : !w->file[i]->uses;
		if (!work)
			continue;
		p = mem_zalloc(sizeof(*p));
		*p = (struct prepare){.task = {.run = prepare_run, .done = prepare_done}, .w = w, .first = first, .end = i};
		w->tasks++;
		jobs_put(w->sh->env->cpu, &p->task);
	}
	if (--w->tasks == 0)
		fetch_all(w);
}

/* ---- the end ---- */

static void settle(struct restore_window *w, const struct restore_file *f)
{
	struct restore_dirs *s = w->sh->dirs;
	struct restore_counts *c = s->counts;
	bool done = options(w)->dry_run || (f->made && atomic_load(&f->pending) == 0);

	if (f->err) {
		restore_say(s, f->dir->path, f->name, f->err);
		if (f->lost)
			*f->lost = true;
		return;
	}
	if (f->unchanged) { /* as if it had been known at once */
		c->total_files--;
		c->total_bytes -= f->node_size;
		c->files_skipped++;
		c->bytes_skipped += f->node_size;
		restore_item(s, "unchanged", f->dir->path, f->name, f->node_size);
	} else if (done) {
		c->files_restored++;
		c->bytes_restored += options(w)->dry_run ? f->node_size : 0;
		c->verified += w->verifying && !restore_stopped(w->sh);
		restore_item(s, (options(w)->dry_run ? f->there : f->reused) ? "updated" : "restored", f->dir->path, f->name, f->node_size);
	}
}

void restore_window_settle(struct restore_window *w)
{
	for (size_t i = 0; i < w->n; i++)
		settle(w, w->file[i]);
}

void restore_window_free(struct restore_window *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct restore_file *f = w->file[i];

		if (f->fd >= 0) { /* stopped in the middle */
			close(f->fd);
			atomic_fetch_sub(&w->sh->files_open, 1);
		}
		restore_dir_unpin(w->sh->dirs, f->dir);
		restore_keep_release(&f->keep);
		pthread_mutex_destroy(&f->lock);
		mem_free(f->err);
		mem_free(f->name);
		mem_free(f);
	}
	mem_free(w->file);
	mem_free(w->use);
	mem_free(w->order);
	mem_free(w);
}
