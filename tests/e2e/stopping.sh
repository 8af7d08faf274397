#!/bin/sh
# A signal ends a run in order, and in time, though the store hangs, at whichever step, or the
# reader of standard output stands still; and what is too much for a file is an error.
set -eu
. tests/lib/e2e.sh
cd "$T"
python3 - src <<'P'
import os, random, sys
r = random.Random(3)
os.makedirs(sys.argv[1])
for i in range(8):
    with open(f'{sys.argv[1]}/{i}', 'wb') as f:
        f.write(r.randbytes(3000000))
P
new_repo empty

# A store that hangs at one of its steps.
: >rules
python3 "$TESTS/lib/rest_store.py" port rules empty &
server=$!
trap 'kill $server' EXIT
wait_for 10 test -s port
place=rest:http://127.0.0.1:$(cat port)
steps='HEAD:/config GET:/config GET:/keys/ POST:/locks/ GET:/locks/ GET:/snapshots/ GET:/index/ POST:/data/ HEAD:/locks/ POST:/index/ POST:/snapshots/ DELETE:/locks/'
n=0
for s in $steps; do
	n=$((n + 1))
	echo "${s%%:*} /s$n${s#*:} 1000" >>rules
done
n=0 all=
for s in $steps; do
	n=$((n + 1))
	$A_BACKUP -q -r "$place/s$n/" --pack-size 4 --stop-timeout 4s add src >"s$n.out" 2>&1 &
	all="$all $!"
done
lines() { # seen|files PREFIX: how many requests there were, how many files there are
	python3 -c \
		'import sys, urllib.request as u; print(sum(l.decode().startswith(sys.argv[2]) for l in u.urlopen(sys.argv[1])))' "http://127.0.0.1:$(cat port)/$1" "$2"
}
asked() { # REQUEST TIMES: so often, or more
	[ "$(lines seen "$1")" -ge "$2" ]
}
n=0
for s in $steps; do
	n=$((n + 1))
	wait_for 60 asked "${s%%:*} /s$n${s#*:}" 1
done
# shellcheck disable=SC2086
kill -TERM $all
n=0
for p in $all; do
	n=$((n + 1))
	s=$(echo "$steps" | cut -d ' ' -f $n)
	code=130
	[ "$s" != HEAD:/config ] || code=143 # nothing of ours is there yet: the signal does what it does to any process
	ended "$p" $code 8 "the store hangs at $s"
done
n=0
for s in $steps; do
	n=$((n + 1))
	case $s in *:/locks/) continue ;; esac
	[ "$(lines files "/s$n/locks/")" = 0 ] || fail "the store hangs at $s: a lock is left"
	[ "$s" != POST:/snapshots/ ] || [ "$(lines files "/s$n/index/")" = 1 ] ||
		fail "the store hangs at $s: there is no index"
done

# Uploads that take longer than the limit are given up; those that were acknowledged are indexed.
echo 'POST /slow/data/ 1 0 2' >rules
echo 'POST /slow/data/ 30' >>rules
$A_BACKUP -q -r "$place/slow/" --pack-size 4 --connections 2 --stop-timeout 11s add src 2>slow.out &
p=$!
wait_for 60 asked "POST /slow/data/" 4 # two have come, two are under way
kill -TERM $p
ended $p 130 8 'slow uploads'
! grep -q 'given up' slow.out || fail \
	'slow uploads: once they were given up, the run did not end by itself'
: >rules
$A_BACKUP -q -r "$place/slow/" check >check 2>&1 ||
	{ cat check; fail 'slow uploads: check finds errors'; }
[ "$(lines files /slow/index/)" -ge 1 ] || fail 'slow uploads: there is no index'

# A reader of standard output that stands still.
cp -r empty out
$A_BACKUP -q -r out add src
mkfifo pipe
sleep 100 <pipe &
reader=$!
$A_BACKUP -q -r out --stop-timeout 3s dump latest src >pipe 2>err &
p=$!
sleep 2
gone $p && fail 'dump ended though nobody reads'
kill -TERM $p
ended $p 130 4 'dump to a reader that stands still'
kill $reader
[ -z "$(ls out/locks)" ] || fail 'dump: a lock is left'

# A file that may not become so large is an error of that file.
rc=0
(
	ulimit -f 1000
	$A_BACKUP -q -r out restore latest --target back 2>err
) || rc=$?
[ $rc = 1 ] || fail "restore with ulimit -f: exit status $rc"
grep -qi 'too large' err || fail 'restore with ulimit -f does not say what is wrong'
[ -z "$(ls out/locks)" ] || fail 'restore with ulimit -f: a lock is left'
