#include "cmd/group.h"
#include "base/buf.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

int group_parse(const char *s, unsigned *by, struct err *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} keys[] = {{"host", SNAPSHOTS_BY_HOST}, {"hosts", SNAPSHOTS_BY_HOST},
		{"paths", SNAPSHOTS_BY_PATHS}, {"path", SNAPSHOTS_BY_PATHS},
		{"tags", SNAPSHOTS_BY_TAGS}, {"tag", SNAPSHOTS_BY_TAGS}};

	*by = 0;
	while (*s) {
		size_t n = strcspn(s, ","), i = 0;

		while (i < sizeof(keys) / sizeof(keys[0]) &&
			(strlen(keys[i].name) != n || memcmp(keys[i].name, s, n) != 0))
			i++;
		if (n && i == sizeof(keys) / sizeof(keys[0]))
			return err_set(err, ERR_USAGE,
				"--group-by takes host, paths and tags, not \"%.*s\"", (int)n, s);
		if (n)
			*by |= keys[i].bit;
		s += n + (s[n] == ',');
	}
	return 0;
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void group_sort(struct strlist *l)
{
	if (l->n)
		qsort(l->s, l->n, sizeof(*l->s), by_string);
}

static void sorted_copy(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->n; i++)
		strlist_add(to, from->s[i]);
	group_sort(to);
}

static void key_list(struct buf *key, const struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_adds(key, l->s[i]);
		buf_addc(key,
			2); /* below all that a name holds, so that a shorter list comes first */
	}
	buf_addc(key, 1);
}

static struct group group_of(const struct snapshot *s, unsigned by)
{
	struct group g = {.hostname = by & SNAPSHOTS_BY_HOST ? s->hostname : ""};
	struct buf key;

	if (by & SNAPSHOTS_BY_PATHS)
		sorted_copy(&g.paths, &s->paths);
	if (by & SNAPSHOTS_BY_TAGS)
		sorted_copy(&g.tags, &s->tags);
	buf_init(&key, SIZE_MAX / 2);
	buf_adds(&key, g.hostname);
	buf_addc(&key, 1);
	key_list(&key, &g.paths);
	key_list(&key, &g.tags);
	g.key = mem_strdup(buf_str(&key));
	buf_release(&key);
	return g;
}

static void group_release(struct group *g)
{
	mem_free(g->key);
	strlist_release(&g->paths);
	strlist_release(&g->tags);
	mem_free(g->s);
}

struct entry {
	struct group g; /* of this snapshot alone */
	const struct snapshot *s;
	size_t at;
};

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->g.key, y->g.key);

	return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

void groups_make(const struct snapshot *const *s, size_t n, unsigned by, struct groups *out)
{
	struct entry *e = mem_array(n + 1, sizeof(*e));

	*out = (struct groups){.g = mem_array(n + 1, sizeof(*out->g))};
	for (size_t i = 0; i < n; i++)
		e[i] = (struct entry){.g = group_of(s[i], by), .s = s[i], .at = i};
	if (by)
		qsort(e, n, sizeof(*e), by_key);
	else if (!n)
		out->g[out->n++].hostname = "";
	for (size_t i = 0, end; i < n; i = end) {
		struct group *g = &out->g[out->n++];

		*g = e[i].g;
		for (end = i + 1; end < n && strcmp(e[end].g.key, g->key) == 0; end++)
			group_release(&e[end].g);
		g->n = end - i;
		g->s = mem_array(g->n, sizeof(*g->s));
		for (size_t k = 0; k < g->n; k++)
			g->s[k] = e[i + k].s;
	}
	mem_free(e);
}

static void text_list(struct buf *b, const char *what, const struct strlist *l)
{
	if (!l->n)
		return;
	buf_addf(b, "%s%s [", b->len ? ", " : "", what);
	for (size_t i = 0; i < l->n; i++) {
		buf_adds(b, i ? " " : "");
		buf_adds(b, l->s[i]);
	}
	buf_addc(b, ']');
}

void group_text(const struct group *g, struct buf *out)
{
	if (*g->hostname)
		buf_addf(out, "host %s", g->hostname);
	text_list(out, "path", &g->paths);
	text_list(out, "tags", &g->tags);
}

void groups_release(struct groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		group_release(&g->g[i]);
	mem_free(g->g);
}
