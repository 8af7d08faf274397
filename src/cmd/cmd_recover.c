/* recover: one more snapshot, of all trees that no snapshot refers to (docs/format.md 13.12). */
#include "base/mem.h"
#include "cmd/repair.h"
#include "cmd/resave.h"
#include "engine/recover.h"
#include <unistd.h>

static int save_snapshot(struct session *s, const struct id *tree, struct err *err)
{
	struct snapshot one = {.time = clock_now(s->env.clock),
		.tree = *tree,
		.hostname = s->hostname,
		.username = s->username,
		.program_version = (char[]){"a_backup " CMD_VERSION},
		.uid = getuid(),
		.gid = getgid()};
	struct id id;
	int rc;

	one.time_offset = zone_offset(s->zone, one.time.sec);
	strlist_add(&one.paths, "/recover");
	strlist_add(&one.tags, "recovered");
	rc = resave(s, &one, false, &id, err);
	strlist_release(&one.paths);
	strlist_release(&one.tags);
	if (!rc)
		out_say(s->cmd->out, 1, "saved new snapshot %s", id_short(&id).s);
	return rc;
}

static int recover(struct session *s, struct err *err)
{
	struct writing_options o = {.pack_size = s->set.pack_size,
		.lock = s->open.lock,
		.stop = stop_flag(s->cmd->stop)};
	struct repair_events ev = repair_events(s);
	struct recover_result res;
	int rc = recover_run(s->router, s->agree, s->open.repo, s->catalog, s->loader, &s->snaps,
		&o, &ev, &res, err);

	if (rc)
		return rc;
	out_say(s->cmd->out, 1, "found %zu unreferenced roots", res.roots);
	if (res.roots)
		return save_snapshot(s, &res.tree, err);
	out_say(s->cmd->out, 1, "no snapshot to write.");
	return 0;
}

int cmd_recover(struct session *s, struct err *err)
{
	struct repair_index_options o = {.read_all = false};
	int rc = s->opts->args.n ? err_set(err, ERR_USAGE, "recover takes no arguments") : 0;

	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		out_say(s->cmd->out, 1, "ensuring index is complete");
	if (!rc)
		rc = repair_index(s, &o, err);
	if (!rc)
		rc = session_index(s, err);
	if (!rc)
		rc = session_snapshots(s, err);
	return rc ? rc : session_lost(s, recover(s, err), err);
}
