/* slurm: what Slurm tells of the job that this process is part of. */
#ifndef CMD_SLURM_H
#define CMD_SLURM_H
#include "cmd/cmd.h"

bool slurm_job(cmd_env_fn *env); /* it is part of one */
/*
 * slurm_job_end: when the job's time is up, in seconds since 1970: $SLURM_JOB_END_TIME, else what
 * squeue answers.  0: it has no end, or nobody says.  Blocks, at most some ten seconds; any thread.
 */
int64_t slurm_job_end(cmd_env_fn *env);

#endif
