#!/bin/sh
# A link on the way to a target that leads elsewhere for a moment, while the run goes on, and then
# back: what lies there meanwhile is not saved as if it were the target's.
# What somebody replaces below the target is ordinary: it is saved as it is found.
set -eu
. tests/lib/e2e.sh
command -v strace >/dev/null || exit 77
export A_BACKUP A_BACKUP_MPI
new_repo empty
cd "$T"
DIRS="1 2 3 4 5 6 7 8 9 10 11 12"

# Equal names and times in both, other contents; DIRS below sub, and two files beside it.
setup() {
	rm -rf A B cur repo trace.* done.*
	for side in A B; do
		for d in $DIRS; do
			mkdir -p $side/sub/d$d
			for f in 1 2 3 4; do
				echo "$side $d.$f" >$side/sub/d$d/f$f
			done
		done
		echo "$side g" >$side/g
		find $side -exec touch -h -d '2 hours ago' {} +
	done
	ln -s A cur
	cp -r empty repo
}

# The rank WHO stops at some of what it opens at PATHS and in there (WHEN, as strace has it): then
# comes `sh change.sh 1`, at the second time `sh change.sh 2`.
cat >rank.sh <<'R'
rank=$1 program=$2
shift 2
inject=delay_enter=10000
if [ "$WHO" = "$rank" ]; then
	inject=signal=SIGSTOP:when=$WHEN
	(
		seen=0
		until pgrep -P $$ a_backup >pid.$rank; do sleep .01; done
		while pgrep -P $$ a_backup >pid.$rank; do
			n=$(grep -c -e '--- SIGSTOP' "trace.$rank" 2>/dev/null) || true
			if [ "${n:-0}" -gt $seen ]; then
				seen=$n
				sleep .1 # until its other threads have stopped too
				[ $seen -gt 2 ] || sh change.sh $seen
				: >"done.$rank"
				kill -CONT "$(cat pid.$rank)"
			fi
			sleep .01
		done
	) &
fi
exec strace -f -qq -o "trace.$rank" $(printf ' -P %s' $PATHS) -e trace=openat -e "inject=openat:$inject" "$program" -q -r repo --workers 1 --read-concurrency 1 add "$@"
R

# go WHO TARGET…: one backup with change.sh in its midst; $rc is its exit status, told what it says,
# A and B are how many files of each it saved.
go() {
	WHO=$1 rc=0 A=0 B=0
	what="rank $*"
	export WHO WHEN PATHS
	shift
	setup
	case $WHO in
	0) timeout 60 sh rank.sh 0 "$A_BACKUP" "$@" ;;
	*) timeout 60 $MPIRUN -n 1 sh rank.sh 0 "$A_BACKUP_MPI" "$@" : -n 1 sh rank.sh 1 \
		"$A_BACKUP_MPI" "$@" ;;
	esac >out 2>&1 </dev/null || rc=$?
	[ -e done.$WHO ] || fail "$what: nothing happened: $(cat out)"
	grep -v '^strace: Requested' out >told || true
	rm -rf back
	if [ -n "$(ls repo/snapshots)" ]; then
		"$A_BACKUP" -q -r repo restore --target back latest >restored 2>&1 ||
			fail "$what: restore: $(cat restored)"
		A=$(grep -rls '^A ' back | wc -l) B=$(grep -rls '^B ' back | wc -l)
	fi
	echo "$what: exit status $rc, saved: $A of the target, $B of another directory"
}
# right N: an error and no snapshot, or all N files.
right() {
	[ $rc = 0 ] && [ $A = "$1" ] && [ $B = 0 ] || [ $rc = 1 ] && [ $A = 0 ] && [ $B = 0 ] &&
		grep -q "$T/cur" told || fail "$what: $(cat told)"
}

# Elsewhere, and back again: an error, or everything is saved.
cat >change.sh <<'C'
[ $1 = 1 ] && ln -sfn B cur || ln -sfn A cur
C
PATHS=$(printf "$T/cur/sub/d%d " $DIRS) WHEN=3+6
for who in 0 1; do
	go $who "$T/cur/sub"
	right 48
done
# The link is a target too, and stands for what lies there, for another target is below it.
go 0 "$T/cur" "$T/cur/g"
right 49
# A file: elsewhere before its directory is opened, back before that is looked at.
PATHS=$T/cur WHEN=1+1
go 0 "$T/cur/g"
right 1

# Somebody puts other directories below the target: what is there is saved; of the one that is just
# being read, what was left.
cat >change.sh <<'C'
[ $1 = 1 ] || exit 0
for d in A/sub/d*; do
	mv "$d" aside
	cp -a aside "$d"
	rm -r aside
done
C
PATHS=$(printf "$T/cur/sub/d%d " $DIRS) WHEN=3+6
for who in 0 1; do
	go $who "$T/cur/sub"
	[ $rc = 0 ] && [ $A -ge 44 ] || fail "$what: $(cat told)"
done
