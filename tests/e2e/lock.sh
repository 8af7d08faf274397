#!/bin/sh
# Nothing is published without the lock: who is stopped while somebody removes it and prunes leaves
# neither index nor snapshot behind, and the next run stores all again.
# A lock that is there is not lost for one odd answer, nor for a clock that jumps.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
python3 - "$T/src" <<'P'
import os, random, sys
r = random.Random(7)
os.makedirs(sys.argv[1])
for i in range(40):
    with open(f'{sys.argv[1]}/{i}', 'wb') as f:
        f.write(r.randbytes(3000000))
P
cd "$T"
echo 1 >small

new_repo r
# shellcheck disable=SC2086
$A_BACKUP -q -r r --pack-size 4 add src 2>err &
add=$!
until [ "$(find r/data -type f | wc -l)" -gt 8 ]; do
	kill -0 $add 2>/dev/null || fail 'it ended before it could be stopped'
	sleep .02
done
kill -STOP $add
[ -z "$(ls r/index)" ] || fail 'there is an index already: this shows nothing'
$restic -q -r r unlock --remove-all
$restic -q -r r prune --max-unused 0 >prune 2>&1
kill -CONT $add
rc=0
wait $add || rc=$?
[ $rc = 1 ] || fail "the run whose lock was removed ended with $rc, not 1"
grep -q 'lock.* lost' err || fail 'it does not say that the lock was lost'
[ -z "$(ls r/index r/snapshots | grep -v :)" ] || fail 'it has published something without its lock'
expect 0 $A_BACKUP -q -r r add src
$restic -r r check --read-data >check 2>&1 || { cat check; fail \
	'what the next run left is not whole'; }
[ -z "$(ls r/locks)" ] || fail 'a lock is left'

# A store: one "not found" for our lock is looked at again; a wall clock that goes on by 33 minutes
# at once, as after a suspension, is waited for.
rules() {
	printf '%s\n' "$@" >rules
}
rules
python3 "$TESTS/lib/rest_store.py" port rules &
server=$!
trap 'kill $server' EXIT
until [ -s port ]; do sleep .05; done
repo=rest:http://127.0.0.1:$(cat port)/r/
expect 0 $A_BACKUP -q -r "$repo" init
rules 'HEAD /locks/ 0 404 1'
expect 0 $A_BACKUP -q -r "$repo" add small
rules
expect 0 $A_BACKUP -q -r "$repo" check

cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t c, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	static int jumped;
	int rc;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(c, t);
	jumped = jumped || !access("jump", F_OK);
	if (jumped && c == CLOCK_REALTIME)
		t->tv_sec += 2000;
	return rc;
}
C
${CC:-gcc} -shared -fPIC -o shim.so shim.c -ldl
[ -z "${SAN:-}" ] || exit 0 # a sanitizer's library must come first
rules 'POST /data/ 1'
LD_PRELOAD=$PWD/shim.so $A_BACKUP -q -r "$repo" --pack-size 4 --connections 1 add src/1 src/2 \
	src/3 src/4 2>err &
add=$!
sleep 2
kill -0 $add 2>/dev/null || fail 'it ended before the clock could jump'
touch jump
rc=0
wait $add || rc=$?
[ $rc = 0 ] || { cat err; fail "a run after a jump of the clock ended with $rc"; }
rules
[ "$($A_BACKUP -q -r "$repo" list --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 2 ] || fail 'there are not two snapshots'
