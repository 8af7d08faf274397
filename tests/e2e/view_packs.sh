#!/bin/sh
# The directory of packs lies on a file system of its own, which one node has not mounted: what that
# node stores nobody else would find, although it sees the config and the lock.  No snapshot then,
# and no index that names such packs.
set -eu
. tests/lib/e2e.sh
. tests/lib/view.sh

cat >packs.sh <<'R'
rank=$1
shift
[ "$rank" = "$WITHOUT" ] || mount --bind "$T/disk" "$T/c/repo/data"
exec "$@"
R
export T WITHOUT
for WITHOUT in 1 none; do
	rm -rf c disk
	mkdir -p c/s
	cp -r empty c/repo
	mv c/repo/data disk
	mkdir c/repo/data
	for d in $(seq 1 12); do # so that each rank has packs of its own
		mkdir "c/s/d$d"
		head -c 2500000 /dev/urandom >"c/s/d$d/big"
	done
	add="$A_BACKUP_MPI -q -r $T/c/repo add --pack-size 4 --workers 1 --read-concurrency 1 $T/c/s"
	rc=0
	timeout 60 $MPIRUN -n 1 unshare -m sh packs.sh 0 $add : -n 1 unshare -m sh packs.sh 1 $add \
		>out 2>&1 </dev/null || rc=$?
	below=$(find c/repo/data -type f | wc -l) snapshots=$(ls c/repo/snapshots | wc -l)
	case $WITHOUT in
	none) [ "$rc,$below,$snapshots" = 0,0,1 ] ||
		fail "mounted on both: exit status $rc, $below packs below the mount point: $(cat out)" ;;
	*)
		[ "$below" -gt 0 ] || fail 'rank 1 has stored nothing: nothing was tried'
		[ "$rc,$snapshots" = 1,0 ] && grep -q 'does not find what rank 1 has stored' out ||
			fail "exit status $rc, $snapshots snapshots: $(cat out)"
		;;
	esac
	unshare -m sh packs.sh 0 "$A_BACKUP" -q -r "$T/c/repo" check --read-data >check 2>&1 ||
		fail "without $WITHOUT: the repository is damaged: $(cat check)"
done

# Not mounted from the start, for all alike: what is known would be believed stored.
mkdir src
head -c 100000 /dev/urandom >src/a
cp -r empty alone
"$A_BACKUP" -q -r alone add src
mv alone/data disk2
mkdir alone/data
head -c 100000 /dev/urandom >src/b
for ranks in 1 3; do
	rc=0
	"$A_BACKUP" -q -r alone add --ranks "$ranks" "$T/src" >out 2>&1 || rc=$?
	[ "$rc,$(ls alone/snapshots | wc -l),$(find alone/data -type f | wc -l)" = 1,1,0 ] ||
		fail "data is not mounted, $ranks ranks: exit status $rc: $(cat out)"
	grep -q 'is its directory data what it was' out || fail "data is not mounted: $(cat out)"
done
rmdir alone/data
mv disk2 alone/data
"$A_BACKUP" -q -r alone add --ranks 3 "$T/src" || fail 'data is there again'
"$A_BACKUP" -q -r alone check --read-data
