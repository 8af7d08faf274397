#!/bin/sh
# A backup that gets no more memory ends in order, wherever that happens: exit status 1, a word of
# why, and no lock is left, so that the next run is not kept out.
set -eu
. tests/lib/e2e.sh
[ -z "${SAN:-}" ] || {
	echo 'sanitizers take terabytes of address space'
	exit 77
}
cd "$T"
new_repo empty
python3 - src <<'P'
import os, random, sys
r = random.Random(5)
os.makedirs(sys.argv[1])
for i in range(6):
    with open(f'{sys.argv[1]}/{i}', 'wb') as f:
        f.write(r.randbytes(8000000))
P
# kB of address space; 4 at a time
cat >one.sh <<'S'
cp -r empty "r$1"
ulimit -v "$1"
code=0
timeout 60 "$A_BACKUP" -q -r "r$1" add src >"r$1.out" 2>&1 || code=$?
echo $code >"r$1.rc"
S
seq 60000 20000 500000 | xargs -P 4 -n 1 sh one.sh
ended=0
for v in $(seq 60000 20000 500000); do
	rc=$(cat "r$v.rc")
	[ -z "$(ls "r$v/locks")" ] || fail "$v kB: a lock is left: $rc, $(cat "r$v.out")"
	case $rc in
	0) ;;
	1)
		grep -q '^Fatal: ' "r$v.out" || fail "$v kB: no word of why"
		! grep -q 'out of memory' "r$v.out" || ended=$((ended + 1))
		;;
	*) fail "$v kB: exit status $rc: $(cat "r$v.out")" ;;
	esac
done
[ $ended -gt 3 ] || fail "only $ended of the runs got into need: other limits are wanted here"
