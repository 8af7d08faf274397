/* a_backup-mpi: the same command; one that all tasks of the launcher do together has one rank a
 * task. */
#include "base/stdfds.h"
#include "cmd/launch.h"
#include "comm/comm_mpi.h"
#include <stdio.h>
#include <stdlib.h>

static const char *process_env(const char *name)
{
	return getenv(name);
}

static int together(const struct launch *l, int argc, char **argv)
{
	struct launch_wait *others;
	struct err err = {0};
	struct comm *c;
	char library[80];
	int code;

	/* Ranks on one machine may read each other's memory (that is how MPI passes large
	 * messages), so the process stays dumpable. */
	cmd_limits(false);
	comm_mpi_library(library, sizeof(library));
	/* Open MPI would end the process itself, and tell everybody to build it otherwise. */
	if (l->by.strangers && launch_apart(l, 1, library))
		return CMD_ERROR;
	others = launch_wait(l, process_env);
	c = comm_mpi_init(&argc, &argv, &err);
	launch_came(others);
	if (!c) {
		fprintf(stderr, "Fatal: %s\n", err.msg);
		return CMD_ERROR;
	}
	code = launch_apart(l, c->size, library) ? CMD_ERROR : cmd_main(c, argc, argv);
	comm_mpi_end(c);
	return code;
}

int main(int argc, char **argv)
{
	struct launch l;

	if (!stdfds_fill())
		return CMD_ERROR;
	l = launch_read(argc, argv, process_env);
	switch (l.role) {
	case LAUNCH_TOGETHER:
		return together(&l, argc, argv);
	case LAUNCH_OTHER:
		launch_say_other(&l);
		return CMD_OK;
	default:
		cmd_limits(true);
		return cmd_main(NULL, argc, argv);
	}
}
