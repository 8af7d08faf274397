/* unlock: removes the locks that a crashed program left (restic-format.md 12). */
#include "cmd/session.h"

int cmd_unlock(struct session *s, struct err *err)
{
	size_t removed = 0;
	int rc = 0;

	if (s->opts->args.n)
		rc = err_set(err, ERR_USAGE, "unlock takes no arguments; the repository is named by -r");
	if (!rc)
		rc = session_open(s, SESSION_NO_LOCK, err);
	if (!rc) {
		struct lock_owner who = session_owner(s);

		rc = lock_unlock(s->repo, &who, opt_flag(s->opts, OPT_REMOVE_ALL), &removed, err);
	}
	if (!rc && removed)
		out_say(s->cmd->out, 1, "successfully removed %zu locks", removed);
	return rc;
}
