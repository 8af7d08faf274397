/* How the repository is opened, and what its opening asks and tells, for struct session. */
#include "backend/location.h"
#include "base/mem.h"
#include "cmd/confirm.h"
#include "cmd/human.h"
#include "cmd/session.h"
#include <unistd.h>

/* ---- what an opening asks and tells ---- */

static int ask_password(void *arg, const struct err *wrong, struct buf *out, struct err *err)
{
	struct session *s = arg;
	int rc;

	if (wrong && (!s->guessed || s->asked))
		return err_copy(err, wrong);
	if (wrong && !isatty(STDIN_FILENO))
		return err_set(err, ERR_PASSWORD,
			"there is no password for the repository at %s: %s does not exist; copy it "
			"from whoever made the first backup, "
			"or give the password (RESTIC_PASSWORD_FILE, -p FILE, -password)",
			s->open.place,
			s->allas.password_file ? s->allas.password_file : "~/.backup_passwd_*");
	s->asked = wrong != NULL;
	rc = session_password(s, false, false, out, err);
	if (!rc)
		stop_catch(s->cmd->stop);
	return rc;
}

static int ask_new_password(void *arg, struct buf *out, struct err *err)
{
	struct session *s = arg;
	int rc = session_password(s, false, true, out, err);

	if (!rc)
		stop_catch(s->cmd->stop);
	s->new_one = !rc;
	return rc;
}

/* There is none: a command such as `add` may make a project's. */
static bool ask_make(void *arg)
{
	struct session *s = arg;
	char *question;
	bool yes;

	if (!s->allas.used || !s->opts->verb->makes_repo || opt_flag(s->opts, OPT_DRY_RUN))
		return false;
	if (s->allas.usual)
		return true;
	question = mem_printf("There is no repository at %s. Make one?", s->open.place);
	yes = confirm(STDIN_FILENO, STDERR_FILENO, question);
	mem_free(question);
	return yes;
}

static void say_moved(void *arg)
{
	const struct session *s = arg;

	out_say(s->cmd->out, 1, "the repository is at %s, where the other protocol made it",
		s->open.place);
}

/* made: else another run has done it at the same moment, and this one goes on with that repository.
 */
static void say_made(void *arg, bool made)
{
	struct session *s = arg;
	char *place = location_text(s->open.place);
	struct json_out j;
	struct buf b;

	if (out_json(s->cmd->out)) {
		buf_init(&b, SIZE_MAX / 2);
		out_message(&j, &b, "initialized");
		json_key(&j, "id");
		json_id(&j, &s->open.repo->config.id);
		json_key(&j, "repository");
		json_str(&j, place);
		json_object_end(&j);
		out_line(s->cmd->out, &b);
		buf_release(&b);
	} else if (!made) {
		out_say(s->cmd->out, 1,
			"another run has just made repository %.10s at %s, with the same password: "
			"going on with that one",
			id_hex(&s->open.repo->config.id).s, place);
	} else {
		out_say(s->cmd->out, 1, "created repository %.10s at %s",
			id_hex(&s->open.repo->config.id).s, place);
		out_say(s->cmd->out, 1, "%s", "");
		out_say(s->cmd->out, 1,
			"Keep the password safe%s%s: without it nobody can read what the "
			"repository holds.",
			s->password_file ? ", also outside of this machine; it is in " : "",
			s->password_file ? s->password_file : "");
	}
	/* A password that nobody has ever seen: not to be kept from who asked for silence. */
	if (s->password_file && (out_json(s->cmd->out) || out_verbosity(s->cmd->out) < 1))
		out_warn(s->cmd->out,
			"the password of the new repository is in %s: keep a copy outside of this "
			"machine",
			s->password_file);
	mem_free(place);
}

static void on_opened(void *arg, struct backend *be)
{
	struct session *s = arg;

	stop_add_backend(s->cmd->stop, be);
	if (s->comm->rank == 0)
		tokens_serve(s->tokens, s->open.keeper);
}

static void on_closing(void *arg, struct backend *be)
{
	struct session *s = arg;

	stop_drop_backend(s->cmd->stop, be);
	tokens_serve(s->tokens, NULL);
}

static bool wait_for_lock(void *arg, const struct err *held, int64_t left_ns, int64_t pause_ns)
{
	struct session *s = arg;

	out_say(s->cmd->out, 1, "%s; trying again for %s", held->msg,
		human_duration((uint64_t)(left_ns / 1000000000)).s);
	return stop_sleep(s->cmd->stop, pause_ns);
}

/* ---- the steps ---- */

int session_backend(struct session *s, struct err *err)
{
	struct opening_options opt = {.place = s->location,
		.other = s->allas.used ? s->allas.other : NULL,
		.key_hint = opt_str(s->opts, OPT_KEY_HINT),
		.spec = {.version = 2,
			.who = {.username = s->username, .hostname = s->hostname},
			.stop = stop_flag(s->cmd->stop)},
		.who = session_owner(s),
		.lock_wait_ns = s->set.retry_ns,
		.calls = {.password = ask_password,
			.new_password = ask_new_password,
			.make = ask_make,
			.made = say_made,
			.moved = say_moved,
			.opened = on_opened,
			.closing = on_closing,
			.wait = wait_for_lock,
			.lost = session_lock_lost,
			.arg = s}};

	session_store_options(s, &opt.store);
	opening_init(&s->open, &opt, &s->env);
	return opening_store(&s->open, err);
}

