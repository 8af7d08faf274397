#include "fs/mounts.h"
#include "base/mem.h"
#include "fs/text.h"
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 << 20)

static void add(struct mounts *t, char *point)
{
	if (!(t->n & (t->n - 1))) /* grows at powers of two */
		t->point = mem_regrow(t->point, t->n ? 2 * t->n : 1, sizeof(*t->point));
	t->point[t->n++] = point;
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

static bool octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

/* The kernel writes blanks, line ends and '\\' as \040. */
static char *unescape(const char *s, size_t n)
{
	char *out = mem_alloc(n + 1);
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 3 < n && octal(s + i + 1)) {
			out[used++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 |
					     (s[i + 3] - '0'));
			i += 3;
		} else {
			out[used++] = s[i];
		}
	}
	out[used] = 0;
	return out;
}

/* "36 35 98:0 /root /point options [tags…] - type source superoptions" */
static char *parse_line(const char *p, const char *end)
{
	const char *w = NULL;
	size_t n = 0;

	for (int i = 0; i < 5; i++)
		w = word(&p, end, &n);
	return n && *w == '/' ? unescape(w, n) : NULL;
}

void mounts_parse(struct mounts *t, const char *text, size_t n)
{
	const char *p = text, *end = text + n, *line;
	size_t len;

	*t = (struct mounts){.n = 0};
	while ((line = text_line(&p, end, &len)) != NULL) {
		char *point = parse_line(line, line + len);

		if (point)
			add(t, point);
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
	for (size_t i = 0; i < t->n; i++)
		mem_free(t->point[i]);
	mem_free(t->point);
	*t = (struct mounts){.n = 0};
}

struct mounts_map {
	struct mounts_pair *pair; /* sorted by `from` */
	size_t n;
};

/* Given in the order in which they count; the first of several with one `from` stays first. */
static int by_from(const void *a, const void *b)
{
	const struct mounts_pair *x = *(const struct mounts_pair *const *)a,
				 *y = *(const struct mounts_pair *const *)b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x > y) - (x < y);
}

struct mounts_map *mounts_map_new(const struct mounts_pair *pair, size_t n)
{
	struct mounts_map *map = mem_zalloc(sizeof(*map));
	const struct mounts_pair **p = mem_array(n ? n : 1, sizeof(*p));

	map->pair = mem_array(n ? n : 1, sizeof(*map->pair));
	for (size_t i = 0; i < n; i++)
		p[i] = &pair[i];
	qsort(p, n, sizeof(*p), by_from);
	for (size_t i = 0; i < n; i++)
		if (!map->n || map->pair[map->n - 1].from != p[i]->from)
			map->pair[map->n++] = *p[i];
	mem_free(p);
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
