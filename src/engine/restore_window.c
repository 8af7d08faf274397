#include "engine/restore_window.h"
#include "base/mem.h"
#include "fs/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP        ((uint64_t)256 * 1024) /* not worth a request of its own */
#define SPAN       ((uint64_t)16 << 20)   /* bytes of one request */
#define TASK_BYTES ((uint64_t)1 << 20)    /* plaintext one task decodes */
#define TASK_FILES 64

struct restore_window *restore_window_new(struct restore_shared *sh)
{
	struct restore_window *w = mem_zalloc(sizeof(*w));

	w->sh = sh;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

bool restore_window_full(const struct restore_window *w)
{
	return w->n >= RESTORE_WINDOW_FILES || w->bytes >= RESTORE_WINDOW_BYTES || w->n_dirs >= RESTORE_WINDOW_DIRS;
}

static void file_fail(struct restore_file *f, const struct err *e)
{
	pthread_mutex_lock(&f->w->lock);
	if (!f->err.code)
		f->err = *e;
	pthread_mutex_unlock(&f->w->lock);
	f->failed = true;
}

static void add_uses(struct restore_window *w, struct restore_file *f, const struct node *n)
{
	struct err e;

	err_clear(&e);
	if (w->n_use + n->n_content > w->cap_use) {
		w->cap_use = (w->n_use + n->n_content) * 2;
		w->use = mem_regrow(w->use, w->cap_use, sizeof(*w->use));
	}
	f->first_use = (uint32_t)w->n_use;
	for (size_t i = 0; i < n->n_content && !e.code; i++) {
		struct restore_use *u = &w->use[w->n_use];

		*u = (struct restore_use){.file = f, .offset = f->size};
		if (!catalog_find(w->sh->cat, BLOB_DATA, &n->content[i], 0, &u->at)) {
			err_set(&e, ERR_NOTFOUND, "blob %s is not in the index", id_short(&n->content[i]).s);
			break;
		}
		f->size += blob_plain_size(&u->at.blob);
		w->n_use++;
	}
	f->uses = (uint32_t)w->n_use - f->first_use;
	f->pending = f->uses;
	if (e.code)
		file_fail(f, &e);
}

void restore_window_add(struct restore_window *w, struct restore_dir *dir, const struct node *n, bool there)
{
	struct restore_file *f = mem_zalloc(sizeof(*f));

	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->file = mem_regrow(w->file, w->cap, sizeof(*w->file));
	}
	w->file[w->n++] = f;
	f->w = w;
	f->dir = dir;
	f->fd = -1;
	f->there = there;
	restore_dir_hold(dir);
	if (dir != w->last_dir) {
		w->last_dir = dir;
		w->n_dirs++;
	}
	f->name = mem_strndup(n->name.p, n->name.n);
	restore_keep_node(&f->keep, n, w->sh->dirs->opt);
	add_uses(w, f, n);
	w->bytes += f->size;
}

/* ---- on workers ---- */

static int file_open_for_write(struct restore_file *f, struct err *err)
{
	const struct restore_options *o = f->w->sh->dirs->opt;

	/* preallocation pays for files of several blobs; one write makes a small file's size by itself */
	f->fd = restore_create(
		f->dir->fd, f->name, f->size, !f->there, o->sparse || (f->uses <= 1 && !f->there), o->delete, &f->reused, err);
	return f->fd < 0 ? f->fd : 0;
}

/* All uses are written: the metadata, last. */
static void file_finish(struct restore_file *f)
{
	struct err e;

	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->failed)
		return;
	err_clear(&e);
	f->keep.meta.xattr = &f->keep.xattr;
	if (restore_metadata(f->dir->fd, f->name, &f->keep.meta, &e) < 0)
		file_fail(f, &e);
}

static size_t leading_zeros(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && !p[i])
		i++;
	return i;
}

