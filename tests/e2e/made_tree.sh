#!/bin/sh
# The made tree (tests/lib/mktree.py): 1, 2 and 4 MPI ranks and 4 thread ranks give the tree that
# restic gives; both restore it equal.
set -eu
. tests/lib/e2e.sh

python3 tests/lib/mktree.py "$T/src" --big
python3 tests/lib/manifest.py "$T/src" >"$T/want"
restic=$(tests/lib/restic18.sh)

new_repo base
for way in one mpi2 mpi4 threads4 theirs; do
	new_repo $way base
done
cd "$T"
$A_BACKUP -r one add src
$MPIRUN -n 2 "$A_BACKUP_MPI" -r mpi2 add src
$MPIRUN -n 4 "$A_BACKUP_MPI" -r mpi4 add src
$A_BACKUP -r threads4 --ranks 4 add src
$restic -q -r theirs backup src
want=$(tree_of theirs)
for way in one mpi2 mpi4 threads4; do
	[ "$(tree_of $way)" = "$want" ] || fail \
		"$way: the tree is $(tree_of $way), restic's is $want"
	$restic -r $way check --read-data | tail -n 1 | grep 'no errors were found' ||
		fail "$way: restic check"
done
$A_BACKUP -r theirs check --read-data | grep 'no errors were found' ||
	fail "our check of restic's repository"

# restic restores ours, we restore restic's.
$restic -q -r mpi4 restore latest --target by_restic
same by_restic/src
rm -rf by_restic
$A_BACKUP -q -r theirs restore latest -target by_us
same by_us/src
$A_BACKUP -q -r theirs restore latest --target by_us --overwrite if-changed
same by_us/src
rm -rf by_us
# 100 000 small files have no holes.
grep -v "^b'wide" want >want.narrow
mv want.narrow want
$A_BACKUP -q -r mpi2 restore latest --target sparse --sparse --verify --exclude /src/wide
same sparse/src
[ "$(du -s sparse/src/sizes | cut -f1)" -lt 150000 ] || fail 'holes were not restored as holes'
