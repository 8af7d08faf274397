/* find: which snapshots hold files that match, or that need blobs, trees or packs
 * (docs/format.md 13.5).  The newest first. */
#include "base/hashtab.h"
#include "base/mem.h"
#include "cmd/choose.h"
#include "cmd/find_ids.h"
#include "cmd/human.h"
#include "cmd/nodeline.h"
#include "cmd/timearg.h"
#include "engine/treewalk.h"
#include "fs/match.h"
#include "kern/hash.h"
#include <string.h>

/*
 * Snapshots of one place share most of their trees.  A directory that was searched in vain is
 * remembered, by its tree and, as patterns look at the whole path, by its path, and not entered
 * again.  The memory for that is bounded: 32 MB.
 */
#define BARREN_MAX 500000u

struct find {
	struct session *s;
	struct find_ids *ids; /* NULL: `patterns` are of paths */
	enum find_kind kind;
	const struct strlist *patterns;
	struct match *prune; /* NULL: a pattern begins with "!", which has no meaning here but has
				one there */
	enum nodeline_style style;
	bool ignore_case, has_oldest, has_newest;
	struct ts oldest, newest;
	struct hashtab *barren;
	struct hash *hash;
	struct buf open; /* hits + unread (uint64_t) when each directory of the current path was
			    entered */
	uint64_t hits;   /* of this snapshot */
	uint64_t all_hits, snapshots, unread; /* unread: directories that could not be searched */
	const struct snapshot *snap;
	struct buf line;
};

static struct id barren_key(struct find *f, const struct treewalk_entry *e)
{
	struct id id;

	if (f->ids)
		return e->node->subtree;
	hash_begin(f->hash);
	hash_add(f->hash, e->node->subtree.b, ID_SIZE);
	hash_add(f->hash, e->path, e->path_len);
	hash_end(f->hash, &id);
	return id;
}

static bool hit(const struct find *f, const struct treewalk_entry *e, bool *child)
{
	bool match = false;

	*child = true;
	if (f->prune)
		match = match_path(f->prune, e->path, child);
	for (size_t i = 0; i < f->patterns->n && !f->prune && !match; i++)
		match = match_one(f->patterns->s[i], e->path, f->ignore_case);
	if ((f->has_oldest && ts_cmp(&e->node->mtime, &f->oldest) < 0) ||
		(f->has_newest && ts_cmp(&e->node->mtime, &f->newest) > 0))
		return false;
	return match;
}

/* In JSON one array element a snapshot, begun with its first hit, so that nothing is held back. */
static void show(struct find *f, const struct treewalk_entry *e)
{
	struct out *o = f->s->cmd->out;

	if (out_json(o)) {
		buf_adds(&f->line, f->hits        ? ","
				   : f->snapshots ? ",{\"matches\":["
						  : "{\"matches\":[");
		nodeline_find(&f->line, e->node, e->path, e->path_len, f->s->zone);
		out_result_json(o, f->line.p, f->line.len);
		buf_reset(&f->line);
		return;
	}
	if (!f->hits && f->snapshots)
		out_say(o, 1, "%s", "");
	if (!f->hits)
		out_say(o, 1, "Found matching entries in snapshot %s from %s",
			id_short(&f->snap->id).s, timearg_text(&f->snap->time, f->s->zone).s);
	nodeline_text(o, &f->line, e->node, e->path, e->path_len, f->style, f->s->zone);
	out_line(o, &f->line);
}

/* A blob in a file of the tree `parent`; or a tree, without a parent. */
static void show_object(struct find *f, const struct id *id, const char *path, size_t len,
	const struct id *parent)
{
	struct out *o = f->s->cmd->out;

	if (out_json(o)) {
		buf_adds(&f->line, f->all_hits + f->hits ? "," : "");
		nodeline_object(&f->line, id, path, len, parent, f->snap);
		out_result_json(o, f->line.p, f->line.len);
		buf_reset(&f->line);
	} else {
		buf_addf(&f->line, "Found %s %s\n ... %s ", parent ? "blob" : "tree", id_hex(id).s,
			parent ? "in file" : "path");
		out_path(o, &f->line, path, len);
		if (parent)
			buf_addf(&f->line, "\n     (tree %s)", id_hex(parent).s);
		buf_addf(&f->line, "\n ... in snapshot %s (%s)", id_short(&f->snap->id).s,
			timearg_text(&f->snap->time, f->s->zone).s);
		out_line(o, &f->line);
	}
	f->hits++;
}

