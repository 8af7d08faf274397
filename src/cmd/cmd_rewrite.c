/* rewrite: snapshots without some of their files, or with another host or time
 * (docs/format.md 13.12). */
#include "cmd/patterns.h"
#include "cmd/rewriting.h"
#include "cmd/timearg.h"

struct rewriter {
	struct rewriting r;
	struct patterns exclude, include;
};

static bool excluded(const struct rewriter *w, const char *path)
{
	for (size_t i = 0; i < w->exclude.n; i++)
		if (match_path(w->exclude.given[i], path, NULL))
			return true;
	return false;
}

/* below: what lies in it may be wanted. */
static bool included(const struct rewriter *w, const char *path, bool *below)
{
	bool match = false, child;

	*below = false;
	for (size_t i = 0; i < w->include.n; i++) {
		match = match_path(w->include.given[i], path, &child) || match;
		*below = *below || child;
	}
	return match;
}

static bool node(void *arg, const struct treewalk_entry *e, struct nodeedit *edit)
{
	const struct rewriter *w = arg;
	struct out *o = w->r.s->cmd->out;
	bool dir = e->node->type == NODE_DIR, below, match;

	(void)edit;
	if (!w->include.n) {
		match = !excluded(w, e->path);
		if (!match)
			out_say(o, 3, "excluding \"%s\"", e->path);
		return match;
	}
	match = included(w, e->path, &below);
	if (match && !dir)
		out_say(o, 3, "including \"%s\"", e->path);
	return match || (dir && below);
}

static bool keep_empty(void *arg, const char *path)
{
	const struct rewriter *w = arg;
	bool below;

	return !w->include.n || included(w, path, &below);
}

static int read_patterns(struct session *s, struct rewriter *w, struct err *err)
{
	int rc = patterns_read(&w->exclude, s->opts, false, s->cmd->env, err);

	if (!rc)
		rc = patterns_read(&w->include, s->opts, true, s->cmd->env, err);
	if (!rc && w->exclude.n && w->include.n)
		rc = err_set(err, ERR_USAGE,
			"patterns of what to exclude and of what to include exclude each other");
	return rc;
}

static int read_options(struct session *s, struct rewriter *w, struct ts *time, struct err *err)
{
	const char *host = opt_str(s->opts, OPT_NEW_HOST), *when = opt_str(s->opts, OPT_NEW_TIME);
	int rc = read_patterns(s, w, err);

	w->r.sums = w->exclude.n || w->include.n || opt_flag(s->opts, OPT_SUMMARY);
	w->r.keep_empty = w->include.n > 0;
	w->r.host = host && *host ? host : NULL;
	if (!rc && when && *when) {
		rc = timearg_parse(when, s->zone, time, err);
		w->r.time = time;
	}
	if (!rc && !w->r.sums && !w->r.host && !w->r.time)
		rc = err_set(err, ERR_USAGE,
			"nothing to do: name what to --exclude or --include, or give --new-host, "
			"--new-time or --snapshot-summary");
	return rc;
}

static int run(struct session *s, struct rewriter *w, struct err *err)
{
	struct rewrite_ops ops = {.node = node,
		.keep_empty = keep_empty,
		.save = rewriting_save,
		.by_path = w->exclude.n || w->include.n,
		.stop = stop_flag(s->cmd->stop),
		.arg = w};
	struct choice which = {0};
	int rc = session_index(s, err);

	if (!rc)
		rc = choose_snapshots(s, &s->opts->args, &which, err);
	if (!rc) {
		w->r.trees = w->r.sums ? rewrite_new(s->loader, &s->env, &ops) : NULL;
		rc = session_lost(s, rewriting_run(&w->r, &which, err), err);
		rewrite_free(w->r.trees);
	}
	choose_release(&which);
	return rc;
}

int cmd_rewrite(struct session *s, struct err *err)
{
	struct rewriter w = {.r = {.s = s, .tag = "rewrite"}};
	struct ts time;
	int rc = read_options(s, &w, &time, err);

	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	s->exclusive = opt_flag(s->opts, OPT_FORGET_OLD);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = run(s, &w, err);
	patterns_release(&w.exclude);
	patterns_release(&w.include);
	return rc;
}
