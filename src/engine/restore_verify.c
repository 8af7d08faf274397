#include "engine/restore_verify.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include "kern/hash.h"
#include <string.h>

#define DIGEST 16 /* bytes of a SHA-256 */
#define FEW    64 /* bits that need no memory of their own */

struct written {
	uint8_t digest[DIGEST];
	uint64_t few;
	uint8_t *more; /* for numbers from FEW on */
	uint32_t cap;  /* bytes */
};

struct restore_written {
	struct hashtab *dirs;
	struct hash *hash;
};

struct restore_written *restore_written_new(void)
{
	struct restore_written *b = mem_zalloc(sizeof(*b));

	b->dirs = hashtab_new(sizeof(struct written), DIGEST, 0);
	b->hash = hash_new();
	return b;
}

static int free_more(void *arg, void *entry)
{
	(void)arg;
	mem_free(((struct written *)entry)->more);
	return 0;
}

void restore_written_free(struct restore_written *b)
{
	if (!b)
		return;
	hashtab_each(b->dirs, free_more, NULL);
	hashtab_free(b->dirs);
	hash_free(b->hash);
	mem_free(b);
}

static void digest(struct restore_written *b, const char *dir, struct id *out)
{
	hash_once(b->hash, *dir ? dir : NULL, strlen(dir), out);
}

void restore_written_add(struct restore_written *b, const char *dir, uint32_t number)
{
	uint32_t byte = (number - FEW) / 8;
	struct written *w;
	struct id id;
	bool is_new;

	if (!b)
		return;
	digest(b, dir, &id);
	w = hashtab_add(b->dirs, id.b, &is_new);
	if (number < FEW) {
		w->few |= (uint64_t)1 << number;
		return;
	}
	if (byte >= w->cap) {
		uint32_t cap = byte < UINT32_MAX / 2 - 16 ? 2 * byte + 16 : byte + 1;

		w->more = mem_regrow(w->more, cap, 1);
		memset(w->more + w->cap, 0, cap - w->cap);
		w->cap = cap;
	}
	w->more[byte] |= (uint8_t)(1u << number % 8);
}

bool restore_written_has(struct restore_written *b, const char *dir, uint32_t number)
{
	uint32_t byte = (number - FEW) / 8;
	const struct written *w;
	struct id id;

	digest(b, dir, &id);
	w = hashtab_find(b->dirs, id.b);
	if (!w)
		return false;
	if (number < FEW)
		return w->few >> number & 1;
	return byte < w->cap && (w->more[byte] >> number % 8 & 1);
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
