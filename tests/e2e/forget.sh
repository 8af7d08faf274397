#!/bin/sh
# forget: what goes is gone and the rest stays, by policies and by ids, in restic's words; what
# restic refuses is refused; one that cannot be removed does not keep the others; a lock is named
# and waited for.
set -eu
. tests/lib/e2e.sh
restic=$(sh tests/lib/restic18.sh)
cd "$T"
a() {
	"$A_BACKUP" -r repo "$@"
}
new_repo repo
mkdir src
for day in 01 02 03 04 05; do
	echo $day >src/file
	a -q add --time "2024-01-$day 10:00:00" --tag t$day src
done
a -q add --time "2024-01-05 11:00:00" --tag keep,t06 --host other src
left() { # N: so many snapshot files are there
	[ "$(ls repo/snapshots | wc -l)" = "$1" ] ||
		fail "$(ls repo/snapshots | wc -l) snapshots are left, not $1"
}
id() { # TAG
	a list --tag "$1" --json | jq -r '.[0].id'
}
again() {
	rm -rf repo
	cp -a kept repo
}
cp -a repo kept

# --- what is refused, before anything is removed
# -----------------------------------------------------------------------------------------
refused() { # SENTENCE WORD…
	sentence=$1
	shift
	expect 1 a forget "$@"
	says "$sentence"
	left 6
}
refused 'no policy was specified, no snapshots will be removed'
refused 'no policy was specified' --host other
refused 'no policy was specified' --keep-last 0 --keep-within 0d
refused '--unsafe-allow-remove-all is not allowed unless a snapshot filter option is specified' \
	--unsafe-allow-remove-all
refused 'refusing to delete last snapshot of snapshot group "host other, path' --keep-tag t01 \
	--host other
refused '--no-lock is only applicable in combination with --dry-run' --no-lock --keep-last 1
refused "negative values not allowed, use 'unlimited' instead" --keep-last -1
refused 'durations containing negative values are not allowed' --keep-within -5d
refused '--group-by takes host, paths and tags' -g hosts,user -l 1
refused 'is named by its id' --tag t01 "$(id t01)"
refused '--repack-smaller-than takes a size' --keep-last 1 --prune --repack-smaller-than x

long=$(printf %1500s '' | tr ' ' h) # longer than a sentence
a -q add --host "$long" src
expect 1 a forget --keep-tag none --host "$long"
says 'refusing to delete last snapshot of snapshot group "host hhhh'
expect 0 a delete --no-prune latest --host "$long"

# --- policies
# ------------------------------------------------------------------------------------------
expect 0 a forget --keep-daily 2 --dry-run
left 6
grep -qx 'Applying Policy: keep 2 daily snapshots' out || fail "$(cat out)"
[ "$(grep -c 'daily snapshot  ' out)" = 3 ] || fail "$(cat out)"
# Its tables say in which zone the times are, and groups come in any order.
lines() {
	grep -v '^Timestamps\|^---\|^$' "$1" | tr -s ' ' | sort
}
lines out >ours
$restic -r repo forget --keep-daily 2 --dry-run >out
lines out | diff ours - || fail 'restic shows another thing'
expect 0 a forget --keep-daily 2
grep -q '3 / 3 files deleted' out || fail "$(cat out)"
left 3
[ "$(a list --json | jq -r '[.[].time[0:13]] | sort | join(" ")')" = \
	'2024-01-04T10 2024-01-05T10 2024-01-05T11' ] || fail "$(a list)"
expect 0 a -q forget --keep-daily 2
[ ! -s out ] || fail "$(cat out)"
left 3

# A letter for each rule, as restic has them.
again
expect 0 a forget -l 1 -H 1 -d 1 -w 1 -m 1 -y 1 -g '' -c -v
grep -q '^keep 1 snapshots' out && grep -q '^remove 5 snapshots' out || fail "$(cat out)"
! grep -q 'Reasons\|Paths' out || fail "--compact: $(cat out)"
left 1
again
expect 0 a forget --keep-tag keep,t06 --keep-tag t01 --json
jq -e '[.[].reasons[].matches[]] | sort == ["has tags [keep, t06]", "has tags [t01]"]' out \
	>"$T/jq" || fail "$(cat out)"
left 2
again
expect 0 a forget --unsafe-allow-remove-all --host other
left 5
expect 0 env RESTIC_HOST=nobody "$A_BACKUP" -r repo forget --unsafe-allow-remove-all
left 5
expect 0 a forget --keep-last 1 --host nobody --json
[ ! -s out ] || fail "$(cat out)"
$restic -r repo --no-cache check -q || fail 'restic check'

# --- ids
# ------------------------------------------------------------------------------------------
# What names nothing, or more than one, is told and ignored, as restic does; the others go.
for verb in forget delete; do
	again
	one=$(id t01) two=$(id t02)
	expect 0 a $verb --dry-run "$one"
	left 6
	expect 0 a $verb "$one" 0123456789 "$(echo "$two" | cut -c 1-12)" latest: "$one"
	left 4
	says 'Ignoring "0123456789": there is no snapshot 0123456789'
	says 'Ignoring "latest:"'
	expect 0 a $verb 0123456789
	left 4
	expect 0 a $verb latest --host other
	left 3
