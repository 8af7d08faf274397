#include "cmd/session.h"
#include "base/mem.h"
#include "cmd/human.h"
#include "cmd/password_ask.h"
#include "repo/password.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCATION_FILE_MAX 65536u
#define TOKEN_MARGIN_S    300       /* before a token's end, or a quarter of its life: to store what is under way and remove the lock */
#define TOKEN_FAR         100000000 /* seconds; nobody waits so long */

static char *own_hostname(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)))
		return mem_strdup("localhost");
	name[sizeof(name) - 1] = 0;
	return mem_strdup(name);
}

static char *own_username(void)
{
	struct passwd pw, *found = NULL;
	char room[16384];

	if (getpwuid_r(getuid(), &pw, room, sizeof(room), &found) || !found)
		return mem_strdup("");
	return mem_strdup(found->pw_name);
}

void session_init(struct session *s, struct cmd *cmd, struct comm *comm)
{
	*s = (struct session){.cmd = cmd, .opts = &cmd->opts, .comm = comm};
	pthread_mutex_init(&s->lost_lock, NULL);
	s->zone = zone_new(cmd->env("TZ"));
	s->env.clock = clock_real();
	s->env.rnd = rnd_real();
	s->env.zone = s->zone;
	s->env.log = out_log(cmd->out);
	s->env.loop = loop_new();
	stop_add_loop(cmd->stop, s->env.loop);
	s->router = router_new(comm, &s->env);
	s->agree = agree_new(s->router);
	s->tokens = tokens_new(s->router);
	s->hostname = own_hostname();
	s->username = own_username();
}

void session_release(struct session *s)
{
	loader_free(s->loader);
	claim_free(s->claim);
	catalog_free(s->catalog);
	snapshots_release(&s->snaps);
	lock_release(s->lock);
	repo_close(s->repo);
	if (s->be)
		stop_drop_backend(s->cmd->stop, s->be);
	jobs_free(s->env.readers);
	jobs_free(s->env.cpu);
	loop_cancel(s->env.loop, &s->token_ends);
	loop_run(s->env.loop);
	tokens_stop(s->tokens);
	backend_free(s->be);
	loop_run(s->env.loop);
	tokens_free(s->tokens);
	budget_free(s->env.budget);
	agree_free(s->agree);
	router_free(s->router);
	stop_drop_loop(s->cmd->stop, s->env.loop);
	loop_free(s->env.loop);
	zone_free(s->zone);
	if (s->location)
		mem_wipe(s->location, strlen(s->location));
	mem_free(s->location);
	opts_release(&s->received);
	mem_free(s->hostname);
	mem_free(s->username);
	pthread_mutex_destroy(&s->lost_lock);
}

int session_threads(struct session *s, struct err *err)
{
	int rc;

	if (s->env.cpu)
		return 0;
	rc = settings_read(&s->set, s->opts, s->cmd->env, s->cmd->ranks, err);
	if (rc)
		return rc;
	s->env.cpu = jobs_new(s->set.workers, s->env.loop, "cpu");
	s->env.readers = jobs_new(s->set.readers, s->env.loop, "read");
	s->env.budget = budget_new(s->set.budget);
	return 0;
}

/* The one line of a file, without blanks around it and a byte order mark before it. */
static int location_of_file(const char *path, char **out, struct err *err)
{
	char *text = mem_zalloc(LOCATION_FILE_MAX + 1), *from = text;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	ssize_t n = -1;

	if (fd >= 0)
		n = read(fd, text, LOCATION_FILE_MAX);
	if (n < 0) {
		rc = err_sys(err, errno, "--repository-file %s", path);
	} else {
		if (!strncmp(from, "\xef\xbb\xbf", 3))
			from += 3;
		from += strspn(from, " \t\r\n");
		for (size_t k = strlen(from); k && strchr(" \t\r\n", from[k - 1]); k--)
			from[k - 1] = 0;
		*out = mem_strdup(from);
	}
	if (fd >= 0)
		close(fd);
	mem_free(text);
	return rc;
}

