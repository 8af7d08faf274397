#include "fs/match.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "fs/glob.h"
#include "fs/letter.h"
#include <stdint.h>
#include <string.h>

/*
 * A million paths against fifty patterns must cost less than looking at the files.  So patterns are
 * taken apart once, a path once for all patterns, and a pattern is tried only when the path can
 * have what it needs: `need` holds a bit for each literal component and `need_end` one for the last
 * byte of each glob that ends in text; a path has the bits of all its components.
 */
enum part_kind { PART_LITERAL, PART_GLOB, PART_ANY /* ** */ };

struct name {
	const char *s;
	size_t n;
	/* The first and last 8 bytes in memory order, zeros behind and before a shorter name. */
	uint64_t head, tail;
};

struct part {
	enum part_kind kind;
	struct name text; /* of a glob: head and tail of what it matches, as far as known */
	uint64_t head_mask, tail_mask;
	struct glob glob;
};

struct pattern {
	char *text; /* cleaned; parts point into it */
	bool negated, rooted;
	struct part *part; /* without the "/" of a rooted pattern */
	size_t n, anys;    /* parts; those that are ** */
	uint64_t need, need_end;
};

struct match {
	struct pattern *pattern;
	size_t n, cap;
	bool ignore_case, any_negated;
};

#define PATH_NAMES 64   /* components kept on the stack */
#define PATH_BYTES 1024 /* bytes of a path in lower case kept on the stack */

struct split {
	struct name *name, room[PATH_NAMES];
	size_t n, cap;
	bool absolute, is_root;
	uint64_t have, have_end;
};

static uint64_t head_of(const char *s, size_t n)
{
	uint64_t w = 0;

	memcpy(&w, s, n < 8 ? n : 8);
	return w;
}

static uint64_t tail_of(const char *s, size_t n)
{
	uint64_t w = 0;

	if (n >= 8)
		memcpy(&w, s + n - 8, 8);
	else
		memcpy((char *)&w + 8 - n, s, n);
	return w;
}

/* The first n bytes of such a word (end 0) or the last n (end 8). */
static uint64_t mask_of(size_t n, size_t end)
{
	uint64_t w = 0;

	if (n > 8)
		n = 8;
	memset((char *)&w + (end ? end - n : 0), 0xff, n);
	return w;
}

static void name_init(struct name *a, const char *s, size_t n)
{
	*a = (struct name){.s = s, .n = n, .head = head_of(s, n), .tail = tail_of(s, n)};
}

static bool name_equal(const struct name *a, const struct name *b)
{
	return a->n == b->n && a->head == b->head &&
	       (a->n <= 8 || memcmp(a->s + 8, b->s + 8, a->n - 8) == 0);
}

static uint64_t name_bit(const struct name *a)
{
	return 1ull << (((a->head ^ a->n * 0x9e3779b97f4a7c15ull) * 0x9e3779b97f4a7c15ull) >> 58);
}

static uint64_t end_bit(char last)
{
	return 1ull << ((uint8_t)last & 63);
}

static void pattern_release(struct pattern *p)
{
	for (size_t i = 0; i < p->n; i++)
		glob_release(&p->part[i].glob);
	mem_free(p->part);
	mem_free(p->text);
	*p = (struct pattern){0};
}

static int add_part(struct pattern *p, const char *s, size_t n)
{
	struct part *a = &p->part[p->n];

	*a = (struct part){.kind = PART_LITERAL};
	name_init(&a->text, s, n);
	/* An empty component comes from the pattern "/" alone, where restic's splitting makes it a
	 * "**". */
	if (n == 0 || (n == 2 && memcmp(s, "**", 2) == 0)) {
		a->kind = PART_ANY;
		p->anys++;
	} else if (glob_is_literal(s, n)) {
		p->need |= name_bit(&a->text);
	} else {
		a->kind = PART_GLOB;
		if (glob_init(&a->glob, s, n) < 0)
			return ERR_USAGE;
		a->text.head = head_of(a->glob.head, a->glob.head_n);
		a->text.tail = tail_of(a->glob.tail, a->glob.tail_n);
		a->head_mask = mask_of(a->glob.head_n, 0);
		a->tail_mask = mask_of(a->glob.tail_n, 8);
		if (a->glob.tail_n)
			p->need_end |= end_bit(a->glob.tail[a->glob.tail_n - 1]);
	}
	p->n++;
	return 0;
}

