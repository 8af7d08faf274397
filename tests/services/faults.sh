#!/bin/sh
# Backups through everything that goes wrong between a client and a store: 200 ms of latency,
# refused requests (503), connections reset in the middle of a body, answers cut short, slow
# answers, and a server that is killed in mid-run and comes back.  On a REST server and on Ceph's
# S3; the backup completes, restic finds no error, and so does restoring.
set -eu
. tests/lib/e2e.sh
command -v rclone >/dev/null || {
	echo 'rclone is missing'
	exit 77
}
scripts/deps.sh services proxy >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
rclone_pid='' add_pid=''
end() {
	kill $rclone_pid $add_pid 2>/dev/null || true
	sh tests/lib/proxy.sh stop "$T/proxy"
	sh tests/services/rgw.sh stop "$T/rgw"
}
trap end EXIT
trap 'exit 130' INT TERM
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)

# Noise for packs, small files for trees.
python3 tests/lib/mktree.py "$T/src"
mkdir "$T/src/noise"
for i in 1 2 3 4 5 6 7 8; do
	head -c 10000000 /dev/urandom >"$T/src/noise/$i"
done
python3 tests/lib/manifest.py "$T/src" >"$T/want"

proxy() { # SETTING…
	sh tests/lib/proxy.sh start "$T/proxy" "$upstream" "$@" || fail 'the proxy does not start'
	proxy=$(cat "$T/proxy/url")
}

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
	n=$(($1 * 20))
	shift
	until "$@"; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		sleep 0.05
	done
}

packs_put() { # N: so many packs have arrived, or the backup has ended
	[ "$(grep -cE '(PUT|POST) 200 .*/data/' "$T/proxy/log")" -ge "$1" ] ||
		! kill -0 "$add_pid" 2>/dev/null
}

# through STORE DIRECT PROXIED COMMAND…: the repository directly and by way of the proxy; COMMAND is
# what adds.  crash and again are functions of the caller.
through() {
	store=$1 direct=$2 proxied=$3
	shift 3
	expect 0 "$A_BACKUP" -q -r "$direct" init
	timeout 150 "$@" --json -r "$proxied" --pack-size 4 --connections 2 add "$T/src" \
		>"$T/summary" 2>"$T/warnings" &
	add_pid=$!
	wait_for 60 packs_put 6 || fail "$store: no packs arrive: $(cat "$T/warnings")"
	crash
	sleep 1.5
	again
	rc=0
	wait $add_pid || rc=$?
	add_pid=
	[ $rc = 0 ] || fail "$store: the backup ended with $rc: $(tail -n 5 "$T/warnings")"
	echo "$store: $(tail -n 1 "$T/summary" | jq .retries) requests were tried again; of $(wc -l <"$T/proxy/log"): $(cut -d ' ' -f 1,3 "$T/proxy/log" | grep -v '^- 20' | sort | uniq -c | tr -s ' \n' ' ')"
	tail -n 1 "$T/summary" | jq -e '.retries > 0' >"$T/jq" ||
		fail "$store: nothing was tried again"
	grep -q '^busy' "$T/proxy/log" && grep -q '^slow' "$T/proxy/log" &&
		grep -q '^cut P' "$T/proxy/log" || fail "$store: not all faults happened"
	expect 0 $restic -r "$direct" check --read-data
	grep -q 'no errors were found' "$T/out" || fail "$store: restic check: $(cat "$T/out")"
	! grep -E 'not referenced|orphan|duplicate' "$T/out" "$T/err" ||
		fail "$store: something was stored twice or in vain"

	expect 0 timeout 150 "$A_BACKUP" -q -r "$proxied" restore latest --target "$T/back"
	same "$T/back$T/src"
	grep -q '^cut GET' "$T/proxy/log" || fail "$store: no answer was cut short"
	chmod -R u+rwX "$T/back"
	rm -rf "$T/back"
	sh tests/lib/proxy.sh stop "$T/proxy"
	rm "$T/proxy/log"
}

faults='latency=200 busy=20 cut=25 slow=40'

# A REST server, which is killed.
port=$(python3 tests/lib/free_ports.py 1)
upstream=127.0.0.1:$port
mkdir "$T/served"
again() {
	rclone serve restic --config "$T/rclone.conf" --addr "$upstream" "$T/served" \
		>>"$T/rclone.log" 2>&1 &
	rclone_pid=$!
	wait_for 10 curl -s -o "$T/hello" "http://$upstream/" || fail 'rclone does not start'
}
crash() {
	kill -9 "$rclone_pid"
	wait "$rclone_pid" 2>/dev/null || true
}
again
proxy $faults
through REST "rest:http://$upstream/r" "rest:$proxy/r" "$A_BACKUP" --ranks 2
[ -z "$(ls "$T/served/r/locks")" ] || fail 'REST: locks are left'

# The whole way to the server is gone when the backup is told to end: it ends, soon; and the next
# one is not kept out.
proxy latency=200
timeout 60 "$A_BACKUP" -q -r "rest:$proxy/r" --pack-size 4 --connections 2 add \
	--force "$T/src/noise" "$T/src/sizes" >"$T/out" 2>"$T/err" &
add_pid=$!
wait_for 20 grep -q 'POST 200 .*/locks/' "$T/proxy/log" || fail "no lock is made: $(cat "$T/err")"
sh tests/lib/proxy.sh stop "$T/proxy"
sleep 2
kill $add_pid
rc=0
wait $add_pid || rc=$?
add_pid=
[ $rc = 143 ] || [ $rc = 130 ] || fail \
	"a backup that was told to end without a store ended with $rc: $(cat "$T/err")"
expect 0 "$A_BACKUP" -q -r "rest:http://$upstream/r" add "$T/src/noise"

# Ceph's S3, whose gateway is killed; the ranks are processes.
sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"
export AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK
upstream=${RGW_URL#http://}
crash() {
	sh tests/services/rgw.sh crash "$T/rgw"
}
again() {
	sh tests/services/rgw.sh again "$T/rgw" || fail 'the gateway does not come back'
}
proxy $faults
through S3 "s3:$RGW_URL/faults" "s3:$proxy/faults" $MPIRUN -n 2 "$A_BACKUP_MPI"
