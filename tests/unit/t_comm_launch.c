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

static struct comm_launch launch(const char *const *v)
{
	vars = v;
	return comm_launched(get);
}

#define LAUNCH(...)   launch((const char *const[]){__VA_ARGS__, NULL})
#define LAUNCHED(...) LAUNCH(__VA_ARGS__).tasks

TEST(alone)
{
	CHECK_EQ(LAUNCHED("HOME", "/"), 1);
	/* of the job, not of a step: a batch script runs once */
	CHECK_EQ(LAUNCHED("SLURM_NTASKS", "8"), 1);
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

TEST(which_of_them)
{
	CHECK_EQ(LAUNCH("HOME", "/").task, 0);
	CHECK_EQ(LAUNCH("OMPI_COMM_WORLD_SIZE", "4", "OMPI_COMM_WORLD_RANK", "3", "PMIX_RANK", "3")
			 .task,
		3);
	CHECK_EQ(LAUNCH("PMI_SIZE", "4", "PMI_RANK", "2").task, 2);
	CHECK_EQ(LAUNCH("SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "1").task, 1);
	CHECK_EQ(LAUNCH("PMIX_RANK", "7").task, 7);
	CHECK_EQ(LAUNCH("SLURM_PROCID", "3").task, 0); /* of an allocation, with one task */
	/* mpirun inside of task 2 of an srun: mpirun's number counts. */
	CHECK_EQ(LAUNCH("SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "2", "OMPI_COMM_WORLD_SIZE",
			 "2", "OMPI_COMM_WORLD_RANK", "0")
			 .task,
		0);
	CHECK_EQ(LAUNCH("PMI_SIZE", "4", "PMI_RANK", "x").task, 0);
}

TEST(who_knows_the_size)
{
	CHECK(!LAUNCH("PMIX_RANK", "0").sure);
	CHECK(LAUNCH("PMIX_RANK", "0", "SLURM_STEP_NUM_TASKS", "2").sure);
	CHECK(LAUNCH("PMI_SIZE", "2").sure);
	CHECK(LAUNCH("SLURM_STEP_NUM_TASKS", "2").slurm);
	/* srun --mpi=pmi2 sets both */
	CHECK(LAUNCH("SLURM_STEP_NUM_TASKS", "2", "PMI_SIZE", "2").slurm);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "2", "OMPI_COMM_WORLD_SIZE", "2").slurm);
	CHECK(!LAUNCH("PMI_SIZE", "2").slurm);
}

TEST(nothing_tells_them_of_each_other)
{
	CHECK(LAUNCH("SLURM_STEP_NUM_TASKS", "4").strangers);
	CHECK(LAUNCH("SLURM_STEP_NUM_TASKS", "4", "SLURM_MPI_TYPE", "none").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "4", "SLURM_MPI_TYPE", "pmix").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "4", "SLURM_MPI_TYPE", "cray_shasta").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "4", "PMIX_RANK", "0").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "4", "PMI_CONTROL_PORT", "1").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "4", "I_MPI_PMI_LIBRARY", "libpmi2.so").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "1").strangers);
	CHECK(!LAUNCH("SLURM_STEP_NUM_TASKS", "4", "OMPI_COMM_WORLD_SIZE", "4").strangers);
	CHECK(!LAUNCH("PMI_SIZE", "4").strangers);
}