static void look_for_ids(struct find *f, const struct treewalk_entry *e)
{
	const struct node *n = e->node;

	for (size_t i = 0; i < n->n_content; i++)
		if (find_ids_has(f->ids, FIND_BLOBS, &n->content[i]))
			show_object(f, &n->content[i], e->path, e->path_len, e->tree);
	if (n->has_subtree && find_ids_has(f->ids, FIND_TREES, &n->subtree))
		show_object(f, &n->subtree, e->path, e->path_len, NULL);
}

static enum treewalk_next on_entry(void *arg, const struct treewalk_entry *e)
{
	struct find *f = arg;
	bool child = true;
	uint64_t seen;

	if (session_stopped(f->s) || out_broken(f->s->cmd->out))
		return TREEWALK_STOP;
	if (f->ids) {
		look_for_ids(f, e);
	} else if (hit(f, e, &child)) {
		show(f, e);
		f->hits++;
	}
	if (e->node->type != NODE_DIR || !e->node->has_subtree)
		return TREEWALK_GO;
	if (child) {
		struct id key = barren_key(f, e);

		child = !hashtab_find(f->barren, &key);
	}
	if (!child)
		return TREEWALK_SKIP;
	/* At its depth: a directory that turns out to be unreadable is never left. */
	seen = f->hits + f->unread;
	f->open.len = e->depth * sizeof(seen);
	buf_add(&f->open, &seen, sizeof(seen));
	return TREEWALK_GO;
}

static void on_leave(void *arg, const struct treewalk_entry *e)
{
	struct find *f = arg;
	uint64_t before;

	memcpy(&before, f->open.p + e->depth * sizeof(before), sizeof(before));
	if (before == f->hits + f->unread && hashtab_count(f->barren) < BARREN_MAX) {
		struct id key = barren_key(f, e);
		bool is_new;

		hashtab_add(f->barren, &key, &is_new);
	}
}

/* The rest of the snapshot is searched all the same. */
static enum treewalk_next on_failed(void *arg, const char *path, const struct err *e)
{
	struct find *f = arg;
	char *item = mem_printf("%s:%s", id_short(&f->snap->id).s, path);

	out_item_error(f->s->cmd->out, "find", item, e->msg);
	mem_free(item);
	f->unread++;
	return TREEWALK_SKIP;
}

static int search(struct find *f, const struct snapshot *snap, struct err *err)
{
	struct treewalk_fn fn = {.enter = on_entry,
		.leave = on_leave,
		.failed = on_failed,
		.arg = f};
	struct out *o = f->s->cmd->out;
	int rc;

	f->snap = snap;
	f->hits = 0;
	buf_reset(&f->open);
	if (f->ids && find_ids_has(f->ids, FIND_TREES, &snap->tree))
		show_object(f, &snap->tree, "/", 1, NULL);
	rc = treewalk_run(f->s->loader, &f->s->env, &snap->tree, "", &fn, err);
	if (f->hits && !f->ids && out_json(o)) {
		buf_addf(&f->line, "],\"hits\":%llu,\"snapshot\":\"%s\"}",
			(unsigned long long)f->hits, id_hex(&snap->id).s);
		out_result_json(o, f->line.p, f->line.len);
		buf_reset(&f->line);
	}
	f->all_hits += f->hits;
	f->snapshots += f->hits > 0;
	return rc ? err_prefix(err, "snapshot %s", id_short(&snap->id).s) : 0;
}

static int read_kind(struct find *f, struct err *err)
{
	static const enum opt_id option[FIND_KINDS] =
		{[FIND_BLOBS] = OPT_BLOB, [FIND_TREES] = OPT_TREE, [FIND_PACKS] = OPT_PACK};

	for (enum find_kind k = 0; k < FIND_KINDS; k++) {
		if (!opt_flag(f->s->opts, option[k]))
			continue;
		if (f->ids)
			return err_set(err, ERR_USAGE,
				"--blob, --tree and --pack exclude each other");
		f->ids = find_ids_new();
		f->kind = k;
	}
	return 0;
}

static int read_ids(struct find *f, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->patterns->n && !rc; i++)
		rc = find_ids_add(f->ids, f->kind, f->patterns->s[i], err);
	return rc;
}

