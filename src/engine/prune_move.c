/*
 * An item is a pack that goes.  Whoever has it asks the owners of blobs which of its blobs are to
 * be moved, reads these, and puts them as they are stored into new packs; where this copy is bad
 * the reader takes another one.
 */
#include "engine/prune_priv.h"
#include "base/mem.h"
#include "repo/reader.h"
#include <pthread.h>

struct item {
	struct workq_item q;
	struct id pack;
};

/* A pack under way. */
struct emptying {
	struct moving *m;
	struct catalog_list list;
	struct reader_want *want;
	struct reader_want **ptr;
	struct reader_blobs q;
	pthread_mutex_t lock; /* of what follows, among workers */
	struct saver_stats added;
	uint64_t kept;
	struct err err; /* the first */
	struct prune_ids bad;
};

struct moving {
	struct prune *p;
	struct reader *reader;
	struct saver *saver;
	size_t under_way;
};

/* ---- a pack ---- */

static void end(struct emptying *k)
{
	struct moving *m = k->m;
	struct prune *p = m->p;

	saver_kept(m->saver, &k->added);
	p->n.moved += k->kept;
	p->n.packs_read++;
	for (size_t i = 0; i < k->bad.n; i++)
		run_note(p->run, PRUNE_BAD_BLOB, id_hex(&k->bad.id[i]).s, NULL, 0);
	if (k->err.code)
		run_fail(p->run, &k->err);
	mem_free(k->bad.id);
	pthread_mutex_destroy(&k->lock);
	mem_free(k->list.blob);
	mem_free(k->want);
	mem_free(k->ptr);
	mem_free(k);
	m->under_way--;
	run_done(p->run);
}

/* On workers.  The bytes were opened and have the right name. */
static int keep(struct emptying *k, const struct reader_got *g, struct saver_stats *added,
	struct err *e)
{
	struct repo *repo = k->m->p->repo;
	struct repo_ctx *ctx = repo_ctx_get(repo);
	int rc = saver_keep(k->m->saver, ctx, &g->at->blob, g->sealed, g->plain,
		k->m->p->opt->rules.uncompressed, added, e);

	repo_ctx_put(repo, ctx);
	return rc;
}

static void got(struct reader_blobs *q, struct reader_want *w, const struct reader_got *g)
{
	struct emptying *k = q->arg;
	struct saver_stats added = {0};
	struct err e = {0};
	int rc;

	if (g->plain) {
		rc = keep(k, g, &added, &e);
	} else {
		rc = err_copy(&e, g->err);
		reader_explain(w, &e);
	}
	pthread_mutex_lock(&k->lock);
	k->kept += !rc;
	k->added.data_blobs += added.data_blobs;
	k->added.tree_blobs += added.tree_blobs;
	k->added.data_added += added.data_added;
	k->added.data_added_packed += added.data_added_packed;
	/* Packs that are not taken any more are the consequence of a failure, not one. */
	if (rc && rc != ERR_CANCELLED && !k->err.code)
		err_copy(&k->err, &e);
	if (!g->plain && k->bad.n < PRUNE_BAD_MAX)
		prune_ids_add(&k->bad, &w->at.blob.id);
	pthread_mutex_unlock(&k->lock);
}

static void ended(struct reader_blobs *q)
{
	end(q->arg);
}

static void listed(struct catalog_list *l)
{
	struct emptying *k = l->arg;
	struct prune *p = k->m->p;

	if (l->failed)
		err_set(&k->err, ERR_INVALID, "pack %s: a rank does not say what of it is needed",
			id_short(&l->pack).s);
	if (l->failed || !l->n || prune_stopped(p)) {
		end(k);
		return;
	}
	k->want = mem_array(l->n, sizeof(*k->want));
	k->ptr = mem_array(l->n, sizeof(struct reader_want *));
	for (size_t i = 0; i < l->n; i++) {
		k->want[i].at = (struct catalog_place){.pack = l->pack, .blob = l->blob[i]};
		k->ptr[i] = &k->want[i];
	}
	k->q = (struct reader_blobs){.want = k->ptr,
		.n = l->n,
		.placed = true,
		.stop = &p->halted,
		.got = got,
		.ended = ended,
		.arg = k};
	reader_blobs_start(k->m->reader, &k->q);
}

