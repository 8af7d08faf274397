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
	} keys[] = {{"host", SNAPSHOTS_BY_HOST}, {"hosts", SNAPSHOTS_BY_HOST}, {"paths", SNAPSHOTS_BY_PATHS}, {"path", SNAPSHOTS_BY_PATHS},
		{"tags", SNAPSHOTS_BY_TAGS}, {"tag", SNAPSHOTS_BY_TAGS}};

	*by = 0;
	while (*s) {
		size_t n = strcspn(s, ","), i = 0;

		while (i < sizeof(keys) / sizeof(keys[0]) && (strlen(keys[i].name) != n || memcmp(keys[i].name, s, n) != 0))
			i++;
		if (n && i == sizeof(keys) / sizeof(keys[0]))
			return err_set(err, ERR_USAGE, "--group-by takes host, paths and tags, not \"%.*s\"", (int)n, s);
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
		buf_addc(key, 2); /* below all that a name holds, so that a shorter list comes first */
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

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->key, ((const struct group *)b)->key);
}

static void group_add(struct group *g, const struct snapshot *s)
{
	g->s = mem_regrow(g->s, g->n + 1, sizeof(*g->s));
	g->s[g->n++] = s;
}

void groups_make(const struct snapshot *const *s, size_t n, unsigned by, struct groups *out)
{
	*out = (struct groups){0};
	if (!by) {
		out->g = mem_zalloc(sizeof(*out->g));
		out->n = 1;
		out->g->hostname = "";
	}
	for (size_t i = 0; i < n; i++) {
		struct group g;
		size_t k = 0;

		if (!by) {
			group_add(out->g, s[i]);
			continue;
		}
		g = group_of(s[i], by);
		while (k < out->n && strcmp(out->g[k].key, g.key) != 0)
			k++;
		if (k == out->n) {
			out->g = mem_regrow(out->g, out->n + 1, sizeof(*out->g));
			out->g[out->n++] = g;
		} else {
			group_release(&g);
		}
		group_add(&out->g[k], s[i]);
	}
	if (by && out->n)
		qsort(out->g, out->n, sizeof(*out->g), by_key);
}

void groups_release(struct groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		group_release(&g->g[i]);
	mem_free(g->g);
}
