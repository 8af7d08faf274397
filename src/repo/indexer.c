#include "repo/indexer.h"
#include "base/mem.h"
#include <assert.h>
#include <pthread.h>
#include <string.h>

#define DEFAULT_AGE ((int64_t)5 * 60 * 1000000000)

/* What one index file will name.  Blobs take 48 bytes here and three times as much as JSON, which
 * is made when it is saved. */
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
	struct save *next; /* of those that are not stored */
};

struct indexer {
	struct repo *r;
	int64_t max_age;
	void (*failed)(void *arg, const struct err *e);
	void (*flushed)(void *arg);
	void *arg;
	struct jobs *jobs;      /* one thread: readers may all hang in the file system */
	int64_t since;          /* the open batch's first pack */
	bool flushing, turning; /* turning: `flush` is posted */
	bool dropped;           /* nothing is saved any more */
	struct task flush;
	size_t saving, saved;
	pthread_mutex_t lock; /* for what follows: a rescue comes from another thread */
	struct batch open;
	struct save *unsaved; /* under way, or failed */
	struct rescue_item rescue;
};

static void batch_release(struct batch *a)
{
	mem_free(a->pack);
	mem_free(a->blob);
}

/* The process is about to end while the loop's thread waits for something that hangs: all that is
 * stored and not indexed yet. */
static void rescue_all(void *arg)
{
	struct indexer *x = arg;
	struct save last = {0};

	pthread_mutex_lock(&x->lock);
	last.what = x->open;
	last.next = x->unsaved;
	for (struct save *s = &last; s; s = s->next) {
		struct err err = {0};

		if (s->what.packs &&
			repo_save_index(x->r, s->what.pack, s->what.packs, s->what.blob, &err))
			log_msg(&x->r->env->log, LOG_WARN,
				"%s: the next run will store again what this one stored last",
				err.msg);
	}
	pthread_mutex_unlock(&x->lock);
}

struct indexer *indexer_new(struct repo *r, int64_t max_age_ns,
	void (*failed)(void *arg, const struct err *e), void (*flushed)(void *arg), void *arg)
{
	struct indexer *x = mem_zalloc(sizeof(*x));

	x->r = r;
	x->max_age = max_age_ns ? max_age_ns : DEFAULT_AGE;
	x->failed = failed;
	x->flushed = flushed;
	x->arg = arg;
	x->jobs = jobs_new(1, r->env->loop, "index");
	pthread_mutex_init(&x->lock, NULL);
	x->rescue = (struct rescue_item){.stage = RESCUE_INDEX, .fn = rescue_all, .arg = x};
	rescue_add(r->env->rescue, &x->rescue);
	return x;
}

static void save_free(struct save *s)
{
	batch_release(&s->what);
	mem_free(s);
}

void indexer_free(struct indexer *x)
{
	if (!x)
		return;
	assert(!x->saving);
	rescue_drop(x->r->env->rescue, &x->rescue);
	jobs_free(x->jobs);
	while (x->unsaved) {
		struct save *s = x->unsaved;

		x->unsaved = s->next;
		save_free(s);
	}
	batch_release(&x->open);
	pthread_mutex_destroy(&x->lock);
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

static void saved(struct save *s)
{
	struct indexer *x = s->x;
	struct save **p = &x->unsaved;

	pthread_mutex_lock(&x->lock);
	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	pthread_mutex_unlock(&x->lock);
	x->saved++;
	save_free(s);
}

static void save_done(struct task *t)
{
	struct save *s = task_of(t, struct save, task);
	struct indexer *x = s->x;

	x->saving--;
	if (s->err.code)
		x->failed(x->arg, &s->err);
	else
		saved(s);
	flush_progress(x);
}

static void save(struct indexer *x)
{
	struct save *s;

	if (!x->open.packs)
		return;
	s = mem_zalloc(sizeof(*s));
	s->x = x;
	s->task = (struct task){.run = save_run, .done = save_done};
	pthread_mutex_lock(&x->lock);
	s->what = x->open;
	x->open = (struct batch){0};
	s->next = x->unsaved;
	x->unsaved = s;
	pthread_mutex_unlock(&x->lock);
	x->saving++;
	jobs_put(x->jobs, &s->task);
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
	if (x->dropped)
		return;
	if (!x->open.packs)
		x->since = clock_mono(x->r->env->clock);
	pthread_mutex_lock(&x->lock);
	batch_add(&x->open, pack, b, n);
	pthread_mutex_unlock(&x->lock);
	if (x->open.blobs >= INDEXER_BLOBS)
		save(x);
}

void indexer_tick(struct indexer *x)
{
	if (x->open.packs && clock_mono(x->r->env->clock) - x->since >= x->max_age)
		save(x);
}

bool indexer_drop(struct indexer *x)
{
	bool any = x->open.packs;

	pthread_mutex_lock(&x->lock);
	batch_release(&x->open);
	x->open = (struct batch){0};
	x->dropped = true;
	pthread_mutex_unlock(&x->lock);
	return any;
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
