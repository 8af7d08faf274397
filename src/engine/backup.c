#include "engine/backup.h"
#include "base/mem.h"
#include "ranks/catalog_ranks.h"
#include "ranks/idxshare.h"
#include "engine/run.h"
#include "engine/stopped.h"
#include "engine/target.h"
#include "format/pack.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"

/* Clocks of nodes and file servers differ by less, one hopes. */
#define YOUNG_SEC 5
#define SETTLES_SEC                                                                                \
	60 /* a file that was read so long after its last change is believed not to have changed   \
	      behind the same times */

static bool busy(const struct backup *b)
{
	return b->dirs || b->files || b->closing || b->asking;
}

/* Room for another item: enough to keep the readers busy; more while parents' trees are on their
 * way. */
static bool room(const struct backup *b)
{
	return b->files + b->dirs - b->loading < 2 * jobs_threads(b->env->readers) + 2 &&
	       b->loading < DIRS_AT_ONCE;
}

static void ask_flush(struct backup *b)
{
	for (int i = 0; i < b->size; i++)
		router_send(b->r, i, TAG_FLUSH, NULL);
}

/* This rank has nothing to do any more that could fail: from now on it must not speak against a
 * snapshot that may be saved already. */
static bool part_done(const struct backup *b)
{
	return b->rank == 0 ? b->finished : b->flushed;
}

static void look_for_stop(struct backup *b)
{
	struct err e;

	if (!engine_stopped(b->stop) || part_done(b))
		return;
	if (!engine_winds_up(b->stop)) {
		err_set(&e, ERR_CANCELLED, "stopped by a signal");
		run_stop(b, &e);
	} else if (b->rank == 0 && !b->flush_asked) {
		/* Once the tree is closed there is nothing else left to do anyway. */
		err_set(&e, ERR_CANCELLED, "ended early");
		run_wind_up(b, &e);
	}
}

void run_more(struct backup *b)
{
	struct workq_item *it;

	look_for_stop(b);
	while (!b->cancelled && room(b) && (it = workq_pop(b->queue)) != NULL) {
		struct item *i = task_of(it, struct item, q);

		if (i->kind == ITEM_DIR)
			run_dir(b, i);
		else
			run_files(b, i);
	}
	workq_want(b->queue, !b->cancelled && !b->flush_asked && room(b));
	if (b->rank == 0 && b->tree_closed && !b->flushing && !b->cancelled) {
		b->tree_closed = false;
		ask_flush(b);
	}
	if (b->flush_asked && !b->flushing && !busy(b)) {
		b->flushing = true;
		if (b->cancelled)
			saver_drain(b->saver);
		else
			run_view_end(b);
	}
}

static void on_flush(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;

	(void)m;
	b->flush_asked = true;
	workq_stop(b->queue);
	run_more(b);
}

static struct workq_item *q_unpack(void *arg, struct wire_in *in)
{
	struct item *it = item_unpack(in);

	(void)arg;
	return it ? &it->q : NULL;
}

static void q_pack(void *arg, struct workq_item *it, struct buf *out)
{
	struct item *i = task_of(it, struct item, q);

	(void)arg;
	item_pack(i, out);
	item_free(i);
}

static void q_arrived(void *arg)
{
	struct backup *b = arg;
	struct workq_item *it;

	if (b->cancelled)
		while ((it = workq_pop(b->queue)) != NULL)
			item_free(task_of(it, struct item, q));
	run_more(b);
}

/* This rank's blobs lie in packs: the last ones are filled with what other ranks have, before they
 * are closed. */
static void saver_drained(void *arg)
{
	struct backup *b = arg;

	lastpacks_start(b->lastpacks);
}

static void lastpacks_merged(void *arg)
{
	struct backup *b = arg;

	saver_flush(b->saver);
}

static void saver_flushed(void *arg)
{
	struct backup *b = arg;

	b->flushed = true;
	run_send_counts(b, TAG_FLUSHED);
	if (b->rank != 0)
		b->finished = true;
}

static void on_flushed(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;

	run_on_counts(b, m);
	if (++b->ranks_flushed == b->size)
		run_proof_end(b);
}

