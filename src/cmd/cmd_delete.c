/* delete: removes snapshots.  Their data stays until a prune frees what no other snapshot needs. */
#include "base/mem.h"
#include "cmd/session.h"
#include "cmd/timearg.h"
#include "repo/strays.h"
#include <string.h>

/* One that cannot be read is removed only by its whole name: a damaged file must not stay for ever,
 * nor go by mistake. */
static bool choose_bad(const struct session *s, const char *arg, bool *want)
{
	struct id id;

	if (strlen(arg) != ID_HEX || id_parse(&id, arg, ID_HEX))
		return false;
	for (size_t i = 0; i < s->snaps.n_bad; i++) {
		if (id_equal(&s->snaps.bad[i], &id))
			return want[s->snaps.n + i] = true;
	}
	return false;
}

/* Marks the snapshots to remove, those that cannot be read behind the others: all names are looked
 * up before anything is removed. */
static int choose(struct session *s, bool *want, struct err *err)
{
	struct snapshots_filter f;
	int rc = 0;

	session_filter(s, true, &f);
	for (size_t i = 0; i < s->opts->args.n && !rc; i++) {
		const struct snapshot *one = NULL;

		if (choose_bad(s, s->opts->args.s[i], want))
			continue;
		rc = snapshots_pick_whole(&s->snaps, s->opts->args.s[i], &f, &one, err);
		if (!rc)
			want[one - s->snaps.s] = true;
	}
	snapshots_filter_release(&f);
	return rc;
}

static void say(struct session *s, const struct id *id, const char *of, bool dry_run)
{
	struct json_out j;
	struct buf b;

	if (!out_json(s->cmd->out)) {
		out_say(s->cmd->out, 1, "%s snapshot %s %s", dry_run ? "would remove" : "removed",
			id_short(id).s, of);
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "removed");
	json_key(&j, "id");
	json_id(&j, id);
	json_key(&j, "short_id");
	json_str(&j, id_short(id).s);
	json_key(&j, "dry_run");
	json_boolean(&j, dry_run);
	json_object_end(&j);
	out_line(s->cmd->out, &b);
	buf_release(&b);
}

static int remove_all(struct session *s, const bool *want, struct err *err)
{
	const struct snapshots *all = &s->snaps;
	bool dry_run = opt_flag(s->opts, OPT_DRY_RUN);
	size_t failed = 0, wanted = 0;

	for (size_t i = 0; i < all->n + all->n_bad; i++) {
		const struct id *id = i < all->n ? &all->s[i].id : &all->bad[i - all->n];
		struct err e = {0};

		if (!want[i])
			continue;
		if (session_stopped(s))
			return err_set(err, ERR_CANCELLED, "interrupted");
		wanted++;
		if (!dry_run && backend_remove(s->open.be, BACKEND_SNAPSHOT, id, &e)) {
			failed++;
			out_warn(s->cmd->out, "error: remove snapshot %s: %s", id_hex(id).s, e.msg);
		} else if (i < all->n) {
			char *of = mem_printf("of %s", timearg_text(&all->s[i].time, s->zone).s);

			say(s, id, of, dry_run);
			mem_free(of);
		} else {
			say(s, id, "which could not be read", dry_run);
		}
	}
	return failed ? err_set(err, CMD_INCOMPLETE, "%zu of %zu snapshots could not be removed",
				failed, wanted)
		      : 0;
}

int cmd_delete(struct session *s, struct err *err)
{
	bool *want = NULL;
	int rc = 0;

	if (!s->opts->args.n)
		rc = err_set(err, ERR_USAGE,
			"which snapshot is to be removed? a_backup list shows them; then: a_backup "
			"delete ID");
	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = strays_refuse(s->open.be, err);
	if (!rc)
		rc = session_snapshots(s, err);
	if (!rc) {
		want = mem_array(s->snaps.n + s->snaps.n_bad + 1, sizeof(*want));
		rc = choose(s, want, err);
	}
	if (!rc)
		rc = session_lost(s, remove_all(s, want, err), err);
	if (!rc && !opt_flag(s->opts, OPT_DRY_RUN))
		out_say(s->cmd->out, 1,
			"Their space is not freed yet: that is the work of prune, which comes with "
			"a later version (restic prune does it "
			"today).");
	mem_free(want);
	return rc;
}
