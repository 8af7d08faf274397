#!/bin/sh
# A run that must end early saves what it has finished as a partial snapshot; the next one goes on
# from it, and removes it once it has all; nobody takes it for a whole one.
set -eu
. tests/lib/e2e.sh
A=$PWD/$B/a_backup
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
[ -z "${SAN:-}" ] || exit 77 # a sanitizer's library must come before the shim
cd "$T"
. "$TESTS/lib/slow.sh"
slow_tree src 30 40
FILES=1200

# run REPO [OPTION…]: a slow one; its exit status is in rc, its summary in `sum`.
run() {
	run_repo=$1
	shift
	rc=0
	LD_PRELOAD=$PRELOAD "$A" --json -r "$run_repo" add --read-concurrency 1 --workers 1 \
		"$@" src >out 2>err || rc=$?
	grep '"message_type":"summary"' out >sum || :
}
of() { # a member of the summary
	jq -r ".$1 // 0" sum
}
snapshots() { # REPO JQ
	$restic -r "$1" snapshots --no-lock --json | jq -r "$2"
}
partials() {
	snapshots "$1" '[.[] | select(.tags // [] | index("partial"))] | length'
}

# ---- cut by a time limit until all is there ----

new_repo r
new_repo whole r
finished=0 runs=0 added=0
while :; do
	runs=$((runs + 1))
	[ $runs -le 12 ] || fail 'it does not come to an end'
	run r --time-limit 3s
	finished=$((finished + $(of files_new)))
	added=$((added + $(of data_blobs)))
	[ $rc = 75 ] || break
	[ "$(of partial)" = true ] || fail "no word of it: $(cat sum)"
	grep -q 'the same command goes on from there' err || fail "not said: $(cat err)"
	$restic -r r check --no-cache >check 2>&1 || { cat check; fail 'restic finds errors'; }
	! grep -q 'not referenced' check || { cat check; fail 'a pack is in no index'; }
done
[ $rc = 0 ] || fail "exit status $rc: $(cat err)"
[ $runs -gt 2 ] || fail "only $runs runs"
[ $finished = $FILES ] || fail "$finished files were finished in $runs runs"
[ "$(partials r)" = 0 ] || fail "a partial snapshot is left: $(cat err; tail -n 3 out)"
[ "$(snapshots r length)" = 1 ] || fail 'not one snapshot'
run whole
[ "$(tree_of r)" = "$(tree_of whole)" ] || fail 'it is not the tree of one run'
[ $added = "$(of data_blobs)" ] || fail "$added blobs were added instead of $(of data_blobs)"
expect 0 $restic -r r check --no-cache --read-data

# ---- signals ----

# cut SIGNAL [OPTION…]: it comes when some 100 files were opened.
cut() {
	rm -rf r begun
	new_repo r whole
	signal=$1
	shift
	LD_PRELOAD=$PRELOAD "$A" --json -r r add --read-concurrency 1 --workers 1 "$@" src \
		>out 2>err &
	job=$!
	wait_for 20 [ -e begun ]
	kill "-$signal" $job || fail "it ended by itself: $(cat out err)"
	rc=0
	wait $job || rc=$?
	grep '"message_type":"summary"' out >sum || :
}
cut USR2
[ $rc = 75 ] || fail "USR2: exit status $rc: $(cat err)"
SLURM_JOB_ID=7 SLURM_JOB_END_TIME=9999999999 cut USR1
[ $rc = 75 ] || fail "USR1 in a job: exit status $rc: $(cat err)"
cut TERM
[ $rc = 130 ] || fail "TERM: exit status $rc: $(cat err)"
[ "$(partials r)" = 1 ] || fail 'TERM: no partial snapshot'
n=$(of files_new)
[ "$n" -gt 10 ] && [ "$n" -lt $FILES ] || fail "TERM: $n files"
expect 0 $restic -r r restore latest --no-cache --target from_restic
[ "$(find from_restic -type f | wc -l)" = "$n" ] || fail "restic restores other files than $n"

# ---- nobody takes it for a whole one ----

expect 3 "$A" -q -r r restore latest --target back
says 'there are only partial snapshots'
[ "$(find back -type f | wc -l)" = "$n" ] || fail 'it is not what the partial snapshot has'
expect 1 "$A" -q -r r restore latest --target back --delete
says '--allow-partial'
partial=$(snapshots r '.[0].short_id')
expect 1 "$A" -q -r r add --tag partial src
says 'take another'
sleep 1

# Somebody removes a file and makes another between two attempts: what is not there any more keeps
# the partial snapshot, and is named.
gone=$(cd from_restic && find . -type f | sed -n 's/^\.//p' | head -n 1)
rm "${gone#"$T"/}" 2>/dev/null || rm "$T/src${gone#*/src}"
expect 0 env LD_PRELOAD="$PRELOAD" "$A" -r r add src
says "going on from partial snapshot"
says "which is not there any more"
[ "$(partials r)" = 1 ] || fail 'the partial snapshot that has the only copy is gone'
[ "$(snapshots r length)" = 2 ] || fail 'there is no complete one'
[ "$(snapshots r 'max_by(.time) | .tags')" = null ] || fail 'the complete one is tagged'
expect 0 "$A" -q -r r restore latest --target again
diff -r src "again$T/src" || diff -r src again/src || fail 'latest is not the complete one'

# Another run that ends early: a newer partial one does not become latest.
run r --time-limit 3s --force
[ $rc = 75 ] || fail "exit status $rc: $(cat err)"
expect 1 "$A" -q -r r delete latest
says 'the partial one'
expect 0 "$A" -q -r r restore latest --target third
expect 0 "$A" -q -r r delete "$partial"

# ---- no progress ----

# Looking at what is unchanged takes longer than there is time.
cp -r whole r2
export SLOW_STAT=1
run r2 --time-limit 3s
[ $rc = 76 ] || fail "nothing new in 3 s: exit status $rc: $(cat err)"
grep -q 'needs more time, or more ranks' err || fail "not said: $(cat err)"
[ "$(snapshots r2 length)" = 1 ] || fail 'a snapshot of nothing new'
