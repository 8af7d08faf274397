/* Where the repository is, how it is opened and made, for struct session. */
#include "backend/open.h"
#include "base/mem.h"
#include "base/readall.h"
#include "cmd/allas_password.h"
#include "cmd/confirm.h"
#include "cmd/password_ask.h"
#include "cmd/session.h"
#include "repo/password.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCATION_FILE_MAX 65536u

/* The one line of a file, without blanks around it and a byte order mark before it. */
static int location_of_file(const char *path, char **out, struct err *err)
{
	char *what = mem_printf("--repository-file %s", path);
	const char *from;
	struct buf text;
	size_t n;
	int rc;

	buf_init(&text, LOCATION_FILE_MAX);
	rc = readall_file(path, &text, what, err);
	from = rc ? NULL : buf_str(&text);
	if (!rc && (!from || strlen(from) != text.len))
		rc = err_set(err, ERR_USAGE, "%s: this is no place of a repository", what);
	if (!rc) {
		if (!strncmp(from, "\xef\xbb\xbf", 3))
			from += 3;
		from += strspn(from, " \t\r\n");
		for (n = strlen(from); n && strchr(" \t\r\n", from[n - 1]);)
			n--;
		if (memchr(from, '\n', n) || memchr(from, '\r', n))
			rc = err_set(err, ERR_USAGE,
				"%s: there is more than one line in it; it must hold one place of "
				"a repository",
				what);
		else
			*out = mem_strndup(from, n);
	}
	buf_wipe(&text); /* it may hold a password */
	mem_free(what);
	return rc;
}

int session_place(struct session *s, bool from, char **out, struct err *err)
{
	const char *place = opt_str(s->opts, from ? OPT_FROM_REPO : OPT_REPO),
		   *file = opt_str(s->opts, from ? OPT_FROM_REPO_FILE : OPT_REPO_FILE);

	*out = NULL;
	if (!from) {
		int rc = allas_find(&s->allas, s->opts, s->cmd->env, s->cmd->env_project, err);

		if (rc)
			return rc;
		if (s->allas.used) {
			*out = mem_strdup(s->allas.place);
			return 0;
		}
	}
	if (place && file)
		return err_set(err, ERR_USAGE,
			"the repository is given twice, by --%srepo and by --%srepository-file (or "
			"their variables)",
			from ? "from-" : "", from ? "from-" : "");
	if (!place && !file && from)
		return err_set(err, ERR_USAGE, "--copy-chunker-params needs --from-repo PLACE");
	if (file) {
		int rc = location_of_file(file, out, err);

		if (rc)
			return rc;
	} else {
		*out = mem_strdup(place);
	}
	if (!**out) {
		mem_free(*out);
		*out = NULL;
		return err_set(err, ERR_USAGE,
			"the repository's place is empty; name one with -r PLACE or "
			"RESTIC_REPOSITORY");
	}
	return 0;
}

int session_backend(struct session *s, const char *location, struct backend **be, struct err *err)
{
	const char *(*env)(const char *name) = s->cmd->env;
	struct backend_options opt = {.connections = s->set.connections,
		.cacert = opt_str(s->opts, OPT_CACERT),
		.tls_client_cert = opt_str(s->opts, OPT_TLS_CERT),
		.insecure_tls = opt_flag(s->opts, OPT_INSECURE_TLS),
		.user_agent = opt_str(s->opts, OPT_USER_AGENT),
		.project = s->allas.project,
		.s3_region = s->set.s3_region,
		.s3_lookup = s->set.s3_lookup,
		.s3_list_v1 = s->set.s3_list_v1,
		.getenv = env,
		.keeper = be == &s->be ? &s->keeper : NULL};
	int rc;

	if (s->comm->rank != 0) {
		opt.tokens = tokens_source;
		opt.tokens_arg = s->tokens;
	}
	rc = backend_open(location, &opt, &s->env, be, err);
	if (!rc && be == &s->be && s->comm->rank == 0)
		tokens_serve(s->tokens, s->keeper);
	return rc;
}

