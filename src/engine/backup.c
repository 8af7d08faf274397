#include "engine/backup.h"
#include "base/mem.h"
#include "ranks/catalog_ranks.h"
#include "engine/backup_priv.h"
#include "engine/target.h"
#include "engine/packs_there.h"
#include "fs/meta.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Clocks of nodes and file servers differ by less, one hopes. */
#define YOUNG_SEC    5
#define DIRS_AT_ONCE 64 /* directories whose parent tree may be on its way */
#define FILES_ASKED  1000
#define SETTLES_SEC                                                                                \
	60 /* a file that was read so long after its last change is believed not to have changed   \
	      behind the same times */

/* Room for another item: enough to keep the readers busy; more while parents' trees are on their
 * way. */
static bool room(void *arg)
{
	const struct backup *b = arg;

	return b->files + b->dirs - b->loading < 2 * jobs_threads(b->env->readers) + 2 &&
	       b->loading < DIRS_AT_ONCE;
}

static void begin(void *arg, struct workq_item *q)
{
	struct backup *b = arg;
	struct item *it = task_of(q, struct item, q);

	if (it->kind == ITEM_DIR)
		backup_dir(b, it);
	else
		backup_files(b, it);
}

static void drop(void *arg, struct workq_item *q)
{
	backup_not_included(arg, task_of(q, struct item, q));
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct item *it = item_unpack(in);

	(void)arg;
	return it ? &it->q : NULL;
}

static void pack(void *arg, struct workq_item *q, struct buf *out)
{
	struct item *it = task_of(q, struct item, q);

	(void)arg;
	item_pack(it, out);
	item_free(it);
}

/* Another rank may have been stopped before this one came here. */
static void start(void *arg)
{
	struct backup *b = arg;

	if (b->rank == 0 && run_end(b->run) == RUN_GOES_ON)
		backup_root(b);
}

/* ---- what the run asks and tells ---- */

static void ended(void *arg, const struct run_told *t)
{
	struct backup *b = arg;

	if (t->end == RUN_CANCELLED) {
		if (b->storing)
			storing_cancel(b->storing);
		witness_cancel(b->witness);
		/* An upload that waits for another try would hold all ranks up.  Rank 0 still has
		 * an index to save and a lock to remove. */
		if (b->rank != 0)
			backend_retry_cancel(b->repo->be);
	}
	if (t->stopped && !b->told_stopped && b->ev->stopped)
		b->ev->stopped(b->ev->arg);
	b->told_stopped |= t->stopped;
}

static void count(void *arg, uint64_t *v)
{
	struct backup *b = arg;
	struct backup_counts c;
	struct saver_stats s;
	struct loader_stats l;

	memset(&c, 0, sizeof(c));
	tally_read(&b->tally, &c);
	saver_stats(storing_saver(b->storing), &s);
	loader_stats(b->loader, &l);
	c.data_blobs = s.data_blobs;
	c.tree_blobs = s.tree_blobs;
	c.data_added = s.data_added;
	c.data_added_packed = s.data_added_packed;
	c.trees_read = l.trees;
	c.store_gets = l.gets;
	c.items_stolen = run_stolen(b->run);
	c.retries = backend_retry_count(b->repo->be);
	memcpy(v, &c, sizeof(c));
}

static void progress(void *arg)
{
	struct backup *b = arg;
	struct backup_counts sum;

	storing_tick(b->storing);
	backup_sum_counts(b, &sum);
	if (b->ev->progress)
		b->ev->progress(b->ev->arg, &sum);
}

static struct run *make_run(struct backup *b, const volatile int *stop)
{
	return run_new(b->r, b->a,
		&(struct run_ops){.stop = stop,
			.signal_ns = b->opt->signal_ns,
			.early_ns = b->opt->early_ns,
			.ended = ended,
			.note = backup_heard,
			.n_counts = sizeof(struct backup_counts) / sizeof(uint64_t),
			.count = count,
			.progress = progress,
			.arg = b});
}

/* Parent i of the run, in the order of struct parents; NULL: there is none. */
static const struct snapshot *parent_at(const struct backup *b, unsigned i)
{
	const struct backup_options *o = b->opt;

	if (o->force || i > o->partials)
		return NULL;
	return i < o->partials ? o->partial[i] : o->parent;
}

/*
 * Collective: up to when a file's times show that it has not changed since a parent was made, as
 * rank 0 knows.  A summary tells when that began to be read; the snapshot's time may be anything
 * (--time).
 */
static void share_settled(struct backup *b)
{
	struct wire_in in;
	struct buf m;

	buf_init(&m, 256);
	for (unsigned i = 0; b->rank == 0 && i < PARENTS_MAX; i++) {
		const struct snapshot *p = parent_at(b, i);
		struct ts t = {.sec = INT64_MIN};

		if (p && p->has_summary)
			t = (struct ts){p->summary.backup_start.sec - SETTLES_SEC,
				p->summary.backup_start.nsec};
		wire_put_u64(&m, (uint64_t)t.sec);
		wire_put_u32(&m, (uint32_t)t.nsec);
	}
	wire_put_u8(&m, (uint8_t)b->opt->partials);
	agree_bcast(b->a, &m);
	wire_in_init(&in, m.p, m.len);
	for (unsigned i = 0; i < PARENTS_MAX; i++) {
		b->settled[i].sec = (int64_t)wire_u64(&in);
		b->settled[i].nsec = (int32_t)wire_u32(&in);
	}
	b->partials = wire_u8(&in);
	buf_release(&m);
}

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

static void failed(void *arg, const struct err *e)
{
	run_fail(((struct backup *)arg)->run, e);
}

