/* a_backup: the command without MPI.  Started as one of several tasks it becomes the a_backup-mpi
 * beside it, so that N tasks never make N backups. */
#include "base/stdfds.h"
#include "cmd/launch.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *process_env(const char *name)
{
	return getenv(name);
}

static int become_mpi(char **argv, int tasks)
{
	char path[4096 + 8];
	ssize_t n = readlink("/proc/self/exe", path, 4096);
	int e = n < 0 ? errno : ENAMETOOLONG;

	if (n > 0 && n < 4096) {
		memcpy(path + n, "-mpi", 5);
		execv(path, argv);
		e = errno;
		fprintf(stderr, "Fatal: one of %d tasks, but %s cannot be started: %s\n", tasks,
			path, strerror(e));
		return CMD_ERROR;
	}
	fprintf(stderr, "Fatal: cannot tell where this program lies: %s\n", strerror(e));
	return CMD_ERROR;
}

int main(int argc, char **argv)
{
	struct launch l;

	if (!stdfds_fill())
		return CMD_ERROR;
	l = launch_read(argc, argv, process_env);
	if (l.by.tasks > 1 && l.role == LAUNCH_TOGETHER)
		return become_mpi(argv, l.by.tasks);
	if (l.role == LAUNCH_OTHER) {
		launch_say_other(&l);
		return CMD_OK;
	}
	cmd_limits(true);
	return cmd_main(NULL, argc, argv);
}
