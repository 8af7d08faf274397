#!/bin/sh
# A store that becomes full in the middle of a run of several ranks, and a bucket that may hold only
# so many objects: the run ends at once, in order and with a sentence that helps, and the next run
# goes on.  On Ceph with quotas of a user, over S3 and Swift, and on a full disk.
set -eu
. tests/lib/e2e.sh
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
trap 'sh "$TESTS/services/rgw.sh" stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"
export AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK
export ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u1:swift ST_KEY=swkey
python3 - "$T/src" <<'P'
import os, random, sys
r = random.Random(5)
for d in range(60):
    p = f'{sys.argv[1]}/{d // 20}/{d}'
    os.makedirs(p)
    for f in range(10):
        with open(f'{p}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(1, 150000)))
P
cd "$T"
MIB=1048576

quota() { # SIZE OBJECTS: of the user, -1: none
	radosgw-admin quota set --quota-scope=user --uid=u1 --max-size="$1" --max-objects="$2" \
		>"$T/quota" 2>&1
	radosgw-admin quota enable --quota-scope=user --uid=u1 >>"$T/quota" 2>&1
}

objects() { # BUCKET [PREFIX]
	curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user AK:SK \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$RGW_URL/$1" >"$T/list"
	grep -o "<Key>${2:-}" "$T/list" | wc -l
}

total() { # bytes of the user's objects, in whole blocks
	radosgw-admin bucket stats --uid=u1 2>/dev/null |
		sed -n 's/.*"size_actual": \([0-9]*\),.*/\1/p' |
		awk '{ n += $1 } END { print n + 0 }'
}

add() { # REPO OPTION…
	repo=$1
	shift
	timeout 100 $A_BACKUP -r "$repo" --ranks "${RANKS:-3}" --workers 1 --connections 1 \
		--pack-size 4 --json add "$@" src
}

added() { # of the last run, in bytes
	sed -n 's/.*"data_added":\([0-9]*\).*/\1/p' "$T/out"
}

# full REPO BUCKET: it was filled in the middle of a run; now there is room again.
full() {
	grep -q 'uota' "$T/err" && grep -q 'free space there' "$T/err" ||
		fail "not a sentence about a quota: $(cat "$T/err")"
	grep -q 'trying again' "$T/err" && fail "a full store was asked again: $(cat "$T/err")"
	[ "$(objects "$2" locks/)" = 0 ] || fail 'a lock was left'
	[ "$(objects "$2" snapshots/)" = 0 ] || fail 'a snapshot was saved'
	packs=$(objects "$2" data/)
	[ "$packs" -ge 1 ] || fail 'nothing was stored before the quota was used up'
	indexes=$(objects "$2" index/)
	[ "$indexes" = 1 ] || grep -q 'will store again' "$T/err" ||
		fail 'it was not said that there is no index'
	quota -1 -1
	expect 0 add "$1"
	echo "$2: $packs packs and $indexes index files when it was full, then $(added) bytes were added"
	if [ "$indexes" = 1 ]; then
		[ "$(added)" -lt "$whole" ] || fail 'nothing of the first run was used'
	fi
	expect 0 $A_BACKUP -r "$1" check --read-data
}

# What a run adds to a repository with room.
new_repo roomy
expect 0 add "$T/roomy"
whole=$(added)

# By size: room is left that is too small for a pack but not for the index, unless several packs
# came at the same time.
for RANKS in 1 3; do
	R=s3:$RGW_URL/by-size$RANKS
	$A_BACKUP -q -r "$R" init
	quota $(($(total) + 27 * MIB)) -1
	expect 1 add "$R"
	full "$R" by-size$RANKS
	[ $RANKS != 1 ] || [ "$indexes" = 1 ] || fail 'the index was not saved'
done

# By objects; then no index fits either.
R=swift:by-objects:/
$A_BACKUP -q -r "$R" init
all() {
	echo $(($(objects by-size1) + $(objects by-size3) + $(objects by-objects)))
}
quota -1 $(($(all) + 5))
expect 1 add "$R"
mv err first
# Where there is no room for a lock either, reading is possible.  With a margin: the gateway's own
# count lags a little behind.
quota -1 $(($(all) - 5))
expect 1 add "$R"
grep -q 'uota.*free space there' err || fail "not said what to do: $(cat err)"
expect 1 $A_BACKUP -r "$R" check
grep -q -- '--no-lock' err || fail "not said how to read: $(cat err)"
expect 0 $A_BACKUP -r "$R" --no-lock check
mv first err
full "$R" by-objects

# The guard sees all that is in the bucket, through either protocol, and keeps its limit.
for R in s3:$RGW_URL/by-objects/second swift:by-objects:/third; do
	$A_BACKUP -q -r "$R" init
	before=$(objects by-objects)
	expect 1 add "$R" --max-objects "$before"
	grep -q "holds $((before + 1)) objects" "$T/err" ||
		fail "not the number of objects with our lock: $(cat "$T/err")"
	expect 1 add "$R" --max-objects $((before + 17))
	grep -q -- '--max-objects' "$T/err" || fail "not ended by the guard: $(cat "$T/err")"
	after=$(objects by-objects)
	[ "$after" -le $((before + 17)) ] || fail "$after objects, $((before + 17)) were allowed"
	[ "$after" -gt "$before" ] || fail 'nothing was stored below the limit'
	expect 0 add "$R" --max-objects 0
	[ "$(added)" -lt "$whole" ] || fail 'nothing of the run that was ended was used'
done

# A disk that is full, if we may mount one.
cat >disk.sh <<'D'
mount -t tmpfs -o size=14m none small || exit 77
$A_BACKUP -q -r small/r init
timeout 60 $A_BACKUP -r small/r --ranks 3 --workers 1 --pack-size 4 add src >out 2>err && exit 1
grep -q 'No space left on device; free space there' err || { cat err; exit 1; }
grep -q 'trying again' err && exit 1
[ -z "$(ls small/r/locks)" ] || exit 1
mount -o remount,size=100m small
$A_BACKUP -q -r small/r --ranks 3 --workers 1 --pack-size 4 add src && $A_BACKUP -q -r small/r check --read-data
D
mkdir small
rc=0
unshare -m sh disk.sh >"$T/disk" 2>&1 || rc=$?
[ $rc = 0 ] || [ $rc = 77 ] || [ "$(id -u)" != 0 ] || fail "on a full disk: $(cat "$T/disk")"
