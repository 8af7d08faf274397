#!/bin/sh
# Our Swift store against a real Ceph gateway: with tokens from a real Keystone v3, with Swift's own
# v1 login, over TLS, with ready-made and with short-lived tokens.
set -eu

. tests/lib/e2e.sh
scripts/deps.sh services keystone >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
# Newer packages run inside a web server only.
command -v keystone-wsgi-public >/dev/null || {
	echo 'this Keystone has no server of its own'
	exit 77
}
. tests/lib/keystone.sh
. tests/lib/everything.sh
. tests/lib/secrets.sh
${MAKE:-make} -s NODEPS=1 "$B/tests/s_backend" "$B/tests/s_store_copy" "$B/tests/s_swift" \
	>"$T/make" 2>&1 || fail "$(cat "$T/make")"
# shellcheck disable=SC2046
set -- $(python3 tests/lib/free_ports.py 2)
ks_port=$1 rgw_port=$2
slow='' runs=''
trap 'spy_end; kill $slow $runs 2>/dev/null || true; keystone_down "$T/ks" || true; sh tests/services/rgw.sh stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
keystone_up "$T/ks" "$ks_port" "http://127.0.0.1:$rgw_port" || fail 'Keystone does not start'
RGW_EXTRA=$T/ks/rgw.conf RGW_PORT=$rgw_port sh tests/services/rgw.sh start "$T/rgw" ||
	fail 'the gateway does not start'
. "$T/rgw/env"

# as_user COMMAND…: with a password.  Each of these runs in a shell of its own.
as_user() (
	export OS_AUTH_URL="http://127.0.0.1:$ks_port/v3" OS_USERNAME=testuser OS_PASSWORD=testpw \
		OS_PROJECT_NAME=project_2001234
	export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default
	"$@"
)

# login_v1 COMMAND…: as v1, which Ceph itself answers.
login_v1() (
	export ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u1:swift ST_KEY=swkey
	"$@"
)

as_user env STORE=swift:suite:/x "$B/tests/s_backend"
as_user env STORE=swift:suite:/many "$B/tests/s_swift" long_listing
login_v1 env STORE=swift:suite-v1:/ "$B/tests/s_backend"
login_v1 env ST_AUTH="$RGW_TLS_URL/auth/v1.0" STORE_CACERT="$RGW_CA" STORE=swift:suite-tls:/x \
	"$B/tests/s_backend" put_and_get range list

# A token that somebody else got, as allas_conf exports it; then one that is no good, without and
# with a password.
token=$(python3 tests/lib/keystone_token.py "http://127.0.0.1:$ks_port/v3" testuser testpw \
	project_2001234) || fail 'no token'
export OS_STORAGE_URL="${token#* }"
OS_AUTH_TOKEN=${token%% *} STORE=swift:suite:/given "$B/tests/s_backend" put_and_get list
OS_AUTH_TOKEN=rubbish REFUSED=allas_conf STORE=swift:suite:/x "$B/tests/s_swift" refused
as_user env OS_AUTH_TOKEN=rubbish STORE=swift:suite:/renewed "$B/tests/s_backend" put_and_get
unset OS_STORAGE_URL

# Wrong passwords and users without the right are told so at once.
as_user env OS_PASSWORD=wrong REFUSED='refuses this user' STORE=swift:suite:/x timeout 20 \
	"$B/tests/s_swift" refused
as_user env OS_USERNAME=norole OS_PASSWORD=norolepw REFUSED='a new token does not help' \
	STORE=swift:suite:/x timeout 20 "$B/tests/s_swift" refused

# A copy of a repository made through our store is one for restic, and the other way round.
mkdir "$T/docs"
cp -r docs scripts "$T/docs"
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
$restic -q -r "$T/repo" init
$restic -q -r "$T/repo" backup "$T/docs"
as_user env FROM="$T/repo" TO=swift:copied:/some/prefix "$B/tests/s_store_copy"
as_user "$restic" -r swift:copied:/some/prefix check --read-data | tail -n 1 |
	grep 'no errors were found' || fail 'restic finds errors in our copy'
as_user "$restic" -q -r swift:copied:/some/prefix restore latest --target "$T/back"
diff -r "$T/docs" "$T/back$T/docs" || fail 'restic restores something else from our copy'
as_user "$restic" -q -r swift:theirs:/ init
as_user "$restic" -q -r swift:theirs:/ backup "$T/docs"
as_user env FROM=swift:theirs:/ TO="$T/theirs" "$B/tests/s_store_copy"
$restic -r "$T/theirs" check --read-data | tail -n 1 | grep 'no errors were found' ||
	fail 'restic finds errors in what we read'

# All that a user does, as stores.sh does it elsewhere.
everything_begin
as_user everything swift:everything:/below "$A_BACKUP" --ranks 3

# Lines so slow that backups outlive their tokens.
line() { # NAME BYTES_PER_SECOND: $T/NAME will be the storage URL of project_2001234 at the end of this line
	python3 tests/lib/slow_proxy.py "$rgw_port" "$2" "$T/$1.port" &
	slow="$slow $!"
	n=0
	until [ -s "$T/$1.port" ]; do
		n=$((n + 1))
		[ $n -lt 200 ] || fail 'the slow line does not start'
		sleep 0.05
	done
	echo "${storage%%:"$rgw_port"*}:$(cat "$T/$1.port")${storage#*:"$rgw_port"}" >"$T/$1"
}

