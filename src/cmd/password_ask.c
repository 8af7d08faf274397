#include "cmd/password_ask.h"
#include "base/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/*
 * While the terminal is mute no signal may end the process: the terminal would stay so.  A signal
 * is a byte in a pipe that is waited for beside the keys. One question at a time.
 */
static struct {
	int wake[2];
	volatile sig_atomic_t signal; /* that came; 0: none */
	struct sigaction was[NSIG];
	bool caught[NSIG];
} mute = {.wake = {-1, -1}};

static void on_signal(int sig)
{
	int e = errno;

	mute.signal = sig;
	if (write(mute.wake[1], "", 1) < 0)
		mute.signal = sig; /* there is one in it already */
	errno = e;
}

/* Whether a signal ends a process that does nothing about it, and may be caught. */
static bool ends(int sig)
{
	static const int others[] = {SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD,
		SIGURG, SIGWINCH, SIGPIPE, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP,
		SIGSYS};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (sig == others[i])
			return false;
	}
	return true;
}

static int mute_begin(struct err *err)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	if (pipe2(mute.wake, O_CLOEXEC | O_NONBLOCK))
		return err_sys(err, errno, "ask for the password");
	mute.signal = 0;
	sigemptyset(&act.sa_mask);
	for (int sig = 1; sig < NSIG; sig++) {
		mute.caught[sig] = ends(sig) && !sigaction(sig, NULL, &mute.was[sig]) &&
				   mute.was[sig].sa_handler != SIG_IGN &&
				   !sigaction(sig, &act, NULL);
	}
	return 0;
}

/* The signal goes to whoever else waits for it; without one it has done its work: the question is
 * over. */
static int mute_end(int rc, struct err *err)
{
	int sig = mute.signal;

	for (int k = 1; k < NSIG; k++) {
		if (mute.caught[k])
			sigaction(k, &mute.was[k], NULL);
	}
	close(mute.wake[0]);
	close(mute.wake[1]);
	mute.wake[0] = mute.wake[1] = -1;
	if (!sig)
		return rc;
	if (mute.was[sig].sa_handler != SIG_DFL)
		raise(sig);
	err_clear(err);
	return err_set(err, ERR_CANCELLED, "interrupted at the question for the password");
}

/* One byte; 0 at the end of input. */
static int get_byte(int fd, char *c, struct err *err)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = mute.wake[0], .events = POLLIN}};
	ssize_t n = -1;

	do {
		if (poll(p, 2, -1) < 0 && errno == EINTR)
			continue;
		if (p[1].revents)
			return err_set(err, ERR_CANCELLED,
				"interrupted at the question for the password");
		n = read(fd, c, 1);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return err_sys(err, errno, "read the password");
	return n > 0;
}

static int read_line(int fd, bool terminal, struct buf *out, struct err *err)
{
	int rc, got = 0;
	char c;

	buf_reset(out);
	while ((rc = get_byte(fd, &c, err)) > 0 && c != '\n' && !(terminal && c == '\r')) {
		got = 1;
		/* The keys that make signals and line editing are off with the echo. */
		if (terminal && c == 3)
			return err_set(err, ERR_CANCELLED, "no password was given");
		if (terminal && c == 4)
			break;
		if (terminal && (c == 127 || c == 8)) {
			while (out->len && ((uint8_t)out->p[out->len - 1] & 0xc0) == 0x80)
				out->len--;
			out->len -= out->len > 0;
		} else if (buf_addc(out, (unsigned char)c)) {
			return err_set(err, ERR_USAGE, "the password is too long");
		}
	}
	if (rc < 0)
		return rc;
	if (!terminal && out->len && out->p[out->len - 1] == '\r')
		out->len--;
	if (!rc && !got)
		return err_set(err, ERR_PASSWORD,
			"no password is given: use -p FILE, RESTIC_PASSWORD_FILE or "
			"RESTIC_PASSWORD");
	return 0;
}

static int ask_once(const struct password_ask *a, const char *question, struct buf *out,
	struct err *err)
{
	struct termios was, now;
	int rc;

	if (tcgetattr(a->fd_in, &was))
		return read_line(a->fd_in, false, out, err);
	now = was;
	now.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	rc = mute_begin(err);
	if (rc)
		return rc;
	fd_write(a->fd_out, question, strlen(question));
	fd_write(a->fd_out, ": ", 2);
	tcsetattr(a->fd_in, TCSAFLUSH, &now);
	rc = read_line(a->fd_in, true, out, err);
	tcsetattr(a->fd_in, TCSAFLUSH, &was);
	fd_write(a->fd_out, "\n", 1);
	return mute_end(rc, err);
}

int password_ask(void *arg, struct buf *out, struct err *err)
{
	const struct password_ask *a = arg;
	struct buf again;
	int rc = ask_once(a, a->question, out, err);

	if (rc || !a->twice || !isatty(a->fd_in))
		return rc;
	buf_init(&again, out->max);
	rc = ask_once(a, "the same again", &again, err);
	if (!rc && (again.len != out->len || (out->len && memcmp(again.p, out->p, out->len) != 0)))
		rc = err_set(err, ERR_USAGE, "the two passwords differ");
	buf_wipe(&again);
	return rc;
}
