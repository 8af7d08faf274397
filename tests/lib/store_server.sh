# store_server.sh: sourced behind e2e.sh: stores in memory that do what a test wants
# (store_server.py), with the real program against them.
server_pid=''
trap 'kill $server_pid 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# serve HOOK: a new, empty server; sets S3, REST and SWIFT, the places of a repository in it, and
# PORT.
serve() {
	[ -z "$server_pid" ] || {
		kill "$server_pid"
		wait "$server_pid" 2>/dev/null || true
	}
	rm -f "$T/port"
	python3 "$TESTS/lib/store_server.py" "$T/port" "$1" 2>"$T/server.err" &
	server_pid=$!
	i=0
	until [ -s "$T/port" ]; do
		i=$((i + 1))
		[ $i -lt 200 ] || fail "the server does not start: $(cat "$T/server.err")"
		sleep 0.05
	done
	PORT=$(cat "$T/port")
	S3="s3:http://127.0.0.1:$PORT/bkt/p" REST="rest:http://127.0.0.1:$PORT/r/" SWIFT=swift:c:/p
	export AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK \
		OS_AUTH_URL="http://127.0.0.1:$PORT/v3" OS_USERNAME=u OS_PASSWORD=p \
		OS_PROJECT_NAME=p
}

# ask PATH: what the server says to a GET.
ask() {
	python3 -c \
		'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())' "http://127.0.0.1:$PORT$1"
}

# noise DIR N: N files of 5 MB of noise: one pack each, with --pack-size 4 and one connection.
noise() {
	mkdir -p "$1"
	i=0
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		head -c 5000000 /dev/urandom >"$1/$i"
	done
}
