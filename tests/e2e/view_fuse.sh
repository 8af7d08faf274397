#!/bin/sh
# File systems that are mounted by being touched, and such as make up inode numbers: two nodes that
# see the same files are not refused, and with -x nothing is left out; what is not the same is
# refused.
set -eu
. tests/lib/e2e.sh
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || {
	echo 'only root may mount'
	exit 77
}
scripts/deps.sh fuse >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
[ -c /dev/fuse ] || {
	echo 'no FUSE here'
	exit 77
}
new_repo empty
cd "$T"
for d in $(seq 12); do
	mkdir -p "src/d$d"
	for f in 1 2 3 4; do
		echo "$d.$f" >"src/d$d/f$f"
	done
done
cp -a src other
echo new >other/d1/f1
mkdir other/d13
touch -r src other
mkdir s
export T TESTS A_BACKUP_MPI

# run NAME OPTION…: two ranks, each by rank.sh.  $rc and $saved.
run() {
	rm -rf r
	cp -r empty r
	rc=0
	timeout 60 $MPIRUN -n 1 unshare -m sh "$1" 0 : -n 1 unshare -m sh "$1" 1 >out 2>&1 \
		</dev/null || rc=$?
	saved=none
	[ -z "$(ls r/snapshots)" ] || saved=$("$A_BACKUP" -r r files latest | grep -c '/f[1-4]$') ||
		true
}
saved_all() {
	[ "$rc" = 0 ] && [ "$saved" = 48 ] || {
		cat out
		fail "$1: exit status $rc, saved $saved"
	}
}

# Inode numbers as libfuse counts them, in the order in which each node has come to look at things.
cat >fuse.sh <<'R'
set -e
from=$T/src
[ "$1" = 0 ] || [ ! -e "$T/differ" ] || from=$T/other
python3 "$TESTS/lib/own_inodes.py" "$from" "$T/s" &
until mountpoint -q "$T/s"; do
	sleep .05
done
[ "$1" = 0 ] || ls -lR "$T/s" >/dev/null
rc=0
stat -c "inode on $1: %i" "$T/s/d2" >>"$T/inodes"
strace -f -qq -o /dev/null -e trace=getdents64 -e inject=getdents64:delay_enter=10000 "$A_BACKUP_MPI" -q -r "$T/r" --workers 1 add "$T/s" || rc=$?
umount "$T/s"
exit $rc
R
: >inodes
run fuse.sh
[ "$(sed 's/.*: //' inodes | sort -u | wc -l)" = 2 ] ||
	fail 'the inodes are the same: this shows nothing'
saved_all 'inodes of each mount'
: >differ
run fuse.sh
[ "$rc,$saved" = 1,none ] && grep -q "$T/s is not what it is on rank 0" out || {
	cat out
	fail "other names: exit status $rc, saved $saved"
}

# Mounted by the walk itself at the latest; with other numbers of devices on the second node.
echo "/- $T/direct" >master
echo "$T/s -fstype=fuse,rw,use_ino :bindfs\\#$T/src" >direct
cat >auto.sh <<'R'
mount -t tmpfs none /run
setsid automount -f -p "$T/pid.$1" "$T/master" >"$T/automount.$1" 2>&1 &
daemon=$!
until grep -q "$T/s" /proc/self/mountinfo; do
	n=$((${n:-0} + 1))
	[ $n -lt 100 ] || exit 9
	sleep .1
done
[ "$1" = 0 ] || mount -t tmpfs none /mnt
[ "$1" = 1 ] || ls "$T/s/d1" >/dev/null
rc=0
strace -f -qq -o /dev/null -e trace=getdents64 -e inject=getdents64:delay_enter=10000 "$A_BACKUP_MPI" -q -r "$T/r" --workers 1 add -x "$T/s" || rc=$?
umount -l "$T/s" 2>/dev/null
kill $daemon
wait $daemon 2>/dev/null
exit $rc
R
run auto.sh
saved_all 'mounted by being touched'

# A file system that hangs from the first look at a target on: a signal ends the run all the same,
# and no lock is left.
[ -z "${SAN:-}" ] || exit 0
rm -rf r
cp -r empty r
python3 "$TESTS/lib/own_inodes.py" "$T/src" "$T/s" &
fs=$!
trap 'kill -9 $fs 2>/dev/null; umount -l "$T/s"' EXIT
until mountpoint -q s; do
	sleep .05
done
# What is known of the target when it is named is still in the cache; the first look of all ranks
# asks anew.
stat s >out
kill -STOP $fs
"$A_BACKUP" -r r --stop-timeout 2s add s >out 2>&1 &
run=$!
until [ -n "$(ls r/locks)" ]; do
	sleep .05
	kill -0 $run 2>/dev/null || {
		cat out
		fail 'the run did not begin'
	}
	n=$((${n:-0} + 1))
	[ "$n" -lt 400 ] || {
		kill -CONT $fs
		wait $run || true
		fail 'the file system hung too early to show anything'
	}
done
kill -TERM $run
n=0
until [ -z "$(ls r/locks)" ]; do
	sleep .1
	n=$((n + 1))
	[ $n -lt 100 ] || fail 'the lock is left'
done
kill -CONT $fs
rc=0
wait $run || rc=$?
[ $rc = 130 ] || fail "exit status $rc after a signal"
