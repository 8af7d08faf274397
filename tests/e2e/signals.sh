#!/bin/sh
# Signals end a run in order, and in time, though a read hangs, on this rank or another: exit status 130, no lock is left, and what is stored is in the index.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
[ -z "${SAN:-}" ] || exit 77 # a sanitizer's library must come before the shim
cd "$T"
cat >shim.c <<'C'
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
${CC:-gcc} -shared -fPIC -o shim.so shim.c -ldl
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
new_repo empty

packs_there() { # REPO N: at least so many
	[ "$(find "$1/data" -type f | wc -l)" -ge "$2" ]
}
# in_order REPO WHAT: no lock, and every pack is in the index.
in_order() {
	[ -z "$(ls "$1/locks")" ] || fail "$2: a lock is left"
	[ -z "$(ls "$1/snapshots")" ] || fail "$2: there is a snapshot"
	[ -n "$(ls "$1/index")" ] || fail "$2: there is no index"
	$restic -r "$1" check --no-cache >check 2>&1 || { cat check; fail "$2: restic finds errors"; }
	! grep -q 'not referenced' check || { cat check; fail "$2: a pack is not in the index"; }
}
# The shell has INT and QUIT ignored in what it starts in the background.
add_hung() { # REPO OPTIONS…: in the background; $! is its process
	repo=$1
	shift
	LD_PRELOAD=$PWD/shim.so env --default-signal=INT,QUIT $A_BACKUP -q -r "$repo" --read-concurrency 4 --pack-size 4 "$@" add hung >"$repo.out" 2>&1 &
}

# Each signal, while a read hangs.
signals='INT TERM HUP QUIT USR1 USR2 XCPU ALRM VTALRM PROF PWR IO 34 50 64'
all=
for s in $signals; do
	cp -r empty "r$s"
	add_hung "r$s" --stop-timeout 4s
	all="$all $!"
done
for s in $signals; do
	wait_for 60 packs_there "r$s" 4
done
sleep 1 # what is there now is acknowledged
# shellcheck disable=SC2086
set -- $all
for s in $signals; do
	kill -"$s" "$1"
	shift
done
# shellcheck disable=SC2086
set -- $all
for s in $signals; do
	ended "$1" 130 8 "SIG$s while a read hangs"
	[ "$s" != TERM ] || in_order "r$s" "SIG$s"
	[ -z "$(ls "r$s/locks")" ] || fail "SIG$s: a lock is left"
	[ -n "$(ls "r$s/index")" ] || fail "SIG$s: there is no index"
	grep -q 'interrupted by a signal' "r$s.out" || fail "SIG$s: it does not say why it ended"
	shift
done

# A second one, 2 s and more after the first, does not wait for the limit; an echo of the first is none.
cp -r empty twice
add_hung twice --stop-timeout 100s
p=$!
wait_for 60 packs_there twice 4
sleep 1
kill -TERM $p
sleep .3
kill -INT $p
sleep 2
gone $p && fail 'an echo of a signal is taken for a second one'
kill -TERM $p
ended $p 130 5 'a second SIGTERM'
in_order twice 'a second SIGTERM'

# Several ranks: one hangs; only one is told.
cp -r empty ranks
add_hung ranks --stop-timeout 4s --ranks 3
p=$!
wait_for 60 packs_there ranks 3
sleep 1
kill -TERM $p
ended $p 130 5 '3 ranks'
in_order ranks '3 ranks'
if type mpirun >/dev/null 2>&1; then
	cat >rank.sh <<'S'
echo $$ >pid.$OMPI_COMM_WORLD_RANK
LD_PRELOAD=$PWD/shim.so exec "$@"
S
	for who in 0 1 stopped; do
		cp -r empty "mpi$who"
		$MPIRUN -n 2 sh rank.sh "$A_BACKUP_MPI" -q -r "mpi$who" --read-concurrency 4 --pack-size 4 --stop-timeout 4s add hung >"mpi$who.out" 2>&1 &
		p=$!
		wait_for 60 packs_there "mpi$who" 3
		sleep 1
		case $who in
		stopped) # a rank that does not even hear of it
			kill -STOP "$(cat pid.1)"
			kill -USR1 "$(cat pid.0)"
			;;
		*) kill -USR1 "$(cat pid.$who)" ;;
		esac
		ended $p 130 8 "a signal to MPI rank $who"
		in_order "mpi$who" "a signal to MPI rank $who"
	done
fi