/* Where the password of a location ends: at the @ before the host; NULL: it holds none.  A / or @
 * in it should have been encoded but may not be shown for that. */
static const char *password_end(const char *host, const char *colon)
{
	size_t n = strcspn(host, "/");
	const char *at = memrchr(host, '@', n);

	if (!at && colon < host + n &&
		strspn(colon + 1, "0123456789") != (size_t)(host + n - colon - 1) && *host != '[')
		at = strrchr(host, '@');
	return at && colon < at ? at : NULL;
}

char *session_place_text(const char *location)
{
	const char *host = strstr(location, "://"), *colon, *end;

	host = host ? host + 3 : location;
	colon = strchr(host, ':');
	if (!colon)
		return mem_strdup(location);
	/* Without a scheme it is no URL: names of containers and files may hold what they like. */
	end = host != location ? password_end(host, colon) : memchr(host, '@', strcspn(host, "/"));
	if (!end || colon > end)
		return mem_strdup(location);
	return mem_printf("%.*s:***%s", (int)(colon - location), location, end);
}

static void warn_of_readers(struct session *s, const char *file, mode_t mode)
{
	if (mode & (S_IRGRP | S_IROTH))
		out_warn(s->cmd->out,
			"warning: others may read the password in %s; to mend that: chmod 600 %s",
			file, file);
}

/*
 * A project's password lies in a file of its name.  Without one, a new repository gets a random
 * password and the file; an existing one may be another member's, made by CSC's command with the
 * password that everybody can guess.
 */
static int project_password(struct session *s, bool new_one, struct password_source *src,
	struct buf *out, struct err *err)
{
	const char *file = s->allas.password_file;
	struct stat st;
	char *guess;

	if (file && !stat(file, &st)) {
		warn_of_readers(s, file, st.st_mode);
		s->password_file = src->file = file;
		return password_get(src, out, err);
	}
	if (new_one && file) {
		int rc;

		s->password_file = file;
		rc = allas_password_new(file, s->env.rnd, out, err);
		if (rc != ERR_EXISTS)
			return rc;
		/* Another first backup has made it since we looked, for the same repository. */
		buf_wipe(out);
		src->file = file;
	}
	if (new_one)
		return password_get(src, out, err);
	guess = allas_default_password(&s->allas);
	out->max = SIZE_MAX / 2;
	buf_adds(out, guess);
	mem_free(guess);
	s->guessed = true;
	return 0;
}

int session_password(struct session *s, bool from, bool twice, struct buf *out, struct err *err)
{
	const struct opts *o = s->opts;
	bool ask_only = !from && (opt_flag(o, OPT_PASSWORD_ASK) || s->guessed);
	struct password_ask ask = {.fd_in = 0,
		.fd_out = 2,
		.question = from ? "password of the other repository"
				 : "password of the repository",
		.twice = twice};
	struct password_source src = {.prompt = password_ask, .arg = &ask};

	src.allow_empty = opt_flag(o, from ? OPT_FROM_NO_PASSWORD : OPT_NO_PASSWORD);
	if (!ask_only) {
		src.command = opt_str(o, from ? OPT_FROM_PASSWORD_COMMAND : OPT_PASSWORD_COMMAND);
		src.file = opt_str(o, from ? OPT_FROM_PASSWORD_FILE : OPT_PASSWORD_FILE);
		src.value = s->cmd->env(from ? "RESTIC_FROM_PASSWORD" : "RESTIC_PASSWORD");
		if (!from && s->allas.used && !src.command && !src.file &&
			!(src.value && *src.value) && !src.allow_empty)
			return project_password(s, twice, &src, out, err);
	}
	return password_get(&src, out, err);
}

