#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

void log_msg(const struct log *l, enum log_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	if (!l || !l->fn || level > l->max)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* A file name may hold a newline; the contract is one line. */
	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	l->fn(l->arg, level, line);
}
