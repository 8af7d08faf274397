#include "engine/check_data.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "format/pack.h"

struct reading {
	struct data *d;
	struct reader_pack k;
	struct check_pack is;
	bool seen; /* there is something to tell */
};

struct data {
	const struct check_data *of;
	struct reader *reader;
	size_t *todo; /* numbers of packs */
	size_t n_todo, next, under_way;
	uint64_t done;
};

/* ---- which packs ---- */

static void shuffle(struct data *d)
{
	for (size_t i = d->n_todo; i > 1; i--) {
		uint64_t x;
		size_t k, old;

		rnd_fill(d->of->env->rnd, &x, sizeof(x));
		k = (size_t)(x % i);
		old = d->todo[i - 1];
		d->todo[i - 1] = d->todo[k];
		d->todo[k] = old;
	}
}

static void choose(struct data *d)
{
	const struct check_options *o = d->of->opt;
	struct catalog *cat = d->of->catalog;
	size_t packs = catalog_packs(cat);
	size_t most = SIZE_MAX;
	uint64_t bytes = 0;

	d->todo = mem_array(packs ? packs : 1, sizeof(*d->todo));
	for (size_t i = 0; i < packs; i++) {
		const struct catalog_pack *p = catalog_pack(cat, i);

		if (!(p->user & CHECK_PACK_LISTED)) /* said already */
			continue;
		if (o->subset_t && p->id.b[0] % o->subset_t != o->subset_n - 1)
			continue;
		d->todo[d->n_todo++] = i;
	}
	if (o->subset_percent <= 0 && !o->subset_bytes)
		return;
	shuffle(d);
	if (o->subset_percent > 0)
		most = (size_t)((double)d->n_todo * (o->subset_percent / 100));
	for (size_t i = 0; i < d->n_todo; i++) {
		bytes += catalog_pack(cat, d->todo[i])->size;
		if ((o->subset_bytes && bytes >= o->subset_bytes) || i + 1 >= most)
			d->n_todo = i + 1; /* at least one */
	}
}

/* ---- reading ---- */

static bool came(struct reader_pack *k, const uint8_t *p, size_t n, const struct err *err)
{
	struct reading *r = k->arg;
	const struct check_data *of = r->d->of;
	struct check_pack *is = &r->is;
	struct repo_ctx *ctx;

	is->again = k->again;
	if (k->again) {
		is->first = is->found.first;
		if (!is->found.faults)
			err_set(&is->first, ERR_INVALID,
				"its header does not say what the index says");
	}
	r->seen = true;
	err_clear(&is->unread);
	if (err) {
		err_copy(&is->unread, err);
		is->found = (struct check_read){.faults = 1, .first = *err};
		return false;
	}
	ctx = repo_ctx_get(of->repo);
	check_read(ctx, is->pack, p, n, of->stop, &is->found);
	repo_ctx_put(of->repo, ctx);
	return !is->found.faults && !is->found.moved;
}

static void read_next(struct reading *r)
{
	struct data *d = r->d;

	if (d->next == d->n_todo || stopped_set(d->of->stop))
		return;
	d->under_way++;
	r->seen = false;
	r->is = (struct check_pack){.pack = catalog_pack(d->of->catalog, d->todo[d->next++])};
	r->k.id = r->is.pack->id;
	r->k.size = r->is.pack->size;
	reader_pack_start(d->reader, &r->k);
}

static void ended(struct reader_pack *k)
{
	struct reading *r = k->arg;
	struct data *d = r->d;

	d->under_way--;
	if (r->seen)
		d->of->read(d->of->arg, &r->is, ++d->done, d->n_todo);
	read_next(r);
}

static bool all_read(void *d)
{
	return !((const struct data *)d)->under_way;
}

/* As many packs in memory as workers can use while the next are on their way. */
static size_t at_once(const struct check_data *of)
{
	size_t n = jobs_threads(of->env->cpu) + 1, most = of->repo->be->connections;

	return n < most ? n : most ? most : 1;
}

static uint64_t largest(const struct data *d)
{
	uint64_t most = PACK_SIZE_DEFAULT;

	for (size_t i = 0; i < d->n_todo; i++) {
		uint64_t size = catalog_pack(d->of->catalog, d->todo[i])->size;

		if (size > most)
			most = size;
	}
	return most;
}

void check_data_run(const struct check_data *of)
{
	struct data d = {.of = of};
	size_t n = at_once(of);
	struct reading *r = mem_zalloc(n * sizeof(*r));

	choose(&d);
	d.reader = reader_new(of->repo, of->catalog, (size_t)(n * largest(&d)));
	for (size_t i = 0; i < n; i++) {
		r[i].d = &d;
		r[i].k.stop = of->stop;
		r[i].k.got = came;
		r[i].k.ended = ended;
		r[i].k.arg = &r[i];
		read_next(&r[i]);
	}
	loop_until_fn(of->env->loop, all_read, &d);
	for (size_t i = 0; i < n; i++)
		reader_pack_release(&r[i].k);
	mem_free(r);
	reader_free(d.reader);
	mem_free(d.todo);
}
