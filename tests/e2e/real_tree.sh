#!/bin/sh
# A real tree (/usr, filled up to 100 000 files where it has fewer): any number of ranks gives one
# tree, which is restic's; both check every byte; our restore is equal.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh)

# Its own mount of nothing else: bytecode caches would change under our feet.
export PYTHONDONTWRITEBYTECODE=1
set -- usr
have=$(find /usr -xdev -type f | wc -l)
if [ "$have" -lt 100000 ]; then
	python3 benchmarks/mkmany.py "$T/many" $((100000 - have))
	set -- usr "${T#/}/many"
fi
new_repo one
new_repo mpi4 one
new_repo theirs one
# The same names from / give paths without /tmp above them, whose times change.
cd /
$A_BACKUP -r "$T/one" add --one-file-system "$@"
[ "$($A_BACKUP --json -r "$T/one" list | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["summary"]["total_files_processed"])')" -ge 100000 ] || fail 'less than 100 000 files'
$MPIRUN -n 4 "$A_BACKUP_MPI" -r "$T/mpi4" add --one-file-system "$@"
# All is read again, and nothing new is found.
$MPIRUN -n 2 "$A_BACKUP_MPI" -r "$T/one" --json add --force --one-file-system "$@" |
	tail -n 1 >"$T/mpi2.json"
$A_BACKUP -r "$T/mpi4" --json --ranks 4 add --force --one-file-system "$@" |
	tail -n 1 >"$T/threads4.json"
$restic -q -r "$T/theirs" backup --one-file-system "$@"
# What else changed on this machine meanwhile is no fault of ours: compare the trees of the targets
# one by one and look at the differences.
python3 "$TESTS/lib/same_trees.py" "$restic" "$T/theirs" "$T/one" "$T/mpi4"
for f in mpi2 threads4; do
	python3 -c \
		'import json,sys; s=json.load(open(sys.argv[1])); assert s["data_blobs"] <= 20, s; assert s["total_files_processed"] >= 100000, s' "$T/$f.json" || fail "$f stored data again"
done
for repo in one mpi4; do
	$restic -r "$T/$repo" check --read-data | tail -n 1 | grep 'no errors were found' ||
		fail "$repo: restic check"
done
$A_BACKUP -q -r "$T/theirs" restore latest --target "$T/back" --include /usr/share
(cd /usr/share && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$T/want"
(cd "$T/back/usr/share" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$T/got"
cmp "$T/want" "$T/got" || fail 'the restored /usr/share differs'
