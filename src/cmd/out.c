#include "cmd/out.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cmd/human.h"
#include "format/gojson.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define OUT_BUFFER  65536 /* bytes of results kept back */
#define OUT_MESSAGE 65536 /* the longest message: a path and a sentence */

struct out {
	pthread_mutex_t lock;
	int fd_out, fd_err;
	bool json, tty_out, tty_err;
	bool nowhere; /* fd_out cannot be written to */
	int verbosity;
	struct buf held;   /* results not yet written */
	struct buf status; /* the progress line that is on the screen */
	int failed;        /* errno of the first write to fd_out that failed */
};

struct out *out_new(int fd_out, int fd_err)
{
	struct out *o = mem_zalloc(sizeof(*o));

	pthread_mutex_init(&o->lock, NULL);
	o->fd_out = fd_out;
	o->fd_err = fd_err;
	o->tty_out = isatty(fd_out) == 1;
	o->tty_err = isatty(fd_err) == 1;
	o->nowhere = fcntl(fd_out, F_GETFL) >= 0 &&
		     (fcntl(fd_out, F_GETFL) & O_ACCMODE) == O_RDONLY;
	o->verbosity = 1;
	buf_init(&o->held, 4 * OUT_BUFFER);
	buf_init(&o->status, OUT_MESSAGE);
	return o;
}

void out_no_terminal(struct out *o)
{
	o->tty_out = o->tty_err = false;
}

void out_mode(struct out *o, bool json, int verbosity)
{
	o->json = json;
	o->verbosity = verbosity;
}

bool out_json(const struct out *o)
{
	return o->json;
}

int out_verbosity(const struct out *o)
{
	return o->verbosity;
}

bool out_terminal(const struct out *o)
{
	return o->tty_out;
}

bool out_nowhere(const struct out *o)
{
	return o->nowhere;
}

static void put_out(struct out *o, const void *p, size_t n)
{
	int e = o->failed || o->nowhere ? 0 : fd_write(o->fd_out, p, n);

	if (e && !o->failed)
		o->failed = e;
}

static void write_held(struct out *o)
{
	if (o->held.len)
		put_out(o, o->held.p, o->held.len);
	buf_reset(&o->held);
}

static void status_hide(struct out *o)
{
	if (o->status.len && o->tty_out)
		put_out(o, "\r\033[K", 4);
}

static void status_show(struct out *o)
{
	if (o->status.len && o->tty_out)
		put_out(o, o->status.p, o->status.len);
}

/* A whole line for standard output or error, between two showings of the progress line. */
static void put_line(struct out *o, bool error, const struct buf *line)
{
	pthread_mutex_lock(&o->lock);
	write_held(o);
	status_hide(o);
	if (error)
		(void)fd_write(o->fd_err, line->p, line->len);
	else
		put_out(o, line->p, line->len);
	status_show(o);
	pthread_mutex_unlock(&o->lock);
}

/* The bytes of a control character that begins at s: C0, DEL, C1; 0: none. */
static size_t control(const unsigned char *s, size_t n)
{
	if ((s[0] < 0x20 && s[0] != '\t') || s[0] == 0x7f)
		return 1;
	return s[0] == 0xc2 && n > 1 && s[1] >= 0x80 && s[1] < 0xa0 ? 2 : 0;
}

/*
 * A message as one clean line: control characters, which may come from the names of files, are
 * written as \xNN; so are newlines, with which a name could forge a line of a log.  On a terminal
 * so is all that cannot be printed: marks that turn the direction of writing show another name than
 * the one that is meant.
 */
static void clean_line(struct buf *line, bool terminal, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	while (n && s[n - 1] == '\n')
		n--;
	for (size_t i = 0, k; i < n; i += k) {
		size_t bad = control(s + i, n - i);
		uint32_t r;

		k = utf8_get(s + i, n - i, &r);
		if (!bad && terminal && s[i] >= 0x80 && !(k && gojson_printable(r)))
			bad = k ? k : 1;
		k = bad ? bad : k ? k : 1;
		if (!bad)
			buf_add(line, s + i, k);
		for (size_t j = 0; j < bad; j++)
			buf_addf(line, "\\x%02x", s[i + j]);
	}
	buf_addc(line, '\n');
}

