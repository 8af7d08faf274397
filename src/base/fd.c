#include "base/fd.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Whether a call that failed so is to be made again; waits until it may do better. */
static int again(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	if (errno == EINTR)
		return 1;
	if (errno != EAGAIN)
		return 0;
	poll(&p, 1, -1);
	return 1;
}

ssize_t fd_read(int fd, void *p, size_t n)
{
	ssize_t k;

	do
		k = read(fd, p, n);
	while (k < 0 && again(fd, POLLIN));
	return k;
}

int fd_write(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t k = write(fd, s, n);

		if (k < 0 && !again(fd, POLLOUT))
			return errno;
		if (k > 0) {
			s += k;
			n -= (size_t)k;
		}
	}
	return 0;
}
