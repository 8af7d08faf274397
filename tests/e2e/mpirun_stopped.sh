#!/bin/sh
# Open MPI's mpirun hands a TERM on and kills everybody a second later: by then the lock must be
# gone, however much was begun.
set -eu
. tests/lib/e2e.sh

new_repo r
cd "$T"
mkdir s
for i in $(seq 1 24); do # whatever is begun takes long
	head -c 9000000 /dev/urandom | base64 >"s/f$i"
done
$MPIRUN -n 3 "$A_BACKUP_MPI" -q -r r add --compression max --workers 1 --read-concurrency 1 s >out \
	2>&1 </dev/null &
pid=$!
for i in $(seq 1 200); do
	[ -n "$(ls r/locks)" ] && break
	sleep 0.05
done
[ -n "$(ls r/locks)" ] || fail "there is no lock: $(cat out)"
sleep 0.4
kill -TERM "$pid"
rc=0
wait "$pid" || rc=$?
[ "$rc" != 0 ] || fail 'it had ended: nothing was tried'
[ -z "$(ls r/locks)" ] || fail "the lock is left: $(cat out)"
"$A_BACKUP" -q -r r check || fail 'the repository is damaged'