static int open_with(struct session *s, struct err *err)
{
	struct buf pass;
	int rc;

	buf_init(&pass, 0); /* session_password gives it its maximum */
	rc = session_password(s, false, false, &pass, err);
	if (!rc) {
		stop_catch(s->cmd->stop);
		rc = repo_open(s->be, &s->env, pass.p, pass.len, opt_str(s->opts, OPT_KEY_HINT),
			&s->repo, err);
	}
	buf_wipe(&pass);
	return rc;
}

static int open_repository(struct session *s, struct err *err)
{
	int rc;

	err_clear(err);
	rc = open_with(s, err);
	if (rc == ERR_PASSWORD && s->guessed && isatty(STDIN_FILENO))
		rc = open_with(s, err);
	else if (rc == ERR_PASSWORD && s->guessed)
		err_set(err, ERR_PASSWORD,
			"there is no password for the repository at %s: %s does not exist; copy it "
			"from whoever made the first "
			"backup, "
			"or give the password (RESTIC_PASSWORD_FILE, -p FILE, -password)",
			s->location,
			s->allas.password_file ? s->allas.password_file : "~/.backup_passwd_*");
	return rc;
}

/* What was begun is finished by the same command that would make a new one.  What another run has
 * made since is opened. */
static int no_repository(struct session *s, struct err *err)
{
	char *place = session_place_text(s->location);
	enum repo_state state;
	struct err e = {0};
	int rc = repo_look(s->be, &state, &e);

	/* Who may not list may have been told so by name: that there is none is all that is known.
	 */
	if (rc && rc != ERR_DENIED)
		err_copy(err, &e);
	else if (!rc && state == REPO_THERE)
		open_repository(s, err);
	else if (!rc && state == REPO_LOST)
		err_set(err, ERR_NOREPO, "%s: %s; put a copy of its config back", place, e.msg);
	else if (!rc && state == REPO_BEGUN)
		err_set(err, ERR_NOREPO,
			"a repository was begun at %s and not finished: it has a key and no "
			"config; to finish it: a_backup %s%s%s",
			place,
			s->allas.used && s->allas.usual ? "add FILE"
			: s->allas.used                 ? "init with the same options"
							: "-r ",
			s->allas.used ? "" : place, s->allas.used ? "" : " init");
	else if (s->allas.used && s->allas.usual)
		err_set(err, ERR_NOREPO,
			"project %s has no backups at %s; the first is made by: a_backup add FILE",
			s->allas.label, place);
	else if (s->allas.used)
		err_set(err, ERR_NOREPO,
			"there is no repository at %s; to make one, write init and the same "
			"options",
			place);
	else
		err_set(err, ERR_NOREPO,
			"there is no repository at %s; to make one: a_backup -r %s init", place,
			place);
	mem_free(place);
	return err->code;
}

static int open_store(struct session *s, struct err *err)
{
	int rc = session_backend(s, s->location, &s->be, err);

	if (!rc)
		stop_add_backend(s->cmd->stop, s->be);
	return rc;
}

static void close_store(struct session *s)
{
	stop_drop_backend(s->cmd->stop, s->be);
	tokens_serve(s->tokens, NULL);
	backend_free(s->be);
	s->be = NULL;
	s->keeper = NULL;
}

int session_store(struct session *s, struct err *err)
{
	int rc = session_start(s, err);

	if (!rc)
		rc = session_place(s, false, &s->location, err);
	return rc ? rc : open_store(s, err);
}

int session_probe(struct session *s, struct err *err)
{
	struct backend *other = NULL;
	struct err e = {0};
	int rc = repo_probe(s->be, err);

	if (rc != ERR_NOREPO || !s->allas.used)
		return rc;
	rc = session_backend(s, s->allas.other, &other, &e);
	if (!rc)
		rc = repo_probe(other, &e);
	backend_free(other);
	/* A bucket that may not be looked into is somebody else's. */
	if (rc == ERR_NOREPO || rc == ERR_DENIED)
		return ERR_NOREPO;
	if (rc)
		return err_copy(err, &e);
	close_store(s);
	mem_free(s->location);
	s->location = mem_strdup(s->allas.other);
	out_say(s->cmd->out, 1, "the repository is at %s, where the other protocol made it",
		s->location);
	return open_store(s, err);
}

