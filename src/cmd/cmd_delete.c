/* delete: removes snapshots.  Their data stays until a prune frees what no other snapshot needs. */
#include "base/mem.h"
#include "cmd/removal.h"
#include "cmd/timearg.h"

static void say_json(struct out *o, const struct id *id, bool dry_run)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "removed");
	json_key(&j, "id");
	json_id(&j, id);
	json_key(&j, "short_id");
	json_str(&j, id_short(id).s);
	json_key(&j, "dry_run");
	json_boolean(&j, dry_run);
	json_object_end(&j);
	out_line(o, &b);
	buf_release(&b);
}

static void gone(struct removal *r, const struct id *id, const struct snapshot *one)
{
	const struct session *s = r->s;
	bool dry_run = opt_flag(s->opts, OPT_DRY_RUN);

	if (out_json(s->cmd->out))
		say_json(s->cmd->out, id, dry_run);
	else
		out_say(s->cmd->out, 1, "%s snapshot %s %s%s", dry_run ? "would remove" : "removed",
			id_short(id).s, one ? "of " : "which could not be read",
			one ? timearg_text(&one->time, s->zone).s : "");
}

int cmd_delete(struct session *s, struct err *err)
{
	struct removal r = {.s = s, .gone = gone};
	int rc = 0;

	if (!s->opts->args.n)
		rc = err_set(err, ERR_USAGE,
			"which snapshot is to be removed? a_backup list shows them; then: a_backup "
			"delete ID");
	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = removal_open(&r, err);
	if (!rc)
		rc = removal_name(&r, err);
	if (!rc)
		rc = removal_run(&r, err);
	if (!rc && r.removed)
		out_say(s->cmd->out, 1,
			"Their space is not freed yet: a_backup prune frees what no other snapshot "
			"needs.");
	removal_release(&r);
	return rc;
}
