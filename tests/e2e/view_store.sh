#!/bin/sh
# One name of a store, and two servers: another node's name leads to an older copy from the
# beginning, or to that or another repository from some moment on.  Then nothing is saved, unless
# all ranks are led there alike from the beginning.
set -eu
. tests/lib/e2e.sh
command -v rclone >/dev/null || exit 77
. tests/lib/view.sh
set -- $(python3 "$TESTS/lib/free_ports.py" 3)
PORT=$1
mkdir c
new_repo other
servers=
for at in "$2 real" "$3 old"; do
	rclone serve restic --config /dev/null --addr "127.0.0.1:${at% *}" "$T/c/${at#* }" \
		>"rclone.${at#* }" 2>&1 &
	servers="$servers $!"
done
for r in 0 1; do
	python3 "$TESTS/lib/forward.py" "127.0.0.$((r + 1))" "$PORT" "$2" "$3" "$T/c/elsewhere$r" \
		>"forward$r" 2>&1 &
	servers="$servers $!"
	printf '127.0.0.1 localhost %s\n127.0.0.%s store\n' "$(hostname)" $((r + 1)) >hosts$r
	for p in "$PORT" "$2" "$3"; do
		until python3 -c \
			"import socket; socket.create_connection(('127.0.0.$((r + 1))' if $p == $PORT else '127.0.0.1', $p), 1)" 2>/dev/null; do
			sleep .1
		done
	done
done
trap 'kill $servers; wait' EXIT

for who in 0 1 all serial; do
	for state in stale switched copied; do
		[ $state,$who != copied,0 ] && [ $state,$who != copied,all ] || continue # as switched
		what="store $state, $who"
		go store $state $who --pack-size 4
		case $state,$who in
		stale,all | stale,serial) it $FULL ;;
		switched,1 | copied,1 | stale,*) it error ;;
		*) it lost ;;
		esac
		# What was indexed is there: packs that went elsewhere are not.
		"$A_BACKUP" -q -r "$STORED" check --no-lock --read-data >check 2>&1 ||
			fail "$what: the repository is damaged: $(cat check)"
	done
done