int session_store(struct session *s, struct err *err)
{
	int rc = session_start(s, err);

	if (!rc)
		rc = session_place(s, false, &s->location, err);
	return rc ? rc : session_backend(s, err);
}

/* Of a new repository, but another run has made it with another password. */
static int advise_on_password(const struct session *s, int rc, struct err *err)
{
	struct err what = *err;

	if (rc != ERR_PASSWORD || !s->new_one || !s->password_file)
		return rc;
	return err_set(err, rc,
		"%.700s; whoever started that run has the right one: put it into %s", what.msg,
		s->password_file);
}

int session_create(struct session *s, unsigned version, uint64_t polynomial, struct err *err)
{
	s->open.opt.spec.version = version;
	s->open.opt.spec.polynomial = polynomial;
	return advise_on_password(s, opening_make(&s->open, err), err);
}

/* What was begun is finished by the same command that would make a new one. */
static int advise_on_none(const struct session *s, struct err *err)
{
	char *place = location_text(s->open.place);
	struct err what = *err;

	if (s->open.found == REPO_BEGUN)
		err_set(err, ERR_NOREPO, "%s; to finish it: a_backup %s%s%s", what.msg,
			s->allas.used && s->allas.usual ? "add FILE"
			: s->allas.used                 ? "init with the same options"
							: "-r ",
			s->allas.used ? "" : place, s->allas.used ? "" : " init");
	else if (s->open.found == REPO_NONE && s->allas.used && s->allas.usual)
		err_set(err, ERR_NOREPO,
			"project %s has no backups at %s; the first is made by: a_backup add FILE",
			s->allas.label, place);
	else if (s->open.found == REPO_NONE && s->allas.used)
		err_set(err, ERR_NOREPO, "%s; to make one, write init and the same options",
			what.msg);
	else if (s->open.found == REPO_NONE)
		err_set(err, ERR_NOREPO, "%s; to make one: a_backup -r %s init", what.msg, place);
	mem_free(place);
	return ERR_NOREPO;
}

void session_repo_settings(struct session *s)
{
	s->open.repo->verify = !opt_flag(s->opts, OPT_NO_VERIFY);
	s->open.repo->level = s->set.level;
	s->open.repo->compress_data = s->set.compress_data;
}

/* What is only read may be read without a lock, and what changes nothing needs none. */
static enum verb_lock lock_wanted(const struct session *s)
{
	const struct verb_def *v = s->opts->verb;

	bool dry = v->changes && opt_flag(s->opts, OPT_DRY_RUN),
	     without = opt_flag(s->opts, OPT_NO_LOCK);

	if (v->dry_locks)
		dry = dry && without;
	if (dry || (!v->changes && without))
		return VERB_NO_LOCK;
	return s->exclusive ? VERB_EXCLUSIVE : v->lock;
}

static const char *lock_advice(bool changes, int rc)
{
	if (rc == ERR_LOCKED)
		return "a_backup unlock removes stale locks, --retry-lock 5m waits";
	if (rc == ERR_DENIED)
		return changes ? "who changes a repository needs the right to write and to remove "
				 "there: keys, a directory or a server that may only be read, or "
				 "only be written, are not enough"
			       : "the lock needs the right to write there: --no-lock reads "
				 "without one";
	return changes ? "free space there, ask for a larger quota or use another place: -b NAME, "
			 "-r PLACE"
		       : "a lock needs room too: --no-lock reads without one";
}

static int take_lock(struct session *s, bool exclusive, struct err *err)
{
	int rc = opening_lock(&s->open, exclusive, err);

	if (rc == ERR_LOCKED || rc == ERR_NOSPACE || rc == ERR_DENIED) {
		struct err what = *err;

		err_set(err, rc, "%.900s (%s)", what.msg, lock_advice(s->opts->verb->changes, rc));
	}
	return rc;
}

static void say_opened(const struct session *s)
{
	const struct config *c = &s->open.repo->config;
	const char *level = opt_str(s->opts, OPT_COMPRESSION);

	if (out_terminal(s->cmd->out))
		out_say(s->cmd->out, 1, "repository %.8s opened (version %u%s%s)", id_hex(&c->id).s,
			c->version, c->version > 1 ? ", compression level " : "",
			c->version < 2 ? ""
			: level        ? level
				       : "auto");
}

int session_open(struct session *s, struct err *err)
{
	enum verb_lock lock = lock_wanted(s);
	int rc = session_store(s, err);

	if (rc)
		return rc;
	rc = advise_on_password(s, opening_repo(&s->open, err), err);
	if (rc == ERR_NOREPO)
		rc = advise_on_none(s, err);
	if (rc)
		return rc;
	session_repo_settings(s);
	say_opened(s);
	return lock == VERB_NO_LOCK ? 0 : take_lock(s, lock == VERB_EXCLUSIVE, err);
}