static int pattern_init(struct pattern *p, const char *text, bool ignore_case)
{
	struct buf lower;
	const char *s;
	size_t slashes = 0;
	int rc = 0;

	*p = (struct pattern){0};
	buf_init(&lower, SIZE_MAX);
	if (ignore_case) {
		letter_lower(&lower, text, strlen(text));
		text = buf_str(&lower);
	}
	p->negated = *text == '!';
	p->text = path_clean(text + p->negated);
	buf_release(&lower);
	for (s = p->text; *s; s++)
		slashes += *s == '/';
	p->part = mem_array(slashes + 1, sizeof(*p->part));
	p->rooted = *p->text == '/';
	for (s = p->text + p->rooted; rc == 0; s++) {
		size_t n = strcspn(s, "/");

		rc = add_part(p, s, n);
		s += n;
		if (!*s)
			break;
	}
	if (rc < 0)
		pattern_release(p);
	return rc;
}

static void split_add(struct split *s, const char *p, size_t n)
{
	struct name *a;

	if (s->n == s->cap) {
		s->cap *= 2;
		if (s->name == s->room)
			s->name = memcpy(mem_array(s->cap, sizeof(*s->name)), s->room,
				sizeof(s->room));
		else
			s->name = mem_regrow(s->name, s->cap, sizeof(*s->name));
	}
	a = &s->name[s->n++];
	name_init(a, p, n);
	s->have |= name_bit(a);
	if (n)
		s->have_end |= end_bit(p[n - 1]);
}

static void split_init(struct split *s, const char *path, size_t n)
{
	const char *end = path + n;

	s->name = s->room;
	s->n = 0;
	s->cap = PATH_NAMES;
	s->have = s->have_end = 0;
	s->absolute = *path == '/';
	s->is_root = s->absolute && n == 1;
	for (const char *p = path + s->absolute;; p++) {
		const char *stop = memchr(p, '/', (size_t)(end - p));

		if (!stop)
			stop = end;
		split_add(s, p, (size_t)(stop - p));
		p = stop;
		if (p == end)
			break;
	}
}

static void split_release(struct split *s)
{
	if (s->name != s->room)
		mem_free(s->name);
}

static bool part_matches(const struct part *a, const struct name *b)
{
	if (a->kind == PART_LITERAL)
		return name_equal(&a->text, b);
	return (b->head & a->head_mask) == a->text.head &&
	       (b->tail & a->tail_mask) == a->text.tail && glob_match(&a->glob, b->s, b->n);
}

static bool parts_match(const struct part *a, const struct name *b, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (!part_matches(&a[i], &b[i]))
			return false;
	return true;
}

static size_t run_length(const struct pattern *p, size_t from)
{
	size_t n = 0;

	while (from + n < p->n && p->part[from + n].kind != PART_ANY)
		n++;
	return n;
}

enum found { FOUND, NOT_HERE, NOWHERE };

/*
 * The runs of parts between the ** must follow each other, the first one at component `at`.  Taking
 * the first place that fits keeps every gap sum as small as can be.  NOWHERE: later beginnings fail
 * as well.
 *
 * restic replaces the ** from left to right by `*` while it bounds each replacement as if every
 * other ** would still take one component; so with several ** a match may be missed.  Put for the
 * sums: of the components that the first j of m ** take, there may be at most slack + j (slack =
 * components of the path - parts, both counting "/"), except for j = m, where fitting is enough.
 * Snapshots must hold the same files as restic's, so this is kept.
 */
static enum found match_from(const struct pattern *p, const struct split *s, size_t at,
	ptrdiff_t slack)
{
	size_t part = run_length(p, 0), pos = at + part, gaps = 0, seen = 0;

	if (pos > s->n)
		return NOWHERE;
	if (!parts_match(p->part, s->name + at, part))
		return NOT_HERE;
	while (part < p->n) {
		size_t run = run_length(p, ++part);

		seen++;
		while (pos + run <= s->n && !parts_match(p->part + part, s->name + pos, run)) {
			pos++;
			gaps++;
		}
		if (pos + run > s->n)
			return NOWHERE;
		if (seen < p->anys && (ptrdiff_t)gaps > slack + (ptrdiff_t)seen)
			return NOT_HERE;
		pos += run;
		part += run;
	}
	return FOUND;
}

static bool match_with_any(const struct pattern *p, const struct split *s)
{
	ptrdiff_t slack = (ptrdiff_t)(s->n + s->absolute) - (ptrdiff_t)(p->n + p->rooted);
	enum found f = NOT_HERE;

	if (slack + 1 < 0)
		return false;
	for (size_t at = 0; f == NOT_HERE && at <= (p->rooted ? 0 : s->n); at++)
		f = match_from(p, s, at, slack);
	return f == FOUND;
}

