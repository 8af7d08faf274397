#include "repo/indexer.h"
#include "base/mem.h"
#include "format/index.h"
#include <assert.h>

/*
 * An index file is written as JSON while packs arrive, 150 bytes a blob, so a pack of 400 000 blobs on top of a nearly full file is still
 * far below.
 */
#define FILE_MAX    REPO_FILE_MAX
#define DEFAULT_AGE ((int64_t)5 * 60 * 1000000000)

struct save {
	struct task task;
	struct indexer *x;
	struct buf json;
	struct err err;
};

struct indexer {
	struct repo *r;
	int64_t max_age;
	void (*failed)(void *arg, const struct err *e);
	void (*flushed)(void *arg);
	void *arg;
	struct buf json; /* the open file */
	struct index_out out;
	size_t blobs;           /* in it */
	int64_t since;          /* its first pack */
	bool flushing, turning; /* turning: `flush` is posted */
	struct task flush;
	size_t saving, saved;
};

struct indexer *indexer_new(
	struct repo *r, int64_t max_age_ns, void (*failed)(void *arg, const struct err *e), void (*flushed)(void *arg), void *arg)
{
	struct indexer *x = mem_zalloc(sizeof(*x));

	x->r = r;
	x->max_age = max_age_ns ? max_age_ns : DEFAULT_AGE;
	x->failed = failed;
	x->flushed = flushed;
	x->arg = arg;
	buf_init(&x->json, FILE_MAX);
	return x;
}

void indexer_free(struct indexer *x)
{
	if (!x)
		return;
	assert(!x->saving);
	buf_release(&x->json);
	mem_free(x);
}

static void save_run(struct task *t)
{
	struct save *s = task_of(t, struct save, task);

	repo_save(s->x->r, BACKEND_INDEX, s->json.p, s->json.len, NULL, &s->err);
}

static void flush_progress(struct indexer *x)
{
	if (!x->flushing || x->saving || x->turning)
		return;
	x->flushing = false;
	x->flushed(x->arg);
}

static void save_done(struct task *t)
{
	struct save *s = task_of(t, struct save, task);
	struct indexer *x = s->x;

	x->saving--;
	if (s->err.code)
		x->failed(x->arg, &s->err);
	else
		x->saved++;
	buf_release(&s->json);
	mem_free(s);
	flush_progress(x);
}

static void save(struct indexer *x)
{
	struct save *s;
	struct err err;

	if (!x->out.packs)
		return;
	index_end(&x->out);
	x->out.packs = x->blobs = 0;
	if (x->json.overflow) {
		buf_release(&x->json);
		err_set(&err, ERR_NOMEM, "an index file would have more than %zu bytes", (size_t)FILE_MAX);
		x->failed(x->arg, &err);
		return;
	}
	s = mem_zalloc(sizeof(*s));
	s->x = x;
	buf_move(&s->json, &x->json);
	s->task = (struct task){.run = save_run, .done = save_done};
	x->saving++;
	jobs_put(x->r->env->readers, &s->task);
}

void indexer_add(struct indexer *x, const struct id *pack, const struct blob *b, size_t n)
{
	if (!x->out.packs) {
		index_begin(&x->out, &x->json);
		x->since = clock_mono(x->r->env->clock);
	}
	index_pack(&x->out, pack, b, n);
	x->blobs += n;
	if (x->blobs >= INDEXER_BLOBS)
		save(x);
}

void indexer_tick(struct indexer *x)
{
	if (x->out.packs && clock_mono(x->r->env->clock) - x->since >= x->max_age)
		save(x);
}

static void flush_turn(struct task *t)
{
	struct indexer *x = task_of(t, struct indexer, flush);

	x->turning = false;
	flush_progress(x);
}

void indexer_flush(struct indexer *x)
{
	if (x->flushing)
		return;
	save(x);
	x->flushing = x->turning = true;
	/* Through the loop: flushed() never comes before this returns. */
	x->flush = (struct task){.done = flush_turn};
	loop_post(x->r->env->loop, &x->flush);
}

size_t indexer_saved(const struct indexer *x)
{
	return x->saved;
}