static void use_write(struct restore_use *u, const uint8_t *p, size_t n)
{
	struct restore_file *f = u->file;
	struct err e;
	size_t skip = 0;
	int rc = 0;

	err_clear(&e);
	if (!f->failed) {
		if (f->uses > 1)
			pthread_mutex_lock(&f->w->lock);
		if (f->fd < 0)
			rc = file_open_for_write(f, &e);
		if (f->uses > 1)
			pthread_mutex_unlock(&f->w->lock);
		if (f->w->sh->dirs->opt->sparse && !f->there)
			skip = leading_zeros(p, n);
		if (rc == 0 && skip < n)
			rc = restore_pwrite(f->fd, p + skip, n - skip, u->offset + skip, &e);
		if (rc < 0)
			file_fail(f, &e);
	}
	if (atomic_fetch_sub(&f->pending, 1) == 1)
		file_finish(f);
}

static void use_failed(struct restore_use *u, const struct err *e)
{
	file_fail(u->file, e);
	if (atomic_fetch_sub(&u->file->pending, 1) == 1)
		file_finish(u->file);
}

/* ---- fetching ---- */

struct fetch {
	struct restore_window *w;
	struct backend_op op;
	struct task arrived;
	size_t first, end; /* uses */
	size_t tasks;
};

struct decode {
	struct task task;
	struct fetch *f;
	size_t first, end;
};

static void advance(struct restore_window *w);

static bool same_blob(const struct restore_use *a, const struct restore_use *b)
{
	return a->at.blob.offset == b->at.blob.offset && id_equal(&a->at.pack, &b->at.pack);
}

/* A copy that cannot be read is replaced by another one, by a request of its own. */
static int other_copy(struct restore_window *w, struct repo_ctx *ctx, struct restore_use *u, struct buf *plain, struct err *err)
{
	struct catalog_place at;
	struct backend_op op;
	int rc = err->code;

	for (unsigned nth = 1; rc < 0 && catalog_find(w->sh->cat, BLOB_DATA, &u->at.blob.id, nth, &at); nth++) {
		memset(&op, 0, sizeof(op));
		op = (struct backend_op){
			.verb = BACKEND_GET, .type = BACKEND_PACK, .name = at.pack, .offset = at.blob.offset, .length = at.blob.length};
		buf_init(&op.out, at.blob.length);
		rc = backend_run(w->sh->repo->be, &op, err);
		if (rc == 0)
			rc = repo_open_blob(ctx, &at.blob, op.out.p, plain, err);
		buf_release(&op.out);
	}
	return rc;
}

static void decode_run(struct task *t)
{
	struct decode *d = task_of(t, struct decode, task);
	struct restore_window *w = d->f->w;
	struct repo_ctx *ctx = repo_ctx_get(w->sh->repo);
	const struct restore_use *base = &w->use[d->f->first];
	struct buf plain;
	struct err e;
	int rc = 0;

	buf_init(&plain, (size_t)UINT32_MAX);
	err_clear(&e);
	for (size_t i = d->first; i < d->end; i++) {
		struct restore_use *u = &w->use[i];

		if (i == d->first || !same_blob(u, u - 1)) {
			err_clear(&e);
			rc = d->f->op.err.code ? err_copy(&e, &d->f->op.err)
					       : repo_open_blob(ctx, &u->at.blob,
							 d->f->op.out.p + (u->at.blob.offset - base->at.blob.offset), &plain, &e);
			if (rc < 0)
				rc = other_copy(w, ctx, u, &plain, &e);
			if (rc < 0)
				err_prefix(&e, "blob %s in pack %s", id_short(&u->at.blob.id).s, id_short(&u->at.pack).s);
		}
		if (rc < 0)
			use_failed(u, &e);
		else
			use_write(u, plain.p, plain.len);
	}
	buf_release(&plain);
	repo_ctx_put(w->sh->repo, ctx);
}

static void fetch_end(struct fetch *f)
{
	struct restore_window *w = f->w;

	buf_release(&f->op.out);
	mem_free(f);
	w->tasks--;
	advance(w);
}