/* Where the run has failed already, by a full store perhaps, this is no cause but a consequence. */
static void index_failed(void *arg, const struct err *e)
{
	struct backup *b = arg;

	b->index_lost = true;
	if (b->told || b->err.code)
		log_msg(&b->env->log, LOG_WARN,
			"%s: the next run will store again what this one stored last", e->msg);
	else
		run_fail(b, e);
}

static void indexer_flushed(void *arg)
{
	struct backup *b = arg;

	b->finished = true;
}

static void pack_stored(void *arg, const struct pack *p)
{
	struct backup *b = arg;
	struct buf m;

	if (b->opt->dry_run)
		return;
	if (b->rank == 0) {
		indexer_add(b->indexer, &p->id, p->blob, p->n);
		run_guard_pack(b, 0);
		return;
	}
	buf_init(&m, MESSAGE_MAX);
	wire_put_id(&m, &p->id);
	wire_put_u32(&m, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		wire_put_id(&m, &p->blob[i].id);
		wire_put_u8(&m, (uint8_t)p->blob[i].type);
		wire_put_u32(&m, p->blob[i].offset);
		wire_put_u32(&m, p->blob[i].length);
		wire_put_u32(&m, p->blob[i].plain);
	}
	router_send(b->r, 0, TAG_PACK, &m);
	b->prove.sent++;
}

static void on_pack(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	struct id pack;
	struct blob *blob;
	uint32_t n;
	struct err e;

	wire_in_init(&w, m->data.p, m->data.len);
	wire_id(&w, &pack);
	n = wire_u32(&w);
	if (n > PACK_ENTRIES_MAX)
		w.bad = true;
	blob = mem_array(w.bad ? 1 : n, sizeof(*blob));
	for (uint32_t i = 0; i < n && !w.bad; i++) {
		wire_id(&w, &blob[i].id);
		blob[i].type = wire_u8(&w) == BLOB_TREE ? BLOB_TREE : BLOB_DATA;
		blob[i].offset = wire_u32(&w);
		blob[i].length = wire_u32(&w);
		blob[i].plain = wire_u32(&w);
	}
	if (wire_done(&w)) {
		run_proof_pack(b, m->from, &pack, blob, n);
		run_guard_pack(b, m->from);
	} else {
		err_set(&e, ERR_INVALID, "a damaged pack record from rank %d", m->from);
		run_fail(b, &e);
		mem_free(blob);
	}
}

static void on_counted(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;

	(void)m;
	saver_release(b->saver);
}

static void tick(struct task *t)
{
	struct backup *b = task_of(t, struct backup, tick);
	struct backup_counts sum;

	if (part_done(b))
		return;
	look_for_stop(b);
	if (b->rank == 0) {
		indexer_tick(b->indexer);
		run_proof_tick(b);
		run_counts(b, &b->of_rank[0]);
		run_sum_counts(b, &sum);
		if (b->ev->progress)
			b->ev->progress(b->ev->arg, &sum);
	} else {
		run_send_counts(b, TAG_COUNTS);
	}
	loop_after(b->env->loop, TICK_NS, &b->tick);
}

