/* check: is the repository whole (docs/format.md 13.9). */
#include "engine/check.h"
#include "base/mem.h"
#include "cmd/choose.h"
#include "cmd/human.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "cmd/subset.h"
#include "cmd/together.h"
#include "repo/catalog_local.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	struct session *s;
	struct progress progress;
	const char *stage;
};

static void on_error(void *arg, const char *message)
{
	struct check *c = arg;
	struct json_out j;
	struct buf b;

	if (!out_json(c->s->cmd->out)) {
		out_warn(c->s->cmd->out, "error: %s", message);
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "error");
	json_key(&j, "message");
	json_str(&j, message);
	json_object_end(&j);
	out_json_error(c->s->cmd->out, &b);
	buf_release(&b);
}

static void on_hint(void *arg, const char *message)
{
	struct check *c = arg;

	out_say(c->s->cmd->out, 1, "hint: %s", message);
}

static void on_stage(void *arg, const char *what)
{
	struct check *c = arg;

	progress_end(&c->progress);
	c->stage = what;
	out_say(c->s->cmd->out, 1, "%s", what);
}

static void on_stopped(void *arg)
{
	const struct check *c = arg;

	stop_told(c->s->cmd->stop);
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct check *c = arg;

	/* Standard output is for the summary in JSON: restic's check reports no progress there
	 * either. */
	if (out_json(c->s->cmd->out) || !progress_due(&c->progress))
		return;
	progress_show(&c->progress, "[%s] %.2f%%  %llu / %llu",
		human_duration((uint64_t)progress_seconds(&c->progress)).s,
		total ? 100.0 * (double)done / (double)total : 0.0, (unsigned long long)done,
		(unsigned long long)total);
}

static void json_summary(struct session *s, const struct check_result *r)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "summary");
	json_key(&j, "num_errors");
	json_uint(&j, r->errors);
	json_key(&j, "broken_packs");
	if (r->n_broken) {
		json_array(&j);
		for (size_t i = 0; i < r->n_broken; i++)
			json_id(&j, &r->broken[i]);
		json_array_end(&j);
	} else {
		json_null(&j);
	}
	json_key(&j, "suggest_repair_index");
	json_boolean(&j, r->suggest_repair_index);
	json_key(&j, "suggest_prune");
	json_boolean(&j, r->suggest_prune);
	json_object_end(&j);
	out_line(s->cmd->out, &b);
	buf_release(&b);
}

/* What to do about it. */
static void say_remedy(struct session *s, const struct check_result *r, bool read_data)
{
	struct out *o = s->cmd->out;

	if (out_json(o))
		return;
	if (r->suggest_repair_index)
		out_warn(o, "The index is not right; to make it anew: a_backup repair index");
	if (r->suggest_prune)
		out_say(o, 1,
			"There is data that nothing refers to; to free its space: a_backup prune");
	if (r->errors && !r->n_broken && !r->suggest_repair_index) {
		if (!read_data)
			out_warn(o, "To learn which packs are damaged: a_backup check --read-data");
		out_warn(o, "What to do about a damaged repository: "
			    "https://restic.readthedocs.io/en/stable/077_troubleshooting.html");
	}
	if (!r->n_broken)
		return;
	out_warn(o,
		"Damaged packs; to save what is left of them and to drop what is lost: a_backup "
		"repair packs, then a_backup repair "
		"snapshots --forget");
	for (size_t i = 0; i < r->n_broken; i++)
		out_warn(o, "  damaged pack %s", id_hex(&r->broken[i]).s);
}

/* --host "" takes a filter from the environment away. */
static bool chooses(const struct opts *o)
{
	const char *host = opt_str(o, OPT_HOST);

	return o->args.n || (host && *host) || o->value[OPT_TAG].n || o->value[OPT_PATH].n;
}

/* The same on all ranks. */
static int read_options(const struct session *s, struct check_options *opt, struct err *err)
{
	const char *subset = opt_str(s->opts, OPT_READ_SUBSET);

	*opt = (struct check_options){.read_data = opt_flag(s->opts, OPT_READ_DATA)};
	opt->some = chooses(s->opts);
	if (!subset || !*subset)
		return 0;
	if (opt->read_data)
		return err_set(err, ERR_USAGE,
			"--read-data and --read-data-subset cannot be given together");
	return subset_read(subset, opt, err);
}

/* Collective from here on. */
static int run_together(struct session *s, const struct check_options *opt,
	const struct check_events *ev, struct check_result *r, struct err *err)
{
	int rc = together_join(s, err);

	if (!rc)
		rc = check_run(s->router, s->agree, s->open.repo, &s->env, opt, ev,
			stop_flag(s->cmd->stop), r, err);
	return rc;
}

int cmd_check_follow(struct session *s, struct wire_in *orders, struct err *err)
{
	struct check c = {.s = s};
	struct check_events ev = {.stopped = on_stopped, .arg = &c};
	struct check_result r = {0};
	struct check_options opt = {0};
	int rc;

	err_clear(err);
	if (!together_get(s, orders, NULL, err))
		read_options(s, &opt, err);
	rc = run_together(s, &opt, &ev, &r, err);
	check_result_release(&r);
	return rc;
}

static void send_order(struct session *s)
{
	char *cwd = session_cwd(s);
	struct buf b;

	buf_init(&b, TOGETHER_MAX);
	together_put(s, cwd ? cwd : "/", &b);
	together_send(s, &b);
	mem_free(cwd);
}

static int report(struct session *s, const struct check_result *r, bool read_data, struct err *err)
{
	say_remedy(s, r, read_data);
	if (out_json(s->cmd->out))
		json_summary(s, r);
	if (r->errors)
		return err_set(err, ERR_INVALID, "repository contains errors");
	out_say(s->cmd->out, 1, "no errors were found");
	return 0;
}

/* A word that names none is an error: what was not checked must not pass for good. */
static int choose(struct session *s, struct choice *which, struct check_options *opt,
	struct err *err)
{
	int rc = choose_snapshots(s, &s->opts->args, which, err);

	if (!rc && which->ignored)
		rc = err_set(err, ERR_NOTFOUND, "%zu of the snapshots could not be found",
			which->ignored);
	opt->only = which->s;
	opt->n_only = which->n;
	return rc;
}

int cmd_check(struct session *s, struct err *err)
{
	struct check c = {.s = s};
	struct check_options opt;
	struct check_events ev = {.error = on_error,
		.hint = on_hint,
		.stage = on_stage,
		.progress = on_progress,
		.stopped = on_stopped,
		.arg = &c};
	struct check_result r = {0};
	struct choice which = {0};
	int rc = read_options(s, &opt, err);

	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc && opt.some)
		rc = choose(s, &which, &opt, err);
	if (rc) {
		choose_release(&which);
		return rc;
	}
	progress_init(&c.progress, s);
	if (s->comm->size > 1)
		send_order(s);
	rc = run_together(s, &opt, &ev, &r, err);
	progress_end(&c.progress);
	rc = session_lost(s, rc, err);
	if (!rc)
		rc = report(s, &r, opt.read_data, err);
	choose_release(&which);
	check_result_release(&r);
	return rc;
}
