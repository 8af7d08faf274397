/*
 * launch: what this process is for where a launcher has started several tasks.  Decided before MPI
 * is called, which only a command of all tasks may do: any other is done by the task that the
 * launcher calls 0.
 */
#ifndef CMD_LAUNCH_H
#define CMD_LAUNCH_H
#include "cmd/cmd.h"

enum launch_role {
	LAUNCH_SERIAL, /* this process does it, without MPI */
	LAUNCH_OTHER,  /* another task does it: nothing is left to do here */
	LAUNCH_TOGETHER
};

struct launch {
	enum launch_role role;
	struct comm_launch by;
	const char *what; /* the command, for messages; "--help", "--version" */
	struct err wrong; /* whatever the launcher does: the first word is a slip (addjob_word) */
	int64_t wait_ns;  /* how long the others may take to come */
};

/* launch_read: from the command line and the environment.  A command line that cannot be read is
 * LAUNCH_SERIAL: cmd_main will say what is wrong with it. */
struct launch launch_read(int argc, char **argv, cmd_env_fn *env);
/* launch_say_other: on standard error, who does it, and how this task would. */
void launch_say_other(const struct launch *l);

/*
 * launch_wait: from now until launch_came the other tasks may come; when they have not after
 * l->wait_ns, the process says who is missing, as far as this node can tell, and ends.  MPI's start
 * waits for them without end.  NULL if no thread can be had.
 */
struct launch_wait;
struct launch_wait *launch_wait(const struct launch *l, cmd_env_fn *env);
void launch_came(struct launch_wait *w);

/* launch_apart: MPI knows of `size` tasks.  True, and said on standard error: the launcher has
 * started more, each of which would do the same. */
bool launch_apart(const struct launch *l, int size, const char *library);

#endif
