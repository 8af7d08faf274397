#!/bin/sh
# Our Swift store against a real Ceph gateway: with tokens from a real Keystone v3, with Swift's own v1 login, over TLS, with ready-made and with short-lived tokens.
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
${MAKE:-make} -s NODEPS=1 "$B/tests/s_backend" "$B/tests/s_store_copy" "$B/tests/s_swift" >"$T/make" 2>&1 || fail "$(cat "$T/make")"
# shellcheck disable=SC2046
set -- $(python3 tests/lib/free_ports.py 2)
ks_port=$1 rgw_port=$2
trap 'keystone_down "$T/ks" || true; sh tests/services/rgw.sh stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
keystone_up "$T/ks" "$ks_port" "http://127.0.0.1:$rgw_port" || fail 'Keystone does not start'
RGW_EXTRA=$T/ks/rgw.conf RGW_PORT=$rgw_port sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"

# as_user COMMAND…: with a password.  Each of these runs in a shell of its own.
as_user() (
	export OS_AUTH_URL="http://127.0.0.1:$ks_port/v3" OS_USERNAME=testuser OS_PASSWORD=testpw OS_PROJECT_NAME=project_2001234
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
login_v1 env ST_AUTH="$RGW_TLS_URL/auth/v1.0" STORE_CACERT="$RGW_CA" STORE=swift:suite-tls:/x "$B/tests/s_backend" put_and_get range list

# A token that somebody else got, as allas_conf exports it; then one that is no good, without and with a password.
token=$(python3 tests/lib/keystone_token.py "http://127.0.0.1:$ks_port/v3" testuser testpw project_2001234) || fail 'no token'
export OS_STORAGE_URL="${token#* }"
OS_AUTH_TOKEN=${token%% *} STORE=swift:suite:/given "$B/tests/s_backend" put_and_get list
OS_AUTH_TOKEN=rubbish REFUSED=allas_conf STORE=swift:suite:/x "$B/tests/s_swift" refused
as_user env OS_AUTH_TOKEN=rubbish STORE=swift:suite:/renewed "$B/tests/s_backend" put_and_get
unset OS_STORAGE_URL

# Wrong passwords and users without the right are told so at once.
as_user env OS_PASSWORD=wrong REFUSED='refuses this user' STORE=swift:suite:/x timeout 20 "$B/tests/s_swift" refused
as_user env OS_USERNAME=norole OS_PASSWORD=norolepw REFUSED='a new token does not help' STORE=swift:suite:/x timeout 20 "$B/tests/s_swift" refused

# A copy of a repository made through our store is one for restic, and the other way round.
mkdir "$T/docs"
cp -r docs scripts "$T/docs"
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
$restic -q -r "$T/repo" init
$restic -q -r "$T/repo" backup "$T/docs"
as_user env FROM="$T/repo" TO=swift:copied:/some/prefix "$B/tests/s_store_copy"
as_user "$restic" -r swift:copied:/some/prefix check --read-data | tail -n 1 | grep 'no errors were found' || fail 'restic finds errors in our copy'
as_user "$restic" -q -r swift:copied:/some/prefix restore latest --target "$T/back"
diff -r "$T/docs" "$T/back$T/docs" || fail 'restic restores something else from our copy'
as_user "$restic" -q -r swift:theirs:/ init
as_user "$restic" -q -r swift:theirs:/ backup "$T/docs"
as_user env FROM=swift:theirs:/ TO="$T/theirs" "$B/tests/s_store_copy"
$restic -r "$T/theirs" check --read-data | tail -n 1 | grep 'no errors were found' || fail 'restic finds errors in what we read'

# All that a user does, as stores.sh does it elsewhere.
everything_begin
as_user everything swift:everything:/below "$A_BACKUP" --ranks 3

# Tokens of 20 seconds: nothing fails, nothing is tried twice.
keystone_life "$T/ks" "$ks_port" 20 || fail 'Keystone does not start again'
as_user env RUN_SECONDS=45 LIFE=20 STORE=swift:suite:/short "$B/tests/s_swift" tokens_that_die
