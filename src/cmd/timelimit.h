/*
 * timelimit: ends a run in good order before its time is up: --time-limit, or its job's.
 *
 * A part of what is left is kept: most of it for what is under way (stop_early), the rest for the
 * index, a snapshot and the lock.  Slurm is asked again when half of the time has passed, for a
 * job's end may be moved.
 */
#ifndef CMD_TIMELIMIT_H
#define CMD_TIMELIMIT_H
#include "cmd/session.h"

/* timelimit_new: from now on, on rank 0, whose loop turns.  limit_ns: of --time-limit, since the
 * session's start; 0: none. */
struct timelimit;
struct timelimit *timelimit_new(struct session *s, int64_t limit_ns);
void timelimit_free(struct timelimit *t); /* waits for Slurm's answer; NULL is fine */

#endif