static void run_init(struct backup *b)
{
	struct saver_events se = {pack_stored, run_failed, saver_drained, saver_flushed, b};
	struct workq_ops ops = {q_pack, q_unpack, q_arrived, run_failed, b};

	b->make = (struct nodemake){owners_new(), b->env->zone, b->opt->with_atime,
		view_devices(b->view), b->view, NULL, clock_now(b->env->clock)};
	b->make.young.sec -= YOUNG_SEC;
	if (b->size > 1)
		b->witness = witness_new(b->r, TAG_ASK_WITNESS, TAG_WITNESS, b->make.owners,
			b->env->node, run_failed, b);
	b->make.witness = b->witness;
	b->tables = chunker_tables_new(b->repo->config.polynomial);
	b->catalog = b->size == 1 ? catalog_local_new(b->table) : catalog_ranks_new(b->r, b->table);
	b->loader = loader_new(b->repo, b->catalog, CACHE_TREES);
	b->saver = saver_new(b->repo, b->catalog, b->opt->pack_size, run_packs_at_once(b),
		b->opt->dry_run, &se);
	saver_hold(b->saver);
	b->lastpacks = lastpacks_new(b->r, b->saver, lastpacks_merged, b);
	b->queue = workq_new(b->r, b->env, &ops);
	b->pending = run_pending_new(b);
	b->tick = (struct task){.done = tick};
	router_on(b->r, TAG_BACK, run_on_back, b);
	router_on(b->r, TAG_CANCEL, run_on_cancel, b);
	router_on(b->r, TAG_FLUSH, on_flush, b);
	router_on(b->r, TAG_COUNTED, on_counted, b);
	router_on(b->r, TAG_PROVE, run_on_prove, b);
	if (b->rank == 0) {
		b->of_rank = mem_array((size_t)b->size, sizeof(*b->of_rank));
		b->ask.waiting = mem_array((size_t)b->size, sizeof(*b->ask.waiting));
		b->indexer = indexer_new(b->repo, 0, index_failed, indexer_flushed, b);
		run_proof_init(b);
		router_on(b->r, TAG_PACK, on_pack, b);
		router_on(b->r, TAG_PROVEN, run_on_proven, b);
		router_on(b->r, TAG_NOTE, run_on_note, b);
		router_on(b->r, TAG_COUNTS, run_on_counts, b);
		router_on(b->r, TAG_FAIL, run_on_fail, b);
		router_on(b->r, TAG_FLUSHED, on_flushed, b);
	}
}

static void run_release(struct backup *b)
{
	loop_cancel(b->env->loop, &b->tick);
	witness_free(b->witness);
	for (unsigned t = TAG_NODE; t <= TAG_FLUSHED; t++)
		router_on(b->r, t, NULL, NULL);
	workq_free(b->queue);
	lastpacks_free(b->lastpacks);
	saver_free(b->saver);
	loader_free(b->loader);
	catalog_free(b->catalog);
	run_pending_free(b->pending);
	run_proof_release(b);
	indexer_free(b->indexer);
	owners_free(b->make.owners);
	chunker_tables_free(b->tables);
	blobtable_free(b->table);
	target_free(b->target);
	view_free(b->view);
	jobs_free(b->ask.jobs);
	mem_free(b->ask.waiting);
	mem_free(b->of_rank);
}

static void summary(const struct backup *b, struct backup_result *res)
{
	struct snapshot_summary *s = &res->summary;
	struct backup_counts *c = &res->counts;

	run_sum_counts(b, c);
	*s = (struct snapshot_summary){.backup_start = b->opt->start,
		.backup_end = clock_now(b->env->clock)};
	s->files_new = c->files_new;
	s->files_changed = c->files_changed;
	s->files_unmodified = c->files_unmodified;
	s->dirs_new = c->dirs_new;
	s->dirs_changed = c->dirs_changed;
	s->dirs_unmodified = c->dirs_unmodified;
	s->data_blobs = c->data_blobs;
	s->tree_blobs = c->tree_blobs;
	s->data_added = c->data_added;
	s->data_added_packed = c->data_added_packed;
	s->total_files_processed = c->files_done;
	s->total_bytes_processed = c->bytes_done;
}

/* Rank 0, after every pack and index is stored: the snapshot, last of all. */
static int save_snapshot(struct backup *b, struct backup_result *res)
{
	struct snapshot s = b->opt->head;
	struct buf json;
	int rc = 0;

	summary(b, res);
	res->tree = b->tree;
	if (b->empty)
		return err_set(&b->err, ERR_USAGE,
			"snapshot is empty: nothing is left of what was to be saved");
	if (b->opt->skip_if_unchanged && b->opt->parent &&
		id_equal(&b->tree, &b->opt->parent->tree)) {
		res->unchanged = true;
		return 0;
	}
	if (b->opt->dry_run)
		return 0;
	s.tree = b->tree;
	s.has_parent = b->opt->parent != NULL;
	if (s.has_parent)
		s.parent = b->opt->parent->id;
	s.has_summary = true;
	s.summary = res->summary;
	buf_init(&json, (size_t)64 << 20);
	snapshot_write(&s, b->env->zone, &json);
	rc = json.overflow ? err_set(&b->err, ERR_NOMEM, "the snapshot's list of paths is too long")
			   : repo_save(b->repo, BACKEND_SNAPSHOT, json.p, json.len, &res->snapshot,
				     &b->err);
	buf_release(&json);
	if (rc < 0)
		res->snapshot = (struct id){{0}};
	return rc;
}

