#!/bin/sh
# Programs that drive restic drive a_backup: resticpy and runrestic, from PyPI, through all that
# they call; what they read out of its answers is right.  Commands that this version does not have
# (of resticpy's) are named; what there is must work.
set -eu
. tests/lib/e2e.sh
restic=$(sh tests/lib/restic18.sh)
python3 -m pip --version >"$T/log" 2>&1 || {
	echo 'there is no pip'
	exit 77
}
# Where PyPI is not to be had the test cannot be done.
timeout 300 python3 -m pip install -q --no-input --disable-pip-version-check --target "$T/pip" \
	resticpy==1.3.0 runrestic==0.5.31 >"$T/log" 2>&1 || {
	tail -n 3 "$T/log"
	echo 'pip cannot get resticpy and runrestic'
	exit 77
}
export PYTHONPATH="$T/pip"
cd "$T"
unset RESTIC_PASSWORD
printf x >password
mkdir src bin
echo text >src/text
head -c 100000 /dev/urandom >src/data
echo none >src/none.skip
python3 "$TESTS/lib/drivers.py" "$A_BACKUP" "$restic" "$T"

# runrestic calls whatever is called restic, and reads sentences.
ln -s "$A_BACKUP" bin/restic
PATH=$T/bin:$PATH
cat >conf.toml <<C
name = "test"
repositories = ["$T/second-repo"]
[environment]
RESTIC_PASSWORD_FILE = "$T/password"
[execution]
retry_count = 0
[backup]
sources = ["$T/src"]
exclude_patterns = ["*.skip"]
[prune]
keep-last = 1
group-by = "host,paths"
[check]
checks = ["read-data"]
[metrics.prometheus]
path = "$T/metrics"
C
runrestic() {
	python3 -c 'import sys; from runrestic.runrestic.runrestic import runrestic; runrestic()' \
		-c conf.toml -l debug "$@"
}
metric() { # NAME VALUE
	grep -qE "^$1\{.*\} $2(\.0)?\$" metrics || {
		grep "^$1" metrics >&2 || true
		fail "runrestic has not read: $1"
	}
}
does() {
	runrestic "$@" >log 2>&1 || fail "runrestic $*: $(tail -n 20 log)"
}
does init
does backup
metric restic_backup_files_new 2
echo more >src/more
does backup
metric restic_backup_files_new 1
metric restic_backup_files_unmodified 2
metric restic_backup_processed_files 3
rm src/data
does backup
does prune
metric restic_forget_removed_snapshots 2
metric restic_prune_rc 0
grep -qE '^restic_prune_total_prune_blobs\{.*\} [1-9]' metrics ||
	fail "runrestic has not read what prune freed: $(grep prune metrics)"
[ "$(ls second-repo/snapshots | wc -l)" = 1 ] ||
	fail 'runrestic prune: forget has not removed the older one'
does check --no-cache
metric restic_check_rc 0
does stats
metric restic_stats_total_size_bytes 10
does unlock
