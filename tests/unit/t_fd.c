#include "base/fd.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define MUCH ((size_t)1 << 20) /* more than a pipe holds */

struct end {
	int fd;
	size_t got;
};

static void *drain(void *arg)
{
	struct end *e = arg;
	char piece[5000];
	ssize_t n;

	usleep(50000);
	while ((n = fd_read(e->fd, piece, sizeof(piece))) > 0)
		e->got += (size_t)n;
	return NULL;
}

/* Neither the writer nor the reader of a non-blocking pipe loses anything, though each has to wait
 * for the other. */
TEST(non_blocking)
{
	static char much[MUCH];
	struct end e = {0};
	pthread_t thread;
	int p[2];

	REQUIRE(!pipe2(p, O_NONBLOCK));
	e.fd = p[0];
	REQUIRE(!pthread_create(&thread, NULL, drain, &e));
	CHECK_EQ(fd_write(p[1], much, MUCH), 0);
	usleep(50000);
	CHECK_EQ(fd_write(p[1], much, 7), 0);
	close(p[1]);
	pthread_join(thread, NULL);
	CHECK_EQ(e.got, MUCH + 7);
	close(p[0]);
}

TEST(failures)
{
	char c;
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	REQUIRE(!pipe2(p, O_NONBLOCK));
	close(p[0]);
	CHECK_EQ(fd_write(p[1], "x", 1), EPIPE);
	close(p[1]);
	CHECK_EQ(fd_write(p[1], "x", 1), EBADF);
	CHECK_EQ(fd_read(p[1], &c, 1), -1);
	CHECK_EQ(errno, EBADF);
}
