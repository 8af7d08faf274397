/* Where the repository is, and which password opens it, for struct session. */
#include "base/mem.h"
#include "base/readall.h"
#include "cmd/allas_password.h"
#include "cmd/password_ask.h"
#include "cmd/session.h"
#include "repo/password.h"
#include <string.h>
#include <sys/stat.h>

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

void session_store_options(const struct session *s, struct backend_options *opt)
{
	*opt = (struct backend_options){.connections = s->set.connections,
		.cacert = opt_str(s->opts, OPT_CACERT),
		.tls_client_cert = opt_str(s->opts, OPT_TLS_CERT),
		.insecure_tls = opt_flag(s->opts, OPT_INSECURE_TLS),
		.user_agent = opt_str(s->opts, OPT_USER_AGENT),
		.project = s->allas.project,
		.s3_region = s->set.s3_region,
		.s3_lookup = s->set.s3_lookup,
		.s3_list_v1 = s->set.s3_list_v1,
		.getenv = s->cmd->env};
	if (s->comm->rank != 0) {
		opt->tokens = tokens_source;
		opt->tokens_arg = s->tokens;
	}
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

int session_new_password(struct session *s, struct buf *out, struct err *err)
{
	struct password_ask ask = {.fd_in = 0,
		.fd_out = 2,
		.question = "the new password",
		.twice = true};
	struct password_source src = {.file = opt_str(s->opts, OPT_NEW_PASSWORD_FILE),
		.allow_empty = opt_flag(s->opts, OPT_NEW_NO_PASSWORD),
		.prompt = password_ask,
		.arg = &ask};

	return password_get(&src, out, err);
}
