/* restore, restore-overwrite, restore-newer: a snapshot back to a directory (docs/format.md 13.6).
 */
#include "engine/restore.h"
#include "backend/location.h"
#include "base/mem.h"
#include "cmd/human.h"
#include "cmd/nodeline.h"
#include "cmd/patterns.h"
#include "cmd/progress.h"
#include <string.h>

struct restore {
	struct session *s;
	struct progress progress;
	struct patterns include, exclude;
	struct match *include_xattr, *exclude_xattr;
	struct restore_options opt;
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

/* --overwrite in the place of the command's own mode. */
static int overwrite_mode(const struct opts *o, enum restore_overwrite *mode, struct err *err)
{
	static const char *const names[] = {[RESTORE_ALWAYS] = "always",
		[RESTORE_IF_CHANGED] = "if-changed",
		[RESTORE_IF_NEWER] = "if-newer",
		[RESTORE_NEVER] = "never"};
	const char *given = opt_str(o, OPT_OVERWRITE);

	if (!given)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(given, names[i])) {
			*mode = (enum restore_overwrite)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		"--overwrite must be always, if-changed, if-newer or never, not \"%s\"", given);
}

static int xattr_list(const struct strlist *l, struct match **m, struct err *err)
{
	int rc = 0;

	if (!l->n)
		return 0;
	*m = match_new(false);
	for (size_t i = 0; i < l->n && !rc; i++)
		rc = match_add(*m, l->s[i], err);
	return rc;
}

static int read_options(struct restore *r, struct err *err)
{
	const struct opts *o = r->s->opts;
	struct restore_options *p = &r->opt;
	int rc = overwrite_mode(o, &p->overwrite, err);

	if (o->args.n != 1)
		return err_set(err, ERR_USAGE,
			o->args.n ? "one snapshot can be restored at a time; parts of it: "
				    "--include PATTERN or SNAPSHOT:DIR"
				  : "which snapshot? write: a_backup restore latest, or an id "
				    "from: a_backup list");
	if (opt_flag(o, OPT_DELETE) && !opt_str(o, OPT_TARGET))
		return err_set(err, ERR_USAGE,
			"--delete wants a target, which it is to clear of all that the snapshot "
			"does not have: --target DIR");
	p->target = opt_str(o, OPT_TARGET) ? opt_str(o, OPT_TARGET) : ".";
	if (!*p->target)
		return err_set(err, ERR_USAGE, "--target is empty");
	p->sparse = opt_flag(o, OPT_SPARSE);
	p->delete = opt_flag(o, OPT_DELETE);
	p->dry_run = opt_flag(o, OPT_DRY_RUN);
	p->verify = opt_flag(o, OPT_VERIFY);
	p->ownership_by_name = opt_flag(o, OPT_OWNER_NAMES);
	p->verbose_items = out_verbosity(r->s->cmd->out) >= 3;
	if (!rc)
		rc = patterns_read(&r->include, o, true, r->s->cmd->env, err);
	if (!rc)
		rc = patterns_read(&r->exclude, o, false, r->s->cmd->env, err);
	if (!rc)
		rc = xattr_list(&o->value[OPT_INCLUDE_XATTR], &r->include_xattr, err);
	if (!rc)
		rc = xattr_list(&o->value[OPT_EXCLUDE_XATTR], &r->exclude_xattr, err);
	if (rc)
		return rc;
	p->include = r->include.given;
	p->n_include = r->include.n;
	p->exclude = r->exclude.given;
	p->n_exclude = r->exclude.n;
	p->include_xattr = r->include_xattr;
	p->exclude_xattr = r->exclude_xattr;
	if (p->n_include && p->n_exclude)
		return err_set(err, ERR_USAGE,
			"include and exclude patterns cannot be given together");
	if (p->include_xattr && !match_count(p->include_xattr))
		return err_set(err, ERR_USAGE,
			"--include-xattr is empty, so no attribute would be restored");
	if (p->include_xattr && p->exclude_xattr)
		return err_set(err, ERR_USAGE,
			"--include-xattr and --exclude-xattr cannot be given together");
	if (p->dry_run && p->verify)
		return err_set(err, ERR_USAGE, "--dry-run and --verify cannot be given together");
	return 0;
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
	if (r->opt.verify)
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

static int run(struct restore *r, const struct snapshot *snap, const struct id *tree,
	struct err *err)
{
	struct session *s = r->s;
	struct location place;
	struct restore_events ev = {.progress = on_progress,
		.error = on_error,
		.warn = on_warn,
		.item = on_item,
		.stopped = on_stopped,
		.arg = r};
	struct restore_in in = {s->router, s->agree, s->open.repo, s->catalog, s->loader, s->reader,
		&s->env};
	int rc;

	nodeline_head(s->cmd->out, &r->line, snap);
	out_say(s->cmd->out, 1, "%s%s to %s", r->opt.dry_run ? "would be restoring " : "restoring ",
		buf_str(&r->line), r->opt.target);
	buf_reset(&r->line);
	rc = location_parse(&place, s->open.place, err);
	if (rc)
		return rc;
	r->opt.repository = place.scheme == LOCATION_LOCAL ? place.rest : NULL;
	progress_init(&r->progress, s);
	rc = restore_run(&in, tree, &r->opt, &ev, stop_flag(s->cmd->stop), &r->counts, err);
	progress_end(&r->progress);
	location_release(&place);
	if (rc)
		return session_lost(s, rc, err);
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
	if (!r->opt.delete || !snapshots_partial(snap) || opt_flag(r->s->opts, OPT_ALLOW_PARTIAL))
		return 0;
	return err_set(err, ERR_USAGE,
		"snapshot %s is partial, so --delete would remove what its run had not come to; "
		"--allow-partial does that",
		id_short(&snap->id).s);
}

static int restore_as(struct session *s, enum restore_overwrite mode, struct err *err)
{
	struct restore r = {.s = s, .opt.overwrite = mode};
	const struct snapshot *snap;
	char *sub = NULL;
	struct id tree;
	int rc;

	buf_init(&r.line, SIZE_MAX / 2);
	rc = read_options(&r, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_snapshot(s, s->opts->args.s[0], &snap, &sub, &tree, err);
	if (!rc)
		rc = partial(&r, snap, err);
	if (!rc)
		rc = run(&r, snap, &tree, err);
	if (!rc && snapshots_partial(snap) && snapshots_is_latest(s->opts->args.s[0]))
		rc = err_set(err, CMD_INCOMPLETE,
			"there are only partial snapshots: what was restored is what the last of "
			"them had when its run ended");
	mem_free(sub);
	patterns_release(&r.include);
	patterns_release(&r.exclude);
	match_free(r.include_xattr);
	match_free(r.exclude_xattr);
	buf_release(&r.line);
	return rc;
}

int cmd_restore(struct session *s, struct err *err)
{
	return restore_as(s, RESTORE_NEVER, err);
}

int cmd_restore_overwrite(struct session *s, struct err *err)
{
	return restore_as(s, RESTORE_ALWAYS, err);
}

int cmd_restore_newer(struct session *s, struct err *err)
{
	return restore_as(s, RESTORE_IF_NEWER, err);
}
