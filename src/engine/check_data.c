/* An item is a pack with its sums.  Rank 0 has them all, and chooses. */
#include "engine/check_priv.h"
#include "base/mem.h"
#include "engine/check_read.h"
#include "format/pack.h"
#include "repo/reader.h"

struct item {
	struct workq_item q;
	struct catalog_pack pack;
};

struct reading {
	struct data *d;
	struct item *it; /* NULL: it is free */
	struct reader_pack k;
	struct check_read found; /* the last time; an error of the store counts as a fault */
	struct err unread;       /* the store's error then; or code 0 */
	bool seen;               /* there is something to tell */
	struct err first;        /* why it was read again */
	struct reading *spare;
};

struct data {
	struct check *c;
	struct reader *reader;
	volatile int stop;
	struct reading *all, *spare;
	/* rank 0: the packs, and how many of them are chosen */
	struct catalog_pack **todo;
	size_t n_todo;
};

/* ---- which packs ---- */

static void shuffle(struct data *d)
{
	for (size_t i = d->n_todo; i > 1; i--) {
		struct catalog_pack *old = d->todo[i - 1];
		uint64_t x;

		rnd_fill(d->c->env->rnd, &x, sizeof(x));
		d->todo[i - 1] = d->todo[x % i];
		d->todo[x % i] = old;
	}
}

static void choose_some(struct data *d)
{
	const struct check_options *o = d->c->opt;
	size_t most = SIZE_MAX;
	uint64_t bytes = 0;

	shuffle(d);
	if (o->subset_percent > 0)
		most = (size_t)((double)d->n_todo * (o->subset_percent / 100));
	for (size_t i = 0; i < d->n_todo; i++) {
		bytes += d->todo[i]->size;
		if ((o->subset_bytes && bytes >= o->subset_bytes) || i + 1 >= most)
			d->n_todo = i + 1; /* at least one */
	}
}

static void choose(struct data *d)
{
	const struct check_options *o = d->c->opt;
	size_t packs = packtable_count(d->c->packs);

	d->todo = mem_array(packs + 1, sizeof(struct catalog_pack *));
	for (size_t i = 0; i < packs; i++) {
		struct catalog_pack *p = packtable_at(d->c->packs, i);

		if (!(p->user & CHECK_PACK_LISTED)) /* said already */
			continue;
		if (o->some && !p->marked)
			continue;
		if (o->subset_t && p->id.b[0] % o->subset_t != o->subset_n - 1)
			continue;
		d->todo[d->n_todo++] = p;
	}
	if (o->subset_percent > 0 || o->subset_bytes)
		choose_some(d);
}

static uint64_t largest(const struct data *d)
{
	uint64_t most = PACK_SIZE_DEFAULT;

	for (size_t i = 0; i < d->n_todo; i++)
		if (d->todo[i]->size > most)
			most = d->todo[i]->size;
	return most;
}

/* ---- reading ---- */

static bool came(struct reader_pack *k, const uint8_t *p, size_t n, const struct err *err)
{
	struct reading *r = k->arg;
	struct repo_ctx *ctx;

	if (k->again) {
		r->first = r->found.first;
		if (!r->found.faults)
			err_set(&r->first, ERR_INVALID,
				"its header does not say what the index says");
	}
	r->seen = true;
	err_clear(&r->unread);
	if (err) {
		err_copy(&r->unread, err);
		r->found = (struct check_read){.faults = 1, .first = *err};
		return false;
	}
	ctx = repo_ctx_get(r->d->c->repo);
	check_read(ctx, &r->it->pack, p, n, k->stop, &r->found);
	repo_ctx_put(r->d->c->repo, ctx);
	return !r->found.faults && !r->found.moved;
}

/* The store failed, but did not say that the pack is not there or too short: nothing is known about
 * the pack. */
static bool out_of_reach(const struct err *e)
{
	return e->code && e->code != ERR_NOTFOUND && e->code != ERR_TOOSHORT;
}

