/*
 * PACK     each -> rank 0  a pack that is stored: its id, u32 number of blobs, and for each: id, u8
 *                          type, u32 offset, length, length of its plaintext
 * COUNTED  rank 0 -> each  it is counted, and one more is allowed; no contents
 *
 * A PACK is sent before its rank says that it is flushed, so that all are in the indexer when the
 * phase is over (docs/run.md, invariant 6).
 */
#include "engine/storing.h"
#include "base/mem.h"
#include "engine/objects.h"
#include "format/pack.h"
#include "ranks/lastpacks.h"
#include "engine/way.h"
#include "repo/indexer.h"

enum message { PACK, COUNTED, TAGS };

struct storing {
	struct run *run;
	struct router *r;
	unsigned tag; /* of the first message */
	struct repo *repo;
	const struct env *env;
	bool dry_run;
	struct saver *saver;
	struct lastpacks *lastpacks;
	struct way *way;
	/* rank 0 */
	struct indexer *indexer;
	struct objects *objects;
	bool index_lost;
};

/* ---- packs ---- */

static void pack_stored(void *arg, const struct pack *p)
{
	struct storing *s = arg;
	struct buf m;

	if (s->dry_run)
		return;
	if (s->indexer) {
		indexer_add(s->indexer, &p->id, p->blob, p->n);
		objects_pack(s->objects, 0);
		return;
	}
	buf_init(&m, COMM_MAX);
	wire_put_id(&m, &p->id);
	wire_put_u32(&m, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		wire_put_id(&m, &p->blob[i].id);
		wire_put_u8(&m, (uint8_t)p->blob[i].type);
		wire_put_u32(&m, p->blob[i].offset);
		wire_put_u32(&m, p->blob[i].length);
		wire_put_u32(&m, p->blob[i].plain);
	}
	router_send(s->r, 0, s->tag + PACK, &m);
	way_reported(s->way);
}

static void on_pack(void *arg, struct comm_msg *m)
{
	struct storing *s = arg;
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
		way_pack(s->way, m->from, &pack, blob, n);
		objects_pack(s->objects, m->from);
	} else {
		err_set(&e, ERR_INVALID, "a damaged pack record from rank %d", m->from);
		run_fail(s->run, &e);
		mem_free(blob);
	}
}

static void on_counted(void *arg, struct comm_msg *m)
{
	struct storing *s = arg;

	(void)m;
	saver_release(s->saver);
}

static void allow(void *arg, int rank)
{
	struct storing *s = arg;

	if (rank == 0)
		saver_release(s->saver);
	else
		router_send(s->r, rank, s->tag + COUNTED, NULL);
}

static void full(void *arg, const struct err *e)
{
	struct storing *s = arg;

	run_fail(s->run, e);
}

static uint64_t indexes(void *arg)
{
	return indexer_saved(((struct storing *)arg)->indexer);
}

static void failed(void *arg, const struct err *e)
{
	run_fail(((struct storing *)arg)->run, e);
}

/* ---- the end ---- */

static void store_start(void *arg)
{
	struct storing *s = arg;

	run_hold(s->run);
	saver_drain(s->saver);
}

/* This rank's blobs lie in packs: the last ones are filled with what other ranks have, before they
 * are closed. */
static void drained(void *arg)
{
	struct storing *s = arg;

	lastpacks_start(s->lastpacks);
}

static void merged(void *arg)
{
	struct storing *s = arg;

	saver_flush(s->saver);
}

static void flushed(void *arg)
{
	run_done(((struct storing *)arg)->run);
}

static void index_start(void *arg)
{
	struct storing *s = arg;

	if (!s->indexer)
		return;
	run_hold(s->run);
	/* What the index would name may have been removed since: the next run must not believe it
	 * stored. */
	if (run_told(s->run)->lost && indexer_drop(s->indexer)) {
		s->index_lost = true;
		log_msg(&s->env->log, LOG_WARN,
			"the lock is gone: the next run will store again what this one stored "
			"last");
	}
	way_end(s->way);
}

static void in_place(void *arg)
{
	indexer_flush(((struct storing *)arg)->indexer);
}

/* Where the run has failed already, by a full store perhaps, this is no cause but a consequence. */
static void index_failed(void *arg, const struct err *e)
{
	struct storing *s = arg;

	s->index_lost = true;
	if (run_told(s->run)->end != RUN_GOES_ON || run_error(s->run)->code)
		log_msg(&s->env->log, LOG_WARN,
			"%s: the next run will store again what this one stored last", e->msg);
	else
		run_fail(s->run, e);
}

static void index_saved(void *arg)
{
	run_done(((struct storing *)arg)->run);
}

enum run_end storing_end(struct storing *s)
{
	struct run_phase store = {.name = "store", .final = true, .start = store_start, .arg = s};
	struct run_phase index = {.name = "index",
		.final = true,
		.leads = true,
		.start = index_start,
		.arg = s};
	enum run_end end;

	run_phase(s->run, &store);
	end = run_phase(s->run, &index);
	if (s->objects)
		objects_close(s->objects);
	return end;
}

/* ---- life ---- */

struct storing *storing_new(struct run *run, struct router *r, struct repo *repo,
	struct catalog *catalog, const struct storing_options *o)
{
	struct storing *s = mem_zalloc(sizeof(*s));
	unsigned at_once = objects_packs_at_once(repo, o->packs_in_flight);

	s->run = run;
	s->r = r;
	s->repo = repo;
	s->env = repo->env;
	s->dry_run = o->dry_run;
	s->saver = saver_new(repo, catalog, o->pack_size, at_once, o->dry_run,
		&(struct saver_events){pack_stored, failed, drained, flushed, s});
	saver_hold(s->saver);
	s->lastpacks = lastpacks_new(r, s->saver, merged, s);
	if (run_rank(run) == 0) {
		s->indexer = indexer_new(repo, 0, index_failed, index_saved, s);
		s->objects = objects_new(repo,
			&(struct objects_options){run_size(run), at_once, o->pack_size,
				o->objects_max, o->objects_max_given},
			&(struct objects_events){allow, full, indexes, s});
	}
	s->way = way_new(run, r, repo, o->lock, s->indexer, in_place, s);
	s->tag = router_tags(r, TAGS);
	router_open(r, s->tag + PACK, s->indexer ? on_pack : NULL, s);
	router_open(r, s->tag + COUNTED, on_counted, s);
	return s;
}

void storing_free(struct storing *s)
{
	if (!s)
		return;
	router_close(s->r, s->tag + PACK);
	router_close(s->r, s->tag + COUNTED);
	router_tags_free(s->r, s->tag, TAGS);
	lastpacks_free(s->lastpacks);
	saver_free(s->saver);
	way_free(s->way);
	indexer_free(s->indexer);
	objects_free(s->objects);
	mem_free(s);
}

int storing_begin(struct storing *s, uint64_t packs, uint64_t bytes, struct err *err)
{
	return s->dry_run ? 0 : objects_begin(s->objects, packs, bytes, err);
}

struct saver *storing_saver(struct storing *s)
{
	return s->saver;
}

void storing_tick(struct storing *s)
{
	indexer_tick(s->indexer);
	way_tick(s->way);
}

void storing_cancel(struct storing *s)
{
	saver_cancel(s->saver);
	lastpacks_cancel(s->lastpacks);
}

void storing_result(const struct storing *s, struct storing_result *res)
{
	*res = (struct storing_result){objects_there(s->objects), objects_max(s->objects),
		objects_full(s->objects), s->index_lost};
}
