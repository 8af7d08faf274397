#!/bin/sh
# A prune that is killed at some moment, with one rank, with several, or one of several processes:
# the repository is whole, and the next prune leaves nothing.  PRUNE_KILLS=12 kills so often in each
# way.  And a lock that is taken away from a running one ends it.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh)
export A_BACKUP_PASSWORD=x
kills=${PRUNE_KILLS:-2}
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
start() { # HOW: a prune of a copy, in the background
	rm -rf r
	cp -r good r
	case $1 in
	mpi) $MPIRUN -n 3 "$A_BACKUP" -q -r r prune --max-unused 0 --pack-size 4 >out 2>err & ;;
	*) "$A_BACKUP" -q -r r prune --max-unused 0 --pack-size 4 --ranks "$1" >out 2>err & ;;
	esac
	pid=$!
}
for how in 1 4 mpi; do
	[ $how != mpi ] || type mpirun >/dev/null 2>&1 || continue
	from=$(ms)
	start $how
	wait $pid || fail "prune by $how: $(cat out err)"
	took=$(($(ms) - from))
	done=0
	for i in $(seq "$kills"); do
		start $how
		sleep "$(python3 -c "print($took * ($i - .5) / $kills / 1000)")"
		case $how in
		mpi) kill -KILL "$(awk '{ print $NF }' "/proc/$pid/task/$pid/children")" 2>/dev/null || true ;;
		*) kill -KILL $pid 2>/dev/null || true ;;
		esac
		wait $pid 2>/dev/null && done=$((done + 1))
		# One rank of several is gone; mpirun ends the others.
		whole "$how, killed after $i/$kills of $took ms"
	done
	[ $done -lt "$kills" ] || fail "$how: all kills came too late"
done

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