/* made: else another run has done it at the same moment, and this one goes on with that repository.
 */
static void say_made(struct session *s, bool made)
{
	char *place = session_place_text(s->location);
	struct json_out j;
	struct buf b;

	if (out_json(s->cmd->out)) {
		buf_init(&b, SIZE_MAX / 2);
		out_message(&j, &b, "initialized");
		json_key(&j, "id");
		json_id(&j, &s->repo->config.id);
		json_key(&j, "repository");
		json_str(&j, place);
		json_object_end(&j);
		out_line(s->cmd->out, &b);
		buf_release(&b);
	} else if (!made) {
		out_say(s->cmd->out, 1,
			"another run has just made repository %.10s at %s, with the same password: "
			"going on with that one",
			id_hex(&s->repo->config.id).s, place);
	} else {
		out_say(s->cmd->out, 1, "created repository %.10s at %s",
			id_hex(&s->repo->config.id).s, place);
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

/* Of another run's repository: is it what was asked for? */
static int same_kind(const struct session *s, unsigned version, uint64_t polynomial,
	struct err *err)
{
	const struct config *c = &s->repo->config;

	if (c->version == version && (!polynomial || c->polynomial == polynomial))
		return 0;
	return err_set(err, ERR_EXISTS,
		"another run has just made a repository there, of version %u%s", c->version,
		c->version == version ? " and with other chunker parameters" : "");
}

int session_create(struct session *s, unsigned version, uint64_t polynomial, struct err *err)
{
	struct repo_spec what = {.version = version,
		.polynomial = polynomial,
		.who = {.username = s->username, .hostname = s->hostname},
		.stop = stop_flag(s->cmd->stop)};
	struct buf pass;
	bool made = false;
	int rc;

	buf_init(&pass, 0); /* session_password gives it its maximum */
	rc = session_password(s, false, true, &pass, err);
	if (!rc) {
		stop_catch(s->cmd->stop);
		rc = repo_create(s->be, &s->env, &what, pass.p, pass.len, &s->repo, &made, err);
	}
	buf_wipe(&pass);
	if (rc == ERR_PASSWORD && s->password_file) {
		struct err lost = *err;

		err_set(err, rc,
			"%.700s; whoever started that run has the right one: put it into %s",
			lost.msg, s->password_file);
	}
	if (!rc && !made)
		rc = same_kind(s, version, polynomial, err);
	if (rc) {
		char *place = session_place_text(s->location);

		err_prefix(err, "create a repository at %s", place);
		mem_free(place);
		return rc;
	}
	say_made(s, made);
	return 0;
}

/* There is none: `add` may make a project's.  ERR_NOREPO otherwise. */
static int make_or_not(struct session *s, struct err *err)
{
	char *question;
	bool yes = s->allas.usual;

	if (!s->allas.used || !s->opts->verb->makes_repo || opt_flag(s->opts, OPT_DRY_RUN))
		return no_repository(s, err);
	if (!yes) {
		question = mem_printf("There is no repository at %s. Make one?", s->location);
		yes = confirm(STDIN_FILENO, STDERR_FILENO, question);
		mem_free(question);
	}
	return yes ? session_create(s, 2, 0, err) : no_repository(s, err);
}

int session_repo(struct session *s, struct err *err)
{
	int rc = session_probe(s, err);

	if (rc == ERR_NOREPO)
		rc = make_or_not(s, err);
	else if (!rc)
		rc = open_repository(s, err);
	if (!rc)
		session_repo_settings(s);
	return rc;
}

void session_repo_settings(struct session *s)
{
	s->repo->verify = !opt_flag(s->opts, OPT_NO_VERIFY);
	s->repo->level = s->set.level;
	s->repo->compress_data = s->set.compress_data;
}