static void decode_done(struct task *t)
{
	struct decode *d = task_of(t, struct decode, task);
	struct fetch *f = d->f;
	struct restore_counts *c = f->w->sh->dirs->counts;

	for (size_t i = d->first; i < d->end; i++)
		c->bytes_restored += blob_plain_size(&f->w->use[i].at.blob);
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
		for (; i < f->end && (bytes < TASK_BYTES || same_blob(&f->w->use[i], &f->w->use[i - 1])); i++)
			if (i == d->first || !same_blob(&f->w->use[i], &f->w->use[i - 1]))
				bytes += blob_plain_size(&f->w->use[i].at.blob);
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
	const struct restore_use *u = &w->use[w->next];
	uint64_t from = u->at.blob.offset, end = from + u->at.blob.length;

	f->w = w;
	f->first = w->next++;
	for (; w->next < w->n_use; w->next++) {
		const struct restore_use *v = &w->use[w->next];
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

static bool file_has(int fd, const struct restore_use *u, struct repo_ctx *ctx)
{
	size_t n = blob_plain_size(&u->at.blob);
	struct id id;
	struct err e;
	size_t got = 0;

	buf_reset(&ctx->tmp);
	if (ctx->tmp.max < n)
		ctx->tmp.max = n;
	if (buf_reserve(&ctx->tmp, n) < 0)
		return false;
	err_clear(&e);
	while (got < n) {
		ssize_t r = pread(fd, ctx->tmp.p + got, n - got, (off_t)(u->offset + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	hash_once(ctx->hash, ctx->tmp.p, n, &id);
	return id_equal(&id, &u->at.blob.id);
}

struct verify {
	struct task task;
	struct restore_window *w;
	size_t first, end; /* uses */
	uint64_t good;
};

static void verify_run(struct task *t)
{
	struct verify *v = task_of(t, struct verify, task);
	struct repo_ctx *ctx = repo_ctx_get(v->w->sh->repo);
	struct meta m;
	struct err e;

	for (size_t i = v->first; i < v->end; i++) {
		struct restore_use *u = &v->w->use[i];
		int fd;

		err_clear(&e);
		if (u->file->failed)
			continue;
		fd = file_open(u->file->dir->fd, u->file->name, &m, &e);
		if (fd >= 0 && (m.size != u->file->size || !file_has(fd, u, ctx)))
			err_set(&e, ERR_INVALID, "verify: the file's content at offset %llu is not what was restored",
				(unsigned long long)u->offset);
		if (fd >= 0)
			file_close(fd);
		if (e.code)
			file_fail(u->file, &e);
		else
			v->good++;
	}
	repo_ctx_put(v->w->sh->repo, ctx);
}

static void verify_done(struct task *t)
{
	struct verify *v = task_of(t, struct verify, task);
	struct restore_window *w = v->w;

	w->sh->dirs->counts->verified += v->good;
	mem_free(v);
	w->tasks--;
	advance(w);
}

/* --verify: what was written is read again and hashed. */
static void verify(struct restore_window *w)
{
	w->verifying = true;
	w->tasks = 1;
	for (size_t i = 0; i < w->n_use;) {
		struct verify *v = mem_zalloc(sizeof(*v));
		uint64_t bytes = 0;

		v->task = (struct task){.run = verify_run, .done = verify_done};
		v->w = w;
		v->first = i;
		for (; i < w->n_use && bytes < TASK_BYTES; i++)
			bytes += blob_plain_size(&w->use[i].at.blob) + 4096;
		v->end = i;
		w->tasks++;
		jobs_put(w->sh->env->cpu, &v->task);
	}
	w->tasks--;
	advance(w);
}

static void advance(struct restore_window *w)
{
	bool stop = w->sh->stop && *w->sh->stop;

	while (!stop && w->started && w->next < w->n_use && w->tasks < w->sh->repo->be->connections + 2)
		fetch_next(w);
	if (!w->started || w->over || w->tasks || (!stop && w->next < w->n_use))
		return;
	if (w->sh->dirs->opt->verify && !stop && !w->verifying) {
		verify(w);
		return;
	}
	w->over = true;
	w->ended(w);
}

/* ---- what is there already, and empty files ---- */

struct prepare {
	struct task task;
	struct restore_window *w;
	size_t first, end; /* files */
};

/* An existing file keeps the blobs it has already. */
static void compare(struct restore_file *f, struct repo_ctx *ctx)
{
	struct meta m;
	struct err e;
	uint32_t kept = 0;
	int fd;

	err_clear(&e);
	fd = file_open(f->dir->fd, f->name, &m, &e);
	if (fd < 0)
		return;
	for (uint32_t i = 0; i < f->uses; i++) {
		struct restore_use *u = &f->w->use[f->first_use + i];

		u->done = file_has(fd, u, ctx);
		kept += u->done;
	}
	file_close(fd);
	f->pending -= kept;
	if (f->pending || f->failed)
		return;
	if (file_open_for_write(f, &e) < 0) /* its size may be another */
		file_fail(f, &e);
	file_finish(f);
}

static void prepare_run(struct task *t)
{
	struct prepare *p = task_of(t, struct prepare, task);
	struct repo_ctx *ctx = repo_ctx_get(p->w->sh->repo);
	struct err e;

	for (size_t i = p->first; i < p->end; i++) {
		struct restore_file *f = p->w->file[i];

		err_clear(&e);
		if (f->uses && f->there) {
			compare(f, ctx);
		} else if (!f->uses && !f->failed) {
			if (file_open_for_write(f, &e) < 0)
				file_fail(f, &e);
			file_finish(f);
		}
	}
	repo_ctx_put(p->w->sh->repo, ctx);
}

static int by_place(const void *x, const void *y)
{
	const struct restore_use *a = x, *b = y;
	int c = id_cmp(&a->at.pack, &b->at.pack);

	if (c)
		return c;
	if (a->at.blob.offset != b->at.blob.offset)
		return a->at.blob.offset < b->at.blob.offset ? -1 : 1;
	return 0;
}

static void fetch_all(struct restore_window *w)
{
	size_t kept = 0;
	struct restore_counts *c = w->sh->dirs->counts;

	for (size_t i = 0; i < w->n_use; i++) {
		if (w->use[i].done)
			c->bytes_restored += blob_plain_size(&w->use[i].at.blob);
		else
			w->use[kept++] = w->use[i];
	}
	w->n_use = kept;
	if (kept)
		qsort(w->use, kept, sizeof(*w->use), by_place);
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
		struct prepare *p = mem_zalloc(sizeof(*p));
		size_t work = 0;

		p->task = (struct task){.run = prepare_run, .done = prepare_done};
		p->w = w;
		p->first = i;
		for (; i < w->n && work < TASK_FILES; i++)
			work += w->file[i]->there ? 8 : !w->file[i]->uses;
		p->end = i;
		if (!work) {
			mem_free(p);
			continue;
		}
		w->tasks++;
		jobs_put(w->sh->env->cpu, &p->task);
	}
	if (--w->tasks == 0)
		fetch_all(w);
}

void restore_window_free(struct restore_window *w)
{
	struct restore_dirs *s = w->sh->dirs;

	for (size_t i = 0; i < w->n; i++) {
		struct restore_file *f = w->file[i];

		if (f->fd >= 0)
			close(f->fd); /* stopped in the middle */
		restore_say(s, f->dir->path, f->name, &f->err);
		if (!f->err.code && !f->pending) {
			s->counts->files_restored++;
			if (s->ev->item && s->opt->verbose_items) {
				char *p = mem_printf("%s/%s", f->dir->path, f->name);

				s->ev->item(s->ev->arg, f->reused ? "updated" : "restored", p, f->size);
				mem_free(p);
			}
		}
		restore_dir_drop(s, f->dir);
		restore_keep_release(&f->keep);
		mem_free(f->name);
		mem_free(f);
	}
	mem_free(w->file);
	mem_free(w->use);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}
