#!/bin/sh
# sanitized.sh SANITIZERS TIER…: these tiers, and one life of a repository, with everything built
# under the sanitizers (as for make's SAN=).
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL || true
san=$1
shift
variant=$PWD/build/$(echo "$san" | tr , -)
make --no-print-directory -j2 "SAN=$san" WERROR=1 all tests >"$TMPDIR/make.log" 2>&1 || {
	tail -n 40 "$TMPDIR/make.log"
	exit 1
}
# ThreadSanitizer orders accesses by what happens before what, not by the clock: one core will do.
# On more, the kernel interrupts the other ones for each fresh page of its tables, and that took
# half of the CPU seconds.
core=
[ "$san" != thread ] || core="taskset -c $(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')"
$core make --no-print-directory "SAN=$san" WERROR=1 NODEPS=1 TIER="$*" run-tests \
	>"$TMPDIR/tiers.log" 2>&1 || {
	grep -v '^ok' "$TMPDIR/tiers.log"
	exit 1
}
tail -n 1 "$TMPDIR/tiers.log"

. tests/lib/e2e.sh
A_BACKUP=$variant/a_backup
python3 tests/lib/mktree.py "$T/src"
python3 tests/lib/manifest.py "$T/src" >"$T/want"
new_repo repo
cd "$T"
for ranks in 1 4; do
	expect 0 "$A_BACKUP" -r repo --ranks $ranks add --force src
	expect 0 "$A_BACKUP" -r repo --ranks $ranks add src
done
expect 0 "$A_BACKUP" -r repo check --read-data
expect 0 "$A_BACKUP" -r repo --json list
expect 0 "$A_BACKUP" -r repo --json files latest
expect 0 "$A_BACKUP" -r repo find 'random*'
expect 0 "$A_BACKUP" -r repo dump latest /src/sizes/random1048576
cmp out src/sizes/random1048576
expect 0 "$A_BACKUP" -r repo restore latest --target back --verify
same back/src
expect 12 env RESTIC_PASSWORD=wrong "$A_BACKUP" -r repo list
expect 10 "$A_BACKUP" -r nothing list
