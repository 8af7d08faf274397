#include "base/mem.h"
#include "engine/run.h"
#include "fs/meta.h"
#include <fcntl.h>
#include <sys/stat.h>

#define FILES_ASKED 1000

/* What the run may store, as far as one can know: as much as the last one did, and all of the files
 * that are named themselves. */
static uint64_t forecast(const struct backup *b)
{
	const struct strlist *t = &b->opt->targets;
	uint64_t last = b->opt->parent && b->opt->parent->has_summary
				? b->opt->parent->summary.data_added_packed
				: 0,
		 files = 0;

	for (size_t i = 0; i < t->n && i < FILES_ASKED && !b->opt->parent; i++) {
		struct err e;
		struct meta m;

		if (!meta_stat(AT_FDCWD, t->s[i], false, &m, &e) && S_ISREG(m.mode))
			files += m.size;
	}
	return last > files ? last : files;
}

unsigned run_packs_at_once(const struct backup *b)
{
	unsigned on_the_way = b->opt->packs_in_flight ? b->opt->packs_in_flight
						      : b->repo->be->connections;

	/* One is filled meanwhile; trees have one of their own, but small ones do not fill it
	 * often. */
	return on_the_way + 1 < UPLOADER_MIN ? UPLOADER_MIN : on_the_way + 1;
}

void run_guard(struct backup *b, uint64_t packs)
{
	struct backend_usage u = {0};
	struct err e;

	if (b->opt->dry_run)
		return;
	b->guard.limit = b->opt->objects_max_given ? b->opt->objects_max : b->repo->be->objects_max;
	if (!b->guard.limit)
		return;
	/* Who may not ask can still back up: then what the index names is counted, which is less
	 * than there is. */
	if (backend_usage(b->repo->be, &u, &e))
		u.known = false;
	if (!b->opt->objects_max_given && u.objects_max && u.objects_max < b->guard.limit)
		b->guard.limit = u.objects_max;
	b->guard.before = packs;
	/* And an index file, the snapshot, a lock that is being replaced. */
	b->guard.reserve = (uint64_t)b->size * run_packs_at_once(b) + 3;
	b->guard.pack_size = b->opt->pack_size;
	if (u.known)
		guard_asked(&b->guard, u.objects, 0);
	guard_begin(&b->guard, forecast(b), &b->env->log, &b->err);
}

static void count(struct backup *b)
{
	struct err e;

	if (b->guarded ||
		!guard_count(&b->guard, b->packs + indexer_saved(b->indexer), &b->env->log, &e))
		return;
	b->guarded = true;
	run_fail(b, &e);
}

static void allow(struct backup *b, int rank)
{
	if (rank == 0)
		saver_release(b->saver);
	else
		router_send(b->r, rank, TAG_COUNTED, NULL);
}

static void ask_run(struct task *t)
{
	struct backup *b = task_of(t, struct backup, ask.task);

	if (backend_usage(b->repo->be, &b->ask.usage, &b->ask.err))
		b->ask.usage.known = false;
}

static void ask_done(struct task *t)
{
	struct backup *b = task_of(t, struct backup, ask.task);

	b->ask.idle = true;
	/* Without an answer the old one holds. */
	guard_asked(&b->guard,
		b->ask.usage.known ? b->ask.usage.objects : b->guard.before + b->ask.added,
		b->ask.added);
	if (!b->finished)
		count(b);
	for (int i = 0; i < b->size; i++)
		for (; b->ask.waiting[i] && !b->guarded; b->ask.waiting[i]--)
			allow(b, i);
}

/* Whoever asks waits, and all readers may wait for room in packs: so this has a thread of its own.
 */
static void ask(struct backup *b)
{
	if (!b->guard.ask_at || b->guard.added < b->guard.ask_at || !b->ask.idle)
		return;
	if (!b->ask.jobs)
		b->ask.jobs = jobs_new(1, b->env->loop, "ask");
	b->ask.idle = false;
	b->ask.added = b->guard.added;
	b->ask.task = (struct task){.run = ask_run, .done = ask_done};
	jobs_put(b->ask.jobs, &b->ask.task);
}

void run_guard_pack(struct backup *b, int rank)
{
	b->packs++;
	count(b);
	if (b->guarded)
		return;
	ask(b);
	if (b->ask.idle)
		allow(b, rank);
	else
		b->ask.waiting[rank]++;
}
