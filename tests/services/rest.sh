#!/bin/sh
# The conformance suite of stores against a real REST server (`rclone serve restic`), then a
# repository that a_backup and restic both use through it.
. tests/lib/e2e.sh
. tests/lib/rclone.sh
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null' EXIT
server=
rclone_start "$T/served" --user tester --pass 'p@ss:w/rd'

here="rest:http://tester:p%40ss%3Aw%2Frd@127.0.0.1:$port"
STORE="$here" "$B/tests/s_backend" || exit 1

# Credentials of the environment, and wrong ones: at once, not after 15 minutes of tries.
STORE="rest:http://127.0.0.1:$port/env" RESTIC_REST_USERNAME=tester \
	RESTIC_REST_PASSWORD='p@ss:w/rd' "$B/tests/s_backend" put_and_get || exit 1
expect 1 timeout 20 "$A_BACKUP" -r "rest:http://tester:wrong@127.0.0.1:$port/mine/" init
grep -q 401 "$T/err" || exit 1
! grep -q 'wrong@\|:wrong' "$T/err" || exit 1

# One repository for both tools.
export RESTIC_PASSWORD=x
repo="$here/ours"
python3 "$TESTS/lib/mktree.py" "$T/src"
python3 "$TESTS/lib/manifest.py" "$T/src" >"$T/want"
expect 0 "$A_BACKUP" -q -r "$repo" init
expect 0 "$A_BACKUP" -q -r "$repo" add "$T/src"
expect 0 restic -q -r "$repo" check --read-data
expect 0 "$A_BACKUP" -q -r "$repo" restore latest --target "$T/back"
same "$T/back$T/src"
expect 0 restic -q -r "$repo" backup "$T/src"
expect 0 "$A_BACKUP" -q -r "$repo" check --read-data
expect 0 restic -q -r "$repo" dump latest "$T/src/sizes/random1048576"
cmp "$T/out" "$T/src/sizes/random1048576" || exit 1
# Nothing that we print tells the password.
! cat "$T/out" "$T/err" | grep -aq 'p@ss\|p%40ss' || exit 1

# rclone answers 404 to what its own storage fails to do: that is not "no snapshots", and once the
# storage works again the listing is whole.
mv "$T/served/ours/snapshots" "$T/away"
: >"$T/served/ours/snapshots"
"$A_BACKUP" -r "$repo" list >"$T/out" 2>"$T/err" &
list=$!
i=0
until grep -q 'rclone answers 404 to a listing.*trying again' "$T/err"; do
	i=$((i + 1))
	kill -0 $list && [ $i -lt 200 ] || {
		cat "$T/out" "$T/err"
		exit 1
	}
	sleep 0.1
done
rm "$T/served/ours/snapshots"
mv "$T/away" "$T/served/ours/snapshots"
wait $list || exit 1
grep -q '^2 snapshots' "$T/out" || exit 1
