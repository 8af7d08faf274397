#include "cmd/launch.h"
#include "base/mem.h"
#include "base/thread.h"
#include "cmd/addjob.h"
#include "cmd/timearg.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SECOND       INT64_C(1000000000)
#define WAIT_DEFAULT (60 * SECOND)
#define NAMES_MAX    8 /* missing tasks that are named */

struct launch launch_read(int argc, char **argv, cmd_env_fn *env)
{
	struct launch l = {.role = LAUNCH_SERIAL,
		.by = comm_launched(env),
		.what = "this",
		.wait_ns = WAIT_DEFAULT};
	struct opts o = {0};
	struct err err;
	bool bad = argc < 2 || opts_parse(&o, &verb_table, argc - 1, argv + 1, &err), together;

	if (!bad)
		opts_env(&o, env);
	if (!bad && opt_str(&o, OPT_LAUNCH_TIMEOUT))
		bad = timearg_span(opt_str(&o, OPT_LAUNCH_TIMEOUT), &l.wait_ns, &err);
	together = !bad && o.verb->ranks == VERB_ALL_RANKS && !opt_flag(&o, OPT_HELP) &&
		   !opt_flag(&o, OPT_VERSION);
	if (!bad)
		l.what = opt_flag(&o, OPT_HELP)      ? "--help"
			 : opt_flag(&o, OPT_VERSION) ? "--version"
						     : o.verb->name;
	if (together)
		addjob_word(&o, &l.wrong);
	if (!opt_flag(&o, OPT_ALONE))
		l.role = together ? LAUNCH_TOGETHER : l.by.task ? LAUNCH_OTHER : LAUNCH_SERIAL;
	opts_release(&o);
	return l;
}

void launch_say_other(const struct launch *l)
{
	fprintf(stderr,
		"a_backup: task %d leaves this to task 0: %s is done once; with --alone this task "
		"does it\n",
		l->by.task, l->what);
}

/* ---- who is here ---- */

/* Each task holds a socket of this name, which is gone when the process is: so tasks on one node
 * see each other without MPI, files or a network. */
static socklen_t task_address(struct sockaddr_un *a, cmd_env_fn *env, int task)
{
	const char *space = env("PMIX_NAMESPACE"), *job = env("SLURM_JOB_ID"),
		   *step = env("SLURM_STEP_ID");
	char key[80];
	int n;

	if (space)
		snprintf(key, sizeof(key), "%s", space);
	else if (job && step)
		snprintf(key, sizeof(key), "%s.%s", job, step);
	else
		snprintf(key, sizeof(key), "of-%ld", (long)getppid());
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A first byte of 0: Linux's abstract names. */
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "a_backup-%ld-%.60s-%d",
		(long)getuid(), key, task);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

struct launch_wait {
	struct launch l;
	cmd_env_fn *env;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool came;
};

static bool task_is_here(const struct launch_wait *w, int task)
{
	struct sockaddr_un a;
	socklen_t n = task_address(&a, w->env, task);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool here = fd >= 0 && !connect(fd, (struct sockaddr *)&a, n);

	if (fd >= 0)
		close(fd);
	return here;
}

/* One task of a node speaks: the first. */
static void say_missing(const struct launch_wait *w)
{
	char host[256] = "", names[16 * NAMES_MAX] = "";
	int missing = 0, first = -1;

	for (int k = 0; k < w->l.by.tasks; k++) {
		if (task_is_here(w, k)) {
			first = first < 0 ? k : first;
			continue;
		}
		if (missing++ < NAMES_MAX)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%d",
				missing > 1 ? ", " : "", k);
	}
	if (first >= 0 && first != w->l.by.task)
		return;
	gethostname(host, sizeof(host) - 1);
	if (missing)
		fprintf(stderr,
			"Fatal: %s is done by all %d tasks together, and after %lld s there has "
			"not come: task %s%s (those of other nodes "
			"than %s "
			"cannot be seen from here). All must run the same command; --alone lets "
			"this one do it alone, --launch-timeout "
			"waits longer\n",
			w->l.what, w->l.by.tasks, (long long)(w->l.wait_ns / SECOND), names,
			missing > NAMES_MAX ? ", ..." : "", host);
	else
		fprintf(stderr,
			"Fatal: all %d tasks have come, and MPI still does not start after %lld s; "
			"--launch-timeout waits longer\n",
			w->l.by.tasks, (long long)(w->l.wait_ns / SECOND));
}

static void *watch(void *arg)
{
	struct launch_wait *w = arg;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(w->l.wait_ns / SECOND);
	pthread_mutex_lock(&w->lock);
	while (!w->came && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&w->wake, &w->lock, &until);
	if (!w->came) {
		say_missing(w);
		_exit(CMD_ERROR);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void wait_free(struct launch_wait *w)
{
	if (w->fd >= 0)
		close(w->fd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

struct launch_wait *launch_wait(const struct launch *l, cmd_env_fn *env)
{
	struct launch_wait *w = mem_zalloc(sizeof(*w));
	struct sockaddr_un a;
	socklen_t n = task_address(&a, env, l->by.task);
	int rc;

	w->l = *l;
	w->env = env;
	w->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* If the name cannot be had, this task is named as missing: nothing worse. */
	if (w->fd >= 0 && bind(w->fd, (struct sockaddr *)&a, n)) {
		close(w->fd);
		w->fd = -1;
	}
	pthread_mutex_init(&w->lock, NULL);
	thread_cond_init(&w->wake);
	rc = thread_start(&w->thread, watch, w);
	if (!rc)
		return w;
	wait_free(w);
	return NULL;
}

void launch_came(struct launch_wait *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->came = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	wait_free(w);
}

bool launch_apart(const struct launch *l, int size, const char *library)
{
	if (size > 1 || (!l->by.task && (l->by.tasks == 1 || !l->by.sure)))
		return false;
	/* Once is enough, where the tasks are numbered from 0. */
	if (l->by.task && l->by.sure)
		return true;
	if (l->wrong.code) {
		fprintf(stderr, "Fatal: %s\n", l->wrong.msg);
		return true;
	}
	fprintf(stderr,
		"Fatal: %d tasks were started, but MPI knows of one: each would do the same on its "
		"own. Start them with %sthe mpirun of "
		"%s; "
		"or one alone, with --alone\n",
		l->by.tasks,
		l->by.slurm ? "srun --mpi=pmix (srun --mpi=list says what there is), or " : "",
		library);
	return true;
}
