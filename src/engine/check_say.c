/* A note's number: of ADVICE, the advice. */
#include "engine/check_priv.h"
#include "base/mem.h"
#include "base/stopped.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum note { ERROR, HINT, BROKEN, ADVICE, ODD_TREE };

static void say(struct check *c, enum note kind, const char *fmt, va_list ap)
{
	char text[ERR_MSG_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	run_note(c->run, kind, text, NULL, 0);
}

void check_bad(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, ERROR, fmt, ap);
	va_end(ap);
}

void check_hint(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, HINT, fmt, ap);
	va_end(ap);
}

void check_broken(struct check *c, const struct id *pack)
{
	run_note(c->run, BROKEN, id_hex(pack).s, NULL, 0);
}

void check_advise(struct check *c, unsigned advice)
{
	run_note(c->run, ADVICE, NULL, NULL, advice);
}

void check_odd_tree(struct check *c, const struct id *tree, const char *why)
{
	run_note(c->run, ODD_TREE, id_hex(tree).s, why, 0);
}

/* ---- rank 0 ---- */

static void heard_broken(struct check *c, const char *hex)
{
	size_t n = c->res->n_broken;
	struct catalog_pack *p;
	struct id id;

	if (id_parse(&id, hex, strlen(hex)) || !c->packs || !(p = packtable_find(c->packs, &id)) ||
		(p->user & CHECK_PACK_BAD))
		return;
	p->user |= CHECK_PACK_BAD;
	if (!(n & (n - 1))) /* grows at powers of two */
		c->res->broken = mem_regrow(c->res->broken, n ? 2 * n : 1, sizeof(*c->res->broken));
	c->res->broken[c->res->n_broken++] = p->id;
}

void check_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n)
{
	struct check *c = arg;

	switch (kind) {
	case ERROR:
		c->res->errors++;
		if (c->ev->error)
			c->ev->error(c->ev->arg, a);
		break;
	case HINT:
		c->res->hints++;
		if (c->ev->hint)
			c->ev->hint(c->ev->arg, a);
		break;
	case BROKEN:
		heard_broken(c, a);
		break;
	case ADVICE:
		c->res->suggest_repair_index |= n & CHECK_REPAIR_INDEX;
		c->res->suggest_prune |= n & CHECK_PRUNE;
		c->damaged |= n & CHECK_INDEX_DAMAGED;
		break;
	case ODD_TREE:
		if (!c->odd_tree.code)
			err_set(&c->odd_tree, ERR_INVALID,
				"tree %s: check successful on second attempt, original error: %s",
				a, b);
		break;
	default:
		break;
	}
}

void check_stage(struct check *c, const char *what, uint64_t total)
{
	if (router_rank(c->router))
		return;
	c->total = total;
	if (c->ev->stage)
		c->ev->stage(c->ev->arg, what);
}

bool check_stopped(const struct check *c)
{
	return stopped_set(c->stop) || run_end(c->run) != RUN_GOES_ON;
}

struct check_counts check_sum(const struct check *c)
{
	uint64_t v[sizeof(struct check_counts) / sizeof(uint64_t)];
	struct check_counts n;

	run_sum_counts(c->run, v);
	memcpy(&n, v, sizeof(n));
	return n;
}
