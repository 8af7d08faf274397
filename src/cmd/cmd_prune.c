/* prune: removes what no snapshot needs (docs/format.md 14). */
#include "base/mem.h"
#include "cmd/prune.h"
#include "cmd/together.h"
#include "repo/strays.h"

/* The same on all ranks. */
static int read_options(const struct session *s, struct prune_options *o, struct err *err)
{
	if (s->opts->args.n)
		return err_set(err, ERR_USAGE,
			"prune takes no arguments; the repository is named by -r, and what is "
			"pruned is what no snapshot needs");
	return prune_read(s, o, err);
}

int cmd_prune_follow(struct session *s, struct wire_in *orders, struct err *err)
{
	struct prune_options o = {0};
	int rc;

	err_clear(err);
	if (!together_get(s, orders, NULL, err))
		read_options(s, &o, err);
	rc = together_join(s, err);
	return rc ? rc : prune_follow(s, &o, err);
}

static void send_order(struct session *s)
{
	char *cwd = session_cwd(s);
	struct buf b;

	buf_init(&b, TOGETHER_MAX);
	together_put(s, cwd ? cwd : "/", &b);
	together_send(s, &b);
	mem_free(cwd);
}

int cmd_prune(struct session *s, struct err *err)
{
	struct prune_options o;
	int rc = read_options(s, &o, err);

	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = strays_refuse(s->open.be, err);
	if (rc)
		return rc;
	if (s->comm->size > 1)
		send_order(s);
	rc = together_join(s, err);
	return rc ? rc : prune_session(s, &o, NULL, 0, err);
}
