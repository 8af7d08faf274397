#!/bin/sh
# Making a repository: what a killed init or a full disk left is finished, what may be damaged is
# left alone, and who opens it finds the key that fits.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
rest_store="$TESTS/lib/rest_store.py"
says() { grep -q -- "$1" "$T/out" "$T/err" || fail "not said: $1: $(cat "$T/out" "$T/err")"; }
keys() { [ "$(find "$1/keys" -type f | wc -l)" = "$2" ] ||
	fail "$1 has not $2 keys: $(ls "$1/keys")"; }
cd "$T"
mkdir src
echo content >src/file

# --- a key and no config: everybody says how to go on, and that is how it goes on
# ----------------------------------------------------------
new_repo half
key=$(ls half/keys)
rm half/config
for verb in list "add src" check; do
	# shellcheck disable=SC2086
	expect 10 "$A_BACKUP" -r half $verb
	says 'begun at half and not finished'
	says 'a_backup -r half init'
done
expect 0 "$A_BACKUP" -r half init
keys half 1
[ "$(ls half/keys)" = "$key" ] || fail 'another key than the one that was there'
expect 0 "$A_BACKUP" -q -r half add src
expect 0 $restic -q -r half check --read-data
expect 1 "$A_BACKUP" -r half init
says 'there is a repository already'

# Another password's key stays, and so does a damaged one.
new_repo strange
new_repo other
cp other/keys/* strange/keys
truncate -s 100 strange/keys/"$(ls other/keys)"
rm strange/config
expect 0 env RESTIC_PASSWORD=mine "$A_BACKUP" -r strange init
says 'passed over'
keys strange 3
expect 0 env RESTIC_PASSWORD=mine "$A_BACKUP" -q -r strange add src
expect 1 "$A_BACKUP" -q -r strange list
says 'sealed with another key'

# --- no config, but files that it belonged to: nothing is made there
# -----------------------------------------------------------------------
cp -r half lost
rm lost/config
ls -R lost >before
expect 1 "$A_BACKUP" -r lost init
says 'there is no config, but there is a snapshot'
for verb in list "add src"; do
	# shellcheck disable=SC2086
	expect 10 "$A_BACKUP" -r lost $verb
	says 'there is no config, but there is a snapshot'
done
ls -R lost | diff before - || fail 'something was made in a damaged repository'

# --- opening: keys that cannot be read, and the password's key of another repository
# -------------------------------------------------------
cp other/keys/* half/keys
for i in 1 2 3 4 5 6; do
	: >half/keys/"$(printf '%064d' $i)"
	head -c 200 "half/keys/$key" >half/keys/"$(printf '%064x' $((i + 255)))"
done
expect 0 "$A_BACKUP" -r half list
says '^1 snapshots'
says 'passed over'
expect 0 "$A_BACKUP" -q -r half add src
rm half/keys/"$key"
expect 1 "$A_BACKUP" -r half list
says 'config.*sealed with another key'

# --- a store that fails, and signals
# ------------------------------------------------------------------------------------------
: >rules
python3 "$rest_store" port rules 2>server.err &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
until [ -s port ]; do
	kill -0 $server
	sleep .05
done
url="http://127.0.0.1:$(cat port)"
left() { curl -s "$url/$1/keys/"; }

# The config cannot be stored: no key is left.
echo 'POST /full/config 0 507' >rules
expect 1 "$A_BACKUP" -r "rest:$url/full/" init
says 'save config.*507'
[ "$(left full)" = '[]' ] || fail "a key is left: $(left full)"
# A signal while that is tried again and again: nothing is left, at once.
echo 'POST /busy/config 0 503' >rules
for signal in TERM INT HUP; do
	rc=0
	env --default-signal=INT timeout -s "$signal" 4 "$A_BACKUP" -r "rest:$url/busy/" init >out \
		2>err || rc=$?
	says 'trying again'
	says 'interrupted by a signal'
	[ "$(left busy)" = '[]' ] || fail "a key is left after SIG$signal: $(left busy)"
done
[ $rc = 124 ] || fail "init ends with $rc after the time that it has"
"$A_BACKUP" -r "rest:$url/busy/" init >out 2>err &
init=$!
until grep -q 'trying again' err; do sleep .05; done
kill -TERM $init
rc=0
wait $init || rc=$?
[ $rc = 130 ] || fail "SIGTERM ends init with $rc, not 130"
: >rules
expect 0 "$A_BACKUP" -r "rest:$url/busy/" init
# Neither the config nor what became of it can be read: the key stays, is named, and is used by the
# next init.
printf '%s\n' 'POST /dark/config 0 507' 'GET /dark/config 0 507' >rules
expect 1 "$A_BACKUP" -r "rest:$url/dark/" init
says 'stays'
says "$(left dark | sed 's/.*"name": "\(........\).*/\1/')"
: >rules
was=$(left dark)
expect 0 "$A_BACKUP" -r "rest:$url/dark/" init
[ "$(left dark)" = "$was" ] || fail 'the key that stayed is not the one that is used'
