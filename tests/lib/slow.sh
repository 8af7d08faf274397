# slow.sh: sourced after e2e.sh in the folder T, by tests that cut a backup short.  PRELOAD is what
# to preload: each file f* takes 5 ms to open (with SLOW_STAT to look at, too), there is a file
# `begun` ($BEGUN) once a process has opened a hundred, and the clock is two hours ahead (LATER),
# so that the times of files that were just made can be believed.  slow_tree.
cat >slow.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int openat(int at, const char *name, int flags, ...)
{
	static int n;
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	if (!(flags & (O_DIRECTORY | O_PATH | O_CREAT)) && !strncmp(name, "f", 1)) {
		usleep(5000);
		if (__atomic_add_fetch(&n, 1, __ATOMIC_RELAXED) == 100)
			close(creat(getenv("BEGUN") ? getenv("BEGUN") : "begun", 0644));
	}
	return ((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat"))(at, name, flags, mode);
}
int openat64(int at, const char *name, int flags, ...) __attribute__((alias("openat")));
int statx(int at, const char *name, int flags, unsigned mask, struct statx *x)
{
	if (getenv("SLOW_STAT") && !strncmp(name, "f", 1))
		usleep(5000);
	return ((int (*)(int, const char *, int, unsigned, struct statx *))dlsym(RTLD_NEXT, "statx"))(
		at, name, flags, mask, x);
}
C
${CC:-gcc} -shared -fPIC -o slow.so slow.c -ldl
later 0 true
PRELOAD=$T/later.so:$T/slow.so
export LATER=7200

slow_tree() { # NAME DIRECTORIES FILES: so many files in each
	python3 - "$@" <<'P'
import os, sys
name, dirs, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for d in range(dirs):
    os.makedirs(f'{name}/{d % 3}/d{d}')
    for f in range(files):
        with open(f'{name}/{d % 3}/d{d}/f{f}', 'w') as out:
            out.write(f'{name} {d} {f}\n' * (1 + f))
P
}
