#!/bin/sh
# Passwords, keys and tokens are told to nobody: not in messages at any level, not in --json, not in
# errors, not in `ps`, and no core file is left.
# With real servers: Ceph's S3 and Swift (v1 login and a bare token), a REST server with a password.
# Keystone's passwords and tokens are in keystone.sh.
set -eu
. tests/lib/e2e.sh
. tests/lib/secrets.sh
command -v rclone >/dev/null || {
	echo 'rclone is missing'
	exit 77
}
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
server=
trap 'spy_end; kill $server 2>/dev/null || true; sh tests/services/rgw.sh stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"

word() { # one that stands nowhere else
	head -c 15 /dev/urandom | base64 | tr '/+' 'xy'
}
repo_pw=$(word) s3_secret=$(word) swift_key=$(word) rest_pw="$(word)@:$(word)" session=$(word)
secret "$repo_pw" "$s3_secret" "$swift_key" "$rest_pw" "$session" "tester:$rest_pw"
radosgw-admin user create --uid=u2 --display-name=u2 --access-key=KNOWN --secret-key="$s3_secret" \
	>"$T/user" 2>&1
radosgw-admin subuser create --uid=u2 --subuser=u2:swift --access=full --secret-key="$swift_key" \
	--key-type=swift >>"$T/user" 2>&1
port=$(python3 tests/lib/free_ports.py 1)
mkdir "$T/served"
RCLONE_USER=tester RCLONE_PASS=$rest_pw rclone serve restic --config "$T/rclone.conf" \
	--addr "127.0.0.1:$port" "$T/served" >"$T/rclone.log" 2>&1 &
server=$!
curl -s --retry 100 --retry-connrefused --retry-delay 0 --retry-max-time 10 -o "$T/hello" \
	"http://127.0.0.1:$port/" || fail 'rclone does not start'
mkdir -p "$T/src" "$HOME/.aws"
head -c 2000000 /dev/urandom >"$T/src/file"
export RESTIC_PASSWORD="$repo_pw"
spy_begin

# used NAME: the repository in RESTIC_REPOSITORY works, and talks as much as it can.
used() {
	told 0 "$A_BACKUP" -vv init
	told 0 "$A_BACKUP" -vv --ranks 2 add "$T/src"
	told 0 $MPIRUN -n 2 "$A_BACKUP_MPI" -vv --json add "$T/src"
	grep -q 'message_type' "$T/out" || fail "$1: no JSON"
	told 0 "$A_BACKUP" -vv check --read-data
	told 0 "$A_BACKUP" -vv --json list
	told 0 "$A_BACKUP" -vv restore latest --target "$T/back"
	rm -rf "$T/back"
	told 1 "$A_BACKUP" -vv init
	RESTIC_PASSWORD=another told 12 "$A_BACKUP" -vv list
	RESTIC_REPOSITORY=$RESTIC_REPOSITORY-none told 10 "$A_BACKUP" -vv list
}

# S3: keys of the environment and of files, also of a broken one; refused ones; a session token that
# is none; nobody who listens.
export AWS_ACCESS_KEY_ID=KNOWN AWS_SECRET_ACCESS_KEY="$s3_secret" \
	RESTIC_REPOSITORY="s3:$RGW_URL/told"
used S3
RESTIC_REPOSITORY="s3:http://KNOWN:$s3_secret@${RGW_URL#http://}/told" told 1 "$A_BACKUP" -vv list
export RESTIC_REPOSITORY="s3:$RGW_URL/told"
AWS_ACCESS_KEY_ID=AK told 1 "$A_BACKUP" -vv list
grep -q 'does not fit' "$T/err" || fail "S3: $(cat "$T/err")"
AWS_SESSION_TOKEN=$session told any "$A_BACKUP" -vv --json list
told 1 "$A_BACKUP" -vv -r "s3:$RGW_TLS_URL/told" list
told 124 timeout 3 "$A_BACKUP" -vv -r "s3:http://127.0.0.1:1/told" list
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
printf '[default]\nAWS_ACCESS_KEY_ID=KNOWN\nAWS_SECRET_ACCESS_KEY=%s\n' "$s3_secret" \
	>"$HOME/.aws/credentials"
told 0 "$A_BACKUP" -vv list
printf '[default\nAWS_ACCESS_KEY_ID=KNOWN\nAWS_SECRET_ACCESS_KEY %s\n' "$s3_secret" \
	>"$HOME/.aws/credentials"
told 1 "$A_BACKUP" -vv list
rm "$HOME/.aws/credentials"

# Swift, with a key and with a token.
export ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u2:swift ST_KEY="$swift_key" \
	RESTIC_REPOSITORY=swift:told-swift:/x
