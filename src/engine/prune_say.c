#include "engine/prune_priv.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "engine/damage.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void prune_ids_add(struct prune_ids *s, const struct id *id)
{
	if (!(s->n & (s->n - 1))) /* grows at powers of two */
		s->id = mem_regrow(s->id, s->n ? 2 * s->n : 1, sizeof(*s->id));
	s->id[s->n++] = *id;
}

/* ---- to the user ---- */

void prune_stage(struct prune *p, enum prune_stage stage, const char *what, uint64_t total)
{
	if (router_rank(p->router))
		return;
	p->stage = stage;
	p->total = total;
	p->done = 0;
	if (p->ev->stage)
		p->ev->stage(p->ev->arg, what);
}

void prune_bad(struct prune *p, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	if (!p->ev->error)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->ev->error(p->ev->arg, text);
}

void prune_hint(struct prune *p, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	if (!p->ev->hint)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->ev->hint(p->ev->arg, text);
}

void prune_progress(struct prune *p)
{
	struct prune_counts n = prune_sum(p);

	if (!p->ev->progress)
		return;
	if (p->stage == PRUNE_TREES)
		p->ev->progress(p->ev->arg, n.trees_read, n.trees_found);
	else if (p->stage == PRUNE_MOVE)
		p->ev->progress(p->ev->arg, n.packs_read, p->total);
	else if (p->stage == PRUNE_FILES)
		p->ev->progress(p->ev->arg, p->done, p->total);
}

/* ---- among ranks ---- */

bool prune_stopped(const struct prune *p)
{
	return stopped_set(p->stop) || run_end(p->run) != RUN_GOES_ON;
}

struct prune_counts prune_sum(const struct prune *p)
{
	uint64_t v[sizeof(struct prune_counts) / sizeof(uint64_t)];
	struct prune_counts n;

	run_sum_counts(p->run, v);
	memcpy(&n, v, sizeof(n));
	return n;
}

bool prune_agreed(struct prune *p, bool yes)
{
	struct buf b;

	buf_init(&b, 1);
	if (!router_rank(p->router))
		wire_put_u8(&b, yes);
	agree_bcast(p->agree, &b);
	yes = b.len && b.p[0];
	buf_release(&b);
	return yes;
}

/* ---- whose data is it ---- */

static void say(void *arg, const char *sentence, bool unindexed)
{
	(void)unindexed;
	prune_bad(arg, "%s", sentence);
}

/* Of the user alone: what has gone wrong has cancelled the run. */
static bool stopped(void *arg)
{
	return stopped_set(((const struct prune *)arg)->stop);
}

/* Only where something is wrong, so the packs are few or the walk is long anyway. */
static const char *bad_place(void *arg, const struct catalog_place *at)
{
	const struct prune *p = arg;

	for (size_t i = 0; i < p->bad_blobs.n; i++)
		if (id_equal(&p->bad_blobs.id[i], &at->blob.id))
			return "is damaged";
	for (size_t i = 0; i < p->n_plan; i++) {
		const struct prune_pack *k = &p->plan[i];

		if (k->fate >= PRUNE_MISSING && id_equal(&k->id, &at->pack))
			return k->fate == PRUNE_MISSING ? "is missing" : "has a wrong size";
	}
	return NULL;
}

void prune_name(struct prune *p)
{
	struct damage_ops ops = {.say = say, .stopped = stopped, .bad_place = bad_place, .arg = p};
	struct loader *loader = loader_new(p->repo, p->catalog, PRUNE_TREE_CACHE);
	struct err e = {0};

	if (damage_name(p->catalog, loader, p->env, PRUNE_NAMED, &p->snapshots, &ops, &e))
		prune_bad(p, "%s", e.msg);
	loader_free(loader);
}

void prune_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n)
{
	struct prune *p = arg;
	struct id id;

	(void)b;
	(void)n;
	if (kind == PRUNE_BAD_BLOB && p->bad_blobs.n < PRUNE_BAD_MAX &&
		!id_parse(&id, a, strlen(a)))
		prune_ids_add(&p->bad_blobs, &id);
}