static int read_patterns(struct find *f, struct err *err)
{
	bool negated = false;
	int rc = 0;

	f->prune = match_new(f->ignore_case);
	for (size_t i = 0; i < f->patterns->n && !rc; i++) {
		const char *p = f->patterns->s[i];

		negated = negated || *p == '!';
		rc = *p ? match_add(f->prune, p, err)
			: err_set(err, ERR_USAGE, "an empty pattern finds nothing");
	}
	if (negated) {
		match_free(f->prune);
		f->prune = NULL;
	}
	return rc;
}

static int read_options(struct find *f, struct err *err)
{
	const struct opts *o = f->s->opts;
	const char *oldest = opt_str(o, OPT_OLDEST), *newest = opt_str(o, OPT_NEWEST);
	int rc = 0;

	f->patterns = &o->args;
	f->ignore_case = opt_flag(o, OPT_IGNORE_CASE);
	f->style = nodeline_style(opt_flag(o, OPT_LONG), opt_flag(o, OPT_HUMAN));
	f->has_oldest = oldest && *oldest;
	f->has_newest = newest && *newest;
	if (!o->args.n)
		return err_set(err, ERR_USAGE,
			"what is to be found? write for instance: a_backup find '*.dat'");
	if (f->has_oldest)
		rc = timearg_parse(oldest, f->s->zone, &f->oldest, err);
	if (!rc && f->has_newest)
		rc = timearg_parse(newest, f->s->zone, &f->newest, err);
	if (!rc && f->has_oldest && f->has_newest && ts_cmp(&f->oldest, &f->newest) > 0)
		rc = err_set(err, ERR_USAGE,
			"--oldest must be a time before --newest: nothing can be as old as that "
			"and as new");
	if (!rc)
		rc = read_kind(f, err);
	if (!rc)
		rc = f->ids ? read_ids(f, err) : read_patterns(f, err);
	return rc;
}

static int search_all(struct find *f, struct err *err)
{
	struct session *s = f->s;
	struct out *o = s->cmd->out;
	bool reverse = opt_flag(s->opts, OPT_REVERSE);
	struct choice c;
	int rc = choose_snapshots(s, &s->opts->value[OPT_SNAPSHOT], &c, err);

	if (!rc && out_json(o))
		out_result(o, "[", 1);
	for (size_t k = 0; k < c.n && !rc && !session_stopped(s) && !out_broken(o); k++)
		rc = search(f, c.s[reverse ? k : c.n - 1 - k], err);
	if (!rc && out_json(o))
		out_result(o, "]\n", 2);
	if (!rc && f->snapshots && !session_stopped(s))
		out_say(o, 1, "%s", "");
	if (!rc && !session_stopped(s))
		out_say(o, 1, "%llu hits in %llu snapshots", (unsigned long long)f->all_hits,
			(unsigned long long)f->snapshots);
	choose_release(&c);
	return rc;
}

static int show_pack(void *arg, const struct catalog_place *p)
{
	const struct find *f = arg;
	const struct blob *b = &p->blob;

	if (!find_ids_has(f->ids, b->type == BLOB_TREE ? FIND_TREES : FIND_BLOBS, &b->id))
		return 0;
	out_say(f->s->cmd->out, 0, "Object belongs to pack %s", id_hex(&p->pack).s);
	out_say(f->s->cmd->out, 0,
		" ... Pack %s: <Blob (%s) %s, offset %u, length %u, uncompressed length %u>",
		id_short(&p->pack).s, blob_type_name(b->type), id_short(&b->id).s,
		(unsigned)b->offset, (unsigned)b->length, (unsigned)b->plain);
	return 0;
}

int cmd_find(struct session *s, struct err *err)
{
	struct find f = {.s = s, .barren = hashtab_new(ID_SIZE, ID_SIZE, 0), .hash = hash_new()};
	int rc;

	buf_init(&f.line, SIZE_MAX / 2);
	buf_init(&f.open, SIZE_MAX / 2);
	rc = read_options(&f, err);
	if (!rc)
		rc = session_filter_alone(s, &s->opts->value[OPT_SNAPSHOT], err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_index(s, err);
	if (!rc && f.ids)
		rc = find_ids_unpack(f.ids, s->catalog, err);
	if (!rc)
		rc = search_all(&f, err);
	if (!rc && f.ids && opt_flag(s->opts, OPT_SHOW_PACK))
		catalog_each(s->catalog, show_pack, &f);
	if (!rc && (s->snaps.n_bad || f.unread))
		rc = CMD_ERROR;
	find_ids_free(f.ids);
	match_free(f.prune);
	hashtab_free(f.barren);
	hash_free(f.hash);
	buf_release(&f.line);
	buf_release(&f.open);
	return rc;
}