static bool pattern_match(const struct pattern *p, const struct split *s)
{
	if ((p->need & ~s->have) || (p->need_end & ~s->have_end) || (p->rooted && !s->absolute))
		return false;
	if (p->anys)
		return match_with_any(p, s);
	if (p->n > s->n)
		return false;
	if (p->rooted)
		return parts_match(p->part, s->name, p->n);
	for (size_t at = s->n - p->n + 1; at-- > 0;)
		if (parts_match(p->part, s->name + at, p->n))
			return true;
	return false;
}

/* Something below the path may match: it agrees with the beginning of a rooted pattern, as far as
 * both go and up to the first **. */
static bool pattern_may_below(const struct pattern *p, const struct split *s)
{
	size_t fixed = run_length(p, 0), n = s->is_root ? 0 : s->n;

	if (!p->rooted)
		return true;
	return s->absolute && parts_match(p->part, s->name, n < fixed ? n : fixed);
}

struct match *match_new(bool ignore_case)
{
	struct match *m = mem_zalloc(sizeof(*m));

	m->ignore_case = ignore_case;
	return m;
}

void match_free(struct match *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		pattern_release(&m->pattern[i]);
	mem_free(m->pattern);
	mem_free(m);
}

int match_add(struct match *m, const char *pattern, struct err *err)
{
	struct pattern p;

	if (!*pattern)
		return 0;
	if (pattern_init(&p, pattern, m->ignore_case) < 0)
		return err_set(err, ERR_USAGE, "invalid pattern '%s'", pattern);
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 16;
		m->pattern = mem_regrow(m->pattern, m->cap, sizeof(*m->pattern));
	}
	m->pattern[m->n++] = p;
	m->any_negated |= p.negated;
	return 0;
}

size_t match_count(const struct match *m)
{
	return m ? m->n : 0;
}

static bool match_list(const struct match *m, const struct split *s, bool *child)
{
	bool matched = false, below = false;

	for (size_t i = 0; i < m->n; i++) {
		const struct pattern *p = &m->pattern[i];

		if (p->negated) {
			/* It can only take something away. */
			if ((matched || below) && pattern_match(p, s))
				matched = below = false;
			continue;
		}
		matched = matched || pattern_match(p, s);
		below = below || !child || pattern_may_below(p, s);
		if (matched && below && !m->any_negated)
			break;
	}
	if (child)
		*child = below;
	return matched;
}

/* The path as the patterns are to see it; `b` holds it when it had to change. */
static const char *folded(const char *path, size_t *n, bool ignore_case, struct buf *b,
	uint8_t *room, size_t size)
{
	if (!ignore_case)
		return path;
	*b = (struct buf){.p = room, .cap = size, .max = SIZE_MAX};
	if (*n > size / 3)
		buf_init(b, SIZE_MAX);
	letter_lower(b, path, *n);
	*n = b->len;
	return (const char *)b->p;
}

/* The path as the patterns of m are to see it. */
struct view {
	struct split s;
	struct buf lower;
	uint8_t room[3 * PATH_BYTES];
};

static void view_init(struct view *v, const struct match *m, const char *path)
{
	size_t n = strlen(path);

	v->lower = (struct buf){0};
	path = folded(path, &n, m->ignore_case, &v->lower, v->room, sizeof(v->room));
	split_init(&v->s, path, n);
}

static void view_release(struct view *v)
{
	split_release(&v->s);
	if (v->lower.p != v->room)
		buf_release(&v->lower);
}

bool match_path(const struct match *m, const char *path, bool *child)
{
	struct view v;
	bool matched;

	if (child)
		*child = false;
	if (!m || !m->n || !*path)
		return false;
	view_init(&v, m, path);
	matched = match_list(m, &v.s, child);
	view_release(&v);
	return matched;
}

const char *match_text(const struct match *m, size_t i)
{
	return m->pattern[i].text;
}

bool match_negated(const struct match *m, size_t i)
{
	return m->pattern[i].negated;
}

bool match_pattern(const struct match *m, size_t i, const char *path)
{
	struct view v;
	bool matched;

	if (!*path)
		return false;
	view_init(&v, m, path);
	matched = pattern_match(&m->pattern[i], &v.s);
	view_release(&v);
	return matched;
}

bool match_one(const char *pattern, const char *path, bool ignore_case)
{
	struct match *m = match_new(ignore_case);
	struct err err;
	bool matched = false;

	if (!*pattern)
		matched = true;
	else if (match_add(m, pattern, &err) == 0) {
		/* restic drops a '!' here without turning the meaning round. */
		m->pattern[0].negated = m->any_negated = false;
		matched = match_path(m, path, NULL);
	}
	match_free(m);
	return matched;
}
