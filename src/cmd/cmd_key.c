/* key list, add, remove, passwd: the passwords that open the repository (docs/format.md 2.2,
 * 13.12). */
#include "base/mem.h"
#include "cmd/allas_password.h"
#include "cmd/confirm.h"
#include "cmd/human.h"
#include "cmd/session.h"
#include "cmd/timearg.h"
#include "repo/keys.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- list ---- */

struct listing {
	struct session *s;
	struct table *t; /* NULL: JSON */
	struct json_out j;
	struct buf cell;
};

static void add_cell(struct listing *l, const char *text)
{
	buf_reset(&l->cell);
	out_path(l->s->cmd->out, &l->cell, text, strlen(text));
	table_cell(l->t, buf_str(&l->cell));
}

static int add_key(void *arg, const struct id *id, const struct keyfile *k, const struct err *e)
{
	struct listing *l = arg;
	bool current = id_equal(id, &l->s->open.repo->key_id);

	if (!k) {
		out_warn(l->s->cmd->out, "error: key %s: %s", id_hex(id).s, e->msg);
		return 0;
	}
	if (l->t) {
		char *name = mem_printf("%c%s", current ? '*' : ' ', id_short(id).s);

		table_cell(l->t, name);
		add_cell(l, k->username);
		add_cell(l, k->hostname);
		table_cell(l->t, timearg_text(&k->created, l->s->zone).s);
		mem_free(name);
		return 0;
	}
	json_object(&l->j);
	json_key(&l->j, "current");
	json_boolean(&l->j, current);
	json_key(&l->j, "id");
	json_id(&l->j, id);
	json_key(&l->j, "userName");
	json_str(&l->j, k->username);
	json_key(&l->j, "hostName");
	json_str(&l->j, k->hostname);
	json_key(&l->j, "created");
	json_str(&l->j, timearg_text(&k->created, l->s->zone).s);
	json_object_end(&l->j);
	return 0;
}

static int no_args(const struct session *s, struct err *err)
{
	return s->opts->args.n ? err_set(err, ERR_USAGE, "%s takes no arguments, only options",
					 s->opts->verb->name)
			       : 0;
}

int cmd_key_list(struct session *s, struct err *err)
{
	static const char *const heads[] = {" ID", "User", "Host", "Created"};
	struct listing l = {.s = s};
	struct buf text;
	int rc = no_args(s, err);

	buf_init(&text, SIZE_MAX / 2);
	buf_init(&l.cell, SIZE_MAX / 2);
	if (!rc)
		rc = session_open(s, err);
	if (!rc && out_json(s->cmd->out)) {
		json_out_init(&l.j, &text);
		json_array(&l.j);
		rc = keys_each(s->open.repo, add_key, &l, err);
		json_array_end(&l.j);
	} else if (!rc) {
		l.t = table_new(heads, sizeof(heads) / sizeof(heads[0]));
		rc = keys_each(s->open.repo, add_key, &l, err);
		table_write(l.t, &text);
		table_free(l.t);
		text.len -= text.len > 0; /* out_line ends it */
	}
	if (!rc)
		out_line(s->cmd->out, &text);
	buf_release(&l.cell);
	buf_release(&text);
	return rc;
}

/* ---- add, remove ---- */

static int add(struct session *s, const struct buf *password, struct id *id, struct err *err)
{
	const char *user = opt_str(s->opts, OPT_USER), *host = opt_str(s->opts, OPT_HOST);
	struct repo_owner who = {.username = user && *user ? user : s->username,
		.hostname = host && *host ? host : s->hostname};

	if (session_stopped(s))
		return err_set(err, ERR_CANCELLED, "interrupted");
	return keys_add(s->open.repo, &who, NULL, password->p, password->len, id, err);
}

int cmd_key_add(struct session *s, struct err *err)
{
	struct buf password = {0};
	struct id id;
	int rc = no_args(s, err);

	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = session_new_password(s, &password, err);
	if (!rc)
		rc = session_lost(s, add(s, &password, &id, err), err);
	buf_wipe(&password);
	if (!rc)
		out_say(s->cmd->out, 1, "saved new key with ID %s", id_hex(&id).s);
	return rc;
}

/* The lock is looked at again: whoever has broken it may be at work on the keys too. */
static int still_locked(struct session *s, struct err *err)
{
	int rc = s->open.lock ? lock_check(s->open.lock, err) : 0;

	return rc == ERR_NOTFOUND ? session_lost(s, rc, err) : rc;
}

