#include "cmd/slurm.h"
#include "base/mem.h"
#include "base/spawn.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 10000
/* Slurm formats times as this variable says. */
#define SECONDS     "SLURM_TIME_FORMAT=%s"
#define SECONDS_KEY (sizeof("SLURM_TIME_FORMAT=") - 1)

extern char **environ;

static const char *job_id(cmd_env_fn *env)
{
	const char *id = env("SLURM_JOB_ID");

	return id && *id && id[strspn(id, "0123456789")] == 0 ? id : NULL;
}

bool slurm_job(cmd_env_fn *env)
{
	return job_id(env) != NULL;
}

/* 0: no such number, as for NONE and N/A. */
static int64_t seconds_of(const char *s)
{
	char *rest;
	long long v;

	errno = 0;
	v = strtoll(s, &rest, 10);
	return rest == s || errno || v < 0 || rest[strspn(rest, " \n")] ? 0 : v;
}

/* All that it says, or what it has said when time is up. */
static void read_answer(int fd, char *text, size_t cap)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;
	ssize_t got = 1;

	while (got > 0 && n + 1 < cap && poll(&p, 1, ANSWER_MS) > 0) {
		got = read(fd, text + n, cap - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	text[n] = 0;
}

static int64_t ask(const char *id)
{
	char *const argv[] = {"squeue", "--noheader", "--jobs", (char *)id, "--Format",
		"EndTime:32", NULL};
	char text[128];
	size_t n = 0, kept = 0;
	char **env;
	int fd;
	pid_t pid;

	while (environ[n])
		n++;
	env = mem_array(n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], SECONDS, SECONDS_KEY))
			env[kept++] = environ[i];
	env[kept++] = SECONDS;
	env[kept] = NULL;
	n = (size_t)spawn_reading(argv, env, &fd, &pid);
	mem_free(env);
	if (n)
		return 0;
	read_answer(fd, text, sizeof(text));
	close(fd);
	kill(pid, SIGKILL);
	spawn_wait(pid);
	return seconds_of(text);
}

int64_t slurm_job_end(cmd_env_fn *env)
{
	const char *given = env("SLURM_JOB_END_TIME"), *id = job_id(env);

	if (!id)
		return 0;
	return given && *given ? seconds_of(given) : ask(id);
}
