#!/bin/sh
# What is removed while files are restored gives its inode number to what is made next: a directory
# with such a number is not taken for a second name of what was there.
set -eu
. tests/lib/e2e.sh
[ -z "${SAN:-}" ] || exit 77 # a sanitizer's library must come before the shim
cd "$T"
new_repo r
mkdir -p src/z target
mkfifo src/a
echo in >src/z/in
"$A_BACKUP" -q -r r add src
python3 "$TESTS/lib/manifest.py" src | tail -n +2 >want
chmod -R a+rX r

# The FIFO that lies there and the directory that is made have one number.
mkfifo -m 640 target/a
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
int statx(int fd, const char *name, int flags, unsigned mask, struct statx *s)
{
	int rc = ((int (*)(int, const char *, int, unsigned, struct statx *))dlsym(
		RTLD_NEXT, "statx"))(fd, name, flags, mask, s);

	if (!rc && (s->stx_mode == (S_IFIFO | 0640) || s->stx_mode == (S_IFDIR | 0700)))
		s->stx_ino = 777;
	return rc;
}
C
${CC:-gcc} -shared -fPIC -o shim.so shim.c -ldl
expect 0 env LD_PRELOAD="$PWD/shim.so" "$A_BACKUP" -q -r r restore latest:/src --target target \
	--overwrite always
python3 "$TESTS/lib/manifest.py" target | tail -n +2 | diff want - ||
	fail 'it is not what was backed up'
