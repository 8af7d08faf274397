#include "comm/comm.h"
#include "unit/check.h"
#include <string.h>

static const char *const *vars; /* name, value, …, NULL */

static const char *get(const char *name)
{
	for (const char *const *v = vars; *v; v += 2)
		if (strcmp(*v, name) == 0)
			return v[1];
	return NULL;
}

static int launched(const char *const *v)
{
	vars = v;
	return comm_launched(get);
}

#define LAUNCHED(...) launched((const char *const[]){__VA_ARGS__, NULL})

TEST(alone)
{
	CHECK_EQ(LAUNCHED("HOME", "/"), 1);
	CHECK_EQ(LAUNCHED("SLURM_NTASKS", "8"), 1); /* of the job, not of a step: a batch script runs once */
	CHECK_EQ(LAUNCHED("SLURM_STEP_NUM_TASKS", "1"), 1);
	CHECK_EQ(LAUNCHED("OMPI_COMM_WORLD_SIZE", "1", "PMIX_RANK", "0"), 1);
}

TEST(one_of_several)
{
	CHECK_EQ(LAUNCHED("OMPI_COMM_WORLD_SIZE", "4", "PMIX_RANK", "0"), 4);
	CHECK_EQ(LAUNCHED("PMI_SIZE", "12"), 12);
	CHECK_EQ(LAUNCHED("SLURM_STEP_NUM_TASKS", "384"), 384);
	CHECK_EQ(LAUNCHED("SLURM_STEP_NUM_TASKS", "1", "OMPI_COMM_WORLD_SIZE", "16"), 16);
	CHECK_EQ(LAUNCHED("SLURM_STEP_NUM_TASKS", "16", "OMPI_COMM_WORLD_SIZE", "1"), 16);
}

TEST(pmix_tells_the_rank_only)
{
	CHECK_EQ(LAUNCHED("PMIX_RANK", "0"), 2);
	CHECK_EQ(LAUNCHED("PMIX_RANK", "7"), 8);
	CHECK_EQ(LAUNCHED("PMIX_RANK", "7", "SLURM_STEP_NUM_TASKS", "1"), 8);
}

TEST(what_is_no_number_is_nothing)
{
	CHECK_EQ(LAUNCHED("PMI_SIZE", ""), 1);
	CHECK_EQ(LAUNCHED("PMI_SIZE", "-3"), 1);
	CHECK_EQ(LAUNCHED("PMI_SIZE", "0"), 1);
	CHECK_EQ(LAUNCHED("PMI_SIZE", "4x"), 1);
	CHECK_EQ(LAUNCHED("PMI_SIZE", " 4"), 1);
	CHECK_EQ(LAUNCHED("PMI_SIZE", "99999999999999999999999999"), 1);
	CHECK_EQ(LAUNCHED("PMIX_RANK", "2147483647"), 1);
}
