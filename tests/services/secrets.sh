#!/bin/sh
# Passwords, keys and tokens are seen nowhere: not in the list of processes, not in what any command prints however much it is asked to say, not in error messages, not in a
# core file.  With a repository on Ceph's S3, on its Swift, and on a REST server with a password in the location.
set -eu
. tests/lib/e2e.sh
command -v rclone >/dev/null || {
	echo 'rclone is missing'
	exit 77
}
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
rgw=$PWD/tests/services/rgw.sh server='' watcher=''
trap 'kill $server $watcher 2>/dev/null || true; sh "$rgw" stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
sh "$rgw" start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"

# Words that nothing else prints.
S3_SECRET=Qs3Qs3Qs3Qs3Qs3 SWIFT_SECRET=Qswift5swift5 REST_SECRET=Qrest7rest7rest PASSWORD=Qpw9pw9pw9 WRONG=Qwrong2wrong2
radosgw-admin user create --uid=u2 --display-name=u2 --access-key=KEYOFU2 --secret-key=$S3_SECRET >"$T/user" 2>&1
radosgw-admin subuser create --uid=u2 --subuser=u2:swift --access=full --secret-key=$SWIFT_SECRET --key-type=swift >>"$T/user" 2>&1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$T/served" "$T/seen" "$T/src"
RCLONE_USER=me RCLONE_PASS=$REST_SECRET rclone serve restic --config "$T/rclone.conf" --addr "127.0.0.1:$port" "$T/served" >"$T/rclone.log" 2>&1 &
server=$!
curl -s --retry 100 --retry-connrefused --retry-delay 0 --retry-max-time 10 -o "$T/hello" "http://127.0.0.1:$port/" || fail 'rclone does not start'
for i in 1 2 3 4 5 6; do
	head -c 9000000 /dev/urandom >"$T/src/$i"
done
curl -s -D "$T/head" -o "$T/body" -H 'X-Auth-User: u2:swift' -H "X-Auth-Key: $SWIFT_SECRET" "$RGW_URL/auth/v1.0"
TOKEN=$(sed -n 's/^X-Auth-Token: *\([^\r]*\).*/\1/ip' "$T/head") STORAGE=$(sed -n 's/^X-Storage-Url: *\([^\r]*\).*/\1/ip' "$T/head")
[ -n "$TOKEN" ] || fail 'no token'
export RESTIC_PASSWORD=$PASSWORD

# Who watches the list of processes sees nothing but our own commands: the secrets are not in this script's arguments either.
(
	while ps -ww -eo args; do # until its reader is gone
		sleep 0.02
	done
) | grep --line-buffered a_backup >"$T/seen/ps" &
watcher=$!
n=0
# run CODE COMMAND…: its output is kept.
run() {
	n=$((n + 1))
	want=$1
	shift
	rc=0
	"$@" >"$T/seen/$n.out" 2>"$T/seen/$n.err" </dev/null || rc=$?
	case $want in
	"$rc" | any) ;;
	*)
		cat "$T/seen/$n.out" "$T/seen/$n.err"
		fail "exit status $rc, not $want: $*"
		;;
	esac
}

# life REPO: all that a user does, with as many words as there are; then what goes wrong.
life() {
	run 0 "$A_BACKUP" -vv -r "$1" init
	run 0 "$A_BACKUP" -vv -r "$1" --ranks 2 --pack-size 4 add "$T/src"
	run 0 $MPIRUN -n 2 "$A_BACKUP_MPI" -vv --json -r "$1" add "$T/src"
	run 0 "$A_BACKUP" -vv -r "$1" list
	run 0 "$A_BACKUP" -vv -r "$1" --json list
	run 0 "$A_BACKUP" -vv -r "$1" files latest
	run 0 "$A_BACKUP" -vv -r "$1" check --read-data
	run 0 "$A_BACKUP" -vv -r "$1" restore latest -target "$T/back"
	run 0 "$A_BACKUP" -vv -r "$1" cat config
	run 0 "$A_BACKUP" -vv -r "$1" delete latest
	run 1 "$A_BACKUP" -vv -r "$1" init
	run 1 "$A_BACKUP" -vv -r "$1" files 01234567
	RESTIC_PASSWORD=$WRONG run 12 "$A_BACKUP" -vv -r "$1" list
	RESTIC_PASSWORD=$WRONG run 12 "$A_BACKUP" -vv --json -r "$1" list
}
export AWS_ACCESS_KEY_ID=KEYOFU2 AWS_SECRET_ACCESS_KEY=$S3_SECRET
life "s3:$RGW_URL/secrets"
AWS_SECRET_ACCESS_KEY=$WRONG run 1 timeout 20 "$A_BACKUP" -vv -r "s3:$RGW_URL/secrets" list
AWS_ACCESS_KEY_ID=$WRONG run 1 timeout 20 "$A_BACKUP" -vv -r "s3:$RGW_URL/secrets" list
# Keys in the location are a mistake; it is not repeated.
run 1 timeout 20 "$A_BACKUP" -vv -r "s3:https://k:$WRONG@127.0.0.1:1/bucket" list

