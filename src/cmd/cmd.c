#include "cmd/cmd.h"
#include "base/mem.h"
#include "cmd/help.h"
#include "cmd/session.h"
#include "cmd/slurm.h"
#include "cmd/timearg.h"
#include "ranks/ranks.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANKS_MAX 4096

static const char *process_env(const char *name)
{
	return getenv(name);
}

void cmd_limits(bool alone)
{
	/* 1, not 0: the kernel takes this value for "no", also where a program gets the core
	 * through a pipe. */
	struct rlimit no_core = {1, 1};

	setrlimit(RLIMIT_CORE, &no_core);
	if (alone)
		prctl(PR_SET_DUMPABLE, 0);
}

/* exit_code: for an enum err_code or an exit code. */
static int exit_code(int code, const struct cmd *c)
{
	if (code >= 0)
		return stop_signalled(c->stop) && code != CMD_OK ? CMD_STOPPED : code;
	if (stop_signalled(c->stop))
		return CMD_STOPPED;
	switch (code) {
	case ERR_NOREPO:
		return CMD_NO_REPO;
	case ERR_LOCKED:
		return CMD_LOCKED;
	case ERR_PASSWORD:
		return CMD_PASSWORD;
	case ERR_CANCELLED: /* by a signal to another rank, or at the question for a password */
		return CMD_STOPPED;
	default:
		return CMD_ERROR;
	}
}

/* The last sentence of a run. */
static void say_end(struct cmd *c, int code, int rc, const struct err *err)
{
	char *text;

	if (code == CMD_OK || (code == CMD_ERROR && out_unread(c->out)))
		return;
	if (code == CMD_STOPPED)
		text = mem_strdup("interrupted by a signal");
	else if (rc >= 0 && err->msg[0])
		text = mem_printf("Warning: %s", err->msg);
	else if (rc >= 0)
		text = mem_strdup("Warning: something could not be read; see above");
	else
		text = mem_printf("Fatal: %s", err->msg);
	out_last(c->out, code, text);
	mem_free(text);
}

/* The other ranks may leave, with this exit code. */
static void dismiss(struct session *s, int code)
{
	struct buf b;

	if (s->comm->size == 1)
		return;
	buf_init(&b, 64);
	wire_put_u8(&b, CMD_ORDER_LEAVE);
	wire_put_u32(&b, (uint32_t)code);
	agree_bcast(s->agree, &b);
	buf_release(&b);
}

#define KEPT_BACK                                                                                  \
	((size_t)16 << 20) /* for an end in order: the lock is removed, errors are written */

static struct stop *low_stop; /* mem's handler gets no argument */
static volatile sig_atomic_t memory_low;

static void low_memory(void)
{
	memory_low = 1;
	stop_request(low_stop);
}

/* Rank 0: the command; then everybody learns the exit code. */
static int lead(struct session *s)
{
	struct cmd *c = s->cmd;
	struct err err = {0}, late = {0};
	const struct verb_def *v = s->opts->verb;
	int rc = v->run(s, &err), code;

	if (out_flush(c->out, &late) && rc >= 0)
		rc = err_copy(&err, &late);
	if (memory_low && !stop_signalled(c->stop) && (rc || !v->final))
		rc = err_set(&err, ERR_NOMEM,
			"out of memory, so the run had to end; fewer --workers and --ranks need "
			"less");
	/* A command that a signal ended says so, even if it had nothing to complain of. */
	code = stop_signalled(c->stop) && (rc || !v->final) ? CMD_STOPPED : exit_code(rc, c);
	dismiss(s, code);
	say_end(c, code, rc, &err);
	return code;
}

/* What goes wrong is known to rank 0: it is agreed upon. */
static void obey(struct session *s, struct wire_in *orders)
{
	struct err err = {0};

	if (!opts_get(&s->received, s->cmd->verbs, orders, &err) && !s->received.verb->follow)
		err_set(&err, ERR_INVALID, "damaged message from rank 0: command");
	if (err.code) {
		agree_all(s->agree, &err);
		return;
	}
	s->opts = &s->received;
	s->opts->verb->follow(s, orders, &err);
}

/* Another rank: does what rank 0 says until it says to leave. */
static int follow(struct session *s)
{
	struct wire_in in;
	struct buf b;
	int code = -1;

	if (s->cmd->mpi) {
		/* Whether the command can drain rank 0 knows, and decides. */
		stop_drains(s->cmd->stop, STOP_DRAIN, slurm_job(s->cmd->env));
		stop_catch(s->cmd->stop);
	}
	buf_init(&b, COMM_MAX);
	while (code < 0) {
		agree_bcast(s->agree, &b);
		wire_in_init(&in, b.p, b.len);
		if (wire_u8(&in) == CMD_ORDER_RUN)
			obey(s, &in);
		else
			code = (int)(wire_u32(&in) & 0xff);
	}
	buf_wipe(&b);
	return code;
}

