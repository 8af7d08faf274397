/* files: what a snapshot holds, in tree order (docs/format.md 13.4). */
#include "base/mem.h"
#include "base/path.h"
#include "cmd/human.h"
#include "cmd/nodeline.h"
#include "cmd/session.h"
#include "engine/treewalk.h"
#include <string.h>

struct files {
	struct session *s;
	struct strlist dirs; /* clean; none: everything */
	bool *found;
	bool recursive, with_meta;
	bool unread; /* something could not be read, and was named */
	struct buf line;
};

static bool below(const char *dir, const char *path, size_t len)
{
	size_t n = strlen(dir);

	return !strcmp(dir, "/") || (len > n && path[n] == '/' && !memcmp(dir, path, n));
}

/* Whether to print this entry, and whether something below it may be wanted. */
static void wanted(struct files *f, const struct treewalk_entry *e, bool *print, bool *enter)
{
	const char *slash = strrchr(e->path, '/');
	size_t parent = (size_t)(slash - e->path);

	*print = *enter = !f->dirs.n;
	for (size_t i = 0; i < f->dirs.n; i++) {
		const char *dir = f->dirs.s[i];
		bool itself = !strcmp(dir, e->path), root = !strcmp(dir, "/");
		bool child = root ? !parent
				  : strlen(dir) == parent && !memcmp(dir, e->path, parent);

		if (itself)
			f->found[i] = true;
		if (itself || child || (f->recursive && below(dir, e->path, e->path_len)))
			*print = true;
		if (itself || below(e->path, dir, strlen(dir)) ||
			(f->recursive && below(dir, e->path, e->path_len)))
			*enter = true;
	}
}

static enum treewalk_next on_entry(void *arg, const struct treewalk_entry *e)
{
	struct files *f = arg;
	struct out *o = f->s->cmd->out;
	bool print, enter;

	if (session_stopped(f->s) || out_broken(o))
		return TREEWALK_STOP;
	wanted(f, e, &print, &enter);
	if (print && out_json(o))
		nodeline_files(&f->line, e->node, e->path, e->path_len, f->s->zone);
	else if (print)
		nodeline_text(o, &f->line, e->node, e->path, e->path_len, f->with_meta, f->s->zone);
	if (print)
		out_line(o, &f->line);
	return enter ? TREEWALK_GO : TREEWALK_SKIP;
}

/* The rest is listed all the same. */
static enum treewalk_next on_failed(void *arg, const char *path, const struct err *e)
{
	struct files *f = arg;

	out_item_error(f->s->cmd->out, "files", path, e->msg);
	f->unread = true;
	return TREEWALK_GO;
}

/* For SNAPSHOT:DIR restic names the tree of DIR as the snapshot's. */
static void show_head(struct files *f, const struct snapshot *snap, const struct id *tree)
{
	struct snapshot shown = *snap;

	shown.tree = *tree;
	if (out_json(f->s->cmd->out)) {
		nodeline_snapshot(&f->line, &shown, true);
		out_line(f->s->cmd->out, &f->line);
		return;
	}
	nodeline_head(f->s->cmd->out, &f->line, snap);
	buf_adds(&f->line, " filtered by [");
	out_join(f->s->cmd->out, &f->line, &f->dirs, " ");
	buf_adds(&f->line, "]:");
	out_say(f->s->cmd->out, 1, "%s", buf_str(&f->line));
	buf_reset(&f->line);
}

static int take_dirs(struct files *f, const struct strlist *args, struct err *err)
{
	for (size_t i = 1; i < args->n; i++) {
		char *dir;

		if (args->s[i][0] != '/')
			return err_set(err, ERR_USAGE,
				"%s: a directory in a snapshot begins with \"/\"", args->s[i]);
		dir = path_clean(args->s[i]);
		strlist_add(&f->dirs, dir);
		mem_free(dir);
	}
	f->found = mem_array(f->dirs.n + 1, sizeof(*f->found));
	for (size_t i = 0; i < f->dirs.n; i++)
		f->found[i] = !strcmp(f->dirs.s[i], "/");
	return 0;
}

int cmd_files(struct session *s, struct err *err)
{
	struct files f = {.s = s,
		.recursive = opt_flag(s->opts, OPT_RECURSIVE),
		.with_meta = opt_flag(s->opts, OPT_LONG)};
	struct treewalk_fn fn = {.enter = on_entry, .failed = on_failed, .arg = &f};
	const struct snapshot *snap;
	char *sub = NULL;
	struct id tree;
	int rc = 0;

	buf_init(&f.line, SIZE_MAX / 2);
	if (!s->opts->args.n)
		rc = err_set(err, ERR_USAGE,
			"which snapshot? write: a_backup files latest, or an id from: a_backup "
			"list");
	if (!rc)
		rc = take_dirs(&f, &s->opts->args, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_snapshot(s, s->opts->args.s[0], &snap, &sub, &tree, err);
	if (!rc) {
		show_head(&f, snap, &tree);
		rc = treewalk_run(s->loader, &s->env, &tree, "", &fn, err);
	}
	for (size_t i = 0; !rc && !session_stopped(s) && !out_broken(s->cmd->out) && i < f.dirs.n;
		i++) {
		if (!f.found[i])
			rc = err_set(err, ERR_NOTFOUND, "%s is not in the snapshot", f.dirs.s[i]);
	}
	if (!rc && f.unread)
		rc = CMD_ERROR;
	mem_free(sub);
	mem_free(f.found);
	strlist_release(&f.dirs);
	buf_release(&f.line);
	return rc;
}
