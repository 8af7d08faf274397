#include "base/stdfds.h"
#include <fcntl.h>
#include <unistd.h>

bool stdfds_fill(void)
{
	int fd;

	/* The lowest free number is given, so this ends with one behind them. */
	do {
		fd = open("/dev/null", O_WRONLY);
		if (fd == STDOUT_FILENO && !close(fd))
			fd = open("/dev/null", O_RDONLY);
		/* Without /dev: nothing can be read from this or written to it, but the number is
		 * taken. */
		if (fd < 0)
			fd = open("/", O_PATH | O_DIRECTORY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && !close(fd);
}