static void put_clean(struct out *o, bool error, const char *s, size_t n)
{
	struct buf line;

	buf_init(&line, 4 * OUT_MESSAGE + 1);
	clean_line(&line, error ? o->tty_err : o->tty_out, s, n);
	put_line(o, error, &line);
	buf_release(&line);
}

static void put_v(struct out *o, bool error, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void put_v(struct out *o, bool error, const char *fmt, va_list ap)
{
	char *s = mem_alloc(OUT_MESSAGE);
	int n = vsnprintf(s, OUT_MESSAGE, fmt, ap);

	if (n > 0)
		put_clean(o, error, s, strlen(s));
	else if (n == 0)
		put_clean(o, error, "", 0);
	mem_free(s);
}

void out_say(struct out *o, int verbosity, const char *fmt, ...)
{
	va_list ap;

	if (o->json || verbosity > o->verbosity)
		return;
	va_start(ap, fmt);
	put_v(o, false, fmt, ap);
	va_end(ap);
}

void out_warn(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_v(o, true, fmt, ap);
	va_end(ap);
}

void out_result(struct out *o, const void *p, size_t n)
{
	pthread_mutex_lock(&o->lock);
	status_hide(o);
	buf_add(&o->held, p, n < OUT_BUFFER ? n : 0);
	if (o->held.len >= OUT_BUFFER || o->tty_out || n >= OUT_BUFFER)
		write_held(o);
	if (n >= OUT_BUFFER)
		put_out(o, p, n);
	status_show(o);
	pthread_mutex_unlock(&o->lock);
}

void out_result_json(struct out *o, const void *p, size_t n)
{
	struct buf safe;

	if (!o->tty_out) {
		out_result(o, p, n);
		return;
	}
	buf_init(&safe, SIZE_MAX / 2);
	human_json(&safe, p, n);
	out_result(o, safe.p, safe.len);
	buf_release(&safe);
}

void out_line(struct out *o, struct buf *b)
{
	buf_addc(b, '\n');
	if (!b->overflow && o->json)
		out_result_json(o, b->p, b->len);
	else if (!b->overflow)
		out_result(o, b->p, b->len);
	buf_reset(b);
}

void out_message(struct json_out *j, struct buf *b, const char *type)
{
	json_out_init(j, b);
	json_object(j);
	json_key(j, "message_type");
	json_str(j, type);
}

void out_path(const struct out *o, struct buf *b, const char *s, size_t n)
{
	if (o->tty_out)
		human_safe(b, s, n);
	else
		buf_add(b, s, n);
}

void out_join(const struct out *o, struct buf *b, const struct strlist *l, const char *sep)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_adds(b, i ? sep : "");
		out_path(o, b, l->s[i], strlen(l->s[i]));
	}
}

void out_json_error(struct out *o, struct buf *b)
{
	struct buf safe;

	buf_addc(b, '\n');
	buf_init(&safe, SIZE_MAX / 2);
	if (o->tty_err)
		human_json(&safe, b->p, b->len);
	if (!b->overflow)
		put_line(o, true, o->tty_err ? &safe : b);
	buf_release(&safe);
	buf_reset(b);
}

void out_item_error(struct out *o, const char *during, const char *item, const char *message)
{
	struct json_out j;
	struct buf b;

	buf_init(&b, 8 * OUT_MESSAGE);
	if (!o->json) {
		human_safe(&b, item ? item : "", item ? strlen(item) : 0);
		out_warn(o, "error: %s%s%s", buf_str(&b), b.len ? ": " : "", message);
		buf_release(&b);
		return;
	}
	out_message(&j, &b, "error");
	json_key(&j, "error");
	json_object(&j);
	json_key(&j, "message");
	json_str(&j, message);
	json_object_end(&j);
	json_key(&j, "during");
	json_str(&j, during);
	json_key(&j, "item");
	json_str(&j, item ? item : "");
	json_object_end(&j);
	out_json_error(o, &b);
	buf_release(&b);
}

