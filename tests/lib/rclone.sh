# rclone.sh: sourced after e2e.sh by tests that need a real REST server.
command -v rclone >/dev/null || {
	echo 'rclone is missing'
	exit 77
}

# rclone_start DIR [OPTION…]: serves DIR on loopback; sets `port`, and `server`, which whoever
# called it kills.
rclone_start() {
	port=$(python3 "$TESTS/lib/free_ports.py" 1)
	mkdir "$1"
	rclone serve restic --config "$T/rclone.conf" --addr "127.0.0.1:$port" "$@" \
		>"$T/rclone.log" 2>&1 &
	server=$!
	curl -s --retry 100 --retry-connrefused --retry-delay 0 --retry-max-time 10 -o "$T/hello" \
		"http://127.0.0.1:$port/" || fail 'rclone does not start'
}
