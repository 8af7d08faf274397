/* repair snapshots: new ones without what is lost: files stay under their names, shorter;
 * unreadable directories are empty (docs/format.md 13.12). */
#include "base/mem.h"
#include "cmd/rewriting.h"
#include <string.h>

struct repairing {
	struct rewriting r;
	struct id *ids; /* of the file in hand: contents that are there */
	size_t cap;
};

static void say(struct repairing *p, const char *kind, const char *path, const char *what)
{
	struct out *o = p->r.s->cmd->out;
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	if (out_json(o)) {
		out_message(&j, &b, "repair");
		json_key(&j, "snapshot");
		json_id(&j, &p->r.now->id);
		json_key(&j, "kind");
		json_str(&j, kind);
		json_key(&j, "path");
		json_str(&j, path);
		json_key(&j, "action");
		json_str(&j, what);
		json_object_end(&j);
		out_line(o, &b);
	} else {
		json_put_string(&b, path, strlen(path)); /* in quotes, as restic */
		out_say(o, 1, "  %s %s: %s", kind, buf_str(&b), what);
	}
	buf_release(&b);
}

/* What is there of a file's contents. */
static void collect(struct repairing *p, const struct node *n, struct nodeedit *edit)
{
	struct session *s = p->r.s;

	if (n->n_content > p->cap) {
		p->cap = n->n_content;
		p->ids = mem_regrow(p->ids, p->cap, sizeof(*p->ids));
	}
	edit->ids = p->ids;
	for (size_t i = 0; i < n->n_content; i++) {
		struct catalog_place at;

		if (!catalog_find_wait(s->catalog, s->env.loop, BLOB_DATA, &n->content[i], 0, &at))
			continue;
		p->ids[edit->n_ids++] = n->content[i];
		edit->size += blob_plain_size(&at.blob);
	}
}

static bool node(void *arg, const struct treewalk_entry *e, struct nodeedit *edit)
{
	struct repairing *p = arg;
	const struct node *n = e->node;

	if (n->type == NODE_IRREGULAR) {
		say(p, "file", e->path, "removed node with invalid type");
		return false;
	}
	if (n->type != NODE_FILE)
		return true;
	collect(p, n, edit);
	if (edit->n_ids < n->n_content)
		say(p, "file", e->path, "removed missing content");
	else if (edit->size != n->size)
		say(p, "file", e->path, "fixed incorrect size");
	edit->content = edit->n_ids < n->n_content || edit->size != n->size || !n->has_content;
	return true;
}

static bool damaged(void *arg, const char *path, bool entry, const struct err *e)
{
	struct repairing *p = arg;

	(void)e;
	say(p, entry ? "node" : "dir", path,
		entry               ? "removed, for it cannot be used"
		: strcmp(path, "/") ? "replaced with empty directory"
				    : "not readable");
	return true;
}

int cmd_repair_snapshots(struct session *s, struct err *err)
{
	struct repairing p = {.r = {.s = s, .tag = "repaired"}};
	struct rewrite_ops ops = {.node = node,
		.damaged = damaged,
		.save = rewriting_save,
		.stop = stop_flag(s->cmd->stop),
		.arg = &p};
	struct choice which = {0};
	int rc = session_filter_alone(s, &s->opts->args, err);

	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_index(s, err);
	if (!rc)
		rc = choose_snapshots(s, &s->opts->args, &which, err);
	if (!rc) {
		p.r.trees = rewrite_new(s->loader, &s->env, &ops);
		rc = session_lost(s, rewriting_run(&p.r, &which, err), err);
		rewrite_free(p.r.trees);
	}
	choose_release(&which);
	mem_free(p.ids);
	return rc;
}
