#!/bin/sh
# slurm/maintenance.sbatch and the lines of slurm/scrontab.example, as they are, on a real Slurm:
# what is not kept goes, its space is freed by all tasks, a part is read; one job at a time; what
# goes wrong is the job's exit status, and does not keep what comes behind it.
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
# The nodes of this Slurm have 1 GB.
export SLURM_MPI_TYPE=pmix SBATCH_MEM_PER_CPU=50M HOME="$T/home"
mkdir -p "$HOME" "$T/bin" "$T/src"
ln -s "$ROOT" "$HOME/a_backup"
ln -s "$A_BACKUP" "$T/bin/a_backup"
ln -s "$A_BACKUP-mpi" "$T/bin/a_backup-mpi"
export PATH="$T/bin:$PATH" RESTIC_REPOSITORY="$T/r"
cd "$T"
new_repo r
# In a job the host is the cluster, which is called test.
for day in 01 02 03 04 05 06; do
	head -c 300000 /dev/urandom >src/data
	expect 0 a_backup -q add --host test --time "2024-01-$day 10:00:00" src
done
cat >"$HOME/backup.sbatch" <<'S'
#!/bin/sh
#SBATCH --ntasks=2
srun a_backup -q add "$HOME/../src"
S

# The lines as scrontab would run them: the command stands behind five words.
grep -v '^#' "$ROOT/slurm/scrontab.example" | sed 's/^\([^ ]* *\)\{5\}//' >lines
[ "$(wc -l <lines)" = 2 ] || fail "$(cat lines)"
export KEEP='--keep-daily 2' PART=1/1
while read -r line; do
	expect 0 sh -c "$line"
	says 'Submitted batch job'
done <lines
squeue -h -o '%j %E' >queue
[ "$(grep -c '^a_backup ' queue)" -le 2 ] || fail "$(cat queue)"
no_jobs() {
	[ -z "$(squeue -h)" ]
}
wait_for 120 no_jobs
cat a_backup-*.out >out
job=$(ls a_backup-*.out | tr -dc '0-9')
[ "$(scontrol show job "$job" | sed -n 's/.*ExitCode=\([0-9:]*\).*/\1/p')" = 0:0 ] ||
	fail "$(cat out)"
# The backup that was submitted first is one of those that are kept.
[ "$(ls r/snapshots | wc -l)" = 2 ] || fail "$(a_backup list; cat out)"
grep -q '^remove 5 snapshots' out || fail "forget: $(cat out)"
grep -qE '^to delete: +[1-9]' out && grep -q '^done' out || fail "prune: $(cat out)"
grep -q 'no errors were found' out || fail "check: $(cat out)"
$restic -r r --no-cache prune --dry-run --max-unused 0 >theirs
grep -qE '^total prune: +0 blobs / 0 B' theirs || fail "restic would free more: $(cat theirs)"
$restic -r r --no-cache check --read-data -q || fail 'restic check'

# A policy that keeps nothing is refused; prune and check are done all the same, and the job says
# so.
expect 1 env KEEP='--keep-tag none' sbatch --wait -o refused.out "$ROOT/slurm/maintenance.sbatch"
grep -q 'refusing to delete last snapshot' refused.out &&
	grep -q 'no errors were found' refused.out || fail "$(cat refused.out)"
# As it stands: what there is is kept, and the week's part is read.
expect 0 env -u KEEP -u PART sbatch --wait -o plain.out "$ROOT/slurm/maintenance.sbatch"
grep -qE '^== srun a_backup check --read-data-subset ([1-9]|1[0-3])/13 ' plain.out ||
	fail "$(cat plain.out)"
[ "$(ls r/snapshots | wc -l)" = 2 ] || fail "$(cat plain.out)"