/* A line of its own, in JSON restic's exit_error. */
static void last_line(const struct out *o, struct buf *b, int exit_code, const char *message)
{
	struct json_out j;

	buf_init(b, 8 * OUT_MESSAGE);
	if (o->json) {
		out_message(&j, b, "exit_error");
		json_key(&j, "code");
		json_int(&j, exit_code);
		json_key(&j, "message");
		json_str(&j, message);
		json_object_end(&j);
		buf_addc(b, '\n');
	} else {
		clean_line(b, o->tty_err, message, strlen(message));
	}
}

void out_last(struct out *o, int exit_code, const char *message)
{
	struct buf b;

	last_line(o, &b, exit_code, message);
	if (!b.overflow)
		put_line(o, true, &b);
	buf_release(&b);
}

void out_gasp(struct out *o, int exit_code, const char *message)
{
	struct pollfd p = {.fd = o->fd_err, .events = POLLOUT};
	struct buf b;

	last_line(o, &b, exit_code, message);
	/* A pipe that is ready takes at least PIPE_BUF bytes without waiting. */
	if (!b.overflow && b.len <= PIPE_BUF && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) &&
		write(p.fd, b.p, b.len) < 0)
		buf_reset(&b);
	buf_release(&b);
}

/* clip: no more cells than the terminal is wide, because a line that wraps cannot be overwritten.
 */
static size_t clip(const struct out *o, const char *s)
{
	struct winsize w;
	size_t n = strlen(s), cells = 80;

	if (!ioctl(o->fd_out, TIOCGWINSZ, &w) && w.ws_col > 1)
		cells = w.ws_col - 1u;
	while (n && human_width(s, n) > cells)
		n--;
	return n;
}

void out_status(struct out *o, const char *text, bool lines)
{
	struct buf line;

	if (o->json)
		return;
	if (!o->tty_out) {
		if (lines && *text)
			put_clean(o, false, text, strlen(text));
		return;
	}
	buf_init(&line, 4 * OUT_MESSAGE + 1);
	clean_line(&line, true, text, strlen(text));
	line.len--;
	pthread_mutex_lock(&o->lock);
	write_held(o);
	status_hide(o);
	buf_reset(&o->status);
	if (line.len)
		buf_add(&o->status, line.p, clip(o, buf_str(&line)));
	status_show(o);
	pthread_mutex_unlock(&o->lock);
	buf_release(&line);
}

int out_flush(struct out *o, struct err *err)
{
	int e;

	pthread_mutex_lock(&o->lock);
	write_held(o);
	e = o->failed;
	pthread_mutex_unlock(&o->lock);
	return e ? err_sys(err, e, "write to standard output") : 0;
}

bool out_broken(struct out *o)
{
	bool broken;

	pthread_mutex_lock(&o->lock);
	broken = o->failed != 0;
	pthread_mutex_unlock(&o->lock);
	return broken;
}

bool out_unread(struct out *o)
{
	bool gone;

	pthread_mutex_lock(&o->lock);
	gone = o->failed == EPIPE;
	pthread_mutex_unlock(&o->lock);
	return gone;
}

static void log_line(void *arg, enum log_level level, const char *msg)
{
	struct out *o = arg;

	if (level <= LOG_WARN || o->verbosity >= 3)
		out_warn(o, "%s%s", level == LOG_WARN ? "warning: " : "", msg);
}

struct log out_log(struct out *o)
{
	struct log l = {.max = o->verbosity >= 3 ? LOG_DEBUG : LOG_WARN, .fn = log_line, .arg = o};

	return l;
}

void out_free(struct out *o)
{
	if (!o)
		return;
	out_status(o, "", false);
	write_held(o);
	pthread_mutex_destroy(&o->lock);
	buf_release(&o->held);
	buf_release(&o->status);
	mem_free(o);
}
