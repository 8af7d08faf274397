#!/bin/sh
# Several tasks of a launcher: what is done once is done by task 0, without MPI; what all do
# together is never done by each on its own; who waits for others that do not come ends, and names
# them.
set -eu
. tests/lib/e2e.sh
cd "$T"
mkdir src
head -c 3000000 /dev/urandom >src/f
new_repo r
snapshots() {
	find r/snapshots -type f | wc -l
}

# tasks N VARIABLES… -- COMMAND…: N tasks as a launcher makes them that MPI does not understand;
# their exit statuses are in rc.K, what they say in out.K and err.K.
tasks() {
	n=$1 size=$2 rank=$3
	shift 3
	k=0
	while [ $k -lt "$n" ]; do
		(
			code=0
			timeout 60 env "$size=$n" "$rank=$k" "$@" >out.$k 2>err.$k || code=$?
			echo $code >rc.$k
		) &
		k=$((k + 1))
	done
	wait
}
all_end() { # CODES…: of tasks 0, 1, …
	k=0
	for want; do
		[ "$(cat rc.$k)" = "$want" ] || {
			cat err.$k
			fail "task $k ended with $(cat rc.$k), not $want"
		}
		k=$((k + 1))
	done
}

for kind in 'PMI_SIZE PMI_RANK' 'SLURM_STEP_NUM_TASKS SLURM_PROCID'; do
	# shellcheck disable=SC2086
	tasks 3 $kind $A_BACKUP -q -r r add src
	all_end 1 1 1
	[ "$(snapshots)" = 0 ] || fail \
		"$kind: tasks that MPI does not know of each other made $(snapshots) snapshots"
	grep -q '^Fatal: 3 tasks were started, but MPI knows of one.*--alone' err.0 ||
		fail "$kind: it does not say what is wrong: $(cat err.0)"
	[ ! -s err.1 ] || fail "$kind: more than one task complains"
done
grep -q 'srun --mpi=pmix' err.0 || fail 'it does not say what to type'
# Only the number of this task is known.
rc=0
PMIX_RANK=2 $A_BACKUP -q -r r add src 2>err || rc=$?
[ $rc = 1 ] && grep -q '^Fatal: 3 tasks were started, but MPI knows of one' err ||
	fail "a task whose number alone is known: $rc, $(cat err)"
tasks 2 PMI_SIZE PMI_RANK "$A_BACKUP_MPI" -q -r r add src
all_end 1 1
[ "$(snapshots)" = 0 ] || fail 'the MPI program itself made snapshots'
tasks 2 PMI_SIZE PMI_RANK $A_BACKUP --alone -q -r r add src
all_end 0 0
[ "$(snapshots)" = 2 ] || fail "two tasks, each --alone, made $(snapshots) snapshots"

# What is done once.
for program in "$A_BACKUP" "$A_BACKUP_MPI"; do
	tasks 3 PMI_SIZE PMI_RANK $program -r r list
	all_end 0 0 0
	grep -q '2 snapshots' out.0 || fail "$program: task 0 did not do it"
	[ ! -s out.1 ] && [ ! -s out.2 ] || fail "$program: another task did it too"
	grep -q 'task 2 leaves this to task 0: list .*--alone' err.2 ||
		fail "$program: task 2 does not say who does it: $(cat err.2)"
done
tasks 2 PMI_SIZE PMI_RANK $A_BACKUP --alone -r r list
grep -q '2 snapshots' out.1 || fail '--alone is not obeyed'
tasks 2 PMI_SIZE PMI_RANK $A_BACKUP add --help
grep -q 'back up files' out.0 || fail 'help is not serial'
grep -q 'task 1 leaves this to task 0: --help ' err.1 || fail "task 1 of --help: $(cat err.1)"
tasks 2 PMI_SIZE PMI_RANK $A_BACKUP --version
all_end 0 0
grep -q 'task 1 leaves this to task 0: --version ' err.1 || fail "task 1 of --version: $(cat err.1)"
# A slip of the finger is told as such, whatever the launcher does.
tasks 3 PMI_SIZE PMI_RANK $A_BACKUP lst
all_end 1 1 1
grep -q '^Fatal: "lst" is neither a command nor a file' err.0 ||
	fail "a mistyped command: $(cat err.0)"
! grep -q MPI err.0 || fail "a mistyped command hears of MPI: $(cat err.0)"
[ ! -s err.1 ] && [ ! -s err.2 ] || fail 'more than one task complains of a mistyped command'
tasks 2 PMI_SIZE PMI_RANK $A_BACKUP add --launch-timeout never src
all_end 1 0

# Real MPI.  A command that one task of a step gives, while the others do something else.
type mpirun >/dev/null 2>&1 || exit 0
cat >one.sh <<'S'
[ "$OMPI_COMM_WORLD_RANK" != "$BUSY" ] || exec sleep 4
"$@" >mpi.$OMPI_COMM_WORLD_RANK 2>&1
echo "rc=$?" >>mpi.$OMPI_COMM_WORLD_RANK
S
BUSY=1 timeout 60 $MPIRUN -n 2 sh one.sh timeout 20 $A_BACKUP version
grep -q '^rc=0' mpi.0 || fail "version by one task of a step: $(cat mpi.0)"
BUSY=0 timeout 60 $MPIRUN -n 2 sh one.sh timeout 20 $A_BACKUP --alone -r r list
grep -q '^rc=0' mpi.1 && grep -q '2 snapshots' mpi.1 ||
	fail "list --alone by task 1 of a step: $(cat mpi.1)"
BUSY=1 timeout 60 $MPIRUN -n 2 sh one.sh timeout 20 $A_BACKUP --launch-timeout 2s -r r add src ||
	true
grep -q '^Fatal: add is done by all 2 tasks together, and after 2 s there has not come: task 1 ' \
	mpi.0 || fail "add by one task of a step: $(cat mpi.0)"
grep -q '^rc=1' mpi.0 || fail "a task that waited in vain: $(cat mpi.0)"
[ "$(snapshots)" = 2 ] || fail 'it made a snapshot'
timeout 60 $MPIRUN -n 2 $A_BACKUP -q -r r add src
[ "$(snapshots)" = 3 ] || fail 'two tasks that came did not make a snapshot'
timeout 60 $MPIRUN -n 2 $A_BACKUP -r r list 2>/dev/null | grep -q '3 snapshots' ||
	fail 'list under mpirun'
