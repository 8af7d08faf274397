#!/bin/sh
# The batch scripts of slurm/, as they are, on a real Slurm: what the time limit cuts is saved as a
# partial snapshot, the job requeues itself and goes on, until one complete snapshot has come out;
# an array's task requeues itself alone; scancel means cancel.
set -eu
. tests/lib/e2e.sh
[ "$(id -u)" = 0 ] || {
	echo 'only root may be several nodes'
	exit 77
}
[ -z "${SAN:-}" ] || exit 77 # a sanitizer's library must come before the shim
scripts/deps.sh slurm >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
[ -x "$A_BACKUP-mpi" ] || {
	echo 'there is no a_backup-mpi'
	exit 77
}
restic=$(sh tests/lib/restic18.sh)
LIB=$TESTS/lib ROOT=$PWD
trap 'sh "$LIB/slurm.sh" stop "$T/slurm"' EXIT
trap 'exit 130' INT TERM
sh "$LIB/slurm.sh" start "$T/slurm" || fail 'Slurm does not start'
. "$T/slurm/env"
# The nodes of this Slurm have 1 GB, and are one machine.
export SLURM_MPI_TYPE=pmix SBATCH_MEM_PER_CPU=20M HOME="$T/home"
mkdir -p "$HOME" "$T/bin"
ln -s "$A_BACKUP-mpi" "$T/bin/a_backup-mpi"
cd "$T"
. "$LIB/slow.sh"
# srun leaves what its tasks preload alone.
cat >bin/a_backup <<S
#!/bin/sh
LD_PRELOAD=$PRELOAD exec $A_BACKUP "\$@"
S
chmod +x bin/a_backup
export PATH="$T/bin:$PATH"
FILES=1200
slow_tree src 30 40
slow_tree other 30 40
slow_tree short 1 10

ended() { # JOB
	scontrol -o show job "$1" >state 2>/dev/null && grep -qE 'JobState=(COMPLETED|FAILED|CANCELLED|TIMEOUT)' state
}
exit_of() { # JOB
	scontrol -o show job "$1" | sed -n 's/.* ExitCode=\([0-9]*\):.*/\1/p'
}
restarts() { # JOB
	scontrol -o show job "$1" | sed -n 's/.* Restarts=\([0-9]*\) .*/\1/p'
}
# Jobs that go back into the queue are held for two minutes; here they are not.
hurry() { # JOB…
	for j; do
		! scontrol -o show job "$j" | grep -q 'Reason=BeginTime' || scontrol update JobId="$j" StartTime=now
	done
}
# summaries FILE MEMBER: of all attempts
sum_of() {
	sed -n 's/^[^{]*\({"message_type":"summary".*\)/\1/p' "$1" | jq -s "map(.$2) | add"
}
snapshots() { # REPO
	$restic -r "$1" snapshots --no-lock --json
}

# ---- one job whose time is up, three times; another one whose tasks are on two nodes ----

new_repo r
new_repo nodes
new_repo array
new_repo cancel
export OPTIONS='--json --read-concurrency 1 --workers 1'
# --time is in minutes, so the three cuts are three signals, as Slurm sends them before the end.
one=$(BEGUN=begun.one TARGETS=$T/src RESTIC_REPOSITORY=$T/r sbatch --parsable --ntasks=2 --cpus-per-task=1 "$ROOT/slurm/backup.sbatch")
# This one is on two nodes, and has a limit of its own besides that of its job.
two=$(BEGUN=begun.two TARGETS=$T/other RESTIC_REPOSITORY=$T/nodes OPTIONS="$OPTIONS --time-limit 2s" sbatch --parsable --nodes=2 --ntasks-per-node=1 --cpus-per-task=1 "$ROOT/slurm/backup-nodes.sbatch")
printf '%s\n' "$T/other" "$T/short" >list
array=$(BEGUN=begun.array LIST=$T/list RESTIC_REPOSITORY=$T/array OPTIONS="$OPTIONS --time-limit 2s" sbatch --parsable --array=1-2 --ntasks=1 --cpus-per-task=1 "$ROOT/slurm/array.sbatch")
gone=$(BEGUN=begun.gone TARGETS=$T/src RESTIC_REPOSITORY=$T/cancel sbatch --parsable --ntasks=2 --cpus-per-task=1 "$ROOT/slurm/backup.sbatch")

requeued() { # N
	[ "$(restarts "$one")" -ge "$1" ]
}
begun() { # NAME: its tasks have read some files
	hurry "$one" "$two" "${array}_1"
	[ -e "begun.$1" ]
}
(wait_for 60 begun gone) || fail "$(cat a_backup-*.out)"
scancel "$gone"
for cut in 1 2 3; do
	(wait_for 60 begun one) || fail "cut $cut: $(cat "a_backup-$one.out")"
	scancel --batch --signal=USR1 "$one"
	(wait_for 60 requeued $cut) || fail "cut $cut: $(cat "a_backup-$one.out")"
	rm begun.one
done
all_ended() {
	hurry "$one" "$two" "${array}_1"
	ended "$one" && ended "$two" && ended "${array}_1" && ended "${array}_2"
}
wait_for 150 all_ended

[ "$(exit_of "$one")" = 0 ] || fail "$(cat "a_backup-$one.out")"
[ "$(restarts "$one")" = 3 ] || fail "$(restarts "$one") restarts: $(cat "a_backup-$one.out")"
[ "$(grep -c 'exit status 75' "a_backup-$one.out")" = 3 ] || fail "not cut three times: $(cat "a_backup-$one.out")"
n=$(sum_of "a_backup-$one.out" files_new)
# What a reader has begun when it is cut is read again.
[ "$n" -ge $FILES ] && [ "$n" -le $((FILES + 6)) ] || fail "$n files were finished: $(cat "a_backup-$one.out")"
snapshots r >s
[ "$(jq length s)" = 1 ] && [ "$(jq '.[0].tags' s)" = null ] || fail "not one complete snapshot: $(cat s)"
for job in "$two" "${array}_1" "${array}_2"; do
	[ "$(exit_of "$job")" = 0 ] || fail "job $job: $(cat a_backup-*"$job".out)"
done
[ "$(restarts "$two")" -ge 1 ] || fail "it was not cut: $(cat "a_backup-$two.out")"
[ "$(restarts "${array}_1")" -ge 1 ] && [ "$(restarts "${array}_2")" = 0 ] || fail 'an array task takes others with it'
snapshots array >s
[ "$(jq length s)" = 2 ] && [ "$(jq '[.[].tags] | unique' -c s)" = '[null]' ] || fail "not two complete snapshots: $(jq -c ".[] | [.time, .tags, .parent, .summary.files_new]" s; cat "a_backup-${array}_1.out")"
for r in r nodes array cancel; do
	[ -z "$(ls $r/locks)" ] || fail "$r: a lock is left"
	$restic -r $r check --no-cache -q || fail "$r: restic finds errors"
done
scontrol -o show job "$gone" | grep -q JobState=CANCELLED || fail 'scancel does not cancel'

# ---- restore and check, as they are ----

export RESTIC_REPOSITORY=$T/r
expect 0 env OPTIONS= SNAPSHOT=latest TARGET=$T/back sbatch --wait --ntasks=2 --cpus-per-task=1 -o restore.out "$ROOT/slurm/restore.sbatch"
diff -r src "back$T/src" || fail 'it is not what was backed up'
expect 0 env PART=100% sbatch --wait --ntasks=2 --cpus-per-task=1 -o check.out "$ROOT/slurm/check.sbatch"
grep -q 'no errors were found' check.out || fail "$(cat check.out)"
