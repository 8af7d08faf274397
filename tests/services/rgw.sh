#!/bin/sh
# A real Ceph object gateway on loopback, for tests; and our S3 store against it.
#
# rgw.sh start DIR   starts one in DIR (which must not exist; objects in memory), writes DIR/env:
#                    RGW_URL, RGW_TLS_URL, RGW_CA and the user's keys
#                    (S3: AK, SK; Swift: u1:swift, swkey).  RGW_EXTRA: a file of more lines for the
#                    gateway's section of ceph.conf.
#                    RGW_ADDR: the address it listens on (127.0.0.1); RGW_PORT, RGW_TLS_PORT: its
#                    ports (some that are free)
# rgw.sh crash DIR   kills the gateway, which keeps nothing itself; rgw.sh again DIR starts it again
# rgw.sh stop DIR    ends its daemons by their process ids, removes DIR
# rgw.sh             the test
set -eu

certificate() { # a CA and a certificate for the gateway
	(
		cd "$D/tls"
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test CA' -keyout ca.key -out ca.pem \
			-addext basicConstraints=critical,CA:TRUE \
			-addext keyUsage=critical,keyCertSign
		openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout srv.key -out srv.csr
		printf 'subjectAltName=DNS:localhost,IP:%s\nextendedKeyUsage=serverAuth\n' "$ADDR" \
			>ext
		openssl x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
			-out srv.crt -extfile ext
	) >"$D/log/openssl" 2>&1
}

config() {
	cat <<C
[global]
fsid = $FSID
mon host = v1:127.0.0.1:$MON_PORT
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
run dir = $D/run
log file = $D/log/\$name.log
pid file = $D/run/\$name.pid
admin socket = $D/run/\$name.asok
keyring = $D/keyring
crash dir = $D/run
mon data = $D/mon
osd data = $D/osd
paxos propose interval = 0.01
paxos min wait = 0.001
mon tick interval = 1
mon data avail crit = 1
mon data avail warn = 1
mon allow pool size one = true
mon max pg per osd = 1000
osd failsafe full ratio = .995
mon osd full ratio = .99
mon osd nearfull ratio = .98
mon osd backfillfull ratio = .985
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush initial weight = 1
osd objectstore = memstore
osd max object size = 134217728
memstore device bytes = 4294967296
[client.rgw]
rgw frontends = beast tcp_nodelay=1 endpoint=$ADDR:$PORT ssl_endpoint=$ADDR:$TLS_PORT ssl_certificate=$D/tls/srv.crt ssl_private_key=$D/tls/srv.key
rgw data = $D/rgw
rgw swift url prefix = swift
rgw swift account in url = true
rgw thread pool size = 64
rgw dynamic resharding = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
rgw num rados handles = 1
rgw override bucket index max shards = 1
rgw usage max user shards = 1
rgw gc max objs = 1
rgw lc max objs = 1
rgw objexp hints num shards = 1
rgw curl wait timeout ms = 10
C
	if [ -n "${RGW_EXTRA:-}" ]; then
		cat "$RGW_EXTRA"
	fi
}

answers() { # URL: waits for it
	tries=0
	until curl -fs -o "$D/log/hello" "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || return 1
		sleep 0.1
	done
}

start() {
	D=$(realpath -m "$1")
	ADDR=${RGW_ADDR:-127.0.0.1}
	mkdir -p "$D/mon" "$D/osd" "$D/log" "$D/run" "$D/rgw" "$D/tls"
	# shellcheck disable=SC2046
	set -- $(python3 "$(dirname "$0")/../lib/free_ports.py" 3)
	PORT=${RGW_PORT:-$1} TLS_PORT=${RGW_TLS_PORT:-$2} MON_PORT=$3
	FSID=$(cat /proc/sys/kernel/random/uuid)
	export CEPH_CONF="$D/ceph.conf"
	certificate
	config >"$CEPH_CONF"
	: >"$D/keyring"
	{
		ceph-authtool --create-keyring "$D/keyring" --gen-key -n mon. --cap mon 'allow *'
		ceph-authtool "$D/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd \
			'allow *' --cap mgr 'allow *'
		monmaptool --create --addv a "[v1:127.0.0.1:$MON_PORT]" --fsid "$FSID" "$D/monmap"
		ceph-mon --mkfs -i a --monmap "$D/monmap" --keyring "$D/keyring"
		ceph-mon -i a --public-addr "127.0.0.1:$MON_PORT"
		OSD=$(cat /proc/sys/kernel/random/uuid)
		ceph osd new "$OSD" 0
		ceph-osd -i 0 --mkfs --osd-uuid "$OSD"
		# With a configuration asked from the monitor, the daemon sometimes starts with a
		# cluster id of zeros and ends.
		ceph-osd --no-mon-config -i 0
		radosgw -n client.rgw
	} >"$D/log/start" 2>&1 || {
		tail -n 20 "$D/log/start" >&2
		return 1
	}
	answers "http://$ADDR:$PORT"
	radosgw-admin user create --uid=u1 --display-name=u1 --access-key=AK --secret-key=SK \
		>"$D/log/user" 2>&1
	radosgw-admin subuser create --uid=u1 --subuser=u1:swift --access=full --secret-key=swkey \
		--key-type=swift >>"$D/log/user" 2>&1
	cat >"$D/env" <<E
export RGW_URL=http://$ADDR:$PORT RGW_TLS_URL=https://$ADDR:$TLS_PORT RGW_CA=$D/tls/ca.pem CEPH_CONF=$D/ceph.conf
E
}

