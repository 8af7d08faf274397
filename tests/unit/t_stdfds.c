#include "base/stdfds.h"
#include "unit/check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child with these descriptors closed: its exit status tells what is wrong. */
static int fill_without(unsigned closed)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		struct stat st, null;
		int lowest;

		for (int fd = 0; fd < 3; fd++)
			if (closed & 1u << fd)
				close(fd);
		lowest = fcntl(0, F_DUPFD, 3); /* what is free behind them now */
		close(lowest);
		if (!stdfds_fill() || stat("/dev/null", &null))
			_exit(1);
		for (int fd = 0; fd < 3; fd++) {
			if (!(closed & 1u << fd))
				continue;
			if (fstat(fd, &st) || st.st_rdev != null.st_rdev ||
				write(fd, "x", 1) != (fd == 1 ? -1 : 1))
				_exit(2);
			if (fd == 0 && read(fd, &st, 1) >= 0)
				_exit(4);
		}
		/* nothing is left open */
		_exit(!(closed & 1) && fcntl(0, F_DUPFD, 3) != lowest ? 3 : 0);
	}
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(closed_ones_are_filled)
{
	for (unsigned closed = 0; closed < 8; closed++)
		CHECK_EQ(fill_without(closed), 0);
}
