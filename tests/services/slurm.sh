#!/bin/sh
# Under a real Slurm with two nodes: one snapshot by all tasks, or none; what is done once is done
# by task 0; a task that does not come is named; and each way in which Slurm ends a job (a signal
# that the user sends, scancel, the time limit) leaves no lock, and the index of what was stored.
set -eu
. tests/lib/e2e.sh
[ "$(id -u)" = 0 ] || {
	echo 'only root may be several nodes'
	exit 77
}
scripts/deps.sh slurm >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
LIB=$TESTS/lib
trap 'sh "$LIB/slurm.sh" stop "$T/slurm"' EXIT
trap 'exit 130' INT TERM
sh "$LIB/slurm.sh" start "$T/slurm" || fail 'Slurm does not start'
. "$T/slurm/env"
. tests/lib/hung.sh

# ---- jobs that will be ended, while their reads hang ----

# A shell that has a trap goes on when what it waits for has ended.
cat >task.sh <<'S'
trap : TERM USR1
code=0
LD_PRELOAD=$HUNG $A_BACKUP -q -r "$1" --read-concurrency 4 --pack-size 4 $2 add hung || code=$?
echo $code >"$1.rc.$SLURM_PROCID"
S
cat >job.sh <<'S'
#!/bin/sh
trap : TERM USR1
$A_BACKUP -r "$1" list >"$1.list" 2>&1
srun -N2 -n2 --mpi=pmix sh task.sh "$@"
S
hung_job() { # REPO [OPTIONS]: sets job
	cp -r empty "$1"
	job=$(sbatch --parsable -N2 -n2 --time=60 -o "$1.out" job.sh "$@")
}
hung_job limit
limit=$job
hung_job usr1 '--stop-timeout 4s --drain-time 1s'
usr1=$job
# One reader: task 0 hangs at once, and all packs are task 1's.
hung_job term '--stop-timeout 4s --read-concurrency 1'
term=$job
for r in limit usr1 term; do
	wait_for 60 packs_there $r 2
	wait_for 60 settled $r
	grep -q '0 snapshots' $r.list || fail "a serial command in a batch script: $(cat $r.list)"
done

both_ended() { # REPO
	[ -e "$1.rc.0" ] && [ -e "$1.rc.1" ]
}
# ended_by REPO SECONDS WHAT CODE WORDS: both tasks end in order.
ended_by() {
	wait_for "$2" both_ended "$1"
	[ "$(cat "$1.rc.0" "$1.rc.1" | tr '\n' ' ')" = "$4 $4 " ] ||
		fail "$3: exit statuses $(cat "$1.rc.0" "$1.rc.1"): $(cat "$1.out")"
	in_order "$1" "$3"
	grep -q "$5" "$1.out" || fail "$3: no word of why: $(cat "$1.out")"
}

# Slurm looks at time limits twice a minute, and kills half a minute after its TERM: time enough for
# the limit that a run has by itself.
scontrol update JobId="$limit" EndTime=now
scancel --signal=USR1 "$usr1"
scancel "$term"
ended_by usr1 12 'scancel --signal=USR1' 1 'did not end in time'
ended_by term 10 'scancel' 130 'interrupted by a signal'

# ---- together ----

snapshots() {
	find r/snapshots -type f | wc -l
}
cp -r empty r
expect 0 srun -N2 -n2 --mpi=pmix "$A_BACKUP" --json -r r add src
[ "$(snapshots)" = 1 ] || fail "2 tasks made $(snapshots) snapshots"
[ "$(grep -c '"message_type":"summary"' out)" = 1 ] || fail "not one summary: $(cat out)"
tail -n 1 out | jq -e '.files_new == 8' >jq || fail "not all files are in it: $(cat out)"
expect 0 $restic -r r check --no-cache --read-data

# Without a plugin for MPI no task would know of the others.
expect 1 srun -n4 --mpi=none "$A_BACKUP" -q -r r add src
says 'Fatal: 4 tasks were started, but MPI knows of one'
says 'srun --mpi=pmix'
[ "$(grep -c Fatal err)" = 1 ] || fail "it is said more than once: $(cat err)"
! grep -q 'MPI_Init' err || fail "MPI was started: $(cat err)"
[ "$(snapshots)" = 1 ] || fail "without MPI there are $(snapshots) snapshots"

# A task that does something else.
expect 1 srun -N2 -n2 --mpi=pmix --kill-on-bad-exit=0 sh -c \
	'[ $SLURM_PROCID = 0 ] || exec sleep 4; exec "$0" --launch-timeout 2s -q -r r add src' \
	"$A_BACKUP"
says 'Fatal: add is done by all 2 tasks together, and after 2 s there has not come: task 1 '
[ "$(snapshots)" = 1 ] || fail 'a task that waited in vain made a snapshot'

# ---- once ----

expect 0 srun -n4 --mpi=none "$A_BACKUP" -r r list
[ "$(grep -c '^1 snapshots' out)" = 1 ] || fail "list by 4 tasks: $(cat out)"
for k in 1 2 3; do
	says "task $k leaves this to task 0: list"
done
expect 0 srun -n4 --mpi=pmix "$A_BACKUP" -r r restore latest --target back
! grep -q 'leaves this to task 0' err || fail "restore by 4 tasks: $(cat err)"
[ "$(grep -c '^Summary: Restored' out)" = 1 ] || fail "restore by 4 tasks: $(cat out)"
diff -r src back/src || fail 'it is not what was backed up'
expect 0 srun -n4 --mpi=pmix "$A_BACKUP" --alone -r r list
[ "$(grep -c '^1 snapshots' out)" = 4 ] || fail "list by 4 tasks, each --alone: $(cat out)"
expect 0 srun -N2 -n2 --mpi=pmix sh -c \
	'[ $SLURM_PROCID = 1 ] || exec sleep 1; exec "$0" --alone -q -r r add src' "$A_BACKUP"
[ "$(snapshots)" = 2 ] || fail 'add --alone by one task'

# ---- the time limit ----

ended_by limit 60 'the time limit' 130 'interrupted by a signal'
grep -q 'DUE TO TIME LIMIT' limit.out || fail "Slurm did not end the job: $(cat limit.out)"