used Swift
ST_USER=u1:swift told 1 "$A_BACKUP" -vv list
printf 'X-Auth-User: u2:swift\nX-Auth-Key: %s\n' "$swift_key" >"$T/ask"
curl -s -D "$T/head" -o "$T/body" -H "@$T/ask" "$ST_AUTH"
unset ST_AUTH ST_USER ST_KEY
token=$(sed -n 's/^X-Auth-Token: *\([^\r]*\).*/\1/ip' "$T/head")
[ -n "$token" ] || fail "no token: $(cat "$T/head")"
secret "$token"
export OS_AUTH_TOKEN="$token" \
	OS_STORAGE_URL="$(sed -n 's/^X-Storage-Url: *\([^\r]*\).*/\1/ip' "$T/head")"
told 0 "$A_BACKUP" -vv add "$T/src"
OS_AUTH_TOKEN="${token}0" told 1 "$A_BACKUP" -vv list
OS_AUTH_TOKEN="$token
X-Other: header" told 1 "$A_BACKUP" -vv list
OS_STORAGE_URL="http://127.0.0.1:1/" told 124 timeout 3 "$A_BACKUP" -vv list
unset OS_AUTH_TOKEN OS_STORAGE_URL

# REST: in the location, in the environment; locations in which it was not written as it should be.
encoded=$(printf %s "$rest_pw" | python3 -c \
	'import sys, urllib.parse; print(urllib.parse.quote(sys.stdin.read(), safe=""))')
export RESTIC_REPOSITORY="rest:http://tester:$encoded@127.0.0.1:$port/told"
used REST
for r in "rest:http://tester:$rest_pw@127.0.0.1:1/told" \
	"rest:http://tester:$encoded@127.0.0.1:1/told"; do
	RESTIC_REPOSITORY=$r told 124 timeout 3 "$A_BACKUP" -vv init
done
for r in "rest:http://tester:${rest_pw%@*}/${rest_pw#*@}@127.0.0.1:$port/told" "rest:http://tester:$encoded@127.0.0.1:$port/told?x" \
	"rest:https://tester:$encoded@127.0.0.1:$port/told" \
	"http://tester:$encoded@127.0.0.1:$port/told" "rest:tester:$encoded@127.0.0.1:$port/told"; \
	do
	RESTIC_REPOSITORY=$r told 1 "$A_BACKUP" -vv init
	RESTIC_REPOSITORY=$r told 1 "$A_BACKUP" -vv --json list
done
secret "${rest_pw%@*}" "${rest_pw#*@}"
RESTIC_REPOSITORY="rest:http://tester:${rest_pw%??}@127.0.0.1:$port/told" told 1 "$A_BACKUP" \
	-vv list
RESTIC_REPOSITORY="rest:http://127.0.0.1:$port/told" RESTIC_REST_USERNAME=tester \
	RESTIC_REST_PASSWORD=$rest_pw told 0 "$A_BACKUP" -vv add "$T/src"
RESTIC_REPOSITORY="rest:http://127.0.0.1:$port/told" RESTIC_REST_USERNAME=tester \
	RESTIC_REST_PASSWORD=$rest_pw told 0 "$A_BACKUP" -vv list

none_told
# Had one been told, it would have been seen.
told 0 python3 -c 'import time; time.sleep(1)' "$s3_secret"
grep -q "$s3_secret" "$T/ps" || fail 'what stands in command lines is not seen'
(none_told) >"$T/seen" 2>&1 && fail 'what stands in command lines is not found'
: >"$T/ps"

# A program that crashes while it knows its secrets leaves no core file, and may not be read by
# others of the same user.
mkdir "$T/cores"
export RESTIC_REPOSITORY="rest:http://tester:$encoded@127.0.0.1:$port/told"
printf '#!/bin/sh\necho $PPID >"%s/pid.new" && mv "%s/pid.new" "%s/pid"\nexec sleep 20\n' "$T" \
	"$T" "$T" >"$T/slow_password"
chmod +x "$T/slow_password"
unset RESTIC_PASSWORD
crash() { # COMMAND…
	rm -f "$T/pid"
	(cd "$T/cores" && ulimit -c unlimited &&
		exec timeout 60 "$@" --password-command "$T/slow_password" list >"$T/out" 2>&1) &
	run=$!
	n=0
	until [ -s "$T/pid" ]; do
		n=$((n + 1))
		[ $n -lt 200 ] || fail "no password is asked for: $(cat "$T/out")"
		sleep 0.05
	done
	pid=$(cat "$T/pid")
	grep -q '^Max core file size  *[01] ' "/proc/$pid/limits" ||
		fail "core files are allowed: $(grep core "/proc/$pid/limits")"
	kill -SEGV "$pid"
	wait $run && fail 'it did not crash' || true
	[ -z "$(find "$T/cores" -type f)" ] || fail 'a core file is left'
}
if (ulimit -c unlimited) 2>"$T/ulimit"; then
	crash "$A_BACKUP"
	crash $MPIRUN -n 1 "$A_BACKUP_MPI"
	# Where core files are made at all, this makes one.
	(cd "$T/cores" && ulimit -c unlimited && sh -c 'kill -SEGV $$') 2>"$T/ulimit" || true
	[ -n "$(find "$T/cores" -type f)" ] ||
		echo 'this system makes no core files in the current directory: only the limit was looked at'
fi
