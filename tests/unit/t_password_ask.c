#include "cmd/password_ask.h"
#include "unit/check.h"
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int ask(int fd_in, int fd_out, bool twice, struct buf *b, struct err *e)
{
	struct password_ask a = {.fd_in = fd_in,
		.fd_out = fd_out,
		.question = "password",
		.twice = twice};

	*e = (struct err){0};
	buf_init(b, 64);
	return password_ask(&a, b, e);
}

static int from_pipe(const char *text, struct buf *b, struct err *e)
{
	int fd[2], rc;

	REQUIRE(!pipe(fd));
	REQUIRE(write(fd[1], text, strlen(text)) == (ssize_t)strlen(text));
	close(fd[1]);
	rc = ask(fd[0], -1, true, b, e);
	close(fd[0]);
	return rc;
}

TEST(the_first_line_of_a_pipe)
{
	struct err e;
	struct buf b;

	CHECK_EQ(from_pipe("secret word\nrest\n", &b, &e), 0);
	CHECK_STR(buf_str(&b), "secret word");
	buf_wipe(&b);
	CHECK_EQ(from_pipe("windows\r\n", &b, &e), 0);
	CHECK_STR(buf_str(&b), "windows");
	buf_wipe(&b);
	CHECK_EQ(from_pipe("no newline", &b, &e), 0);
	CHECK_STR(buf_str(&b), "no newline");
	buf_wipe(&b);
	/* A batch job has nobody to ask: the end of the input is an answer too. */
	CHECK_EQ(from_pipe("", &b, &e), ERR_PASSWORD);
	buf_wipe(&b);
	CHECK_EQ(from_pipe(
			 "0123456789012345678901234567890123456789012345678901234567890123456789\n",
			 &b, &e),
		ERR_USAGE);
	buf_wipe(&b);
}

struct typist {
	int master;
	const char *keys;
	int sig;
};

/* Types once the echo is off, for asking throws away what was typed before.  "!" is a signal from
 * outside. */
static void *type(void *arg)
{
	struct typist *t = arg;

	for (const char *k = t->keys; *k;) {
		const char *end = strchr(k, '|');
		size_t n = end ? (size_t)(end - k) : strlen(k);
		struct termios mode;

		do
			usleep(2000);
		while (!tcgetattr(t->master, &mode) && (mode.c_lflag & ECHO));
		usleep(20000);
		if (*k == '!')
			kill(getpid(), t->sig);
		else if (write(t->master, k, n) != (ssize_t)n)
			return NULL;
		usleep(20000);
		k += n + (end != NULL);
	}
	return NULL;
}

static int sent; /* what "!" is */

static int from_terminal(const char *keys, bool twice, struct buf *b, struct err *e, char *screen,
	size_t room)
{
	struct typist t = {.keys = keys, .sig = sent};
	struct termios mode;
	pthread_t thread;
	size_t at = 0;
	ssize_t n;
	int slave, rc;

	REQUIRE(!openpty(&t.master, &slave, NULL, NULL, NULL));
	pthread_create(&thread, NULL, type, &t);
	rc = ask(slave, slave, twice, b, e);
	pthread_join(thread, NULL);
	CHECK(!tcgetattr(slave, &mode) && (mode.c_lflag & ECHO) && (mode.c_lflag & ISIG));
	/* A terminal hands over pieces as it likes; the last one ends the line. */
	do {
		n = read(t.master, screen + at, room - 1 - at);
		at += n > 0 ? (size_t)n : 0;
	} while (n > 0 && screen[at - 1] != '\n');
	screen[at] = 0;
	close(slave);
	close(t.master);
	return rc;
}

TEST(a_terminal_shows_nothing)
{
	char screen[256];
	struct err e;
	struct buf b;

	CHECK_EQ(from_terminal("sex\177cr\xc3\xa4\177et\r", false, &b, &e, screen, sizeof(screen)),
		0);
	CHECK_STR(buf_str(&b), "secret");
	CHECK_STR(screen, "password: \r\n");
	buf_wipe(&b);
	CHECK_EQ(from_terminal("secr\003", false, &b, &e, screen, sizeof(screen)), ERR_CANCELLED);
	buf_wipe(&b);
}

TEST(a_new_password_is_asked_for_twice)
{
	char screen[256];
	struct err e;
	struct buf b;

	CHECK_EQ(from_terminal("new\r|new\r", true, &b, &e, screen, sizeof(screen)), 0);
	CHECK_STR(buf_str(&b), "new");
	buf_wipe(&b);
	CHECK_EQ(from_terminal("new\r|now\r", true, &b, &e, screen, sizeof(screen)), ERR_USAGE);
	CHECK_STR(e.msg, "the two passwords differ");
	buf_wipe(&b);
}

static volatile sig_atomic_t seen;

static void note(int sig)
{
	seen = sig;
}

/* No signal leaves the terminal mute; the handlers are put back, and who had one hears of it. */
TEST(a_signal_ends_the_question)
{
	const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, SIGXCPU,
		SIGRTMIN + 1};
	struct sigaction act;
	char screen[256];
	struct err e;
	struct buf b;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sent = signals[i];
		CHECK_EQ(from_terminal("sec|!", false, &b, &e, screen, sizeof(screen)),
			ERR_CANCELLED);
		CHECK(!sigaction(sent, NULL, &act) && act.sa_handler == SIG_DFL);
		buf_wipe(&b);
	}
	sent = SIGTERM;
	signal(SIGTERM, note);
	CHECK_EQ(from_terminal("!", true, &b, &e, screen, sizeof(screen)), ERR_CANCELLED);
	CHECK_EQ(seen, SIGTERM);
	CHECK(!sigaction(SIGTERM, NULL, &act) && act.sa_handler == note);
	buf_wipe(&b);
	signal(SIGTERM, SIG_IGN);
	CHECK_EQ(from_terminal("a|!|b\r", false, &b, &e, screen, sizeof(screen)), 0);
	CHECK_STR(buf_str(&b), "ab");
	buf_wipe(&b);
	signal(SIGTERM, SIG_DFL);
}
