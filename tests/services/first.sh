#!/bin/sh
# Two that make a repository at the same moment and back up into it, twenty times on each kind of
# store: afterwards restic opens it by every key that is there, and both snapshots restore equal.
# Most rounds have keys that cost little; the last ones are the command's own, and in a project's
# bucket the adds themselves make it.
set -eu
. tests/lib/e2e.sh
. tests/lib/rclone.sh
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
trap 'kill $server 2>/dev/null || true; sh tests/services/rgw.sh stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
server=
ROUNDS=${ROUNDS:-20}
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"
mkdir "$T/a" "$T/b"
rclone_start "$T/served"
for s in a b; do
	head -c 100000 /dev/urandom >"$T/$s/random"
	echo "$s" >"$T/$s/text"
done

# one LOG PLACE INIT… DIR: as one user's script does it.
one() {
	log=$1 place=$2 dir=$3
	shift 3
	"$@" >"$log" 2>&1 || return 1
	"$A_BACKUP" -q -r "$place" add "$dir" >>"$log" 2>&1
}

# round NAME PLACE INIT…: the race, and what it left.
round() {
	name=$1 place=$2 w=$T/$1
	shift 2
	rm -rf "$w"
	mkdir "$w"
	one "$w/a.log" "$place" "$T/a" "$@" &
	a=$!
	one "$w/b.log" "$place" "$T/b" "$@" &
	b=$!
	wait $a && wait $b || fail "$name: $(cat "$w/a.log" "$w/b.log")"
	holds "$name" "$place"
}

holds() {
	w=$T/$1 place=$2
	$restic --no-cache --no-lock -q -r "$place" list keys >"$w/keys" 2>"$w/err" ||
		fail "$1: restic does not open it: $(cat "$w/err" "$w"/?.log)"
	while read -r key; do
		$restic --no-cache --no-lock -q --key-hint "$key" -r "$place" list snapshots \
			>"$w/snapshots" 2>"$w/err" </dev/null ||
			fail "$1: a key fits the password and not the config: $(cat "$w/err" "$w"/?.log)"
	done <"$w/keys"
	[ "$(wc -l <"$w/snapshots")" = 2 ] || fail \
		"$1: not two snapshots: $(cat "$w/snapshots" "$w"/?.log)"
	while read -r id; do
		"$A_BACKUP" -q -r "$place" restore "$id" --target "$w/out" </dev/null ||
			fail "$1: $id cannot be restored"
	done <"$w/snapshots"
	for s in a b; do
		diff -r "$T/$s" "$w/out$T/$s" || fail "$1: $s is not what was saved"
	done
}

# rounds NAME PLACE-BEFORE PLACE-BEHIND
rounds() {
	i=0
	while [ $i -lt "$ROUNDS" ]; do
		place=$2$i$3
		if [ $i -lt $((ROUNDS - 2)) ]; then
			round "$1" "$place" "$TOOLS/light_repo" "$place"
		else
			round "$1" "$place" "$A_BACKUP" -q -r "$place" init
		fi
		i=$((i + 1))
	done
	echo "$1: $i rounds"
}

export ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u1:swift ST_KEY=swkey AWS_ACCESS_KEY_ID=AK \
	AWS_SECRET_ACCESS_KEY=SK
# Beside each other: what one waits for is another's time, and no two rounds are alike.
rounds local "$T/local" "" &
one=$!
rounds rest "rest:http://127.0.0.1:$port/" / &
two=$!
rounds s3 "s3:$RGW_URL/first-s3/" "" &
three=$!
rounds swift "swift:first-swift:/" "" &
four=$!
bad=
for job in $one $two $three $four; do
	wait $job || bad=yes
done
[ -z "$bad" ] || exit 1

# A project's first backups, from two nodes that have the same home: one password file, one
# repository.
unset RESTIC_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
curl -s -D "$T/head" -o "$T/body" -H "X-Auth-User: $ST_USER" -H "X-Auth-Key: $ST_KEY" "$ST_AUTH"
OS_AUTH_TOKEN=$(sed -n 's/^X-Auth-Token: *\([^\r]*\).*/\1/ip' "$T/head") OS_STORAGE_URL=$(sed \
	-n 's/^X-Storage-Url: *\([^\r]*\).*/\1/ip' "$T/head")
export OS_AUTH_TOKEN OS_STORAGE_URL
first() { # NAME PLACE LABEL: what add makes there, in an environment of the caller's
	mkdir "$T/$1"
	"$A_BACKUP" -q add "$T/a" >"$T/$1/a.log" 2>&1 &
	a=$!
	"$A_BACKUP" -q add "$T/b" >"$T/$1/b.log" 2>&1 &
	b=$!
	wait $a && wait $b || fail "$1: $(cat "$T/$1/a.log" "$T/$1/b.log")"
	RESTIC_PASSWORD=$(cat "$HOME/.backup_passwd_$3")
	export RESTIC_PASSWORD
	holds "$1" "$2"
	unset RESTIC_PASSWORD
}
for i in 1 2 3; do
	export OS_PROJECT_NAME=project_200000$i HOME="$T/home$i"
	mkdir "$HOME"
	first "project$i" "swift:200000$i-BACKUP:/backup" 200000$i
	[ "$(ls -A "$HOME")" = ".backup_passwd_200000$i" ] || fail "left at home: $(ls -A "$HOME")"
done

# From two homes: two passwords.  One has the repository; the other is told, and has left nothing
# there.
export OS_PROJECT_NAME=project_2000009
for s in a b; do
	mkdir "$T/home-$s"
	HOME=$T/home-$s "$A_BACKUP" -q add "$T/$s" >"$T/$s.log" 2>&1 &
	eval "$s=\$!"
done
codes=
for s in a b; do
	eval "job=\$$s"
	rc=0
	wait "$job" || rc=$?
	codes="$codes $rc"
	[ $rc != 0 ] || HOME=$T/home-$s
done
case $codes in
' 0 12' | ' 12 0') ;;
*) fail "two passwords: $codes: $(cat "$T/a.log" "$T/b.log")" ;;
esac
theirs="$restic --no-cache --no-lock -q -r swift:2000009-BACKUP:/backup -p $HOME/.backup_passwd_2000009"
expect 0 $theirs list keys
[ "$(wc -l <"$T/out")" = 1 ] || fail "keys that nobody needs: $(cat "$T/out")"
expect 0 $theirs list snapshots
[ "$(wc -l <"$T/out")" = 1 ] || fail 'not one snapshot'
