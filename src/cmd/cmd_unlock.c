/* unlock: removes the locks that a crashed program left (docs/format.md 12). */
#include "cmd/session.h"
#include "repo/strays.h"

/* A writer that was killed may have left more than its lock, where files are written under
 * temporary names. */
static int tell_temps(struct session *s, struct err *err)
{
	struct strays all = {0};
	struct buf b;
	int rc = 0;

	for (int t = 0; t < BACKEND_TYPES && !rc && s->open.be->temps; t++)
		rc = strays_find(&all, s->open.be, (enum backend_type)t, err);
	buf_init(&b, SIZE_MAX / 2);
	strays_temps(&all, &b);
	if (!rc && b.len)
		out_say(s->cmd->out, 1, "%s", buf_str(&b));
	buf_release(&b);
	strays_release(&all);
	return rc;
}

int cmd_unlock(struct session *s, struct err *err)
{
	size_t removed = 0;
	int rc = 0;

	if (s->opts->args.n)
		rc = err_set(err, ERR_USAGE,
			"unlock takes no arguments; the repository is named by -r");
	if (!rc)
		rc = session_open(s, err);
	if (!rc) {
		struct lock_owner who = session_owner(s);

		rc = lock_unlock(s->open.repo, &who, opt_flag(s->opts, OPT_REMOVE_ALL), &removed,
			err);
	}
	if (!rc && removed)
		out_say(s->cmd->out, 1, "successfully removed %zu locks", removed);
	return rc ? rc : tell_temps(s, err);
}
