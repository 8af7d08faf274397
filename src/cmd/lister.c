#include "cmd/lister.h"
#include "base/mem.h"
#include "format/gojson.h"
#include <stdlib.h>
#include <string.h>

enum order { BY_NAME, BY_SIZE, BY_MTIME, BY_ATIME, BY_CTIME, BY_EXTENSION };

/* What is sorted: a line that is ready, and what decides about its place. */
struct sorted {
	char *line, *path;
	struct ts time;
	uint64_t size;
	const char *extension; /* in path */
	size_t at;             /* in the tree */
};

struct lister {
	struct out *o;
	const struct zone *z;
	enum { TEXT, JSON, NCDU } form;
	enum nodeline_style style;
	enum order order;
	bool reverse;
	struct sorted *sorted;
	size_t n, cap;
	unsigned open; /* NCDU: directories whose list is not closed */
	struct buf line;
};

static int read_order(const char *s, enum order *order, struct err *err)
{
	static const struct {
		const char *name;
		enum order order;
	} names[] = {{"name", BY_NAME}, {"size", BY_SIZE}, {"time", BY_MTIME}, {"mtime", BY_MTIME},
		{"atime", BY_ATIME}, {"ctime", BY_CTIME}, {"extension", BY_EXTENSION}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*order = names[i].order;
		if (!strcmp(s, names[i].name))
			return 0;
	}
	return err_set(err, ERR_USAGE,
		"--sort takes name, size, time (or mtime), atime, ctime or extension, not \"%s\"",
		s);
}

int lister_new(const struct opts *opts, struct out *o, const struct zone *z, struct lister **out,
	struct err *err)
{
	const char *sort = opt_str(opts, OPT_SORT);
	bool ncdu = opt_flag(opts, OPT_NCDU);
	enum order order = BY_NAME;
	struct lister *l;

	*out = NULL;
	if (ncdu && out_json(o))
		return err_set(err, ERR_USAGE, "--json and --ncdu exclude each other");
	if (sort && read_order(sort, &order, err))
		return err->code;
	if (ncdu && (order != BY_NAME || opt_flag(opts, OPT_REVERSE)))
		return err_set(err, ERR_USAGE,
			"--ncdu has an order of its own: leave --sort and --reverse out");
	*out = l = mem_zalloc(sizeof(*l));
	l->o = o;
	l->z = z;
	l->form = ncdu ? NCDU : out_json(o) ? JSON : TEXT;
	l->style = nodeline_style(opt_flag(opts, OPT_LONG), opt_flag(opts, OPT_HUMAN));
	l->order = order;
	l->reverse = opt_flag(opts, OPT_REVERSE);
	buf_init(&l->line, SIZE_MAX / 2);
	return 0;
}

/* For SNAPSHOT:DIR restic names the tree of DIR as the snapshot's. */
void lister_head(struct lister *l, const struct snapshot *s, const struct id *tree,
	const struct strlist *filter)
{
	struct snapshot shown = *s;

	shown.tree = *tree;
	switch (l->form) {
	case JSON:
		nodeline_snapshot(&l->line, &shown, true);
		out_line(l->o, &l->line);
		break;
	case NCDU:
		buf_adds(&l->line, "[1, 2, ");
		snapshot_write(&shown, NULL, &l->line);
		buf_adds(&l->line, ", [{\"name\":\"/\"}");
		out_result(l->o, l->line.p, l->line.len);
		break;
	case TEXT:
		nodeline_head(l->o, &l->line, s);
		buf_adds(&l->line, " filtered by [");
		out_join(l->o, &l->line, filter, " ");
		buf_adds(&l->line, "]:");
		out_say(l->o, 1, "%s", buf_str(&l->line));
	}
	buf_reset(&l->line);
}

static void indent(struct buf *b, unsigned depth)
{
	while (depth--)
		buf_adds(b, "  ");
}

/* Closes the lists of directories that nothing more comes of. */
static void ncdu_close(struct lister *l, unsigned depth)
{
	for (; l->open > depth; l->open--) {
		buf_addc(&l->line, '\n');
		indent(&l->line, l->open);
		buf_addc(&l->line, ']');
	}
}

static void ncdu_entry(struct lister *l, const struct treewalk_entry *e)
{
	unsigned depth = e->depth + 1;

	ncdu_close(l, e->depth);
	buf_adds(&l->line, ",\n");
	indent(&l->line, depth);
	if (e->node->type == NODE_DIR) {
		buf_adds(&l->line, "[\n");
		indent(&l->line, depth + 1);
		l->open = depth;
	}
	nodeline_ncdu(&l->line, e->node);
}

static const struct ts *time_of(const struct node *n, enum order order)
{
	return order == BY_ATIME ? &n->atime : order == BY_CTIME ? &n->ctime : &n->mtime;
}

static void keep(struct lister *l, const struct treewalk_entry *e)
{
	struct sorted *s;
	char *slash, *dot;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->sorted = mem_regrow(l->sorted, l->cap, sizeof(*l->sorted));
	}
	s = &l->sorted[l->n];
	*s = (struct sorted){.line = mem_strdup(buf_str(&l->line)),
		.path = mem_strdup(e->path),
		.time = *time_of(e->node, l->order),
		.size = e->node->size,
		.at = l->n++};
	slash = strrchr(s->path, '/');
	dot = strrchr(s->path, '.');
	s->extension = dot && dot > slash ? dot : "";
}

void lister_entry(struct lister *l, const struct treewalk_entry *e, bool above)
{
	if (l->form == NCDU)
		ncdu_entry(l, e);
	else if (above)
		return;
	else if (l->form == JSON)
		nodeline_files(&l->line, e->node, e->path, e->path_len, l->z);
	else
		nodeline_text(l->o, &l->line, e->node, e->path, e->path_len, l->style, l->z);
	if (l->form == NCDU)
		out_result(l->o, l->line.p, l->line.len);
	else if (l->order == BY_NAME && !l->reverse)
		out_line(l->o, &l->line);
	else
		keep(l, e);
	buf_reset(&l->line);
}

static int by_place(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Those that are alike: by their paths. */
static int by_path(int c, const struct sorted *x, const struct sorted *y)
{
	return c ? c : strcmp(x->path, y->path);
}

static int by_size(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	return by_path(x->size < y->size ? -1 : x->size > y->size, x, y);
}

static int by_time(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	return by_path(ts_cmp(&x->time, &y->time), x, y);
}

static int by_extension(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	return by_path(strcmp(x->extension, y->extension), x, y);
}

static void show_sorted(struct lister *l)
{
	static int (*const by[])(const void *a, const void *b) = {[BY_NAME] = by_place,
		[BY_SIZE] = by_size,
		[BY_MTIME] = by_time,
		[BY_ATIME] = by_time,
		[BY_CTIME] = by_time,
		[BY_EXTENSION] = by_extension};

	if (l->n)
		qsort(l->sorted, l->n, sizeof(*l->sorted), by[l->order]);
	for (size_t i = 0; i < l->n; i++) {
		buf_adds(&l->line, l->sorted[l->reverse ? l->n - 1 - i : i].line);
		out_line(l->o, &l->line);
	}
}

void lister_end(struct lister *l)
{
	if (l->form == NCDU) {
		ncdu_close(l, 0);
		buf_adds(&l->line, "\n]\n]\n");
		out_result(l->o, l->line.p, l->line.len);
	} else {
		show_sorted(l);
	}
}

void lister_free(struct lister *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		mem_free(l->sorted[i].line);
		mem_free(l->sorted[i].path);
	}
	mem_free(l->sorted);
	buf_release(&l->line);
	mem_free(l);
}
