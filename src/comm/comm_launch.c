#include "comm/comm.h"
#include <limits.h>
#include <stddef.h>
#include <string.h>

/* A decimal number 0 … INT_MAX - 1 and nothing else; -1 otherwise.  Names of launchers are not
 * checked: a wrong number is no number. */
static int number(const char *s)
{
	int64_t v = 0;

	if (!s || !*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
		if (v >= INT_MAX)
			return -1;
	}
	return (int)v;
}

/* The first of these variables that is a number; -1: none is. */
static int first_of(const char *(*env)(const char *name), const char *const *names, size_t n)
{
	int v = -1;

	for (size_t i = 0; i < n && v < 0; i++)
		v = number(env(names[i]));
	return v;
}

/* Slurm without a plugin for MPI: nothing lets its tasks find each other.  Newer ones name the
 * plugin; what older ones and Cray's leave is theirs who use it. */
static bool strangers(const char *(*env)(const char *name))
{
	static const char *const theirs[] = {"PMIX_RANK", "PMIX_NAMESPACE", "PMI_RANK", "PMI_FD",
		"PMI_JOBID", "PMI_CONTROL_PORT", "I_MPI_PMI_LIBRARY"};
	const char *plugin = env("SLURM_MPI_TYPE");

	if (plugin && strcmp(plugin, "none") != 0)
		return false;
	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
		if (env(theirs[i]))
			return false;
	return true;
}

/*
 * The variables of nested launchers add up in one environment (an mpirun inside an srun), so the
 * largest size wins: to take one of several tasks for a lone one would start independent backups of
 * the same files.
 */
struct comm_launch comm_launched(const char *(*env)(const char *name))
{
	static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
		"SLURM_STEP_NUM_TASKS"};
	static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
		"SLURM_PROCID"};
	struct comm_launch l = {.tasks = 1};
	int pmix = number(env("PMIX_RANK")),
	    rank = first_of(env, ranks, sizeof(ranks) / sizeof(*ranks));

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int v = number(env(sizes[i]));

		if (v < 1)
			continue;
		l.sure = true;
		if (v > l.tasks)
			l.tasks = v;
	}
	/* PMIx itself tells the rank only: task 0 without a size may have company, which the MPI
	 * program finds out. */
	if (pmix >= 0 && !l.sure)
		l.tasks = 2;
	if (pmix >= l.tasks)
		l.tasks = pmix + 1;
	l.task = l.tasks > 1 && rank > 0 ? rank : 0;
	l.slurm = number(env("SLURM_STEP_NUM_TASKS")) > 1 &&
		  number(env("OMPI_COMM_WORLD_SIZE")) < 1;
	l.strangers = l.slurm && strangers(env);
	return l;
}
