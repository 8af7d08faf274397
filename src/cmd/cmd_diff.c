/* diff: what differs between two snapshots, or directories of them (docs/format.md 13.12). */
#include "base/mem.h"
#include "cmd/human.h"
#include "cmd/session.h"
#include "engine/difftree.h"

struct printing {
	struct session *s;
	struct buf line;
	bool failed;
};

static int print_change(void *arg, const char *modifier, const char *path, size_t len)
{
	struct printing *p = arg;
	struct out *o = p->s->cmd->out;
	struct json_out j;

	if (session_stopped(p->s) || out_broken(o))
		return 1;
	if (!out_json(o) && out_verbosity(o) > 0) {
		buf_addf(&p->line, "%-5s", modifier);
		out_path(o, &p->line, path, len);
		out_line(o, &p->line);
	} else if (out_json(o) && !opt_flag(p->s->opts, OPT_QUIET)) {
		out_message(&j, &p->line, "change");
		json_key(&j, "path");
		json_strn(&j, path, len);
		json_key(&j, "modifier");
		json_str(&j, modifier);
		json_object_end(&j);
		out_line(o, &p->line);
	}
	return 0;
}

static void print_failed(void *arg, const struct err *e)
{
	struct printing *p = arg;

	out_warn(p->s->cmd->out, "error: %s", e->msg);
	p->failed = true;
}

static void json_side(struct json_out *j, const char *key, const struct difftree_side *s)
{
	json_key(j, key);
	json_object(j);
	json_key(j, "files");
	json_uint(j, s->files);
	json_key(j, "dirs");
	json_uint(j, s->dirs);
	json_key(j, "others");
	json_uint(j, s->others);
	json_key(j, "data_blobs");
	json_uint(j, s->data_blobs);
	json_key(j, "tree_blobs");
	json_uint(j, s->tree_blobs);
	json_key(j, "bytes");
	json_uint(j, s->bytes);
	json_object_end(j);
}

static void print_json(struct printing *p, const struct difftree_sums *s)
{
	const struct strlist *args = &p->s->opts->args;
	struct json_out j;

	out_message(&j, &p->line, "statistics");
	json_key(&j, "source_snapshot");
	json_str(&j, args->s[0]);
	json_key(&j, "target_snapshot");
	json_str(&j, args->s[1]);
	json_key(&j, "changed_files");
	json_uint(&j, s->changed_files);
	json_side(&j, "added", &s->added);
	json_side(&j, "removed", &s->removed);
	json_object_end(&j);
	out_line(p->s->cmd->out, &p->line);
}

static void print_pair(struct printing *p, const char *what, uint64_t added, uint64_t removed)
{
	buf_addf(&p->line, "%-12s %5llu new, %5llu removed", what, (unsigned long long)added,
		(unsigned long long)removed);
}

static void print_text(struct printing *p, const struct difftree_sums *s)
{
	const struct difftree_side *a = &s->added, *r = &s->removed;
	struct buf *b = &p->line;

	buf_addc(b, '\n');
	print_pair(p, "Files:", a->files, r->files);
	buf_addf(b, ", %5llu changed\n", (unsigned long long)s->changed_files);
	print_pair(p, "Dirs:", a->dirs, r->dirs);
	buf_addc(b, '\n');
	print_pair(p, "Others:", a->others, r->others);
	buf_addc(b, '\n');
	print_pair(p, "Data Blobs:", a->data_blobs, r->data_blobs);
	buf_addc(b, '\n');
	print_pair(p, "Tree Blobs:", a->tree_blobs, r->tree_blobs);
	buf_addf(b, "\n  Added:   %-5s", human_size(a->bytes).s);
	buf_addf(b, "\n  Removed: %-5s", human_size(r->bytes).s);
	out_line(p->s->cmd->out, b);
}

static int compare(struct session *s, struct err *err)
{
	struct printing p = {.s = s};
	struct difftree_fn fn = {.change = print_change, .failed = print_failed, .arg = &p};
	struct difftree_sums sums;
	const struct snapshot *snap[2];
	struct id tree[2];
	int rc = 0;

	for (int k = 0; k < 2 && !rc; k++) {
		char *sub = NULL;

		rc = session_snapshot(s, s->opts->args.s[k], &snap[k], &sub, &tree[k], err);
		mem_free(sub);
	}
	if (rc)
		return rc;
	buf_init(&p.line, SIZE_MAX / 2);
	out_say(s->cmd->out, 1, "comparing snapshot %s to %s:", id_short(&snap[0]->id).s,
		id_short(&snap[1]->id).s);
	out_say(s->cmd->out, 1, "%s", "");
	rc = difftree_run(s->loader, s->catalog, &s->env, tree, opt_flag(s->opts, OPT_METADATA),
		&fn, &sums, err);
	if (!rc && session_stopped(s))
		rc = err_set(err, ERR_CANCELLED, "interrupted");
	if (!rc && !out_broken(s->cmd->out)) {
		if (out_json(s->cmd->out))
			print_json(&p, &sums);
		else
			print_text(&p, &sums);
	}
	buf_release(&p.line);
	return rc ? rc : p.failed ? CMD_ERROR : 0;
}

int cmd_diff(struct session *s, struct err *err)
{
	int rc = 0;

	if (s->opts->args.n != 2)
		rc = err_set(err, ERR_USAGE,
			"write: a_backup diff SNAPSHOT[:DIR] SNAPSHOT[:DIR], the older one first");
	if (!rc)
		rc = session_open(s, err);
	return rc ? rc : compare(s, err);
}
