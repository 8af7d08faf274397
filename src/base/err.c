#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_clear(struct err *e)
{
	if (!e)
		return;
	e->code = 0;
	e->msg[0] = 0;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return code;
}

/* The GNU strerror_r, which returns the text and is thread safe. */
static const char *errno_text(int errnum, char *room, size_t n)
{
	return strerror_r(errnum, room, n);
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	char text[128];
	va_list ap;
	int n;

	if (!e)
		return err_of_errno(errnum);
	e->code = err_of_errno(errnum);
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s",
			errno_text(errnum, text, sizeof(text)));
	return e->code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char front[ERR_MSG_MAX];
	size_t room, keep;
	va_list ap;
	int n;

	if (!e)
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(front, sizeof(front) - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		return e->code;
	if ((size_t)n > sizeof(front) - 3)
		n = (int)sizeof(front) - 3;
	front[n++] = ':';
	front[n++] = ' ';
	room = sizeof(e->msg) - 1 - (size_t)n;
	keep = strnlen(e->msg, sizeof(e->msg) - 1);
	if (keep > room)
		keep = room;
	memmove(e->msg + n, e->msg, keep);
	memcpy(e->msg, front, (size_t)n);
	e->msg[(size_t)n + keep] = 0;
	return e->code;
}

int err_copy(struct err *to, const struct err *from)
{
	if (to && to != from) {
		to->code = from->code;
		memcpy(to->msg, from->msg, strnlen(from->msg, sizeof(from->msg) - 1) + 1);
		to->msg[sizeof(to->msg) - 1] = 0;
	}
	return from->code;
}

int err_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOTFOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NOSPACE;
	case ENOMEM:
		return ERR_NOMEM;
	case ECANCELED:
		return ERR_CANCELLED;
	case ENOSYS:
	case EOPNOTSUPP:
		return ERR_UNSUPPORTED;
	case ENAMETOOLONG:
	case ELOOP:
		return ERR_INVALID;
	default:
		return ERR_IO;
	}
}

int err_permanent(int code)
{
	return code < 0 && code != ERR_IO;
}