done
again
expect 0 a --json forget "$(id t01)"
[ ! -s out ] || fail "restic says nothing of ids in JSON: $(cat out)"
expect 0 a -vv forget "$(id t02)"
says 'removed snapshot/'
left 4
$restic -r repo forget "$(id t03)" 0123456789 >out 2>&1 || fail 'restic minds an unknown id'

# --- --prune: only if something goes
# ------------------------------------------------------------------------------------------
again
packs() {
	find repo/data -type f | wc -l
}
n=$(packs)
expect 0 a forget --keep-daily 7 --prune
! grep -q 'running prune' out && [ "$(packs)" = "$n" ] || fail "$(cat out)"
expect 0 a forget --keep-last 1 --prune --dry-run
says '4 snapshots would be removed, running prune dry run'
grep -qE '^total prune: +[1-9]' out || fail \
	"a dry run counts what would be gone as used: $(cat out)"
left 6
[ "$(packs)" = "$n" ] || fail 'a dry run pruned'
cp -a repo theirs
expect 0 $restic -r theirs --no-cache forget --keep-last 1 --prune --max-unused 0
expect 0 a forget --keep-last 1 --prune --max-unused 0
says '4 snapshots have been removed, running prune'
left 2
$restic -r repo --no-cache check --read-data -q || fail 'restic check'
$restic -r repo --no-cache prune --max-unused 0 --dry-run -vv >out
for what in 'to repack:' 'to delete:' ; do
	grep -qE "^$what +0 " out || fail "restic would prune more: $(cat out)"
done
[ "$($restic -r repo --no-cache list blobs -q | sort)" = \
	"$($restic -r theirs --no-cache list blobs -q | sort)" ] || fail 'restic keeps other blobs'
expect 0 a --json forget --keep-last 1 --tag t05,t06 --prune
[ ! -s out ] || fail "$(cat out)"
again
expect 0 a --json forget "$(id t01)" --prune
jq -e '.message_type == "summary"' out >"$T/jq" || fail "$(cat out)"

# --- one that cannot be removed
# ------------------------------------------------------------------------------------------
again
set -- $(ls repo/snapshots | head -n 3)
if chown 65534 repo/snapshots "repo/snapshots/$2" && chmod 1777 repo/snapshots &&
	setpriv --bounding-set -fowner --inh-caps -fowner true; then
	expect 3 setpriv --bounding-set -fowner --inh-caps -fowner "$A_BACKUP" -r repo \
		--json forget --unsafe-allow-remove-all --tag t01,t01 --tag t02 --tag t03 \
		--tag t04 --tag t05 --tag t06
	left 1
	[ -e "repo/snapshots/$2" ] || fail 'the one that stays'
	says "unable to remove snapshot/$2 from the repository"
	[ "$(jq '[.[].remove | length] | add' out)" = 6 ] || fail "$(cat out)"
	tail -n 1 err | jq -e '.code == 3' >"$T/jq" || fail "$(cat err)"
fi

# --- locks
# ------------------------------------------------------------------------------------------
again
"$A_BACKUP" -q -r repo add src >held 2>&1 &
holder=$!
wait_for 20 sh -c 'ls repo/locks | grep -qv tmp'
kill -STOP $holder
n=$(ls repo/snapshots | wc -l)
expect 11 a forget --keep-last 1
grep -qE "locked by process $holder of .* on $(hostname) since [0-9]+ second" err ||
	fail "who holds it, since when? $(cat err)"
left "$n"
"$A_BACKUP" -r repo forget --keep-last 1 --retry-lock 1m >waited 2>&1 &
waiter=$!
wait_for 20 grep -q 'trying again' waited
kill -CONT $holder
wait $holder || fail "$(cat held)"
wait $waiter || fail "$(cat waited)"
left 2

# --- partial snapshots
# ------------------------------------------------------------------------------------------
again
a -q add --time "2024-01-05 12:00:00" --tag ended src
$restic -r repo --no-cache -q tag --add partial "$(id ended)"
complete=$(id t05) partial=$(id partial)
gone() { # IDS: what restic would remove
	$restic -r repo forget --dry-run --json "$@" | jq -r '[.[].remove[]?.id] | join(" ")'
}
# restic counts it: the day's complete one would go.  So it does not when they are in groups of
# their own.
gone --keep-daily 7 --host "$(hostname)" | grep -q "$complete" ||
	fail 'restic leaves the complete one'
! gone --keep-daily 7 --group-by host,paths,tags | grep -q "$complete" ||
	fail 'the line in the manual does not help'
expect 0 a forget --keep-daily 7
[ -e "repo/snapshots/$complete" ] && [ -e "repo/snapshots/$partial" ] || fail "$(a list)"
says 'partial snapshot, no complete one is newer'
expect 1 a forget --keep-tag partial
says 'refusing to delete last snapshot'
# A complete one that is newer; add itself would remove what it replaces.
$restic -r repo --no-cache -q backup --time "2024-01-05 13:00:00" src
expect 0 a forget --keep-daily 7
[ ! -e "repo/snapshots/$partial" ] && [ ! -e "repo/snapshots/$complete" ] || fail "$(a list)"