static void make_parts(struct backup *b)
{
	struct storing_options o = {b->opt->pack_size, b->opt->packs_in_flight, b->opt->dry_run,
		b->opt->objects_max, b->opt->objects_max_given, b->opt->lock};

	b->make = (struct nodemake){owners_new(), b->env->zone, b->opt->with_atime,
		view_devices(b->view), b->view, NULL, clock_now(b->env->clock)};
	b->make.young.sec -= YOUNG_SEC;
	if (b->size > 1)
		b->witness = witness_new(b->r, TAG_ASK_WITNESS, TAG_WITNESS, b->make.owners,
			b->env->node, failed, b);
	b->make.witness = b->witness;
	b->tables = chunker_tables_new(b->repo->config.polynomial);
	b->loader = loader_new(b->repo, b->catalog, LOADER_CACHE);
	b->storing = storing_new(b->run, b->r, b->repo, b->catalog, &o);
	b->pending = backup_pending_new(b);
	router_on(b->r, TAG_BACK, backup_on_back, b);
}

static void release(struct backup *b)
{
	witness_free(b->witness);
	for (unsigned t = TAG_NODE; t <= TAG_WITNESS; t++)
		router_on(b->r, t, NULL, NULL);
	run_free(b->run);
	storing_free(b->storing);
	loader_free(b->loader);
	catalog_free(b->catalog);
	backup_pending_free(b->pending);
	owners_free(b->make.owners);
	chunker_tables_free(b->tables);
	target_free(b->target);
	view_free(b->view);
	mem_free(b);
}

/* Collective.  Rank 0 has the targets and the parent; the others learn only whether there is
 * something to do.  When it returns all listen. */
static int prepare(struct backup *b)
{
	uint64_t packs = 0;
	int rc = 0;

	if (b->rank == 0) {
		for (unsigned i = 0; i < PARENTS_MAX; i++)
			if (parent_at(b, i))
				parents_set(&b->parents, i, &parent_at(b, i)->tree);
		rc = target_tree(&b->opt->targets, b->opt->cwd, &b->target, &b->err);
	}
	if (rc == 0)
		err_clear(&b->err);
	rc = agree_all(b->a, &b->err);
	if (rc)
		return rc;
	rc = backup_view_begin(b);
	if (rc)
		return rc;
	share_settled(b);
	b->catalog = catalog_ranks_new(b->r, NULL);
	rc = catalog_load(b->catalog, b->repo, NULL, &packs, &b->err);
	if (rc)
		return rc;
	make_parts(b);
	if (packs_there(b->a, b->r, b->repo, b->catalog, &b->err) == 0 && b->rank == 0)
		storing_begin(b->storing, packs, forecast(b), &b->err);
	return agree_all(b->a, &b->err);
}

/* Collective: what the targets hold, up to the root of the tree. */
static enum run_end walk(struct backup *b)
{
	struct run_phase walk = {.name = "walk",
		.start = start,
		.room = room,
		.begin = begin,
		.drop = drop,
		.pack = pack,
		.unpack = unpack,
		.arg = b};
	enum run_end end = run_phase(b->run, &walk);
	struct err e;

	if (end == RUN_GOES_ON && b->rank == 0 && !b->tree_closed) {
		err_set(&e, ERR_INVALID,
			"all is done, and the tree has no root: this is an error in the program");
		run_fail(b->run, &e);
	}
	return end;
}

/* What one can do about a store that takes no more. */
static void advise_full(const struct storing_result *stored, struct err *e)
{
	struct err what = *e;

	err_set(e, what.code,
		"%.700s; free space there, ask for a larger quota or back up to another place (-b "
		"NAME, -r PLACE)%s",
		what.msg, stored->index_lost ? "" : ": what was stored is kept for the next run");
}

/* Collective: the phases, and what they come to. */
static int phases(struct backup *b, struct backup_result *result, struct err *err)
{
	struct storing_result stored = {0};
	enum run_end end;
	int rc;

	walk(b);
	backup_view_end(b);
	end = storing_end(b->storing);
	if (b->rank == 0) {
		storing_result(b->storing, &stored);
		if (b->tree_closed && !b->empty && run_told(b->run)->end != RUN_CANCELLED)
			result->tree = b->tree;
		/* A failure of rank 0 itself may not have been told yet: its message is still on
		 * the way. */
		if (run_told(b->run)->end == RUN_GOES_ON && !run_error(b->run)->code)
			backup_save(b, result);
		else if (end == RUN_DRAINS && run_told(b->run)->end == RUN_DRAINS &&
			 !id_is_zero(&result->tree) && !stored.index_lost)
			backup_save_partial(b, result);
		else
			backup_sum_counts(b, &result->counts);
		result->objects = stored.objects;
		result->objects_max = stored.objects_max;
	}
	rc = run_meet(b->run, &b->err);
	err_copy(err, &b->err);
	if (rc == ERR_NOSPACE && b->rank == 0 && !stored.objects_full)
		advise_full(&stored, err);
	return rc;
}

int backup_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env,
	const struct backup_options *opt, const struct backup_events *ev, const volatile int *stop,
	struct backup_result *result, struct err *err)
{
	struct backup *b = mem_zalloc(sizeof(*b));
	int rc;

	memset(result, 0, sizeof(*result));
	*b = (struct backup){.r = r,
		.a = a,
		.repo = repo,
		.env = env,
		.opt = opt,
		.ev = ev,
		.rank = router_rank(r),
		.size = router_size(r)};
	b->run = make_run(b, stop);
	rc = prepare(b);
	if (rc == 0)
		rc = phases(b, result, err);
	else
		err_copy(err, &b->err);
	release(b);
	return rc;
}
