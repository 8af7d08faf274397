#include "repo/indexer.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

#define DEFAULT_AGE ((int64_t)5 * 60 * 1000000000)

/* What one index file will name.  Blobs take 48 bytes here and three times as much as JSON, which is made when it is saved. */
struct batch {
	struct repo_pack *pack;
	struct blob *blob;
	size_t packs, pack_cap, blobs, blob_cap;
};

struct save {
	struct task task;
	struct indexer *x;
	struct batch what;
	struct err err;
};

struct indexer {
	struct repo *r;
	int64_t max_age;
	void (*failed)(void *arg, const struct err *e);
	void (*flushed)(void *arg);
	void *arg;
	struct batch open;
	int64_t since;          /* its first pack */
	bool flushing, turning; /* turning: `flush` is posted */
	struct task flush;
	size_t saving, saved;
};

static void batch_release(struct batch *a)
{
	mem_free(a->pack);
	mem_free(a->blob);
}

struct indexer *indexer_new(
	struct repo *r, int64_t max_age_ns, void (*failed)(void *arg, const struct err *e), void (*flushed)(void *arg), void *arg)
{
	struct indexer *x = mem_zalloc(sizeof(*x));

	x->r = r;
	x->max_age = max_age_ns ? max_age_ns : DEFAULT_AGE;
	x->failed = failed;
	x->flushed = flushed;
	x->arg = arg;
	return x;
}

void indexer_free(struct indexer *x)
{
	if (!x)
		return;
	assert(!x->saving);
	batch_release(&x->open);
	mem_free(x);
}

static void save_run(struct task *t)
{
	struct save *s = task_of(t, struct save, task);

	repo_save_index(s->x->r, s->what.pack, s->what.packs, s->what.blob, &s->err);
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
	batch_release(&s->what);
	mem_free(s);
	flush_progress(x);
}

static void save(struct indexer *x)
{
	struct save *s;

	if (!x->open.packs)
		return;
	s = mem_zalloc(sizeof(*s));
	s->x = x;
	s->what = x->open;
	x->open = (struct batch){0};
	s->task = (struct task){.run = save_run, .done = save_done};
	x->saving++;
	jobs_put(x->r->env->readers, &s->task);
}

static void batch_add(struct batch *a, const struct id *pack, const struct blob *b, size_t n)
{
	if (a->packs == a->pack_cap) {
		a->pack_cap = a->pack_cap ? 2 * a->pack_cap : 16;
		a->pack = mem_regrow(a->pack, a->pack_cap, sizeof(*a->pack));
	}
	a->pack[a->packs++] = (struct repo_pack){.id = *pack, .blobs = n};
	if (a->blobs + n > a->blob_cap) {
		/* Not beyond a full file: what passes that is saved at once. */
		a->blob_cap = a->blobs + n < INDEXER_BLOBS / 2 ? 2 * (a->blobs + n)
			      : a->blobs + n < INDEXER_BLOBS   ? INDEXER_BLOBS
							       : a->blobs + n;
		a->blob = mem_regrow(a->blob, a->blob_cap, sizeof(*a->blob));
	}
	if (n)
		memcpy(a->blob + a->blobs, b, n * sizeof(*b));
	a->blobs += n;
}

void indexer_add(struct indexer *x, const struct id *pack, const struct blob *b, size_t n)
{
	if (!x->open.packs)
		x->since = clock_mono(x->r->env->clock);
	batch_add(&x->open, pack, b, n);
	if (x->open.blobs >= INDEXER_BLOBS)
		save(x);
}

void indexer_tick(struct indexer *x)
{
	if (x->open.packs && clock_mono(x->r->env->clock) - x->since >= x->max_age)
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
