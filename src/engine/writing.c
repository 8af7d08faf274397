#include "engine/writing.h"
#include "base/mem.h"

#define PENDING_MAX 64 /* blobs between being put and lying in a pack */

struct writing {
	struct run *run;
	struct storing *storing;
	const struct env *env;
};

static void ended(void *arg, const struct run_told *t)
{
	struct writing *w = arg;

	if (t->end == RUN_CANCELLED && w->storing)
		storing_cancel(w->storing);
}

static void progress(void *arg)
{
	const struct writing *w = arg;

	if (w->storing)
		storing_tick(w->storing);
}

struct writing *writing_new(struct router *r, struct agree *a, struct repo *repo,
	struct catalog *catalog, const struct writing_options *o)
{
	struct storing_options s = {.pack_size = o->pack_size,
		.dry_run = o->dry_run,
		.lock = o->lock};
	struct writing *w = mem_zalloc(sizeof(*w));
	struct err err = {0};

	w->env = repo->env;
	w->run = run_new(r, a,
		&(struct run_ops){.stop = o->stop, .ended = ended, .progress = progress, .arg = w});
	w->storing = storing_new(w->run, r, repo, catalog, &s);
	if (storing_begin(w->storing, 0, 0, &err))
		run_fail(w->run, &err);
	return w;
}

static bool has_room(void *arg)
{
	const struct writing *w = arg;

	return saver_pending(storing_saver(w->storing)) < PENDING_MAX ||
	       run_end(w->run) != RUN_GOES_ON;
}

int writing_put(struct writing *w, enum blob_type t, const struct id *id, struct buf *plain,
	struct err *err)
{
	const struct err *why = run_error(w->run);

	saver_put(storing_saver(w->storing), t, id, plain, 0);
	loop_until_fn(w->env->loop, has_room, w);
	if (run_end(w->run) == RUN_GOES_ON)
		return 0;
	return why->code ? err_copy(err, why) : err_set(err, ERR_CANCELLED, "interrupted");
}

int writing_end(struct writing *w, struct err *err)
{
	err_clear(err);
	storing_end(w->storing);
	return run_meet(w->run, err);
}

void writing_free(struct writing *w)
{
	if (!w)
		return;
	run_free(w->run);
	storing_free(w->storing);
	mem_free(w);
}
