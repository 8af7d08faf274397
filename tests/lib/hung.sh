# hung.sh: sourced after e2e.sh in the folder T, by tests that end a backup that hangs.  HUNG is
# what to preload: with it the file `hangs` of the tree `hung` is never read to its end.  `src` is
# the same tree without that file, `empty` a repository; packs_there, settled, ended_well, in_order.
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
[ -z "${SAN:-}" ] || exit 77 # a sanitizer's library must come before the shim
cd "$T"
export HUNG="$T/hung.so"
cat >hung.c <<'C'
/* A file of 777777 bytes is never read to its end: a hung NFS server, a dead OST. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>
static void hang(int fd)
{
	struct stat s;

	if (!fstat(fd, &s) && S_ISREG(s.st_mode) && s.st_size == 777777)
		for (;;)
			sleep(100);
}
ssize_t read(int fd, void *b, size_t n)
{
	hang(fd);
	return ((ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read"))(fd, b, n);
}
ssize_t pread(int fd, void *b, size_t n, off_t o)
{
	hang(fd);
	return ((ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread"))(fd, b, n, o);
}
ssize_t pread64(int fd, void *b, size_t n, off_t o)
{
	return pread(fd, b, n, o);
}
C
${CC:-gcc} -shared -fPIC -o hung.so hung.c -ldl
python3 - src <<'P'
import os, random, sys
r = random.Random(3)
os.makedirs(sys.argv[1])
for i in range(8):
    with open(f'{sys.argv[1]}/{i}', 'wb') as f:
        f.write(r.randbytes(3000000))
P
mkdir hung
cp src/? hung
head -c 777777 /dev/zero >hung/hangs

packs_there() { # REPO N: at least so many
	[ "$(find "$1/data" -type f | wc -l)" -ge "$2" ]
}
# settled REPO: each reader, worker and storing thread of those that add to it sleeps, several times
# in a row: what they could store without what hangs is stored, and acknowledged.
settled() {
	for i in 1 2 3 4 5; do
		pids=$(pgrep -f -- "-r $1 .*add hung")
		[ -n "$pids" ] || return 1
		for pid in $pids; do
			cat "/proc/$pid"/task/*/status 2>/dev/null
		done | awk '/^Name:/ { ours = $2 ~ /^(read|cpu|store)/ }
			/^State:/ && ours { n++; busy += $2 ~ /[RD]/ }
			END { exit busy || !n }' || return 1
		sleep .05
	done
}
# ended_well REPO WHAT: no lock, and what is indexed is there.  in_order: and every pack is indexed.
ended_well() {
	[ -z "$(ls "$1/locks")" ] || fail "$2: a lock is left"
	[ -z "$(ls "$1/snapshots")" ] || fail "$2: there is a snapshot"
	$restic -r "$1" check --no-cache >check 2>&1 ||
		{ cat check; fail "$2: restic finds errors"; }
}
in_order() { # REPO WHAT
	ended_well "$@"
	[ -n "$(ls "$1/index")" ] || fail "$2: there is no index"
	! grep -q 'not referenced' check || { cat check; fail "$2: a pack is not in the index"; }
}
new_repo empty
