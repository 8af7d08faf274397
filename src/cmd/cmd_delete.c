/*
 * delete: removes snapshots, and frees what they alone held: packs that are not needed any more,
 * and of the others so much that it is quick.
 */
#include "base/mem.h"
#include "cmd/prune.h"
#include "cmd/removal.h"
#include "cmd/timearg.h"

#define REPACK_MAX                                                                                 \
	((uint64_t)1 << 30) /* bytes of packs that are written anew, if nobody says more */

struct deleting {
	struct removal r;
	struct id *gone; /* owned */
	size_t n;
};

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
	struct deleting *d = (struct deleting *)(void *)r;
	const struct session *s = r->s;
	bool dry_run = opt_flag(s->opts, OPT_DRY_RUN);

	d->gone = mem_regrow(d->gone, d->n + 1, sizeof(*d->gone));
	d->gone[d->n++] = *id;
	if (out_json(s->cmd->out))
		say_json(s->cmd->out, id, dry_run);
	else
		out_say(s->cmd->out, 1, "%s snapshot %s %s%s", dry_run ? "would remove" : "removed",
			id_short(id).s, one ? "of " : "which could not be read",
			one ? timearg_text(&one->time, s->zone).s : "");
}

static int read_options(const struct session *s, struct prune_options *o, struct err *err)
{
	int rc;

	if (!s->opts->args.n)
		return err_set(err, ERR_USAGE,
			"which snapshot is to be removed? a_backup list shows them; then: a_backup "
			"delete ID");
	rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = prune_read(s, o, err);
	if (!opt_str(s->opts, OPT_MAX_REPACK))
		o->rules.max_repack = REPACK_MAX;
	return rc;
}

int cmd_delete(struct session *s, struct err *err)
{
	struct deleting d = {.r = {.s = s, .gone = gone}};
	struct prune_options o;
	int rc = read_options(s, &o, err);

	if (!rc)
		rc = removal_open(&d.r, err);
	if (!rc)
		rc = removal_name(&d.r, err);
	if (!rc)
		rc = removal_run(&d.r, err);
	if (!rc && d.n && opt_flag(s->opts, OPT_NO_PRUNE))
		out_say(s->cmd->out, 1,
			"Their space is not freed yet: a_backup prune frees what no other snapshot "
			"needs.");
	else if (!rc && d.n)
		rc = prune_free(s, &o, d.gone, d.n, err);
	mem_free(d.gone);
	removal_release(&d.r);
	return rc;
}
