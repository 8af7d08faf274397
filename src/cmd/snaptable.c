#include "cmd/snaptable.h"
#include "cmd/human.h"
#include "cmd/nodeline.h"
#include "cmd/timearg.h"
#include <string.h>

#define COLUMNS_MAX 7

void snaptable_order(struct snapshots *all, unsigned by)
{
	for (size_t i = 0; i < all->n; i++) {
		group_sort(&all->s[i].paths);
		if (by & SNAPSHOTS_BY_TAGS)
			group_sort(&all->s[i].tags);
	}
}

static void list_cell(const struct snaptable *t, struct table *table, const struct strlist *l,
	const char *sep)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	out_join(t->out, &b, l, sep);
	table_cell(table, buf_str(&b));
	buf_release(&b);
}

static void put_row(const struct snaptable *t, struct table *table, const struct snapshot *s,
	const struct strlist *why, bool sizes)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	table_cell(table, id_short(&s->id).s);
	table_cell(table, timearg_text(&s->time, t->zone).s);
	out_path(t->out, &b, s->hostname, strlen(s->hostname));
	table_cell(table, buf_str(&b));
	list_cell(t, table, &s->tags, t->compact ? "\n" : ",");
	if (why)
		list_cell(t, table, why, "\n");
	if (!t->compact)
		list_cell(t, table, &s->paths, "\n");
	if (sizes)
		table_cell(table,
			s->has_summary ? human_size(s->summary.total_bytes_processed).s : "");
	if (!t->compact && s->paths.n > 1)
		table_gaps(table);
	buf_release(&b);
}

void snaptable_put(const struct snaptable *t, const struct snapshot *const *s,
	const struct strlist *const *why, size_t n, struct buf *b)
{
	const char *heads[COLUMNS_MAX] = {"ID", "Time", t->compact ? "Host" : "Host      ",
		t->compact ? "Tags  " : "Tags      "};
	size_t columns = 4;
	struct table *table;
	bool sizes = false;

	for (size_t i = 0; i < n; i++)
		sizes = sizes || s[i]->has_summary;
	/* restic's compact table has no room for reasons. */
	why = t->compact ? NULL : why;
	if (why)
		heads[columns++] = "Reasons";
	if (!t->compact)
		heads[columns++] = "Paths";
	if (sizes)
		heads[columns++] = "Size";
	table = table_new(heads, columns);
	for (size_t i = 0; i < n; i++)
		put_row(t, table, s[i], why ? why[i] : NULL, sizes);
	table_write(table, b);
	table_free(table);
	buf_addf(b, "%zu snapshots\n", n);
}

void snaptable_head(const struct snaptable *t, const struct group *g, unsigned by, struct buf *b)
{
	const char *sep = "snapshots for (";

	if (by & SNAPSHOTS_BY_HOST) {
		buf_addf(b, "%shost [", sep);
		out_path(t->out, b, g->hostname, strlen(g->hostname));
		sep = "], ";
	}
	if (by & SNAPSHOTS_BY_TAGS) {
		buf_addf(b, "%stags [", sep);
		out_join(t->out, b, &g->tags, ", ");
		sep = "], ";
	}
	if (by & SNAPSHOTS_BY_PATHS) {
		buf_addf(b, "%spaths [", sep);
		out_join(t->out, b, &g->paths, ", ");
	}
	if (by)
		buf_adds(b, "]):\n");
}

void snaptable_json_list(struct json_out *j, const struct strlist *l)
{
	if (!l->n) {
		json_null(j);
		return;
	}
	json_array(j);
	for (size_t i = 0; i < l->n; i++)
		json_str(j, l->s[i]);
	json_array_end(j);
}

void snaptable_json(struct json_out *j, const struct snapshot *const *s, size_t n)
{
	struct buf one;

	buf_init(&one, SIZE_MAX / 2);
	json_array(j);
	for (size_t i = 0; i < n; i++) {
		buf_reset(&one);
		nodeline_snapshot(&one, s[i], false);
		json_raw(j, one.p, one.len);
	}
	json_array_end(j);
	buf_release(&one);
}