# A program that dies leaves no core with them.  It waits for a server that never answers.
python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
time.sleep(60)' >"$T/hole" &
hole=$!
sleep 0.5
ulimit -c unlimited
(cd "$T" && exec "$A_BACKUP" -r "s3:http://127.0.0.1:$(cat "$T/hole")/secrets" list >"$T/seen/dies.out" 2>&1) &
dies=$!
sleep 1
kill -SEGV $dies
wait $dies && fail 'it did not die'
kill $hole
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY

export ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u2:swift ST_KEY=$SWIFT_SECRET
life swift:secrets-swift:/
ST_KEY=$WRONG run 1 timeout 20 "$A_BACKUP" -vv -r swift:secrets-swift:/ list
unset ST_AUTH ST_USER ST_KEY
OS_STORAGE_URL=$STORAGE OS_AUTH_TOKEN=$TOKEN run 0 "$A_BACKUP" -vv -r swift:secrets-swift:/ list
OS_STORAGE_URL=$STORAGE OS_AUTH_TOKEN=$WRONG run 1 timeout 20 "$A_BACKUP" -vv -r swift:secrets-swift:/ list

export RESTIC_REST_USERNAME=me RESTIC_REST_PASSWORD=$REST_SECRET
life "rest:http://127.0.0.1:$port/one/"
unset RESTIC_REST_USERNAME RESTIC_REST_PASSWORD
# In the location, which is from a variable so that it is not in the list of processes.
RESTIC_REPOSITORY="rest:http://me:$REST_SECRET@127.0.0.1:$port/one/" run 0 "$A_BACKUP" -vv list
RESTIC_REPOSITORY="rest:http://me:$REST_SECRET@127.0.0.1:$port/two/" run 10 "$A_BACKUP" -vv list
RESTIC_REPOSITORY="rest:http://me:$REST_SECRET@127.0.0.1:$port/two/" run 10 "$A_BACKUP" -vv --json list
RESTIC_REPOSITORY="rest:http://me:$REST_SECRET@127.0.0.1:$port/two/" run 0 "$A_BACKUP" -vv --json init
RESTIC_REPOSITORY="rest:http://me:$WRONG@127.0.0.1:$port/one/" run 1 timeout 20 "$A_BACKUP" -vv list
RESTIC_REPOSITORY="rest:http://me:$REST_SECRET@127.0.0.1:1/one/" run any timeout 3 "$A_BACKUP" -vv list

kill $watcher
grep -q 'secrets-swift' "$T/seen/ps" || fail 'nobody watched'
# -p was given on no command line here, and "$WRONG" stands in one location on purpose.
grep -v "k:$WRONG@" "$T/seen/ps" >"$T/ps"
mv "$T/ps" "$T/seen/ps"
for secret in $S3_SECRET $SWIFT_SECRET $REST_SECRET $PASSWORD "$TOKEN" $WRONG; do
	if grep -rlF -- "$secret" "$T/seen" >"$T/leak"; then
		fail "a secret is in $(cat "$T/leak"): $(grep -rhF -- "$secret" "$T/seen" | head -n 3)"
	fi
done
find "$T" -maxdepth 2 -name 'core*' | grep . && fail 'there is a core file'
exit 0
