#include "engine/guard.h"
#include "format/pack.h"
#include <stdio.h>
#include <string.h>

#define MIB     ((size_t)1 << 20)
#define WARN_AT 5 /* all but a fifth is taken */
#define MUCH    5 /* a fifth of what is left */
#define ASK     1000

static uint64_t taken(const struct guard *g)
{
	return g->before + g->added;
}

static uint64_t left(const struct guard *g)
{
	uint64_t room = g->limit > g->before ? g->limit - g->before : 0;

	return room > g->added + g->reserve ? room - g->added - g->reserve : 0;
}

static uint64_t packs_for(uint64_t bytes, size_t pack_size)
{
	return bytes / pack_size + (bytes % pack_size != 0);
}

size_t guard_pack_size(uint64_t bytes, uint64_t objects, size_t now)
{
	size_t size = PACK_SIZE_MIN;

	while (size < PACK_SIZE_MAX && (size < now || packs_for(bytes, size) > objects))
		size *= 2;
	return size;
}

/* What helps, for the end of a sentence. */
struct help {
	char s[160];
};

static struct help help(const struct guard *g)
{
	struct help h = {""};

	if (g->pack_size < PACK_SIZE_MAX)
		snprintf(h.s, sizeof(h.s), "larger packs need fewer objects (--pack-size %zu); or ",
			PACK_SIZE_MAX / MIB);
	snprintf(h.s + strlen(h.s), sizeof(h.s) - strlen(h.s),
		"remove what is not needed there, or use another bucket (-b NAME)");
	return h;
}

static void warn_when_nearly_full(struct guard *g, const struct log *log)
{
	if (g->warned || taken(g) < g->limit - g->limit / WARN_AT)
		return;
	g->warned = true;
	log_msg(log, LOG_WARN,
		"the bucket holds %llu objects, and at most %llu are allowed there "
		"(--max-objects): %s",
		(unsigned long long)taken(g), (unsigned long long)g->limit, help(g).s);
}

static int full(const struct guard *g, struct err *err)
{
	return err_set(err, ERR_NOSPACE,
		"the bucket holds %llu objects, and with what may be on its way there would be "
		"more than the %llu allowed (--max-objects): "
		"%s",
		(unsigned long long)taken(g), (unsigned long long)g->limit, help(g).s);
}

static void forecast(struct guard *g, uint64_t bytes, const struct log *log)
{
	uint64_t need = packs_for(bytes, g->pack_size), room = left(g);
	size_t better = guard_pack_size(bytes, room / MUCH, g->pack_size);

	if (need <= room / MUCH)
		return;
	g->advised = true;
	if (better > g->pack_size)
		log_msg(log, LOG_WARN,
			"this run may need about %llu objects, and only %llu more are allowed in "
			"the bucket: with --pack-size %zu it needs "
			"about %llu",
			(unsigned long long)need, (unsigned long long)room, better / MIB,
			(unsigned long long)packs_for(bytes, better));
	else
		log_msg(log, LOG_WARN,
			"this run may need about %llu objects, and only %llu more are allowed in "
			"the bucket: %s",
			(unsigned long long)need, (unsigned long long)room, help(g).s);
}

int guard_begin(struct guard *g, uint64_t bytes, const struct log *log, struct err *err)
{
	if (!g->limit)
		return 0;
	if (!left(g))
		return full(g, err);
	warn_when_nearly_full(g, log);
	forecast(g, bytes, log);
	return 0;
}

/* Often enough that several runs into one bucket notice each other, and the more often the less is
 * left. */
void guard_asked(struct guard *g, uint64_t objects, uint64_t added)
{
	uint64_t half;

	g->before = objects > added ? objects - added : 0;
	half = left(g) / 2;
	g->ask_at = g->added + 1 + (half < ASK ? half : ASK);
}

/* Nobody knows beforehand how much a first run stores, so the advice comes once it shows. */
static void advise(struct guard *g, const struct log *log)
{
	uint64_t room = left(g) + g->added;

	if (g->advised || g->pack_size >= PACK_SIZE_MAX || g->added <= room / MUCH)
		return;
	g->advised = true;
	log_msg(log, LOG_WARN,
		"this run has stored %llu objects so far, and %llu more are allowed in the bucket: "
		"larger packs need fewer "
		"(--pack-size %zu)",
		(unsigned long long)g->added, (unsigned long long)left(g), PACK_SIZE_MAX / MIB);
}

int guard_count(struct guard *g, uint64_t added, const struct log *log, struct err *err)
{
	g->added = added;
	if (!g->limit)
		return 0;
	if (!left(g))
		return full(g, err);
	warn_when_nearly_full(g, log);
	advise(g, log);
	return 0;
}
