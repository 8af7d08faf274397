/* repair index: an index made anew of what the packs hold (docs/format.md 13.12). */
#include "cmd/repair.h"

int cmd_repair_index(struct session *s, struct err *err)
{
	struct repair_index_options o = {.read_all = opt_flag(s->opts, OPT_READ_ALL_PACKS)};
	int rc = s->opts->args.n ? err_set(err, ERR_USAGE, "repair index takes no arguments") : 0;

	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = repair_index(s, &o, err);
	if (!rc)
		out_say(s->cmd->out, 1, "done");
	return rc;
}
