#include "cmd/rewriting.h"
#include "base/mem.h"
#include "cmd/nodeline.h"
#include "cmd/resave.h"
#include "cmd/timearg.h"
#include <string.h>

static bool dry_run(const struct rewriting *r)
{
	return opt_flag(r->s->opts, OPT_DRY_RUN);
}

static bool forget(const struct rewriting *r)
{
	return opt_flag(r->s->opts, OPT_FORGET_OLD);
}

int rewriting_save(void *arg, const struct id *id, struct buf *json, struct err *err)
{
	struct rewriting *r = arg;
	struct session *s = r->s;
	struct writing_options o = {.pack_size = s->set.pack_size,
		.dry_run = dry_run(r),
		.lock = s->open.lock,
		.stop = stop_flag(s->cmd->stop)};

	if (!r->writing)
		r->writing = writing_new(s->router, s->agree, s->open.repo, s->catalog, &o);
	return writing_put(r->writing, BLOB_TREE, id, json, err);
}

static void say_snapshot(const struct rewriting *r)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	nodeline_head(r->s->cmd->out, &b, r->now);
	out_say(r->s->cmd->out, 1, "%s", "");
	out_say(r->s->cmd->out, 1, "%s", buf_str(&b));
	buf_release(&b);
}

/* Its tree as it is now; all of it is stored. */
static int make_tree(struct rewriting *r, struct rewritten *now, struct err *err)
{
	struct err late = {0};
	int rc;

	*now = (struct rewritten){.tree = r->now->tree};
	if (!r->trees)
		return 0;
	rc = rewrite_tree(r->trees, &r->now->tree, now, err);
	if (r->writing && writing_end(r->writing, &late) && !rc)
		rc = err_copy(err, &late);
	writing_free(r->writing);
	r->writing = NULL;
	return rc;
}

static int remove_empty(struct rewriting *r, struct err *err)
{
	struct session *s = r->s;
	int rc = 0;

	if (dry_run(r)) {
		out_say(s->cmd->out, 1, "would delete empty snapshot");
		return 1;
	}
	if (s->open.lock)
		rc = lock_check(s->open.lock, err);
	if (!rc)
		rc = backend_remove(s->open.be, BACKEND_SNAPSHOT, &r->now->id, err);
	if (!rc)
		out_say(s->cmd->out, 1, "removed empty snapshot %s", id_short(&r->now->id).s);
	return rc ? rc : 1;
}

static void say_changes(const struct rewriting *r)
{
	struct out *o = r->s->cmd->out;
	const char *would = dry_run(r) ? "would set" : "setting";

	if (r->time)
		out_say(o, 1, "%s time to %s", would, timearg_text(r->time, r->s->zone).s);
	if (r->host)
		out_say(o, 1, "%s hostname to %s", would, r->host);
}

static void set_summary(struct snapshot *s, const struct rewritten *now)
{
	static const struct ts never = {.sec = -62135596800}; /* Go's zero time: year 1 */

	if (!s->has_summary)
		s->summary = (struct snapshot_summary){.backup_start = never, .backup_end = never};
	s->has_summary = true;
	s->summary.total_files_processed = now->files;
	s->summary.total_bytes_processed = now->bytes;
}

/* Of what is set here only the tags are the copy's own. */
static void change(const struct rewriting *r, const struct rewritten *now, struct snapshot *s,
	struct strlist *tags)
{
	*s = *r->now;
	s->tree = now->tree;
	s->has_original = true;
	s->original = r->now->id;
	if (r->sums)
		set_summary(s, now);
	for (size_t i = 0; i < s->tags.n; i++)
		strlist_add(tags, s->tags.s[i]);
	if (!forget(r) && !strlist_has(tags, r->tag))
		strlist_add(tags, r->tag);
	s->tags = *tags;
	if (r->time) {
		s->time = *r->time;
		s->time_offset = zone_offset(r->s->zone, r->time->sec);
	}
	if (r->host)
		s->hostname = (char *)(uintptr_t)r->host; /* only read */
}

static int replace(struct rewriting *r, const struct rewritten *now, struct err *err)
{
	struct out *o = r->s->cmd->out;
	struct strlist tags = {0};
	struct snapshot changed;
	struct id id;
	int rc;

	say_changes(r);
	change(r, now, &changed, &tags);
	rc = resave(r->s, &changed, forget(r), &id, err);
	if (!id_is_zero(&id))
		out_say(o, 1, "saved new snapshot %s", id_short(&id).s);
	if (!rc && forget(r))
		out_say(o, 1, "removed old snapshot %s", id_short(&r->now->id).s);
	strlist_release(&tags);
	return rc ? rc : 1;
}

/* 1: it was changed, or would be. */
static int one(struct rewriting *r, struct err *err)
{
	const struct snapshot *s = r->now;
	struct rewritten now;
	int rc = make_tree(r, &now, err);

	if (rc)
		return rc;
	if (now.gone)
		return r->keep_empty ? 0 : remove_empty(r, err);
	if (id_equal(&now.tree, &s->tree) && !r->host && !r->time &&
		(!r->sums || (s->has_summary && s->summary.total_files_processed == now.files &&
				     s->summary.total_bytes_processed == now.bytes)))
		return 0;
	if (!dry_run(r))
		return replace(r, &now, err);
	out_say(r->s->cmd->out, 1, "would save new snapshot");
	if (forget(r))
		out_say(r->s->cmd->out, 1, "would remove old snapshot");
	say_changes(r);
	return 1;
}

int rewriting_run(struct rewriting *r, const struct choice *which, struct err *err)
{
	struct out *o = r->s->cmd->out;

	for (size_t i = 0; i < which->n; i++) {
		int rc;

		r->now = which->s[i];
		say_snapshot(r);
		rc = one(r, err);
		if (rc < 0)
			return err_prefix(err, "snapshot %s", id_short(&r->now->id).s);
		r->changed += rc > 0;
	}
	out_say(o, 1, "%s", "");
	if (r->changed)
		out_say(o, 1, "%s %zu snapshots", dry_run(r) ? "would modify" : "modified",
			r->changed);
	else
		out_say(o, 1, "no snapshots %s modified", dry_run(r) ? "would be" : "were");
	return 0;
}