static int run_rank(void *arg, struct comm *comm)
{
	struct cmd *c = arg;
	struct session s;
	int code = c->done;

	session_init(&s, c, comm);
	if (comm->rank != 0)
		code = follow(&s);
	else if (code < 0)
		code = lead(&s);
	else
		dismiss(&s, code);
	session_release(&s);
	return code;
}

/* help, version and --help of a command need nothing else.  True: it was one of them. */
static bool run_plain(const struct cmd *c)
{
	const struct opts *o = &c->opts;
	const struct verb_def *v = o->verb;

	if (opt_flag(o, OPT_VERSION))
		v = opts_verb(c->verbs, "version", NULL);
	else if (opt_flag(o, OPT_HELP) && !v->plain)
		v = opts_verb(c->verbs, "help", NULL);
	if (v->plain)
		v->plain(c);
	return v->plain != NULL;
}

static bool asks_json(int n, char *const *args)
{
	for (int i = 0; i < n; i++) {
		const char *s = args[i][0] == '-' ? args[i] + 1 + (args[i][1] == '-') : "";

		if (!strcmp(s, "json") || !strcmp(s, "json=true"))
			return true;
	}
	return false;
}

/*
 * -project NAME: logins are for that project, so it goes where they look; before there are threads.
 * A token that is there already is another project's, unless it was taken for this one.  "-project
 * 2001234" is enough where projects are called project_2001234.
 */
static void obey_project(struct cmd *c)
{
	static const char *const of_another[] = {"OS_AUTH_TOKEN", "OS_STORAGE_URL", "OS_TENANT_ID",
		"OS_TENANT_NAME", "OS_PROJECT_ID"};
	const char *given = opt_str(&c->opts, OPT_PROJECT), *now = getenv("OS_PROJECT_NAME");
	char *name;

	c->env_project = now && *now ? mem_strdup(now) : NULL;
	if (!given || !*given || (now && !strcmp(now, given)))
		return;
	name = mem_printf("%s%s",
		now && !strncmp(now, "project_", 8) && given[strspn(given, "0123456789")] == 0
			? "project_"
			: "",
		given);
	if (!now || strcmp(now, name) != 0) {
		for (size_t i = 0; i < sizeof(of_another) / sizeof(of_another[0]); i++)
			unsetenv(of_another[i]);
		setenv("OS_PROJECT_NAME", name, 1);
	}
	mem_free(name);
}

/* "-password SECRET": the option takes no value, and what is taken for a file or a snapshot instead
 * would be repeated in an error. */
static int check_password(const struct opts *o, struct err *err)
{
	const char *word = o->behind_password ? o->args.s[o->behind_password - 1] : NULL;
	enum verb_words words = o->verb->words;
	struct stat st;
	size_t hex;

	if (!word || words == VERB_ANYTHING || (words == VERB_FILES && !lstat(word, &st)))
		return 0;
	hex = strspn(word, "0123456789abcdefABCDEF");
	if (words == VERB_NAMES && (word[0] == '/' || !strncmp(word, "latest", 6) ||
					   (hex && (!word[hex] || word[hex] == ':'))))
		return 0;
	return err_set(err, ERR_USAGE,
		"--password takes no value: it asks for the password; others would see one that is "
		"typed here. If the word behind it is "
		"something "
		"else, write --password at the end");
}

/* Nothing but what it prints comes of this command. */
static bool wants_output(const struct opts *o)
{
	return opt_flag(o, OPT_HELP) || opt_flag(o, OPT_VERSION) ||
	       (o->verb->prints && !opt_str(o, OPT_TARGET));
}

/* --ranks N, of commands that several ranks do together. */
static int read_ranks(struct cmd *c, struct err *err)
{
	const char *given = opt_str(&c->opts, OPT_RANKS);
	const struct verb_def *v = c->opts.verb;
	uint64_t ranks = 1;
	int rc = given ? timearg_count(given, "--ranks", 1, RANKS_MAX, &ranks, err) : 0;

	if (!rc && given && v->ranks == VERB_ONE_RANK)
		rc = err_set(err, ERR_USAGE,
			"%s is done by one rank, which has threads of its own (--workers): leave "
			"--ranks out",
			v->name);
	if (!rc && ranks > 1 && c->mpi)
		rc = err_set(err, ERR_USAGE,
			"--ranks is for one process; here the launcher says how many there are");
	c->ranks = (int)ranks;
	return rc;
}

