#!/bin/sh
# "No such file" for something that was listed: silent only where a second look agrees, and then it
# is counted.  And directories without end.
set -eu
. tests/lib/e2e.sh
# The library's own names would be there twice under a sanitizer.
! nm "$A_BACKUP" 2>/dev/null | grep -q __asan_init || exit 77
cd "$T"
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
static int ends(const char *p, const char *end)
{
	return strlen(p) >= strlen(end) && !strcmp(p + strlen(p) - strlen(end), end);
}
int openat(int d, const char *p, int f, ...)
{
	static int (*real)(int, const char *, int, ...);
	va_list a;
	int m;
	if (!real)
		real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
	va_start(a, f);
	m = va_arg(a, int);
	va_end(a);
	if (ends(p, "hidden") || ends(p, "hidden-file")) {
		errno = ENOENT;
		return -1;
	}
	if (ends(p, "gone") || ends(p, "gone-named"))
		unlinkat(d, p, AT_REMOVEDIR);
	if (ends(p, "gone-file") || ends(p, "gone-named"))
		unlinkat(d, p, 0);
	return real(d, p, f, m);
}
int openat64(int d, const char *p, int f, ...) __attribute__((alias("openat")));
C
${CC:-cc} -shared -fPIC -o shim.so shim.c -ldl
new_repo repo
run() { # CODE TARGET…: with the shim, which hides or removes what is opened
	code=$1
	shift
	expect "$code" env LD_PRELOAD="$T/shim.so" $A_BACKUP -r repo add --force "$@"
}

# It is there and cannot be opened: an error, and the rest is saved.
for ranks in 1 3; do
	for hidden in hidden/d hidden-file; do
		rm -rf home
		mkdir -p "home/$(dirname $hidden)" home/other
		echo x >"home/$hidden"
		echo o >home/other/o
		run 3 --ranks $ranks home
		grep -q "home/${hidden%/d}: .*but it is there" err ||
			fail "no word of $hidden: $(cat err)"
		$A_BACKUP -q -r repo files latest >list
		grep -q other/o list || fail 'the rest is not saved'
		if grep -q Vanished out; then fail 'called vanished'; fi
	done
done

# It is gone: no error, but counted.
for ranks in 1 3; do
	rm -rf home
	mkdir -p home/gone home/a
	echo x >home/a/gone-file
	echo x >home/a/gone-file2
	run 0 --ranks $ranks home
	grep -q 'Vanished: *1 files, *1 directories' out || fail "not counted: $(cat out)"
done
mkdir -p home/gone
echo x >home/a/gone-file
run 0 --json home
tail -n 1 out | jq -e '.files_vanished == 1 and .dirs_vanished == 1' >jq ||
	fail "not counted: $(tail -n 1 out)"

# What was named does not go silently.
echo n >gone-named
run 3 home gone-named
grep -q 'gone-named: ' err || fail 'a named file vanished without a word'
mkdir gone-named
run 3 home gone-named
grep -q 'gone-named: ' err || fail 'a named directory vanished without a word'

# Depth.  What contains itself has no end; what is only deep is saved.
deep() { # DIR LEVELS
	python3 - "$1" "$2" <<'P'
import os, sys
os.mkdir(sys.argv[1])
os.chdir(sys.argv[1])
for i in range(int(sys.argv[2])):
    os.mkdir('d')
    os.chdir('d')
open('f', 'w').write('deep')
P
}
deep real 5000
expect 0 $A_BACKUP -q -r repo add real
$A_BACKUP -q -r repo files latest >list
grep -c '/f$' list >count
[ "$(cat count)" = 1 ] && [ "$(wc -l <list)" -gt 5000 ] || fail 'the deepest file is missing'
deep endless 10010
expect 3 $A_BACKUP -q -r repo add endless
grep -q 'more than 10000 directories lie above it' err || fail 'no end'
rm -rf real endless
