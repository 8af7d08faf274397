#include "engine/restore_verify.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include <string.h>

struct restore_written {
	uint8_t *bits;
	size_t cap; /* bytes */
};

struct restore_written *restore_written_new(void)
{
	return mem_zalloc(sizeof(struct restore_written));
}

void restore_written_free(struct restore_written *b)
{
	if (!b)
		return;
	mem_free(b->bits);
	mem_free(b);
}

void restore_written_add(struct restore_written *b, uint64_t number)
{
	size_t byte = (size_t)(number / 8);

	if (!b)
		return;
	if (byte >= b->cap) {
		size_t cap = 2 * byte + 64;

		b->bits = mem_regrow(b->bits, cap, 1);
		memset(b->bits + b->cap, 0, cap - b->cap);
		b->cap = cap;
	}
	b->bits[byte] |= (uint8_t)(1u << number % 8);
}

bool restore_written_has(const struct restore_written *b, uint64_t number)
{
	return number / 8 < b->cap && (b->bits[number / 8] >> number % 8 & 1);
}

/* ---- a window ---- */

#define VERIFY_BYTES ((uint64_t)8 << 20) /* read by one task */
#define VERIFY_FILES 64

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
		if (!atomic_load(&f->failed))
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
	w->advance(w);
}

static void verify_put(struct restore_window *w, size_t first_file, size_t end_file,
	size_t first_use, size_t end_use)
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
			bytes += blob_plain_size(&w->use[i].want.at.blob);
		verify_put(w, file, file + 1, first, i);
	}
}

void restore_verify(struct restore_window *w)
{
	w->tasks = 1;
	for (size_t i = 0; i < w->n;) {
		size_t first = i;

		if (w->file[i]->size > VERIFY_BYTES) {
			verify_large(w, i++);
			continue;
		}
		for (uint64_t bytes = 0; i < w->n && bytes + w->file[i]->size <= VERIFY_BYTES &&
					 i - first < VERIFY_FILES;
			i++)
			bytes += w->file[i]->size;
		verify_put(w, first, i, 0, 0);
	}
	w->tasks--;
	w->advance(w);
}