mkdir "$T/noise" "$T/noise/less"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	head -c 10000000 /dev/urandom >"$T/noise/$i"
done
for i in 1 2 3 4; do
	head -c 10000000 /dev/urandom >"$T/noise/less/$i"
done
for place in bare renewed; do
	as_user "$A_BACKUP" -q -r swift:dying:/$place init
done

# A token of 40 seconds and no password: the run ends before the token does, in order, and what it
# stored is of use.  160 MB take 36 seconds; from the 30th on the packs that were begun, 25 MB, the
# index and the lock have ten.
keystone_life "$T/ks" "$ks_port" 40 || fail 'Keystone does not start again'
given=$(python3 tests/lib/keystone_token.py "http://127.0.0.1:$ks_port/v3" testuser testpw \
	project_2001234) || fail 'no token'
token=${given%% *} storage=${given#* }
secret testpw "$token"
spy_begin
line bare 4500000
(
	export OS_AUTH_URL="http://127.0.0.1:$ks_port/v3" OS_AUTH_TOKEN="$token" \
		OS_STORAGE_URL="$(cat "$T/bare")"
	exec timeout 100 "$A_BACKUP" --ranks 2 --connections 1 --pack-size 4 -vv --json \
		-r swift:dying:/bare add "$T/noise"
) >"$T/bare.out" 2>"$T/bare.err" &
bare=$!
runs=$bare
echo "X-Auth-Token: $token" >"$T/token"
n=0
until curl -sf -H "@$T/token" "$storage/dying?prefix=bare/data/" | grep -q data; do
	n=$((n + 1))
	[ $n -lt 200 ] && kill -0 $bare 2>/dev/null ||
		fail "a backup with a bare token stores nothing: $(cat "$T/bare.err")"
	sleep 0.1
done

# Tokens of 20 seconds and a password, which processes share: nothing fails, nothing is tried twice;
# in a backup, and with many small requests.
keystone_life "$T/ks" "$ks_port" 20 || fail 'Keystone does not start again'
line renewed 1000000
as_user env OS_STORAGE_URL="$(cat "$T/renewed")" timeout 200 $MPIRUN -n 2 "$A_BACKUP_MPI" --connections 1 --pack-size 4 -vv --json -r swift:dying:/renewed \
	add "$T/noise/less" >"$T/renewed.out" 2>"$T/renewed.err" &
renewed=$!
runs="$bare $renewed"
as_user env RUN_SECONDS=45 LIFE=20 STORE=swift:suite:/short "$B/tests/s_swift" tokens_that_die

rc=0
wait $bare || rc=$?
runs=$renewed
[ $rc = 1 ] && grep -q 'token dies soon.*allas_conf' "$T/bare.err" ||
	fail "a run whose token dies ended with $rc: $(cat "$T/bare.err")"
rc=0
wait $renewed || rc=$?
runs=
[ $rc = 0 ] || fail \
	"a backup with tokens that die ended with $rc: $(grep -v "debug" "$T/renewed.err" | head -n 20)"
tail -n 1 "$T/renewed.out" | jq -e '.retries == 0' >"$T/jq" ||
	fail "something was tried again: $(cat "$T/renewed.err")"
logins=$(grep -c 'swift: logged in' "$T/renewed.err")
echo "a backup of $(tail -n 1 "$T/renewed.out" | jq .total_duration) s took $logins logins"
[ "$logins" -ge 2 ] && [ "$logins" -le 12 ] || fail 'too few or too many logins'
# What waits for a connection has no token yet that could die meanwhile.  One may come too late on a
# busy machine.
refused=$(grep -a '" 401 ' "$T/rgw/log/client.rgw.log" | grep -c '/dying/renewed/data/' || true)
[ "$refused" -le 1 ] || fail "$refused uploads came with a token that had died"

# restic takes a token for old a minute before its end.
keystone_life "$T/ks" "$ks_port" 3600 || fail 'Keystone does not start again'
for place in bare renewed; do
	[ -z "$(as_user "$restic" -q -r swift:dying:/$place list locks --no-lock)" ] ||
		fail "$place: a lock is left"
	as_user "$restic" -r swift:dying:/$place check --read-data >"$T/out" 2>&1 ||
		fail "$place: $(cat "$T/out")"
	grep -q 'no errors were found' "$T/out" || fail "$place: $(cat "$T/out")"
	! grep -E 'not referenced|orphan|duplicate' "$T/out" ||
		fail "$place: something was stored in vain"
done
as_user "$A_BACKUP" --json -r swift:dying:/bare add "$T/noise" >"$T/out" 2>"$T/err" ||
	fail "after a dead token: $(cat "$T/err")"
tail -n 1 "$T/out" | jq -e '.data_added < 120000000' >"$T/jq" ||
	fail "hardly anything of the run before was used: $(tail -n 1 "$T/out")"

# Neither the password nor the token was told to anybody.
spy_end
cat "$T"/bare.* "$T"/renewed.* >>"$T/said"
none_told
