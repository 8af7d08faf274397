#include "fs/glob.h"
#include "base/err.h"
#include "base/mem.h"
#include "fs/letter.h"
#include <stdint.h>
#include <string.h>

enum glob_kind { GLOB_TEXT, GLOB_STAR, GLOB_ANY, GLOB_SET, GLOB_NOT_SET };

struct glob_token {
	enum glob_kind kind;
	size_t at, n; /* TEXT: bytes of text; sets: ranges */
};

struct glob_range {
	uint32_t lo, hi;
};

bool glob_is_literal(const char *pattern, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("\\[]*?", pattern[i]) && pattern[i])
			return false;
	return true;
}

/* A reader of the pattern while it is compiled, with the next free places in the arrays. */
struct compiler {
	struct glob *g;
	const char *p, *end;
	size_t ranges, bytes;
};

static struct glob_token *add_token(struct compiler *c, enum glob_kind kind, size_t at)
{
	struct glob_token *t = &c->g->token[c->g->tokens++];

	*t = (struct glob_token){.kind = kind, .at = at};
	return t;
}

/* One end of a range.  '-' and ']' stand for themselves only behind a backslash. */
static int read_bound(struct compiler *c, uint32_t *bound)
{
	size_t width;

	if (c->p == c->end || *c->p == '-' || *c->p == ']')
		return ERR_USAGE;
	if (*c->p == '\\' && ++c->p == c->end)
		return ERR_USAGE;
	*bound = letter_get(c->p, (size_t)(c->end - c->p), &width);
	if (*bound == UTF8_BAD && width == 1)
		return ERR_USAGE;
	c->p += width;
	return 0;
}

static int read_set(struct compiler *c)
{
	struct glob_token *t = add_token(c, GLOB_SET, c->ranges);

	c->p++;
	if (c->p < c->end && *c->p == '^') {
		t->kind = GLOB_NOT_SET;
		c->p++;
	}
	while (c->p < c->end && !(*c->p == ']' && t->n)) {
		struct glob_range *r = &c->g->range[c->ranges];

		if (read_bound(c, &r->lo) < 0)
			return ERR_USAGE;
		r->hi = r->lo;
		if (c->p < c->end && *c->p == '-') {
			c->p++;
			if (read_bound(c, &r->hi) < 0)
				return ERR_USAGE;
		}
		c->ranges++;
		t->n++;
	}
	if (c->p == c->end)
		return ERR_USAGE;
	c->p++;
	c->g->least++;
	return 0;
}

static int read_text(struct compiler *c)
{
	struct glob_token *t = c->g->tokens ? &c->g->token[c->g->tokens - 1] : NULL;

	if (*c->p == '\\' && ++c->p == c->end)
		return ERR_USAGE;
	if (!t || t->kind != GLOB_TEXT)
		t = add_token(c, GLOB_TEXT, c->bytes);
	c->g->text[c->bytes++] = *c->p++;
	t->n++;
	c->g->least++;
	return 0;
}

static int compile(struct compiler *c)
{
	struct glob *g = c->g;
	int rc = 0;

	while (rc == 0 && c->p < c->end) {
		switch (*c->p) {
		case '*':
			/* Several stars in a row are one. */
			if (!g->tokens || g->token[g->tokens - 1].kind != GLOB_STAR)
				add_token(c, GLOB_STAR, 0);
			c->p++;
			break;
		case '?':
			add_token(c, GLOB_ANY, 0);
			g->least++;
			c->p++;
			break;
		case '[':
			rc = read_set(c);
			break;
		default:
			rc = read_text(c);
		}
	}
	return rc;
}

int glob_init(struct glob *g, const char *pattern, size_t n)
{
	struct compiler c = {.g = g, .p = pattern, .end = pattern + n};

	/* No token, range or byte of text comes from less than one byte of the pattern. */
	*g = (struct glob){
		.token = mem_array(n, sizeof(*g->token)),
		.range = mem_array(n, sizeof(*g->range)),
		.text = mem_alloc(n),
	};
	if (compile(&c) < 0) {
		glob_release(g);
		return ERR_USAGE;
	}
	g->head = g->tail = g->text;
	if (g->tokens && g->token[0].kind == GLOB_TEXT)
		g->head_n = g->token[0].n;
	if (g->tokens && g->token[g->tokens - 1].kind == GLOB_TEXT) {
		g->tail = g->text + g->token[g->tokens - 1].at;
		g->tail_n = g->token[g->tokens - 1].n;
	}
	return 0;
}

void glob_release(struct glob *g)
{
	if (!g)
		return;
	mem_free(g->token);
	mem_free(g->range);
	mem_free(g->text);
	*g = (struct glob){0};
}

/* The bytes of s that one token other than a star takes; 0 when it does not match. */
static size_t step(const struct glob *g, const struct glob_token *t, const char *s, size_t n)
{
	size_t width = 0;
	uint32_t c;

	if (t->kind == GLOB_TEXT)
		return n >= t->n && memcmp(s, g->text + t->at, t->n) == 0 ? t->n : 0;
	if (!n)
		return 0;
	c = letter_get(s, n, &width);
	if (t->kind == GLOB_ANY)
		return width;
	for (size_t i = t->at; i < t->at + t->n; i++)
		if (g->range[i].lo <= c && c <= g->range[i].hi)
			return t->kind == GLOB_SET ? width : 0;
	return t->kind == GLOB_SET ? 0 : width;
}

/*
 * Between two stars the first place that fits is as good as any later one, so only the last star
 * met is ever tried again: at most n * tokens steps.  A star gives way byte by byte, not by
 * characters, as Go's does.
 */
bool glob_match(const struct glob *g, const char *name, size_t n)
{
	size_t t = 0, i = 0, star = SIZE_MAX, star_i = 0, took;

	if (n < g->least || (g->tail_n && memcmp(name + n - g->tail_n, g->tail, g->tail_n) != 0))
		return false;
	for (;;) {
		if (t < g->tokens && g->token[t].kind == GLOB_STAR) {
			star = ++t;
			star_i = i;
			if (t == g->tokens)
				return true;
			/* The end was compared above. */
			if (t + 1 == g->tokens && g->tail_n)
				return n - i >= g->tail_n;
			continue;
		}
		if (t == g->tokens && i == n)
			return true;
		took = t < g->tokens ? step(g, &g->token[t], name + i, n - i) : 0;
		if (took) {
			t++;
			i += took;
			continue;
		}
		if (star == SIZE_MAX || star_i >= n)
			return false;
		t = star;
		i = ++star_i;
	}
}