static void judge(struct check *c, const struct reading *r)
{
	const struct id_hex pack = id_hex(&r->it->pack.id);

	if (r->found.moved)
		check_bad(c, "pack %s: its header does not say what the index says", pack.s);
	if (r->found.faults)
		check_bad(c, "pack %s contains %zu errors: %s", pack.s, r->found.faults,
			r->found.first.msg);
	if (r->found.faults || r->found.moved) {
		if (!out_of_reach(&r->unread) &&
			(r->found.moved || r->found.first.code != ERR_NOMEM))
			check_broken(c, &r->it->pack.id);
	} else if (r->k.again) {
		check_bad(c, "pack %s: check successful on second attempt, original error: %s",
			pack.s, r->first.msg);
	}
}

static void ended(struct reader_pack *k)
{
	struct reading *r = k->arg;
	struct data *d = r->d;

	if (r->seen) {
		judge(d->c, r);
		d->c->n.packs_read++;
	}
	mem_free(r->it);
	r->it = NULL;
	r->spare = d->spare;
	d->spare = r;
	run_done(d->c->run);
}

/* ---- the phase ---- */

/* The first is pushed last: it is the next to be read. */
static void start(void *arg)
{
	struct data *d = arg;

	for (size_t i = d->n_todo; i-- > 0;) {
		struct item *it = mem_zalloc(sizeof(*it));

		it->pack = *d->todo[i];
		run_push(d->c->run, &it->q);
	}
}

static bool room(void *arg)
{
	return ((const struct data *)arg)->spare != NULL;
}

static void begin(void *arg, struct workq_item *q)
{
	struct data *d = arg;
	struct reading *r = d->spare;

	d->spare = r->spare;
	r->it = task_of(q, struct item, q);
	r->seen = false;
	r->k.id = r->it->pack.id;
	r->k.size = r->it->pack.size;
	reader_pack_start(d->reader, &r->k);
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
	wire_put_id(out, &it->pack.id);
	wire_put_u64(out, it->pack.size);
	wire_put_u64(out, it->pack.digest);
	wire_put_u32(out, it->pack.blobs);
	mem_free(it);
}

static struct workq_item *unpack(void *arg, struct wire_in *in)
{
	struct item *it = mem_zalloc(sizeof(*it));

	(void)arg;
	wire_id(in, &it->pack.id);
	it->pack.size = wire_u64(in);
	it->pack.digest = wire_u64(in);
	it->pack.blobs = wire_u32(in);
	if (!in->bad)
		return &it->q;
	mem_free(it);
	return NULL;
}

/* As many packs in memory as workers can use while the next are on their way. */
static size_t at_once(const struct check *c)
{
	size_t n = jobs_threads(c->env->cpu) + 1, most = c->repo->be->connections;

	return n < most ? n : most ? most : 1;
}

/* Collective: what rank 0 has chosen may need more memory than usual. */
static uint64_t agree_largest(struct data *d)
{
	struct wire_in in;
	struct buf b;
	uint64_t most;

	buf_init(&b, 8);
	if (!router_rank(d->c->router))
		wire_put_u64(&b, largest(d));
	agree_bcast(d->c->agree, &b);
	wire_in_init(&in, b.p, b.len);
	most = wire_u64(&in);
	buf_release(&b);
	return most;
}

static void make_readings(struct data *d, size_t n)
{
	d->all = mem_zalloc(n * sizeof(*d->all));
	for (size_t i = 0; i < n; i++) {
		struct reading *r = &d->all[i];

		r->d = d;
		r->k.stop = &d->c->halted;
		r->k.got = came;
		r->k.ended = ended;
		r->k.arg = r;
		r->spare = d->spare;
		d->spare = r;
	}
}

void check_data(struct check *c)
{
	struct data d = {.c = c};
	size_t n = at_once(c);
	struct run_phase p = {.name = "data",
		.start = start,
		.room = room,
		.begin = begin,
		.drop = drop,
		.pack = pack,
		.unpack = unpack,
		.arg = &d};

	if (!router_rank(c->router))
		choose(&d);
	check_stage(c, "read all data", d.n_todo);
	d.reader = reader_new(c->repo, c->catalog, n * (size_t)agree_largest(&d));
	make_readings(&d, n);
	run_phase(c->run, &p);
	for (size_t i = 0; i < n; i++)
		reader_pack_release(&d.all[i].k);
	mem_free(d.all);
	mem_free(d.todo);
	reader_free(d.reader);
}
