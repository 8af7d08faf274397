#include "fs/file.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int base_fd(void)
{
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY);

	REQUIRE(fd >= 0);
	return fd;
}

static void put(int base, const char *name, const void *p, size_t n)
{
	int fd = openat(base, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

TEST(read_all)
{
	static char data[200000], got[300000];
	int base = base_fd(), fd;
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 2000, .tv_nsec = 3}};
	struct stat st;
	struct meta m;
	struct err err = {0};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
	put(base, "f", data, sizeof(data));
	REQUIRE(utimensat(base, "f", old, 0) == 0);
	fd = file_open(base, "f", &m, &err);
	REQUIRE(fd >= 0);
	CHECK(S_ISREG(m.mode) && m.size == sizeof(data) && m.mtime.sec == 2000 &&
		m.mtime.nsec == 3);
	CHECK_EQ(file_read(fd, got, 1000, &err), 1000);
	CHECK_EQ(file_read(fd, got + 1000, sizeof(got) - 1000, &err), sizeof(data) - 1000);
	CHECK_MEM(got, data, sizeof(data));
	CHECK_EQ(file_read(fd, got, 1, &err), 0);
	/* relatime alone would have changed it */
	CHECK(fstat(fd, &st) == 0 && st.st_atim.tv_sec == 1000);
	file_close(fd);
	file_close(-1);
	close(base);
}

