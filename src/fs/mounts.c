#include "fs/mounts.h"
#include "base/mem.h"
#include "fs/text.h"
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define TEXT_MAX   ((size_t)16 << 20)
#define MOUNTS_MAX (1u << 20) /* in a message */

static void add(struct mounts *t, struct mount m)
{
	if (!(t->n & (t->n - 1))) /* grows at powers of two */
		t->m = mem_regrow(t->m, t->n ? 2 * t->n : 1, sizeof(*t->m));
	t->m[t->n++] = m;
}

/* The next word up to a blank or `end`; empty at the end. */
static const char *word(const char **p, const char *end, size_t *n)
{
	const char *s = *p, *e;

	while (s < end && *s == ' ')
		s++;
	for (e = s; e < end && *e != ' ';)
		e++;
	*p = e;
	*n = (size_t)(e - s);
	return s;
}

static bool number(const char *s, size_t n, char behind, unsigned *out, size_t *used)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < n && s[i] >= '0' && s[i] <= '9' && v <= UINT32_MAX; i++)
		v = v * 10 + (uint64_t)(s[i] - '0');
	if (i == 0 || v > UINT32_MAX || (behind ? i == n || s[i] != behind : i != n))
		return false;
	*out = (unsigned)v;
	*used = i + 1;
	return true;
}

/* "36 35 98:0 /root /point options [tags…] - type source superoptions" */
static bool parse_line(const char *p, const char *end, struct mount *m)
{
	const char *w[5], *type, *source;
	size_t n[5], used, type_n, source_n;
	unsigned major, minor;

	for (int i = 0; i < 5; i++)
		w[i] = word(&p, end, &n[i]);
	if (!n[4] || !number(w[2], n[2], ':', &major, &used) || !number(w[2] + used, n[2] - used, 0, &minor, &used))
		return false;
	do
		type = word(&p, end, &type_n);
	while (type_n && !(type_n == 1 && *type == '-'));
	type = word(&p, end, &type_n);
	source = word(&p, end, &source_n);
	if (!type_n || !source_n)
		return false;
	*m = (struct mount){mem_strndup(w[4], n[4]), mem_strndup(type, type_n), mem_strndup(source, source_n), makedev(major, minor)};
	return true;
}

void mounts_parse(struct mounts *t, const char *text, size_t n)
{
	const char *p = text, *end = text + n, *line;
	size_t len;

	*t = (struct mounts){.n = 0};
	while ((line = text_line(&p, end, &len)) != NULL) {
		struct mount m;

		if (parse_line(line, line + len, &m))
			add(t, m);
	}
}

int mounts_load(struct mounts *t, struct err *err)
{
	struct buf text;
	int rc;

	*t = (struct mounts){.n = 0};
	buf_init(&text, TEXT_MAX);
	rc = text_load("/proc/self/mountinfo", false, &text, err);
	if (rc == 0)
		mounts_parse(t, (const char *)text.p, text.len);
	buf_release(&text);
	return rc;
}

void mounts_release(struct mounts *t)
{
	for (size_t i = 0; i < t->n; i++) {
		mem_free(t->m[i].point);
		mem_free(t->m[i].type);
		mem_free(t->m[i].source);
	}
	mem_free(t->m);
	*t = (struct mounts){.n = 0};
}

static void put(struct buf *b, const char *s)
{
	wire_put_bytes(b, s, strlen(s));
}

static char *get(struct wire_in *in)
{
	size_t n;
	const uint8_t *p = wire_bytes(in, &n);

	return mem_strndup((const char *)p, n);
}

void mounts_put(const struct mounts *t, struct buf *b)
{
	wire_put_u32(b, (uint32_t)t->n);
	for (size_t i = 0; i < t->n; i++) {
		put(b, t->m[i].point);
		put(b, t->m[i].type);
		put(b, t->m[i].source);
		wire_put_u64(b, t->m[i].dev);
	}
}

bool mounts_get(struct mounts *t, struct wire_in *in)
{
	uint32_t n = wire_u32(in);

	*t = (struct mounts){.n = 0};
	if (n > MOUNTS_MAX)
		in->bad = true;
	for (uint32_t i = 0; i < n && !in->bad; i++) {
		char *point = get(in), *type = get(in), *source = get(in);

		add(t, (struct mount){point, type, source, wire_u64(in)});
	}
	if (in->bad)
		mounts_release(t);
	return !in->bad;
}

struct pair {
	uint64_t from, to;
	size_t order;
};

struct mounts_map {
	struct pair *pair; /* sorted by `from` */
	size_t n;
};

static int by_point(const void *a, const void *b)
{
	const struct mount *x = *(const struct mount *const *)a, *y = *(const struct mount *const *)b;
	int c = strcmp(x->point, y->point);

	/* Both lie in one table, in the order of mounting. */
	return c ? c : (x > y) - (x < y);
}

/* The mounts that are seen, sorted by their points. */
static const struct mount **visible(const struct mounts *t, size_t *n)
{
	const struct mount **m = mem_array(t->n ? t->n : 1, sizeof(*m));
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		m[i] = &t->m[i];
	qsort(m, t->n, sizeof(*m), by_point);
	for (size_t i = 0; i < t->n; i++)
		if (i + 1 == t->n || strcmp(m[i]->point, m[i + 1]->point))
			m[kept++] = m[i];
	*n = kept;
	return m;
}

static int by_from(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

struct mounts_map *mounts_map_new(const struct mounts *here, const struct mounts *there)
{
	struct mounts_map *map = mem_zalloc(sizeof(*map));
	const struct mount **h, **t;
	size_t nh, nt, kept = 0;

	h = visible(here, &nh);
	t = visible(there, &nt);
	map->pair = mem_array(nh ? nh : 1, sizeof(*map->pair));
	for (size_t i = 0, j = 0; i < nh && j < nt;) {
		int c = strcmp(h[i]->point, t[j]->point);

		if (c == 0 && !strcmp(h[i]->type, t[j]->type) && !strcmp(h[i]->source, t[j]->source))
			map->pair[map->n++] = (struct pair){h[i]->dev, t[j]->dev, (size_t)(h[i] - here->m)};
		i += c <= 0;
		j += c >= 0;
	}
	qsort(map->pair, map->n, sizeof(*map->pair), by_from);
	/* A file system may be mounted at several points; the first that both know decides. */
	for (size_t i = 0; i < map->n; i++)
		if (!kept || map->pair[kept - 1].from != map->pair[i].from)
			map->pair[kept++] = map->pair[i];
	map->n = kept;
	mem_free(h);
	mem_free(t);
	return map;
}

void mounts_map_free(struct mounts_map *m)
{
	if (!m)
		return;
	mem_free(m->pair);
	mem_free(m);
}

uint64_t mounts_map_dev(const struct mounts_map *m, uint64_t dev)
{
	size_t lo = 0, hi = m ? m->n : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->pair[mid].from == dev)
			return m->pair[mid].to;
		if (m->pair[mid].from < dev)
			lo = mid + 1;
		else
			hi = mid;
	}
	return dev;
}
