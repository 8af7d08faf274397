#include "cmd/password_ask.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One byte; 0 at the end of input. */
static int get_byte(int fd, char *c, struct err *err)
{
	ssize_t n;

	do
		n = read(fd, c, 1);
	while (n < 0 && errno == EINTR);
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
		/* Signals and line editing are off with the echo, so that no way out leaves the terminal mute. */
		if (terminal && c == 3)
			return err_set(err, ERR_CANCELED, "no password was given");
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
		return err_set(err, ERR_PASSWORD, "no password is given: use -p FILE, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD");
	return 0;
}

static int ask_once(const struct password_ask *a, const char *question, struct buf *out, struct err *err)
{
	struct termios was, now;
	int rc;

	if (tcgetattr(a->fd_in, &was))
		return read_line(a->fd_in, false, out, err);
	now = was;
	now.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	dprintf(a->fd_out, "%s: ", question);
	tcsetattr(a->fd_in, TCSAFLUSH, &now);
	rc = read_line(a->fd_in, true, out, err);
	tcsetattr(a->fd_in, TCSAFLUSH, &was);
	dprintf(a->fd_out, "\n");
	return rc;
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