/* ---- the phase ---- */

/* The first is pushed last: it is the next. */
static void start(void *arg)
{
	struct prune *p = ((struct moving *)arg)->p;

	for (size_t i = p->n_plan; i-- > 0;) {
		struct item *it;

		if (p->plan[i].fate != PRUNE_REPACK)
			continue;
		it = mem_zalloc(sizeof(*it));
		it->pack = p->plan[i].id;
		run_push(p->run, &it->q);
	}
}

static bool room(void *arg)
{
	const struct moving *m = arg;

	return m->under_way < m->p->repo->be->connections + 2;
}

static void begin(void *arg, struct workq_item *q)
{
	struct item *it = task_of(q, struct item, q);
	struct emptying *k = mem_zalloc(sizeof(*k));
	struct moving *m = arg;

	m->under_way++;
	k->m = m;
	pthread_mutex_init(&k->lock, NULL);
	k->list.pack = it->pack;
	k->list.done = listed;
	k->list.arg = k;
	mem_free(it);
	catalog_list(m->p->catalog, &k->list);
}

static void drop(void *arg, struct workq_item *q)
{
	(void)arg;
	mem_free(task_of(q, struct item, q));
}

static void pack(void *arg, struct workq_item *q, struct buf *out)
{
	struct item *it = task_of(q, struct item, q);

	(void)arg;
	wire_put_id(out, &it->pack);
	mem_free(it);
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct item *it = mem_zalloc(sizeof(*it));

	(void)arg;
	wire_id(in, &it->pack);
	if (!in->bad)
		return &it->q;
	mem_free(it);
	return NULL;
}

/* What its owners say has to be moved was moved; nothing may be removed before. */
static void compare(struct prune *p)
{
	struct prune_counts n = prune_sum(p);
	struct err e;

	if (n.moved == n.to_move)
		return;
	err_set(&e, ERR_INVALID,
		"%llu blobs were to be moved, and %llu were: this is an error in the program; "
		"nothing was removed",
		(unsigned long long)n.to_move, (unsigned long long)n.moved);
	run_fail(p->run, &e);
}

static int make(struct prune *p, struct err *err)
{
	size_t at_once = PRUNE_OUT / p->opt->pack_size, most = p->repo->be->connections;
	struct storing_options o = {.pack_size = p->opt->pack_size,
		.packs_in_flight = (unsigned)(at_once < 2      ? 2
					      : at_once < most ? at_once
							       : most),
		.lock = p->opt->lock};
	int rc = 0;

	p->storing = storing_new(p->run, p->router, p->repo, p->catalog, &o);
	if (!router_rank(p->router)) {
		rc = storing_begin(p->storing, p->n_plan, p->res->stats.bytes.repack, err);
		if (rc == ERR_NOSPACE) {
			struct err what = *err;

			err_set(err, rc,
				"%.700s; --max-repack-size 0 removes only what is not needed at "
				"all, which needs no room",
				what.msg);
		}
	}
	return agree_all(p->agree, err);
}

int prune_move(struct prune *p, struct err *err)
{
	struct moving m = {.p = p};
	struct run_phase phase = {.name = "repack",
		.start = start,
		.room = room,
		.begin = begin,
		.drop = drop,
		.pack = pack,
		.unpack = unpack,
		.arg = &m};

	p->n.to_move = catalog_move(p->catalog, PRUNE_NEEDED);
	if (make(p, err))
		return err->code;
	m.reader = reader_new(p->repo, p->catalog, PRUNE_IN);
	m.saver = storing_saver(p->storing);
	prune_stage(p, PRUNE_MOVE, "repacking packs", p->res->stats.packs.repack);
	if (run_phase(p->run, &phase) == RUN_GOES_ON && !router_rank(p->router))
		compare(p);
	reader_free(m.reader);
	storing_end(p->storing);
	return 0;
}
