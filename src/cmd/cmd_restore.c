/* restore, restore-overwrite, restore-newer: a snapshot back to a directory (docs/format.md 13.6).
 */
#include "base/mem.h"
#include "cmd/human.h"
#include "cmd/nodeline.h"
#include "cmd/progress.h"
#include "cmd/restorejob.h"
#include "cmd/together.h"
#include <string.h>

struct restore {
	struct session *s;
	struct progress progress;
	struct restorejob job;
	struct restore_counts counts;
	struct buf line;
};

static void put_count(struct json_out *j, const char *key, uint64_t v)
{
	if (!v)
		return;
	json_key(j, key);
	json_uint(j, v);
}

static void put_counts(struct json_out *j, const struct restore_counts *c)
{
	put_count(j, "total_files", c->total_files);
	put_count(j, "files_restored", c->files_restored);
	put_count(j, "files_skipped", c->files_skipped);
	put_count(j, "files_deleted", c->files_deleted);
	put_count(j, "total_bytes", c->total_bytes);
	put_count(j, "bytes_restored", c->bytes_restored);
	put_count(j, "bytes_skipped", c->bytes_skipped);
}

static double percent(const struct restore_counts *c)
{
	if (c->total_bytes)
		return (double)c->bytes_restored / (double)c->total_bytes;
	return c->total_files ? (double)c->files_restored / (double)c->total_files : 0;
}

/* put_message: a status or summary object. */
static void put_message(struct restore *r, const char *type, const struct restore_counts *c,
	bool status)
{
	struct json_out j;

	out_message(&j, &r->line, type);
	put_count(&j, "seconds_elapsed", (uint64_t)progress_seconds(&r->progress));
	if (status) {
		json_key(&j, "percent_done");
		json_float(&j, percent(c));
	}
	put_counts(&j, c);
	json_object_end(&j);
	out_line(r->s->cmd->out, &r->line);
}

static void on_progress(void *arg, const struct restore_counts *c)
{
	struct restore *r = arg;
	double t = progress_seconds(&r->progress);

	if (!progress_due(&r->progress))
		return;
	if (out_json(r->s->cmd->out)) {
		put_message(r, "status", c, true);
		return;
	}
	progress_show(&r->progress, "[%s] %.2f%%  %llu files/dirs, %s of %s, %s/s%s",
		human_duration((uint64_t)t).s, 100 * percent(c),
		(unsigned long long)c->files_restored, human_size(c->bytes_restored).s,
		human_size(c->total_bytes).s,
		human_size(t > 0 ? (uint64_t)((double)c->bytes_restored / t) : 0).s,
		c->errors ? ", errors" : "");
}

static void say_begin(struct restore *r, const struct snapshot *snap)
{
	struct out *o = r->s->cmd->out;

	nodeline_head(o, &r->line, snap);
	out_say(o, 1, "%s%s to %s", r->job.opt.dry_run ? "would be restoring " : "restoring ",
		buf_str(&r->line), r->job.opt.target);
	buf_reset(&r->line);
	progress_init(&r->progress, r->s);
}

static void say_ignored(struct restore *r, const char *item, const char *message)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	human_safe(&b, item, strlen(item));
	out_warn(r->s->cmd->out, "ignoring error for %s: %s", buf_str(&b), message);
	buf_release(&b);
}

static void on_error(void *arg, const char *item, const char *message)
{
	struct restore *r = arg;

	if (out_json(r->s->cmd->out))
		out_item_error(r->s->cmd->out, "restore", item, message);
	else
		say_ignored(r, item, message);
}

static void on_warn(void *arg, const char *item, const char *message)
{
	struct restore *r = arg;

	out_warn(r->s->cmd->out, "warning: %s: %s", item, message);
}

static void on_item(void *arg, const char *action, const char *item, uint64_t size)
{
	struct restore *r = arg;
	struct out *o = r->s->cmd->out;
	struct json_out j;

	if (!out_json(o)) {
		bool sized = size || !strcmp(action, "updated");

		out_path(o, &r->line, item, strlen(item));
		out_say(o, 3, sized ? "%-9s %s with size %s" : "%-9s %s", action, buf_str(&r->line),
			human_size(size).s);
		buf_reset(&r->line);
		return;
	}
	out_message(&j, &r->line, "verbose_status");
	json_key(&j, "action");
	json_str(&j, action);
	json_key(&j, "item");
	json_str(&j, item);
	json_key(&j, "size");
	json_uint(&j, size);
	json_object_end(&j);
	out_line(o, &r->line);
}

static void on_stopped(void *arg)
{
	const struct restore *r = arg;

	stop_told(r->s->cmd->stop);
}

/* "Restored N files/dirs (SIZE) in M:SS, skipped …, deleted …"; "N / M" when not all were. */
static void show_summary(struct restore *r)
{
	const struct restore_counts *c = &r->counts;
	struct out *o = r->s->cmd->out;
	struct buf *b = &r->line;
	bool whole = c->files_restored == c->total_files && c->bytes_restored == c->total_bytes;

	if (out_json(o)) {
		put_message(r, "summary", c, false);
		return;
	}
	buf_addf(b, "Summary: Restored %llu", (unsigned long long)c->files_restored);
	if (!whole)
		buf_addf(b, " / %llu", (unsigned long long)c->total_files);
	buf_addf(b, " files/dirs (%s", human_size(c->bytes_restored).s);
	if (!whole)
		buf_addf(b, " / %s", human_size(c->total_bytes).s);
	buf_addf(b, ") in %s", human_duration((uint64_t)progress_seconds(&r->progress)).s);
	if (c->files_skipped)
		buf_addf(b, ", skipped %llu files/dirs %s", (unsigned long long)c->files_skipped,
			human_size(c->bytes_skipped).s);
	if (c->files_deleted)
		buf_addf(b, ", deleted %llu files/dirs", (unsigned long long)c->files_deleted);
	out_say(o, 1, "%s", buf_str(b));
	buf_reset(b);
	if (r->job.opt.verify)
		out_say(o, 1, "verified %llu files in the target", (unsigned long long)c->verified);
}

