/*
 * restore_shim: an LD_PRELOAD library that stops a restore, or lies to it, at the system calls that
 * change the target.
 *
 * SHIM_KILL=K SHIM_WHEN=before|after: the process is killed before or after the Kth such call.
 * SHIM_COUNT=FILE: their number is written there. SHIM_FOLD=1: names are taken in lower case, as by
 * a file system that knows no other. SHIM_NO_LINKS=1: linkat says EPERM.  SHIM_CLOSE=1: close of a
 * regular file that is open for reading and writing says EDQUOT.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static long setting(const char *name)
{
	const char *s = getenv(name);

	return s ? atol(s) : 0;
}

static void count(void)
{
	const char *path = getenv("SHIM_COUNT");
	char text[32];
	int n, fd;

	if (!path)
		return;
	n = snprintf(text, sizeof(text), "%ld\n", atomic_load(&calls));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd >= 0 && write(fd, text, (size_t)n) != n)
		abort();
	close(fd);
}

static void __attribute__((destructor)) at_end(void)
{
	count();
}

static long before(void)
{
	long k = atomic_fetch_add(&calls, 1) + 1, at = setting("SHIM_KILL");
	const char *when = getenv("SHIM_WHEN");

	if (k == at && when && !strcmp(when, "before"))
		kill(getpid(), SIGKILL);
	return k;
}

static void after(long k)
{
	if (k == setting("SHIM_KILL"))
		kill(getpid(), SIGKILL);
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* A name in an open directory, in the second or first buffer of this thread. */
static const char *fold(int d, const char *p, int which)
{
	static _Thread_local char buf[2][256];
	size_t n = strlen(p);

	if (!setting("SHIM_FOLD") || d == AT_FDCWD || strchr(p, '/') || n > 255)
		return p;
	for (size_t i = 0; i <= n; i++)
		buf[which][i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
	return buf[which];
}

int statx(int d, const char *restrict p, int flags, unsigned mask, struct statx *restrict x)
{
	int (*real)(int, const char *, int, unsigned, struct statx *);

	*(void **)&real = next("statx");
	return real(d, fold(d, p, 0), flags, mask, x);
}

/* A call of the type R name(PARAMETERS), with the arguments ARGS. */
#define SHIM(R, name, PARAMETERS, ARGS)                                                            \
	R name PARAMETERS                                                                          \
	{                                                                                          \
		static R(*real) PARAMETERS;                                                        \
		long k = before();                                                                 \
		int saved;                                                                         \
		R rc;                                                                              \
                                                                                                   \
		if (!real)                                                                         \
			*(void **)&real = next(#name);                                             \
		rc = real ARGS;                                                                    \
		saved = errno;                                                                     \
		after(k);                                                                          \
		errno = saved;                                                                     \
		return rc;                                                                         \
	}

SHIM(int, mkdirat, (int d, const char *p, mode_t m), (d, fold(d, p, 0), m))
SHIM(int, mknodat, (int d, const char *p, mode_t m, dev_t v), (d, fold(d, p, 0), m, v))
SHIM(int, symlinkat, (const char *t, int d, const char *p), (t, d, fold(d, p, 0)))
SHIM(int, unlinkat, (int d, const char *p, int f), (d, fold(d, p, 0), f))
SHIM(int, renameat, (int a, const char *p, int b, const char *q), (a, p, b, q))
SHIM(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
SHIM(ssize_t, pwrite64, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
SHIM(int, ftruncate, (int fd, off_t n), (fd, n))
SHIM(int, ftruncate64, (int fd, off_t n), (fd, n))
SHIM(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
SHIM(int, fallocate64, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
SHIM(int, chmod, (const char *p, mode_t m), (p, m))
SHIM(int, fchmod, (int fd, mode_t m), (fd, m))
SHIM(int, fchownat, (int d, const char *p, uid_t u, gid_t g, int f), (d, p, u, g, f))
SHIM(int, setxattr, (const char *p, const char *x, const void *v, size_t n, int f), (p, x, v, n, f))
SHIM(int, lsetxattr, (const char *p, const char *x, const void *v, size_t n, int f),
	(p, x, v, n, f))
SHIM(int, fsetxattr, (int fd, const char *x, const void *v, size_t n, int f), (fd, x, v, n, f))
SHIM(int, removexattr, (const char *p, const char *x), (p, x))
SHIM(int, lremovexattr, (const char *p, const char *x), (p, x))
SHIM(int, fremovexattr, (int fd, const char *x), (fd, x))
SHIM(int, utimensat, (int d, const char *p, const struct timespec t[2], int f), (d, p, t, f))

int linkat(int a, const char *p, int b, const char *q, int f)
{
	static int (*real)(int, const char *, int, const char *, int);
	long k = before();
	int rc;

	if (!real)
		*(void **)&real = next("linkat");
	if (setting("SHIM_NO_LINKS")) {
		errno = EPERM;
		return -1;
	}
	rc = real(a, fold(a, p, 0), b, fold(b, q, 1), f);
	after(k);
	return rc;
}

/* Only what makes a file changes anything. */
static int open_at(const char *name, int d, const char *p, int flags, mode_t mode)
{
	int (*real)(int, const char *, int, ...);
	long k = flags & O_CREAT ? before() : 0;
	int rc, saved;

	*(void **)&real = next(name);
	rc = real(d, fold(d, p, 0), flags, mode);
	saved = errno;
	if (k)
		after(k);
	errno = saved;
	return rc;
}

#define OPENAT(name)                                                                               \
	int name(int d, const char *p, int flags, ...)                                             \
	{                                                                                          \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;                                   \
		va_end(ap);                                                                        \
		return open_at(#name, d, p, flags, mode);                                          \
	}

OPENAT(openat)
OPENAT(openat64)

int close(int fd)
{
	static int (*real)(int);
	int flags = setting("SHIM_CLOSE") ? fcntl(fd, F_GETFL) : -1, rc;
	struct stat st;

	if (!real)
		*(void **)&real = next("close");
	if (flags >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		flags = -1;
	rc = real(fd);
	if (!rc && flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) == O_RDWR) {
		errno = EDQUOT;
		return -1;
	}
	return rc;
}
