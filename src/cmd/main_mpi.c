/* a_backup-mpi: the same command with one rank a task of the launcher. */
#include "cmd/cmd.h"
#include "comm/comm_mpi.h"
#include <stdio.h>

int main(int argc, char **argv)
{
	struct err err = {0};
	struct comm *c;
	int code;

	/* Ranks on one machine may read each other's memory (that is how MPI passes large messages), so the process stays dumpable. */
	cmd_limits(false);
	c = comm_mpi_init(&argc, &argv, &err);
	if (!c) {
		fprintf(stderr, "Fatal: %s\n", err.msg);
		return CMD_ERROR;
	}
	code = cmd_main(c, argc, argv);
	comm_mpi_end(c);
	return code;
}
