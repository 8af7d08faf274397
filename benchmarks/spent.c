/*
 * spent OUT COMMAND [ARG...]: run the command and write to OUT, as one line of JSON, what it and
 * all its descendants spent:
 *   {"user": s, "sys": s, "wall": s, "rss": bytes, "status": n}
 *
 * It exists because a child's peak memory starts with that of the process it was forked from:
 * measured from Python, nothing would be smaller
 * than Python.  This is small, and as subreaper it also inherits and counts what the command left
 * running.  rss is the largest single process,
 * status the exit status, or 128 + signal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/* Waits for all descendants; the status and end of the one that was started are what counts. */
static int reap(pid_t main_child, double *end)
{
	int status = 0, s;
	pid_t p;

	while ((p = wait(&s)) > 0 || errno == EINTR) {
		if (p != main_child)
			continue;
		*end = now();
		status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
	}
	return status;
}

int main(int argc, char **argv)
{
	struct rusage u;
	double start, end = 0;
	pid_t child;
	int status;
	FILE *out;

	if (argc < 3) {
		fprintf(stderr, "usage: spent OUT COMMAND [ARG...]\n");
		return 2;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		fprintf(stderr, "spent: no subreaper, what is left running is not counted: %s\n",
			strerror(errno));
	start = now();
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "spent: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (child < 0) {
		fprintf(stderr, "spent: fork: %s\n", strerror(errno));
		return 2;
	}
	status = reap(child, &end);
	getrusage(RUSAGE_CHILDREN, &u);
	out = fopen(argv[1], "w");
	if (!out) {
		fprintf(stderr, "spent: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	fprintf(out,
		"{\"user\": %.6f, \"sys\": %.6f, \"wall\": %.6f, \"rss\": %ld, \"status\": %d}\n",
		seconds(u.ru_utime), seconds(u.ru_stime), end - start, u.ru_maxrss * 1024L, status);
	return fclose(out) ? 2 : status;
}
