/* forget: removes the snapshots that a policy does not keep, or those that are named, as restic's
 * forget does (docs/format.md 13.8). */
#include "base/mem.h"
#include "cmd/nodeline.h"
#include "cmd/prune.h"
#include "cmd/removal.h"
#include "cmd/snaptable.h"
#include "repo/policy.h"
#include <stdlib.h>

struct forget {
	struct removal r;
	struct policy policy;
	unsigned by;
	struct snapshots_filter filter;
	const struct snapshot **s; /* those that pass the filter, oldest first */
	struct strlist *why;       /* of each snapshot of the repository: why it is kept */
	struct groups groups;
	struct prune_options prune;
	struct id *gone; /* what goes, or would */
	size_t n_gone;
	struct buf text;
};

/* Those of a group that are kept, or are not. */
struct part {
	const struct snapshot **s;
	const struct strlist **why;
	size_t n;
};

static const struct rule {
	enum opt_id keep, within;
} rules[POLICY_RULES] = {
	[POLICY_LAST] = {OPT_KEEP_LAST, OPT_KEEP_WITHIN},
	[POLICY_HOURLY] = {OPT_KEEP_HOURLY, OPT_KEEP_WITHIN_HOURLY},
	[POLICY_DAILY] = {OPT_KEEP_DAILY, OPT_KEEP_WITHIN_DAILY},
	[POLICY_WEEKLY] = {OPT_KEEP_WEEKLY, OPT_KEEP_WITHIN_WEEKLY},
	[POLICY_MONTHLY] = {OPT_KEEP_MONTHLY, OPT_KEEP_WITHIN_MONTHLY},
	[POLICY_YEARLY] = {OPT_KEEP_YEARLY, OPT_KEEP_WITHIN_YEARLY},
};

static int read_policy(struct policy *p, const struct opts *o, struct err *err)
{
	int rc = 0;

	p->tags = &o->value[OPT_KEEP_TAG];
	for (int i = 0; i < POLICY_RULES && !rc; i++) {
		const char *n = opt_str(o, rules[i].keep), *d = opt_str(o, rules[i].within);

		if (n)
			rc = policy_count(n, opt_name(rules[i].keep), &p->keep[i], err);
		if (!rc && d)
			rc = policy_span(d, opt_name(rules[i].within), &p->within[i], err);
	}
	return rc;
}

/* What would remove everything, or something else than is meant. */
static int check_policy(const struct forget *f, const struct opts *o, struct err *err)
{
	const struct snapshots_filter *only = &f->filter;

	if (o->args.n || !policy_empty(&f->policy))
		return 0;
	if (!opt_flag(o, OPT_REMOVE_EVERY))
		return err_set(err, ERR_USAGE,
			"no policy was specified, no snapshots will be removed (for instance "
			"--keep-daily 7 --keep-weekly 5; see a_backup forget --help)");
	if (!only->hosts.n && !only->tags.n && !only->paths.n)
		return err_set(err, ERR_USAGE,
			"--unsafe-allow-remove-all is not allowed unless a snapshot filter option "
			"is specified (--host, --tag, --path)");
	return 0;
}

static int read_options(struct forget *f, const struct session *s, struct err *err)
{
	const char *group = opt_str(s->opts, OPT_GROUP_BY);
	int rc = 0;

	f->by = SNAPSHOTS_BY_HOST | SNAPSHOTS_BY_PATHS;
	session_filter(s, false, &f->filter);
	if (opt_flag(s->opts, OPT_NO_LOCK) && !opt_flag(s->opts, OPT_DRY_RUN))
		rc = err_set(err, ERR_USAGE,
			"--no-lock is only applicable in combination with --dry-run for forget");
	if (!rc && group)
		rc = group_parse(group, &f->by, err);
	if (!rc)
		rc = read_policy(&f->policy, s->opts, err);
	if (!rc)
		rc = check_policy(f, s->opts, err);
	if (!rc)
		rc = prune_read(s, &f->prune, err);
	return rc ? rc : session_filter_alone(s, &s->opts->args, err);
}

static const struct strlist *why(const struct forget *f, const struct snapshot *one)
{
	return &f->why[one - f->r.s->snaps.s];
}

/* A group is of the newest last; restic shows tables so, and in JSON the newest first. */
static struct part part_of(const struct forget *f, const struct group *g, bool kept, bool oldest)
{
	struct part p = {.s = mem_array(g->n + 1, sizeof(*p.s)),
		.why = mem_array(g->n + 1, sizeof(*p.why))};

