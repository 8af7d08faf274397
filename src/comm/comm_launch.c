#include "comm/comm.h"
#include <limits.h>
#include <stddef.h>

/* A decimal number 0 … INT_MAX - 1 and nothing else; -1 otherwise.  Names of launchers are not checked: a wrong number is no number. */
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

/*
 * The variables of nested launchers add up in one environment (an mpirun inside an srun), so the largest wins: to take one of several tasks
 * for a lone one would start independent backups of the same files.
 */
int comm_launched(const char *(*env)(const char *name))
{
	static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
	int n = 1, rank = number(env("PMIX_RANK"));
	bool size_known = false;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int v = number(env(sizes[i]));

		if (v < 1)
			continue;
		size_known = true;
		if (v > n)
			n = v;
	}
	/* PMIx itself tells the rank only: task 0 without a size may have company, which the MPI program finds out. */
	if (rank >= 0 && !size_known)
		n = 2;
	if (rank >= n)
		n = rank + 1;
	return n;
}
