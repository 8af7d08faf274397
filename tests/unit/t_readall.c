#include "base/readall.h"
#include "unit/check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct writer {
	int fd;
	pthread_t reader;
};

static void on_signal(int sig)
{
	(void)sig;
}

/* The text in pieces, with signals to the reader between them. */
static void *write_pieces(void *arg)
{
	static const char *const piece[] = {"pro", "ject", "\n"};
	struct timespec pause = {.tv_nsec = 20000000};
	struct writer *w = arg;

	for (size_t i = 0; i < sizeof(piece) / sizeof(piece[0]); i++) {
		nanosleep(&pause, NULL);
		pthread_kill(w->reader, SIGUSR1);
		nanosleep(&pause, NULL);
		REQUIRE(write(w->fd, piece[i], strlen(piece[i])) > 0);
	}
	close(w->fd);
	return NULL;
}

static void through_a_pipe(int flags)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct writer w;
	struct err err = {0};
	pthread_t thread;
	struct buf b;
	int fd[2];

	REQUIRE(!sigaction(SIGUSR1, &sa, NULL));
	REQUIRE(!pipe2(fd, flags));
	w = (struct writer){.fd = fd[1], .reader = pthread_self()};
	REQUIRE(!pthread_create(&thread, NULL, write_pieces, &w));
	buf_init(&b, 100);
	buf_adds(&b, "the ");
	CHECK_EQ(readall(fd[0], &b, "a pipe", &err), 0);
	CHECK_STR(buf_str(&b), "the project\n");
	pthread_join(thread, NULL);
	buf_release(&b);
	close(fd[0]);
}

TEST(to_the_end_of_a_pipe)
{
	through_a_pipe(0);
}

TEST(where_reading_does_not_wait)
{
	through_a_pipe(O_NONBLOCK);
}

TEST(bounds)
{
	char path[4200], bytes[1000] = {0};
	struct err err = {0};
	const uint8_t *p;
	struct buf b;
	FILE *f;

	snprintf(path, sizeof(path), "%s/f", check_tmpdir());
	f = fopen(path, "w");
	REQUIRE(f && fwrite(bytes, 1, sizeof(bytes), f) == sizeof(bytes) && !fclose(f));
	buf_init(&b, sizeof(bytes));
	CHECK_EQ(readall_file(path, &b, "f", &err), 0);
	CHECK_EQ(b.len, sizeof(bytes));
	buf_release(&b);
	buf_init(&b, sizeof(bytes) - 1);
	CHECK_EQ(readall_file(path, &b, "the file", &err), ERR_NOMEM);
	CHECK_STR(err.msg, "the file: larger than 999 bytes");
	buf_release(&b);

	/* Memory that was got before is not moved. */
	buf_init(&b, 5000);
	REQUIRE(!buf_reserve(&b, 2000));
	p = b.p;
	CHECK_EQ(readall_file(path, &b, "f", &err), 0);
	CHECK(b.p == p);
	buf_release(&b);

	CHECK_EQ(readall_file("/nowhere/at/all", &b, "the file", &err), ERR_NOTFOUND);
	CHECK_EQ(readall(-1, &b, "nothing", &err), ERR_IO);
	CHECK(!strncmp(err.msg, "nothing: ", 9));
	buf_release(&b);
}
