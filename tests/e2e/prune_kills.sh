#!/bin/sh
# A prune that is killed at some moment, with one rank, with several, or one of several processes:
# the repository is whole, and the next prune leaves nothing.  PRUNE_KILLS=12 kills so often in each
# way, DELAY=1 up to so many seconds later.
# And a lock that is taken away from a running one ends it.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh)
export A_BACKUP_PASSWORD=x
kills=${PRUNE_KILLS:-1}
a() { "$A_BACKUP" "$@"; }
cd "$T"
python3 - <<'P'
import os, random
r = random.Random(7)
for d in range(10):
    os.makedirs(f'src/{d}')
    for f in range(30):
        with open(f'src/{d}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(1, 200000)))
P
new_repo good
for d in 0 1 2 3 4 5 6 7 8 9; do
	expect 0 a -q -r good add --pack-size 4 src
	[ $d = 9 ] || rm -f src/$d/*[02468]
done
for id in $(a -r good list --json | jq -r '.[:-1][].id'); do
	echo "$id"
done >old
# shellcheck disable=SC2046
expect 0 a -q -r good delete --no-prune $(cat old)
python3 "$TESTS/lib/manifest.py" src >want

# whole WHAT: after a kill, and after the next prune.
whole() {
	expect 0 a -q -r r unlock --remove-all
	$restic -r r check --read-data >checked 2>&1 || fail "$1: $(cat checked)"
	rm -rf back
	expect 0 a -q -r r restore latest -target back
	same back/src
	expect 0 a -q -r r prune --max-unused 0
	$restic -r r check --read-data >checked 2>&1 || fail "$1, and the next prune: $(cat checked)"
	! grep -qE 'additional files|contained in' checked || fail "$1: something is left: $(cat checked)"
	$restic -r r prune -n -vv --max-unused 0 >left
	grep -qE '^unused: +0 blobs' left && ! grep -q '^duplicates' left && grep -qE '^total prune: +0 blobs' left || fail "$1: $(cat left)"
}
# kill_when EVENT HOW COMMAND...: a prune, which is killed when the first new pack or index
# file has come, or the first old one gone; of several processes one is.
cat >kill_when.py <<'P'
import os, random, signal, subprocess, sys, time
event, several, words = sys.argv[1], sys.argv[2] == 'mpi', sys.argv[3:]
def files():
    return {k: {n for _, _, names in os.walk(k) for n in names if 'tmp' not in n} for k in ('r/data', 'r/index', 'r/locks')}
def happened(was, now):
    kind, what = event.split('-')
    was, now = was['r/' + kind], now['r/' + kind]
    return now - was if what == 'new' else was - now
was, p = files(), subprocess.Popen(words)
while p.poll() is None and not happened(was, files()):
    time.sleep(.001)
time.sleep(random.random() * float(os.environ.get('DELAY', '.005')))
try:
    children = open(f'/proc/{p.pid}/task/{p.pid}/children').read().split()
    os.kill(int(children[-1]) if several and children else p.pid, signal.SIGKILL)
except OSError:
    pass
print('killed' if p.wait() else 'too late')
P
killed=0
for round in $(seq "$kills"); do
	for how in 1:locks-new 1:data-new 1:index-old 4:index-new 4:data-old mpi:data-new mpi:data-old; do
		rm -rf r
		cp -r good r
		event=${how#*:} how=${how%:*}
		set -- "$A_BACKUP" -q -r r prune --max-unused 0 --pack-size 4
		case $how in
		mpi)
			type mpirun >/dev/null 2>&1 || continue
			# shellcheck disable=SC2086
			set -- $MPIRUN -n 3 "$@"
			;;
		*) set -- "$@" --ranks "$how" ;;
		esac
		python3 kill_when.py "$event" "$how" "$@" >out 2>err
		[ "$(tail -n 1 out)" = 'too late' ] || killed=$((killed + 1))
		whole "$how, killed at $event in round $round"
	done
done
[ $killed -gt 3 ] || fail "only $killed kills came in time"

# Without its lock a prune removes nothing more.
rm -rf r
cp -r good r
(cd r && find index data -type f | sort) >before
"$A_BACKUP" -r r prune --max-unused 0 --pack-size 4 >out 2>err &
pid=$!
wait_for 20 sh -c 'ls r/locks | grep -qv tmp'
kill -STOP $pid
rm -f r/locks/*
kill -CONT $pid
ended $pid 1 30 'a prune whose lock is gone'
grep -q lock err || fail "$(cat err)"
(cd r && find index data -type f | sort) >after
[ -z "$(comm -23 before after)" ] || fail "without a lock it has removed $(comm -23 before after)"
whole 'a prune whose lock is gone'
