/* migrate: the repository's format is changed; there is one such change (docs/format.md 13.12). */
#include "base/fd.h"
#include "base/mem.h"
#include "cmd/session.h"
#include "engine/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UPGRADE "upgrade_repo_v2"

static void say_error(void *arg, const char *message)
{
	const struct session *s = arg;

	out_warn(s->cmd->out, "error: %s", message);
}

/* A damaged repository stays as it is. */
static int check(struct session *s, struct err *err)
{
	struct check_options o = {.read_data = false};
	struct check_events ev = {.error = say_error, .arg = s};
	struct check_result res;
	int rc;

	out_say(s->cmd->out, 1, "checking repository integrity...");
	rc = check_run(s->router, s->agree, s->open.repo, &s->env, &o, &ev, stop_flag(s->cmd->stop),
		&res, err);
	if (!rc && res.errors)
		rc = err_set(err, ERR_INVALID,
			"the repository contains errors, so it was not changed; a_backup check "
			"says what to do");
	check_result_release(&res);
	return rc;
}

/* Without its config nothing can be read, so the old one is kept until the new one is there.  *path
 * is owned. */
static int keep_config(struct session *s, char **path, struct err *err)
{
	const char *dir = s->cmd->env("TMPDIR");
	struct buf b;
	int fd, rc, e;

	*path = mem_printf("%s/a_backup-config-XXXXXX", dir && *dir ? dir : "/tmp");
	buf_init(&b, REPO_SMALL_MAX);
	rc = backend_get(s->open.be, BACKEND_CONFIG, NULL, &b, err);
	fd = rc ? -1 : mkostemp(*path, O_CLOEXEC);
	if (!rc && fd < 0)
		rc = err_sys(err, errno, "a copy of the config in %s", *path);
	if (fd >= 0) {
		e = fd_write(fd, b.p, b.len);
		if (!e && fsync(fd))
			e = errno;
		if (close(fd) && !e)
			e = errno;
		rc = e ? err_sys(err, e, "a copy of the config in %s", *path) : 0;
	}
	buf_release(&b);
	return rc;
}

static int upgrade(struct session *s, struct err *err)
{
	char *copy = NULL;
	int rc = check(s, err);

	if (!rc)
		rc = keep_config(s, &copy, err);
	if (!rc && s->open.lock)
		rc = lock_check(s->open.lock, err);
	if (!rc) {
		out_say(s->cmd->out, 1, "applying migration %s...", UPGRADE);
		rc = repo_upgrade(s->open.repo, err);
		if (rc)
			out_warn(s->cmd->out, "the config as it was is in %s", copy);
		else
			unlink(copy);
	}
	if (!rc)
		out_say(s->cmd->out, 1, "migration %s: success", UPGRADE);
	mem_free(copy);
	return rc;
}

static int apply(struct session *s, const char *name, struct err *err)
{
	if (strcmp(name, UPGRADE) != 0) {
		out_warn(s->cmd->out, "unknown migration %s", name);
		return 0;
	}
	if (s->open.repo->config.version == 1)
		return upgrade(s, err);
	out_warn(s->cmd->out,
		"migration %s cannot be applied: repository is already upgraded to version %u",
		name, s->open.repo->config.version);
	return 0;
}

int cmd_migrate(struct session *s, struct err *err)
{
	const struct strlist *args = &s->opts->args;
	int rc = session_open(s, err);

	if (!rc && !args->n) {
		out_say(s->cmd->out, 1, "available migrations:");
		out_say(s->cmd->out, 1, "%s",
			s->open.repo->config.version == 1 ? "  " UPGRADE
							    "\tupgrade a repository to version 2"
							  : "no migrations found");
	}
	for (size_t i = 0; i < args->n && !rc; i++)
		rc = session_lost(s, apply(s, args->s[i], err), err);
	return rc;
}