/*
 * Collective: up to when a file's times show that it has not changed since the parent was made, as
 * rank 0 knows.  A summary tells when that began to be read; the snapshot's time may be anything
 * (--time).
 */
static void share_settled(struct backup *b)
{
	const struct snapshot *p = b->opt->parent;
	struct wire_in in;
	struct buf m;

	buf_init(&m, 64);
	if (b->rank == 0 && p && p->has_summary) {
		wire_put_u64(&m, (uint64_t)(p->summary.backup_start.sec - SETTLES_SEC));
		wire_put_u32(&m, (uint32_t)p->summary.backup_start.nsec);
	} else if (b->rank == 0) {
		wire_put_u64(&m, (uint64_t)INT64_MIN);
		wire_put_u32(&m, 0);
	}
	agree_bcast(b->a, &m);
	wire_in_init(&in, m.p, m.len);
	b->settled.sec = (int64_t)wire_u64(&in);
	b->settled.nsec = (int32_t)wire_u32(&in);
	buf_release(&m);
}

/* Rank 0 has the targets and the parent; the others learn only whether there is something to do. */
static int prepare(struct backup *b)
{
	uint64_t packs = 0;
	int rc = 0;

	if (b->rank == 0) {
		b->has_parent = b->opt->parent && !b->opt->force;
		if (b->has_parent)
			b->parent_tree = b->opt->parent->tree;
		rc = target_tree(&b->opt->targets, b->opt->cwd, &b->target, &b->err);
	}
	if (rc == 0)
		err_clear(&b->err);
	rc = agree_all(b->a, &b->err);
	if (rc)
		return rc;
	rc = run_view_begin(b);
	if (rc)
		return rc;
	share_settled(b);
	b->table = blobtable_new();
	rc = idxshare_load(b->r, b->repo, b->table, &packs, &b->err);
	if (rc)
		return rc;
	if (b->rank == 0)
		run_guard(b, packs);
	return agree_all(b->a, &b->err);
}

/* What one can do about a store that takes no more. */
static void advise_full(const struct backup *b, struct err *e)
{
	struct err what = *e;

	err_set(e, what.code,
		"%.700s; free space there, ask for a larger quota or back up to another place (-b "
		"NAME, -r PLACE)%s",
		what.msg, b->index_lost ? "" : ": what was stored is kept for the next run");
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
		.stop = stop,
		.rank = router_rank(r),
		.size = router_size(r),
		.ask = {.idle = true}};
	rc = prepare(b);
	if (rc < 0) {
		err_copy(err, &b->err);
		blobtable_free(b->table);
		target_free(b->target);
		view_free(b->view);
		mem_free(b);
		return rc;
	}
	run_init(b);
	agree_all(a, &b->err); /* all listen before the first speaks */
	loop_after(env->loop, TICK_NS, &b->tick);
	/* Another rank may have been stopped already, and all that is left is to flush. */
	if (b->rank == 0 && !b->cancelled)
		run_root(b);
	run_more(b);
	loop_until(env->loop, &b->finished);
	loop_until(env->loop, &b->ask.idle);
	/* A failure of rank 0 itself may not have been told yet: its message is still on the way.
	 */
	if (b->rank == 0 && !b->told && !b->err.code)
		save_snapshot(b, result);
	else if (b->rank == 0)
		run_sum_counts(b, &result->counts);
	result->objects = b->guard.before + b->guard.added;
	result->objects_max = b->guard.limit;
	rc = agree_all(a, &b->err);
	err_copy(err, &b->err);
	if (rc == ERR_NOSPACE && b->rank == 0 && !b->guarded)
		advise_full(b, err);
	run_release(b);
	mem_free(b);
	return rc;
}