	for (size_t i = 0; i < g->n; i++) {
		const struct snapshot *one = g->s[oldest ? i : g->n - 1 - i];

		if ((why(f, one)->n > 0) != kept)
			continue;
		p.why[p.n] = why(f, one);
		p.s[p.n++] = one;
	}
	return p;
}

static void part_release(struct part *p)
{
	mem_free(p->s);
	mem_free(p->why);
}

/* Nothing would be left of a group but what is partial: whatever the rules say, that was hardly
 * meant. */
static int check_left(const struct forget *f, const struct group *g, struct err *err)
{
	bool complete = false;
	struct buf b;
	int rc;

	for (size_t i = 0; i < g->n; i++) {
		if (snapshots_partial(g->s[i]))
			continue;
		complete = true;
		if (why(f, g->s[i])->n)
			return 0;
	}
	if (!complete || policy_empty(&f->policy))
		return 0;
	buf_init(&b, SIZE_MAX / 2);
	group_text(g, &b);
	rc = err_set(err, ERR_USAGE, "refusing to delete last snapshot of snapshot group \"%s\"",
		buf_str(&b));
	buf_release(&b);
	return rc;
}

/* The reasons of one group; they are found among all snapshots'. */
static void decide(struct forget *f, const struct group *g)
{
	const struct session *s = f->r.s;
	struct strlist *reasons = mem_array(g->n + 1, sizeof(*reasons));
	struct ts now = clock_now(s->env.clock);

	policy_apply(&f->policy, g->s, g->n, s->zone, &now, reasons);
	for (size_t i = 0; i < g->n; i++) {
		size_t at = (size_t)(g->s[i] - s->snaps.s);

		f->why[at] = reasons[i];
		f->r.want[at] = !reasons[i].n;
	}
	mem_free(reasons);
}

static void say_part(struct forget *f, const struct group *g, bool kept)
{
	const struct session *s = f->r.s;
	struct snaptable t = {.out = s->cmd->out,
		.zone = s->zone,
		.compact = opt_flag(s->opts, OPT_COMPACT)};
	struct part p = part_of(f, g, kept, true);

	if (p.n) {
		buf_addf(&f->text, "%s %zu snapshots:\n", kept ? "keep" : "remove", p.n);
		snaptable_put(&t, p.s, kept ? p.why : NULL, p.n, &f->text);
		buf_addc(&f->text, '\n');
	}
	part_release(&p);
}

static void say_groups(struct forget *f)
{
	const struct session *s = f->r.s;
	struct snaptable t = {.out = s->cmd->out, .zone = s->zone};

	buf_adds(&f->text, "Applying Policy: ");
	policy_text(&f->policy, &f->text);
	buf_addc(&f->text, '\n');
	for (size_t i = 0; i < f->groups.n; i++) {
		if (out_verbosity(s->cmd->out) > 1)
			snaptable_head(&t, &f->groups.g[i], f->by, &f->text);
		say_part(f, &f->groups.g[i], true);
		say_part(f, &f->groups.g[i], false);
	}
	out_result(s->cmd->out, f->text.p, f->text.len);
	buf_reset(&f->text);
}

static void json_reasons(struct json_out *j, const struct part *p)
{
	json_array(j);
	for (size_t i = 0; i < p->n; i++) {
		struct buf one;

		buf_init(&one, SIZE_MAX / 2);
		nodeline_snapshot(&one, p->s[i], false);
		json_object(j);
		json_key(j, "snapshot");
		json_raw(j, one.p, one.len);
		json_key(j, "matches");
		snaptable_json_list(j, p->why[i]);
		json_object_end(j);
		buf_release(&one);
	}
	json_array_end(j);
}

static void json_part(struct json_out *j, const char *key, const struct part *p,
	void (*put)(struct json_out *j, const struct part *p))
{
	json_key(j, key);
	if (p->n)
		put(j, p);
	else
		json_null(j);
}

static void json_snapshots(struct json_out *j, const struct part *p)
{
	snaptable_json(j, p->s, p->n);
}

static void json_group(struct forget *f, struct json_out *j, const struct group *g)
{
	struct part kept = part_of(f, g, true, false), gone = part_of(f, g, false, false);

	json_object(j);
	json_key(j, "tags");
	snaptable_json_list(j, &g->tags);
	json_key(j, "host");
	json_str(j, g->hostname);
	json_key(j, "paths");
	snaptable_json_list(j, &g->paths);
	json_part(j, "keep", &kept, json_snapshots);
	json_part(j, "remove", &gone, json_snapshots);
	json_part(j, "reasons", &kept, json_reasons);
	json_object_end(j);
	part_release(&kept);
	part_release(&gone);
}