int session_place(struct session *s, bool from, char **out, struct err *err)
{
	const char *place = opt_str(s->opts, from ? OPT_FROM_REPO : OPT_REPO),
		   *file = opt_str(s->opts, from ? OPT_FROM_REPO_FILE : OPT_REPO_FILE);

	*out = NULL;
	if (place && file)
		return err_set(err, ERR_USAGE, "the repository is given twice, by --%srepo and by --%srepository-file (or their variables)",
			from ? "from-" : "", from ? "from-" : "");
	if (!place && !file && from)
		return err_set(err, ERR_USAGE, "--copy-chunker-params needs --from-repo PLACE");
	if (!place && !file)
		return err_set(err, ERR_USAGE,
			"no repository is given; name one with -r PLACE or RESTIC_REPOSITORY, for instance: a_backup -r /path/of/repo list "
			"(a new one: init)");
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
		return err_set(err, ERR_USAGE, "the repository's place is empty; name one with -r PLACE or RESTIC_REPOSITORY");
	}
	return 0;
}

int session_backend(struct session *s, const char *location, struct backend **be, struct err *err)
{
	const char *(*env)(const char *name) = s->cmd->env;
	struct backend_options opt = {.connections = s->set.connections,
		.cacert = env("RESTIC_CACERT"),
		.tls_client_cert = env("RESTIC_TLS_CLIENT_CERT"),
		.user_agent = env("RESTIC_HTTP_USER_AGENT"),
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

char *session_place_text(const char *location)
{
	const char *host = strstr(location, "://"), *at, *colon;

	host = host ? host + 3 : location;
	at = host + strcspn(host, "/@");
	colon = memchr(host, ':', (size_t)(at - host));
	if (*at != '@' || !colon)
		return mem_strdup(location);
	return mem_printf("%.*s:***%s", (int)(colon - location), location, at);
}

int session_password(struct session *s, bool from, bool twice, struct buf *out, struct err *err)
{
	const struct opts *o = s->opts;
	bool ask_only = !from && opt_flag(o, OPT_PASSWORD_ASK);
	struct password_ask ask = {.fd_in = 0,
		.fd_out = 2,
		.question = from ? "password of the other repository" : "password of the repository",
		.twice = twice};
	struct password_source src = {.prompt = password_ask, .arg = &ask};

	src.allow_empty = opt_flag(o, from ? OPT_FROM_NO_PASSWORD : OPT_NO_PASSWORD);
	if (!ask_only) {
		src.command = opt_str(o, from ? OPT_FROM_PASSWORD_COMMAND : OPT_PASSWORD_COMMAND);
		src.file = opt_str(o, from ? OPT_FROM_PASSWORD_FILE : OPT_PASSWORD_FILE);
		src.value = s->cmd->env(from ? "RESTIC_FROM_PASSWORD" : "RESTIC_PASSWORD");
	}
	return password_get(&src, out, err);
}

static int no_repository(struct session *s, struct err *err)
{
	char *place = session_place_text(s->location);

	err_set(err, ERR_NOREPO, "there is no repository at %s; to make one: a_backup -r %s init", place, place);
	mem_free(place);
	return ERR_NOREPO;
}

int session_store(struct session *s, struct err *err)
{
	int rc = session_threads(s, err);

	if (!rc)
		rc = session_place(s, false, &s->location, err);
	if (!rc)
		rc = session_backend(s, s->location, &s->be, err);
	if (!rc)
		stop_add_backend(s->cmd->stop, s->be);
	return rc;
}

int session_repo(struct session *s, struct err *err)
{
	struct buf pass;
	int rc = repo_probe(s->be, err);

	buf_init(&pass, 0); /* password_get gives it its maximum */
	if (!rc)
		rc = session_password(s, false, false, &pass, err);
	if (!rc) {
		stop_catch(s->cmd->stop);
		rc = repo_open(s->be, &s->env, pass.p, pass.len, opt_str(s->opts, OPT_KEY_HINT), &s->repo, err);
	}
	buf_wipe(&pass);
	if (rc == ERR_NOREPO)
		return no_repository(s, err);
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

static void set_lost(struct session *s, const struct err *why)
{
	pthread_mutex_lock(&s->lost_lock);
	if (!s->lost.code)
		err_copy(&s->lost, why);
	pthread_mutex_unlock(&s->lost_lock);
}

static void on_lost(void *arg, const struct err *why)
{
	struct session *s = arg;
	struct err e = {0};

	/* Not ERR_LOCKED: exit code 11 tells a script that it may simply try again later. */
	err_set(&e, ERR_IO, "the lock on the repository was lost, so the run had to end: %s", why->msg);
	set_lost(s, &e);
	stop_request(s->cmd->stop);
}

static void on_token_ends(struct task *t)
{
	struct session *s = task_of(t, struct session, token_ends);
	struct err e = {0};

	err_set(&e, ERR_DENIED, "the Swift token dies soon, so the run had to end; what it has stored is kept. " SWIFT_GO_ON);
	set_lost(s, &e);
	stop_wind_up(s->cmd->stop);
}

void session_watch_token(struct session *s)
{
	struct ts now = clock_now(s->env.clock);
	int64_t left, margin, second = 1000000000;
	struct ts got, end;

	if (!s->keeper || !swift_keeper_end(s->keeper, &got, &end) || end.sec - now.sec > TOKEN_FAR)
		return;
	left = (end.sec - now.sec) * second + end.nsec - now.nsec;
	margin = (end.sec - got.sec) * second / 4;
	if (margin > TOKEN_MARGIN_S * second)
		margin = TOKEN_MARGIN_S * second;
	s->token_ends.done = on_token_ends;
	loop_after(s->env.loop, left > margin ? left - margin : 0, &s->token_ends);
}

int session_lost(struct session *s, int rc, struct err *err)
{
	pthread_mutex_lock(&s->lost_lock);
	if (s->lost.code && rc)
		rc = err_copy(err, &s->lost);
	pthread_mutex_unlock(&s->lost_lock);
	return rc;
}

bool session_stopped(const struct session *s)
{
	return stop_requested(s->cmd->stop);
}

struct lock_owner session_owner(const struct session *s)
{
	struct lock_owner who = {
		.hostname = s->hostname, .username = s->username, .uid = getuid(), .gid = getgid(), .pid = (uint64_t)getpid()};

	return who;
}

int session_lock(struct session *s, bool exclusive, struct err *err)
{
	struct lock_owner who = session_owner(s);
	int64_t end = clock_mono(s->env.clock) + s->set.retry_ns, pause = (int64_t)5000000000;
	int rc;

	/* Waiting is done here and not by lock_acquire, so that a signal ends it. */
	for (;;) {
		int64_t left = end - clock_mono(s->env.clock);

		rc = lock_acquire(s->repo, &who, exclusive, 0, &lock_timing_default, on_lost, s, &s->lock, err);
		if (rc != ERR_LOCKED || left <= 0)
			break;
		out_say(s->cmd->out, 1, "%s; trying again for %s", err->msg, human_duration((uint64_t)(left / 1000000000)).s);
		if (stop_sleep(s->cmd->stop, pause < left ? pause : left))
			return err_set(err, ERR_CANCELED, "interrupted while waiting for the lock");
		pause = pause * 2 < (int64_t)60000000000 ? pause * 2 : (int64_t)60000000000;
	}
	if (rc == ERR_LOCKED || rc == ERR_NOSPACE) {
		struct err what = *err;

		err_set(err, rc, "%.900s (%s)", what.msg,
			rc == ERR_LOCKED            ? "a_backup unlock removes stale locks, --retry-lock 5m waits"
			: s->opts->verb == VERB_ADD ? "free space there, ask for a larger quota or use another place: -b NAME, -r PLACE"
						    : "a lock needs room too: --no-lock reads without one");
	}
	return rc;
}

int session_open(struct session *s, enum session_lock lock, struct err *err)
{
	int rc = session_store(s, err);

	if (!rc)
		rc = session_repo(s, err);
	if (!rc && out_terminal(s->cmd->out))
		out_say(s->cmd->out, 1, "repository %.8s opened (version %u%s%s)", id_hex(&s->repo->config.id).s, s->repo->config.version,
			s->repo->config.version > 1 ? ", compression level " : "",
			s->repo->config.version < 2         ? ""
			: opt_str(s->opts, OPT_COMPRESSION) ? opt_str(s->opts, OPT_COMPRESSION)
							    : "auto");
	if (!rc && lock != SESSION_NO_LOCK && !(opt_flag(s->opts, OPT_NO_LOCK) && s->opts->verb != VERB_ADD))
		rc = session_lock(s, lock == SESSION_EXCLUSIVE, err);
	return rc;
}