int cmd_key_remove(struct session *s, struct err *err)
{
	struct id id;
	int rc = 0;

	if (s->opts->args.n != 1)
		rc = err_set(err, ERR_USAGE,
			"which key? a_backup key list shows them; then: a_backup key remove ID");
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = repo_prefix(s->open.repo, BACKEND_KEY, s->opts->args.s[0], &id, err);
	if (!rc)
		rc = still_locked(s, err);
	if (!rc)
		rc = session_lost(s, keys_remove(s->open.repo, &id, err), err);
	if (!rc)
		out_say(s->cmd->out, 1, "removed key %s", id_hex(&id).s);
	return rc;
}

/* ---- passwd ---- */

/* passwd: the file that the project's password was found in, or is to be found in by the next run.
 */
static const char *project_file(const struct session *s)
{
	if (s->password_file)
		return s->password_file;
	return s->guessed && !s->asked ? s->allas.password_file : NULL;
}

static void say_what_comes(const struct session *s, const char *file)
{
	struct out *o = s->cmd->out;

	out_say(o, 1,
		"The key in use, %s, is replaced: from then on the repository is opened with the "
		"new password only, or with another key's.",
		id_short(&s->open.repo->key_id).s);
	if (file)
		out_say(o, 1,
			"The new password will be in %s. Files of other members with the old one "
			"stop working, wherever they are: give them the new one.",
			file);
	out_say(o, 1,
		"To let both passwords work for a time, end this and write now: a_backup key add, "
		"and later: a_backup key remove %s",
		id_short(&s->open.repo->key_id).s);
	out_say(o, 1,
		"Whoever has copied the old key file and knows its password can still read all "
		"that this repository holds, now and later; only a copy into a new repository ends "
		"that.");
}

static bool may_go_on(const char *file)
{
	return !file || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) ||
	       confirm(STDIN_FILENO, STDERR_FILENO, "Change the password now?");
}

/* One for the project's file needs nobody who remembers it. */
static int get_new(struct session *s, const char *file, struct buf *password, struct err *err)
{
	const struct opts *o = s->opts;

	if (!file || opt_str(o, OPT_NEW_PASSWORD_FILE) || opt_flag(o, OPT_NEW_NO_PASSWORD))
		return session_new_password(s, password, err);
	allas_password_draw(s->env.rnd, password);
	return 0;
}

/*
 * The order in which a crash leaves one password that works and stands in the file: the new key is
 * there and proven, then the file, then the old key goes.
 */
static int change(struct session *s, const char *file, const struct buf *password, struct err *err)
{
	struct repo *r = s->open.repo;
	struct id old = r->key_id, id;
	struct err gone = {0}, what;
	bool replaced = false;
	int rc = add(s, password, &id, err);

	if (rc)
		return rc;
	if (file)
		rc = allas_password_replace(file, password, &replaced, err);
	if (rc && !replaced) {
		if (keys_remove(r, &id, &gone))
			out_warn(s->cmd->out, "warning: the new key stays, unused: %s", gone.msg);
		return rc;
	}
	if (!rc)
		rc = still_locked(s, err);
	if (!rc)
		rc = keys_replace(r, &id, err);
	if (!rc) {
		out_say(s->cmd->out, 1, "saved new key as %s", id_hex(&id).s);
		return 0;
	}
	what = *err;
	return err_set(err, rc,
		"the new password works (key %s), and so does the old one still: %.500s; to end "
		"that: a_backup key remove %s",
		id_short(&id).s, what.msg, id_short(&old).s);
}

int cmd_key_passwd(struct session *s, struct err *err)
{
	struct buf password = {0};
	const char *other = opt_str(s->opts, OPT_PASSWORD_FILE), *link;
	char *file = NULL;
	int rc = no_args(s, err);

	if (!rc)
		rc = session_open(s, err);
	if (rc)
		return rc;
	link = project_file(s);
	/* A link stays one. */
	if (link) {
		char *real = realpath(link, NULL);

		file = mem_strdup(real ? real : link);
		free(real);
	}
	say_what_comes(s, file);
	if (!may_go_on(file))
		rc = err_set(err, ERR_CANCELLED, "nothing was changed");
	if (!rc)
		rc = get_new(s, file, &password, err);
	if (!rc)
		rc = session_lost(s, change(s, file, &password, err), err);
	if (!rc && !file && other && *other)
		out_say(s->cmd->out, 1, "%s still holds the old password", other);
	buf_wipe(&password);
	mem_free(file);
	return rc;
}