static void write_json(struct forget *f)
{
	struct json_out j;

	if (!f->groups.n)
		return;
	json_out_init(&j, &f->text);
	json_array(&j);
	for (size_t i = 0; i < f->groups.n; i++)
		json_group(f, &j, &f->groups.g[i]);
	json_array_end(&j);
	out_line(f->r.s->cmd->out, &f->text);
}

/* Wants what the policy does not keep. */
static int apply(struct forget *f, struct err *err)
{
	struct session *s = f->r.s;
	size_t n = 0;
	int rc = 0;

	f->s = mem_array(s->snaps.n + 1, sizeof(*f->s));
	f->why = mem_array(s->snaps.n + 1, sizeof(*f->why));
	snaptable_order(&s->snaps, f->by);
	for (size_t i = 0; i < s->snaps.n; i++)
		if (snapshots_match(&s->snaps.s[i], &f->filter))
			f->s[n++] = &s->snaps.s[i];
	if (n)
		groups_make(f->s, n, f->by, &f->groups);
	for (size_t i = 0; i < f->groups.n && !rc; i++) {
		decide(f, &f->groups.g[i]);
		rc = check_left(f, &f->groups.g[i], err);
	}
	if (!rc && !out_json(s->cmd->out) && out_verbosity(s->cmd->out) > 0)
		say_groups(f);
	return rc;
}

static int by_id(const void *a, const void *b)
{
	return id_cmp(a, b);
}

static void list_gone(struct forget *f)
{
	const struct snapshots *all = &f->r.s->snaps;
	size_t most = all->n + all->n_bad;

	f->gone = mem_array(most + 1, sizeof(*f->gone));
	for (size_t i = 0; i < most; i++)
		if (f->r.want[i])
			f->gone[f->n_gone++] = i < all->n ? all->s[i].id : all->bad[i - all->n];
	qsort(f->gone, f->n_gone, sizeof(*f->gone), by_id);
}

static void say_dry_run(struct forget *f)
{
	buf_adds(&f->text, "Would have removed the following snapshots:\n{");
	for (size_t i = 0; i < f->n_gone; i++)
		buf_addf(&f->text, "%s%s", i ? " " : "", id_short(&f->gone[i]).s);
	buf_adds(&f->text, "}\n\n");
	out_result(f->r.s->cmd->out, f->text.p, f->text.len);
	buf_reset(&f->text);
}

static int prune(struct forget *f, struct err *err)
{
	struct session *s = f->r.s;

	out_say(s->cmd->out, 1,
		f->prune.dry_run ? "%zu snapshots would be removed, running prune dry run"
				 : "%zu snapshots have been removed, running prune",
		f->n_gone);
	return prune_session(s, &f->prune, f->gone, f->n_gone, err);
}

static int run(struct forget *f, struct err *err)
{
	const struct session *s = f->r.s;
	bool said = !out_json(s->cmd->out) && out_verbosity(s->cmd->out) > 0;
	int rc = 0;

	list_gone(f);
	if (f->n_gone && !f->prune.dry_run)
		rc = removal_run(&f->r, err);
	else if (f->n_gone && said)
		say_dry_run(f);
	if (f->r.removed)
		out_say(s->cmd->out, 1, "%zu / %zu files deleted", f->r.removed, f->n_gone);
	if (out_json(s->cmd->out) && rc >= 0)
		write_json(f);
	return !rc && f->n_gone && opt_flag(s->opts, OPT_PRUNE) ? prune(f, err) : rc;
}

static void forget_release(struct forget *f)
{
	for (size_t i = 0; f->why && i < f->r.s->snaps.n; i++)
		strlist_release(&f->why[i]);
	mem_free(f->why);
	mem_free(f->s);
	mem_free(f->gone);
	groups_release(&f->groups);
	snapshots_filter_release(&f->filter);
	removal_release(&f->r);
	buf_release(&f->text);
}

int cmd_forget(struct session *s, struct err *err)
{
	struct forget f = {.r = {.s = s}};
	int rc;

	buf_init(&f.text, SIZE_MAX / 2);
	rc = read_options(&f, s, err);
	if (!rc)
		rc = removal_open(&f.r, err);
	if (!rc)
		rc = s->opts->args.n ? removal_name(&f.r, err) : apply(&f, err);
	if (!rc)
		rc = run(&f, err);
	forget_release(&f);
	return rc;
}