/* A pipe gives its bytes piece by piece; file_read must not take a short read for the end. */
TEST(short_reads)
{
	char got[100];
	int p[2], status;
	struct err err = {0};
	pid_t child;

	REQUIRE(pipe(p) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 10; i++) {
			usleep(2000);
			if (write(p[1], "0123456789", 10) != 10)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	CHECK_EQ(file_read(p[0], got, 95, &err), 95);
	CHECK_EQ(file_read(p[0], got, 95, &err), 5);
	close(p[0]);
	waitpid(child, &status, 0);
	CHECK(file_read(-1, got, 1, &err) < 0);
}

TEST(not_blocked_by_a_nonblocking_descriptor)
{
	char got[10];
	int p[2], status;
	struct err err = {0};
	pid_t child;

	REQUIRE(pipe2(p, O_NONBLOCK) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		usleep(20000);
		_exit(write(p[1], "abc", 3) != 3);
	}
	close(p[1]);
	CHECK_EQ(file_read(p[0], got, 10, &err), 3);
	close(p[0]);
	waitpid(child, &status, 0);
}

static void refused(int base, const char *name)
{
	struct meta m;
	struct err err = {0};
	int fd;

	alarm(10); /* ends the program, should opening block */
	fd = file_open(base, name, &m, &err);
	alarm(0);
	if (!CHECK(fd < 0 && err.code == fd))
		file_close(fd);
}

TEST(only_regular_files)
{
	int base = base_fd(), s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	put(base, "target", "x", 1);
	REQUIRE(symlinkat("target", base, "link") == 0 && mkfifoat(base, "fifo", 0600) == 0 &&
		mkdirat(base, "dir", 0700) == 0);
	REQUIRE(fchdir(base) == 0);
	strcpy(un.sun_path, "sock");
	REQUIRE(bind(s, (struct sockaddr *)&un, sizeof(un)) == 0 && chdir("/") == 0);
	refused(base, "link");
	refused(base, "fifo");
	refused(base, "dir");
	refused(base, "sock");
	refused(base, "none");
	refused(AT_FDCWD, "/dev/null");
	close(s);
	close(base);
}

static int lease_fd;

static void give_back(int sig)
{
	(void)sig;
	fcntl(lease_fd, F_SETLEASE, F_UNLCK);
}

/* Another process holds a lease, as Samba does: opening asks it to let go and waits for that. */
TEST(lease)
{
	int base = base_fd(), p[2], fd, status;
	char byte = 'x';
	struct meta m;
	struct err err = {0};
	pid_t child;

	put(base, "leased", "abc", 3);
	REQUIRE(pipe(p) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		lease_fd = openat(base, "leased", O_RDWR);
		signal(SIGIO, give_back);
		byte = fcntl(lease_fd, F_SETLEASE, F_WRLCK) == 0 ? 'y' : 'n';
		if (write(p[1], &byte, 1) != 1)
			_exit(1);
		usleep(20000);
		for (int i = 0; i < 100; i++)
			usleep(20000); /* until killed */
		_exit(0);
	}
	REQUIRE(read(p[0], &byte, 1) == 1);
	fd = file_open(base, "leased", &m, &err);
	CHECK(fd >= 0);
	file_close(fd);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	close(p[0]);
	close(p[1]);
	close(base);
	if (byte != 'y')
		SKIP("no leases here");
}

TEST(unreadable)
{
	int base = base_fd(), status;
	pid_t child;

	if (geteuid() != 0) {
		close(base);
		SKIP("needs root");
	}
	put(base, "secret", "x", 1);
	put(base, "open", "abc", 3);
	REQUIRE(fchmodat(base, "open", 0644, 0) == 0 && fchmod(base, 0755) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		struct meta m;
		struct err err = {0};
		int fd;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		if (file_open(base, "secret", &m, &err) != ERR_DENIED)
			_exit(2);
		/* Somebody else's file: O_NOATIME is refused, reading is not. */
		fd = file_open(base, "open", &m, &err);
		_exit(fd >= 0 && m.size == 3 ? 0 : 3);
	}
	waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
	close(base);
}

TEST(prefix)
{
	static const char sig[] = "Signature: 8a477f597d28d172789f06886806bc55";
	static char big[2000];
	int base = base_fd();
	struct err err = {0};

	memset(big, 'q', sizeof(big));
	put(base, "CACHEDIR.TAG", sig, sizeof(sig) - 1);
	put(base, "short", sig, sizeof(sig) - 2);
	put(base, "empty", "", 0);
	put(base, "big", big, sizeof(big));
	REQUIRE(symlinkat("CACHEDIR.TAG", base, "tag-link") == 0 &&
		symlinkat("nowhere", base, "bad-link") == 0);
	REQUIRE(mkfifoat(base, "tag-fifo", 0600) == 0);
	CHECK_EQ(file_has_prefix(base, "CACHEDIR.TAG", sig, sizeof(sig) - 1, &err), 1);
	CHECK_EQ(file_has_prefix(base, "CACHEDIR.TAG", "Sig", 3, &err), 1);
	CHECK_EQ(file_has_prefix(base, "CACHEDIR.TAG", "Sig!", 4, &err), 0);
	CHECK_EQ(file_has_prefix(base, "short", sig, sizeof(sig) - 1, &err), 0);
	CHECK_EQ(file_has_prefix(base, "empty", "", 0, &err), 1);
	CHECK_EQ(file_has_prefix(base, "empty", "x", 1, &err), 0);
	CHECK_EQ(file_has_prefix(base, "none", "", 0, &err), 0);
	CHECK_EQ(file_has_prefix(base, "tag-fifo", "", 0, &err), 1);
	CHECK(file_has_prefix(base, "tag-fifo", "x", 1, &err) < 0);
	CHECK_EQ(file_has_prefix(base, "tag-link", sig, sizeof(sig) - 1, &err), 1);
	CHECK_EQ(file_has_prefix(base, "bad-link", "", 0, &err), 1);
	CHECK(file_has_prefix(base, "bad-link", "x", 1, &err) < 0);
	CHECK_EQ(file_has_prefix(base, "big", big, sizeof(big), &err), 1);
	big[1999] = 'r';
	CHECK_EQ(file_has_prefix(base, "big", big, sizeof(big), &err), 0);
	big[1999] = 'q';
	big[300] = 'r';
	CHECK_EQ(file_has_prefix(base, "big", big, sizeof(big), &err), 0);
	close(base);
}
