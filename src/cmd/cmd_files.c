/* files: what a snapshot holds, in tree order (docs/format.md 13.4). */
#include "base/mem.h"
#include "base/path.h"
#include "cmd/lister.h"
#include "cmd/session.h"
#include <string.h>

struct files {
	struct session *s;
	struct strlist dirs; /* clean; none: everything */
	bool *found;
	bool recursive;
	bool unread; /* something could not be read, and was named */
	struct lister *list;
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
	bool print, enter;

	if (session_stopped(f->s) || out_broken(f->s->cmd->out))
		return TREEWALK_STOP;
	wanted(f, e, &print, &enter);
	if (print || (enter && e->node->type == NODE_DIR))
		lister_entry(f->list, e, !print);
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
	struct files f = {.s = s, .recursive = opt_flag(s->opts, OPT_RECURSIVE)};
	struct treewalk_fn fn = {.enter = on_entry, .failed = on_failed, .arg = &f};
	const struct snapshot *snap;
	char *sub = NULL;
	struct id tree;
	int rc = 0;

	if (!s->opts->args.n)
		rc = err_set(err, ERR_USAGE,
			"which snapshot? write: a_backup files latest, or an id from: a_backup "
			"list");
	if (!rc)
		rc = take_dirs(&f, &s->opts->args, err);
	if (!rc)
		rc = lister_new(s->opts, s->cmd->out, s->zone, &f.list, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_snapshot(s, s->opts->args.s[0], &snap, &sub, &tree, err);
	if (!rc) {
		lister_head(f.list, snap, &tree, &f.dirs);
		rc = treewalk_run(s->loader, &s->env, &tree, "", &fn, err);
	}
	if (!rc && !session_stopped(s))
		lister_end(f.list);
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
	lister_free(f.list);
	return rc;
}