/* Nothing was asked for: what could be, line by line, for a message is one line. */
static void say_usage(const struct cmd *c)
{
	const char *line;
	struct buf b;
	size_t n;

	buf_init(&b, SIZE_MAX / 2);
	help_main(c->verbs, &b);
	for (line = buf_str(&b); *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		out_warn(c->out, "%.*s", (int)n, line);
	}
	buf_release(&b);
}

/* Programs that know restic give them; who wonders what they do is told. */
static void say_nothing(const struct cmd *c)
{
	const struct strlist *given = &c->opts.value[OPT_NOTHING];

	for (size_t i = 0; i < given->n; i++)
		for (size_t k = 0; k < opt_table_n; k++)
			if (!strcmp(opt_table[k].name, given->s[i]))
				out_say(c->out, 2, "--%s changes nothing here: %s", given->s[i],
					opt_table[k].help);
}

/* The command line, on the rank that has one to obey.  An exit code, or -1: go on. */
static int read_command_line(struct cmd *c, int argc, char **argv)
{
	struct err err = {0};
	int rc;

	if (argc < 2) {
		say_usage(c);
		return CMD_ERROR;
	}
	rc = opts_parse(&c->opts, c->verbs, argc - 1, argv + 1, &err);
	out_mode(c->out, rc ? asks_json(argc - 1, argv + 1) : opt_flag(&c->opts, OPT_JSON),
		opts_verbosity(&c->opts));
	if (!rc && out_nowhere(c->out) && wants_output(&c->opts))
		rc = err_set(&err, ERR_USAGE,
			"standard output is closed, and what this command is for would be lost");
	if (!rc)
		say_nothing(c);
	if (!rc && run_plain(c)) {
		rc = out_flush(c->out, &err);
		say_end(c, rc ? CMD_ERROR : CMD_OK, rc, &err);
		return rc ? CMD_ERROR : CMD_OK;
	}
	if (!rc)
		rc = check_password(&c->opts, &err);
	obey_project(c);
	opts_env(&c->opts, c->env);
	if (!rc)
		rc = read_ranks(c, &err);
	if (rc) {
		say_end(c, CMD_ERROR, rc, &err);
		return CMD_ERROR;
	}
	return -1;
}

/* The run did not end in time, or there is no memory even to say so. */
static void say_given_up(void *arg, int code)
{
	static const char none[] = "Fatal: out of memory; fewer --workers and --ranks need less\n";
	const struct cmd *c = arg;

	if (memory_low && code != CMD_STOPPED) {
		if (write(STDERR_FILENO, none, sizeof(none) - 1) < 0)
			return;
		return;
	}
	out_gasp(c->out, code,
		code == CMD_STOPPED
			? "interrupted by a signal; what did not end in time was given up"
			: "Fatal: the run had to end; what did not end in time was given up");
}

static void no_memory(size_t size)
{
	(void)size;
	memory_low = 1;
	stop_exhausted(low_stop);
}

int cmd_main(struct comm *mpi, int argc, char **argv)
{
	struct cmd c = {.verbs = &verb_table,
		.out = out_new(STDOUT_FILENO, STDERR_FILENO),
		.stop = stop_new(),
		.env = process_env,
		.ranks = 1,
		.mpi = mpi != NULL};
	int code = -1;

	c.mask = umask(0);
	umask(c.mask);
	low_stop = c.stop;
	mem_on_exhausted(no_memory);
	mem_keep_back(KEPT_BACK, low_memory);
	mem_tune();
	signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of the write, so that the
				     lock is still removed */
	signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not become so large */
	/* mpirun gives its tasks a terminal of its own making, behind which there may be the log
	 * file of a batch job. */
	if (mpi || comm_launched(process_env).tasks > 1)
		out_no_terminal(c.out);
	if (!mpi || mpi->rank == 0)
		stop_last_words(c.stop, say_given_up, &c);
	else
		stop_follow(c.stop);
	if (!mpi || mpi->rank == 0)
		code = read_command_line(&c, argc, argv);
	c.done = code;
	if (mpi) {
		code = run_rank(&c, mpi);
		/* A launcher ends the job when a task fails, maybe before it has read rank 0's last
		 * sentence.  So only rank 0 says how the job ended. */
		if (mpi->rank != 0)
			code = CMD_OK;
	} else if (code < 0) {
		code = ranks_run(c.ranks, run_rank, &c);
	}
	if (code == ERR_NOMEM) {
		out_last(c.out, CMD_ERROR,
			"Fatal: the system does not give so many threads; try fewer --ranks or "
			"--workers");
		code = CMD_ERROR;
	}
	out_free(c.out);
	stop_free(c.stop);
	opts_release(&c.opts);
	mem_free(c.env_project);
	return code;
}
