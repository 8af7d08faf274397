/*
 * shim.c: loaded before the programs that golden.py compares.  The clock is $LATER seconds ahead,
 * so that files just made are old, and a name that ends with "gone" or "gone-file" vanishes when it
 * is opened.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t c, struct timespec *t)
{
	const char *later = getenv("LATER");
	int rc = (int)syscall(SYS_clock_gettime, c, t);

	if (rc == 0 && c == CLOCK_REALTIME && later)
		t->tv_sec += atoi(later);
	return rc;
}

static int ends(const char *p, const char *end)
{
	return strlen(p) >= strlen(end) && !strcmp(p + strlen(p) - strlen(end), end);
}

int openat(int d, const char *p, int flags, ...)
{
	int (*real)(int, const char *, int,
		...) = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
	va_list a;
	int mode;

	va_start(a, flags);
	mode = va_arg(a, int);
	va_end(a);
	if (ends(p, "gone"))
		unlinkat(d, p, AT_REMOVEDIR);
	if (ends(p, "gone-file"))
		unlinkat(d, p, 0);
	return real(d, p, flags, mode);
}

int openat64(int d, const char *p, int flags, ...) __attribute__((alias("openat")));
