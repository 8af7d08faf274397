#!/bin/sh
# Signals end a run in order, and in time, though a read hangs, on this rank or another: exit status
# 130, no lock is left, and what is stored is in the index.
set -eu
. tests/lib/e2e.sh
. tests/lib/hung.sh

# The shell has INT and QUIT ignored in what it starts in the background.
add_hung() { # REPO OPTIONS…: in the background; $! is its process
	repo=$1
	shift
	LD_PRELOAD=$HUNG env --default-signal=INT,QUIT $A_BACKUP -q -r "$repo" \
		--read-concurrency 4 --pack-size 4 "$@" add hung >"$repo.out" 2>&1 &
}

# Each signal, while a read hangs.
signals='INT TERM HUP QUIT XCPU ALRM VTALRM PROF PWR IO 34 50 64'
all=
for s in $signals; do
	cp -r empty "r$s"
	add_hung "r$s" --stop-timeout 4s
	all="$all $!"
done
for s in $signals; do
	wait_for 60 packs_there "r$s" 4
	wait_for 60 settled "r$s"
done
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

# USR2 asks for an end in good order, within its own time; then the limit counts as for the others.
# USR1 only asks how far it is.
cp -r empty usr
add_hung usr --drain-time 2s --stop-timeout 4s
p=$!
wait_for 60 packs_there usr 4
wait_for 60 settled usr
kill -USR1 $p
sleep 1
gone $p && fail 'USR1 outside a job ends it'
kill -USR2 $p
ended $p 1 9 'USR2 while a read hangs'
in_order usr 'USR2'
# What is asked for in good time does not keep a signal waiting.
cp -r empty usrterm
add_hung usrterm --drain-time 100s --stop-timeout 4s
p=$!
wait_for 60 packs_there usrterm 4
wait_for 60 settled usrterm
kill -USR2 $p
sleep .3
kill -TERM $p
ended $p 130 8 'TERM after USR2'
in_order usrterm 'TERM after USR2'

# A second one, 2 s and more after the first, does not wait for the limit; an echo of the first is
# none.
cp -r empty twice
add_hung twice --stop-timeout 100s
p=$!
wait_for 60 packs_there twice 4
wait_for 60 settled twice
kill -TERM $p
sleep .3
kill -INT $p
sleep 2
gone $p && fail 'an echo of a signal is taken for a second one'
kill -TERM $p
ended $p 130 8 'a second SIGTERM'
in_order twice 'a second SIGTERM'

# Several ranks: one hangs; only one is told.
cp -r empty ranks
add_hung ranks --stop-timeout 4s --ranks 3
p=$!
wait_for 60 packs_there ranks 3
wait_for 60 settled ranks
kill -TERM $p
ended $p 130 8 '3 ranks'
in_order ranks '3 ranks'
if type mpirun >/dev/null 2>&1; then
	cat >rank.sh <<'S'
echo $$ >pid.$OMPI_COMM_WORLD_RANK
LD_PRELOAD=$HUNG exec "$@"
S
	for who in 0 1 theirs stopped; do
		cp -r empty "mpi$who"
		readers=4
		[ $who != theirs ] || readers=1 # rank 0 hangs at once: all packs are rank 1's
		$MPIRUN -n 2 sh rank.sh "$A_BACKUP_MPI" -q -r "mpi$who" \
			--read-concurrency $readers --pack-size 4 --stop-timeout 4s add hung \
			>"mpi$who.out" 2>&1 &
		p=$!
		wait_for 60 packs_there "mpi$who" 2
		wait_for 60 settled "mpi$who"
		case $who in
		stopped) # a rank that does not even hear of it
			kill -STOP "$(cat pid.1)"
			kill -HUP "$(cat pid.0)"
			;;
		theirs) kill -HUP "$(cat pid.0)" ;;
		*) kill -HUP "$(cat pid.$who)" ;;
		esac
		ended $p 130 8 "a signal to MPI rank $who"
		case $who in
		stopped) ended_well "mpi$who" "a signal to MPI rank $who" ;; # nobody has seen where its packs lie
		*) in_order "mpi$who" "a signal to MPI rank $who" ;;
		esac
	done
fi