/* What is not as it was, although nothing went wrong. */
static void show_left(struct restore *r)
{
	static const char *const text[DEST_LEFT_KINDS] = {
		[DEST_LEFT_OWNER] =
			"owner or group not restored: only root may give files to others",
		[DEST_LEFT_REFUSED] =
			"without attributes that only root may set (security.*, trusted.*)",
		[DEST_LEFT_XATTR] =
			"without extended attributes that the target's file system does not take",
		[DEST_LEFT_ACL] = "without their access control lists, which the target's file "
				  "system does not take: see who may read them",
		[DEST_LEFT_TIME] =
			"with another time: the target's file system does not hold theirs",
		[DEST_LEFT_MODE] = "with another mode: setuid and setgid are dropped with another "
				   "owner, or the file system does not take it"};
	struct out *o = r->s->cmd->out;

	if (r->counts.copied)
		out_warn(o, "warning: %llu files are copies: they were hard links",
			(unsigned long long)r->counts.copied);
	for (size_t i = 0; i < DEST_LEFT_KINDS; i++) {
		unsigned long long n = r->counts.left[i];

		if (!n)
			continue;
		/* What a user cannot help is no warning. */
		if (i == DEST_LEFT_OWNER || i == DEST_LEFT_REFUSED)
			out_say(o, 1, "%llu files/dirs: %s", n, text[i]);
		else
			out_warn(o, "warning: %llu files/dirs %s", n, text[i]);
	}
}

/* Collective from here on: all ranks make the same calls.  snap: on rank 0. */
static int run_together(struct restore *r, const struct snapshot *snap, const char *sub,
	const struct restore_events *ev, struct err *err)
{
	struct session *s = r->s;
	struct restore_in in = {.router = s->router, .agree = s->agree, .env = &s->env};
	struct id tree = {{0}};
	int rc = s->comm->size > 1 ? together_join(s, err) : 0;

	if (!rc)
		rc = session_index_share(s, err);
	if (!rc && snap)
		session_tree(s, snap, sub, &tree, err);
	if (!rc)
		rc = agree_all(s->agree, err);
	if (rc)
		return rc;
	if (snap)
		say_begin(r, snap);
	in.repo = s->open.repo;
	in.catalog = s->catalog;
	in.loader = s->loader;
	in.reader = s->reader;
	in.ranks_here = s->cmd->mpi ? 1 : (size_t)s->comm->size;
	rc = restore_run(&in, &tree, &r->job.opt, ev, stop_flag(s->cmd->stop), &r->counts, err);
	if (snap)
		progress_end(&r->progress);
	return rc;
}

static void send_order(const struct restore *r)
{
	struct buf b;

	buf_init(&b, TOGETHER_MAX);
	restorejob_put(&r->job, r->s, &b);
	together_send(r->s, &b);
}

static int report(struct restore *r, struct err *err)
{
	show_summary(r);
	show_left(r);
	if (r->counts.errors)
		return err_set(err, ERR_IO, "There were %llu errors",
			(unsigned long long)r->counts.errors);
	return 0;
}

/* What it lacks is not gone. */
static int partial(const struct restore *r, const struct snapshot *snap, struct err *err)
{
	if (!r->job.opt.delete || !snapshots_partial(snap) ||
		opt_flag(r->s->opts, OPT_ALLOW_PARTIAL))
		return 0;
	return err_set(err, ERR_USAGE,
		"snapshot %s is partial, so --delete would remove what its run had not come to; "
		"--allow-partial does that",
		id_short(&snap->id).s);
}

int cmd_restore(struct session *s, struct err *err)
{
	struct restore r = {.s = s};
	struct restore_events ev = {.progress = on_progress,
		.error = on_error,
		.warn = on_warn,
		.item = on_item,
		.stopped = on_stopped,
		.arg = &r};
	const struct snapshot *snap;
	char *sub = NULL;
	int rc;

	buf_init(&r.line, SIZE_MAX / 2);
	rc = restorejob_read(&r.job, s, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_pick(s, s->opts->args.s[0], &snap, &sub, err);
	if (!rc)
		rc = partial(&r, snap, err);
	if (!rc)
		rc = restorejob_place(&r.job, s, err);
	if (!rc) {
		if (s->comm->size > 1)
			send_order(&r);
		rc = session_lost(s, run_together(&r, snap, sub, &ev, err), err);
	}
	if (!rc)
		rc = report(&r, err);
	if (!rc && snapshots_partial(snap) && snapshots_is_latest(s->opts->args.s[0]))
		rc = err_set(err, CMD_INCOMPLETE,
			"there are only partial snapshots: what was restored is what the last of "
			"them had when its run ended");
	mem_free(sub);
	restorejob_release(&r.job);
	buf_release(&r.line);
	return rc;
}

int cmd_restore_follow(struct session *s, struct wire_in *orders, struct err *err)
{
	struct restore r = {.s = s};
	struct restore_events ev = {.stopped = on_stopped, .arg = &r};
	int rc;

	err_clear(err);
	restorejob_get(&r.job, s, orders, err);
	rc = run_together(&r, NULL, NULL, &ev, err);
	restorejob_release(&r.job);
	return rc;
}