alive() { # PID: exists, and is no zombie that nobody has reaped yet
	s=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null || true)
	[ -n "$s" ] && [ "$s" != Z ]
}

end_daemon() { # NAME
	[ -s "$D/run/$1.pid" ] || return 0
	pid=$(cat "$D/run/$1.pid")
	# The number may belong to somebody else by now: only a process of this cluster is meant.
	tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "CEPH_CONF=$D/ceph.conf" ||
		return 0
	kill -9 "$pid" 2>/dev/null || return 0
	tries=0
	while alive "$pid" && [ $tries -lt 100 ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
}

stop() {
	D=$(realpath -m "$1")
	for n in client.rgw osd.0 mon.a; do
		end_daemon $n
	done
	rm -rf "$D"
}

crash() {
	D=$(realpath -m "$1")
	end_daemon client.rgw
}

again() {
	D=$(realpath -m "$1")
	. "$D/env"
	radosgw -n client.rgw >>"$D/log/start" 2>&1
	answers "$RGW_URL"
}

case ${1:-} in
start | stop | crash | again)
	"$@"
	exit
	;;
esac

. tests/lib/e2e.sh
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
${MAKE:-make} -s NODEPS=1 "$B/tests/s_backend" "$B/tests/s_store_copy" "$B/tests/s_s3" >"$T/make" \
	2>&1 || fail "$(cat "$T/make")"
trap 'stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
sh "$0" start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"
export AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK

# The conformance suite, over both protocols.
STORE=s3:$RGW_URL/suite "$B/tests/s_backend"
STORE=s3:$RGW_TLS_URL/suite-tls STORE_CACERT=$RGW_CA "$B/tests/s_backend" put_and_get range list \
	create
S3_PLACE=$RGW_URL/only-s3 "$B/tests/s_s3"

# Any copy of a repository made through our store is one for restic, and the other way round.
mkdir "$T/src"
cp -r docs scripts "$T/src"
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
$restic -q -r "$T/repo" init
$restic -q -r "$T/repo" backup "$T/src"
FROM=$T/repo TO=s3:$RGW_URL/copied/some/prefix "$B/tests/s_store_copy"
$restic -r "s3:$RGW_URL/copied/some/prefix" check --read-data | tail -n 1 |
	grep 'no errors were found' || fail 'restic finds errors in our copy'
$restic -q -r "s3:$RGW_URL/copied/some/prefix" restore latest --target "$T/back"
diff -r "$T/src" "$T/back$T/src" || fail 'restic restores something else from our copy'
$restic -q -r "s3:$RGW_URL/theirs" init
$restic -q -r "s3:$RGW_URL/theirs" backup "$T/src"
FROM=s3:$RGW_URL/theirs TO=$T/theirs "$B/tests/s_store_copy"
$restic -r "$T/theirs" check --read-data | tail -n 1 | grep 'no errors were found' ||
	fail 'restic finds errors in what we read'

# Wrong keys, a name that cannot be, a server that is not trusted: said at once.
refused() { # PATTERN LOCATION
	! TO=$2 FROM=$T/repo timeout 20 "$B/tests/s_store_copy" >"$T/out" 2>&1 ||
		fail "$2 was not refused"
	grep -q "$1" "$T/out" || fail "$(cat "$T/out")"
}
AWS_SECRET_ACCESS_KEY=wrong refused 'secret key does not fit' "s3:$RGW_URL/copied"
AWS_ACCESS_KEY_ID=wrong refused 'does not know this access key' "s3:$RGW_URL/copied"
refused '3 to 63' "s3:$RGW_URL/x"
refused 'certificate' "s3:$RGW_TLS_URL/copied"
refused 'does not speak TLS' "s3:https://${RGW_URL#http://}/copied"
ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u1:swift ST_KEY=swkey refused 'can there be a container' \
	swift:x:/

# A full quota is said as such, at once.
radosgw-admin quota set --quota-scope=user --uid=u1 --max-objects=1 >"$T/quota" 2>&1
radosgw-admin quota enable --quota-scope=user --uid=u1 >>"$T/quota" 2>&1
refused 'quota' "s3:$RGW_URL/copied"
