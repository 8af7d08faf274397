#include "engine/restore_window.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include "engine/restore_fetch.h"
#include "engine/restore_layout.h"
#include "engine/restore_link.h"
#include "engine/restore_verify.h"
#include <unistd.h>

#define TASK_FILES 64

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

static void advance(struct restore_window *w);

struct restore_window *restore_window_new(struct restore_shared *sh)
{
	struct restore_window *w = mem_zalloc(sizeof(*w));

	w->sh = sh;
	w->advance = advance;
	w->progress = progress;
	return w;
}

bool restore_window_full(const struct restore_window *w)
{
	return w->n >= RESTORE_WINDOW_FILES || w->bytes >= RESTORE_WINDOW_BYTES ||
	       w->n_dirs >= w->sh->dirs_max;
}

struct restore_file *restore_window_add(struct restore_window *w, struct restore_dir *dir,
	const struct node *n, enum restore_place place, const struct meta *was)
{
	struct restore_file *f = mem_zalloc(sizeof(*f));
	struct err e;

	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->file = mem_regrow(w->file, w->cap, sizeof(*w->file));
	}
	w->file[w->n++] = f;
	pthread_mutex_init(&f->lock, NULL);
	f->w = w;
	f->dir = dir;
	f->fd = -1;
	f->there = place == RESTORE_OURS;
	f->replace = place == RESTORE_TAKEN;
	if (place != RESTORE_FREE)
		f->was = *was;
	f->part = f->made = place == RESTORE_PART;
	if (f->part)
		f->is = *was;
	f->node_size = n->size;
	restore_dir_pin(w->sh->dirs, dir);
	if (dir != w->last_dir) {
		w->last_dir = dir;
		w->n_dirs++;
	}
	f->name = mem_strndup(n->name.p, n->name.n);
	restore_keep_node(&f->keep, n, w->sh->dirs->owners);
	err_clear(&e);
	if (restore_layout_add(w, f, n, &e) < 0) {
		restore_content_fail(f, &e);
		f->laid_out = true;
	}
	w->bytes += n->size < RESTORE_WINDOW_BYTES ? n->size : RESTORE_WINDOW_BYTES;
	return f;
}

/* ---- the steps ---- */

static void advance(struct restore_window *w)
{
	if (!w->started || w->over || w->tasks)
		return;
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
		if (restore_link_twin(f, ctx))
			continue;
		if (f->of.there)
			restore_content_range(f, ctx);
		else if (f->there)
			restore_content_compare(f, ctx);
		else if (!f->uses)
			restore_content_empty(f);
	}
	repo_ctx_put(p->w->sh->repo, ctx);
}

static void fetch_all(struct restore_window *w)
{
	struct restore_counts *c = w->sh->dirs->counts;

	w->started = true;
	w->tasks++;
	if (!options(w)->dry_run) {
		for (size_t i = 0; i < w->n_use; i++) {
			const struct restore_use *u = &w->use[i];

			if (u->done && !u->file->unchanged)
				c->bytes_restored += blob_plain_size(&u->want.at.blob);
		}
		restore_fetch(w);
	}
	w->tasks--;
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

static bool reads(const struct restore_file *f)
{
	return f->there || f->twin || f->of.there;
}

/* What there is at each place, then what is missing there. */
static void prepare_all(struct restore_window *w)
{
	if (w->sh->verifying) {
		w->started = true;
		restore_verify(w);
		return;
	}
	w->tasks = 1;
	for (size_t i = 0; i < w->n;) {
		struct prepare *p;
		size_t first = i, work = 0;

		/* Reading an existing file costs more than making an empty one. */
		for (; i < w->n && work < TASK_FILES; i++)
			work += reads(w->file[i]) ? 8 : !w->file[i]->uses;
		if (!work)
			continue;
		p = mem_zalloc(sizeof(*p));
		*p = (struct prepare){.task = {.run = prepare_run, .done = prepare_done},
			.w = w,
			.first = first,
			.end = i};
		w->tasks++;
		jobs_put(w->sh->env->cpu, &p->task);
	}
	if (--w->tasks == 0)
		fetch_all(w);
}

void restore_window_start(struct restore_window *w, void (*ended)(struct restore_window *w),
	void *arg)
{
	w->ended = ended;
	w->arg = arg;
	restore_layout(w, prepare_all);
}

/* ---- the end ---- */

/* Who has sent it counts the file, and says what is wrong with it. */
static void settle_part(struct restore_window *w, const struct restore_file *f)
{
	static const struct err stopped = {.code = ERR_CANCELLED};
	const struct err *e = f->err;

	if (!e && (w->sh->verifying ? restore_stopped(w->sh) : atomic_load(&f->pending) != 0))
		e = &stopped;
	if (!e && !w->sh->verifying && w->sh->written) {
		char *path = mem_printf("%s/%s", f->dir->path, f->name);

		restore_written_add(w->sh->written, path, f->of.number);
		mem_free(path);
	}
	w->sh->part_done(w->sh->arg, &f->of.back, e);
}

static void settle(struct restore_window *w, const struct restore_file *f)
{
	static const struct err none;
	struct restore_dirs *s = w->sh->dirs;
	struct restore_counts *c = s->counts;
	bool written = (f->made || f->linked) && atomic_load(&f->pending) == 0;
	bool done = options(w)->dry_run || written;

	if (f->part) {
		settle_part(w, f);
		return;
	}
	if (w->sh->verifying) {
		restore_say(s, f->dir->path, f->name, f->err ? f->err : &none);
		c->verified += !f->err && !restore_stopped(w->sh);
		return;
	}
	if (written && !f->unchanged && !atomic_load(&f->failed))
		restore_written_add(w->sh->written, f->dir->path, f->number);
	if (f->err) {
		restore_say(s, f->dir->path, f->name, f->err);
		if (f->lost && atomic_load(&f->failed))
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
		restore_item(s,
			(options(w)->dry_run ? f->there : f->reused) ? "updated" : "restored",
			f->dir->path, f->name, f->node_size);
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
		mem_free(f->twin);
		mem_free(f);
	}
	mem_free(w->file);
	mem_free(w->use);
	mem_free(w->want);
	mem_free(w);
}
