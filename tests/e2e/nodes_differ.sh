#!/bin/sh
# Two nodes that see one file system otherwise: two ranks, each in a mount namespace of its own with
# the source mounted through FUSE.
# Nothing is left out, or the run ends with an error and without a snapshot.
set -eu
. tests/lib/e2e.sh
unshare -m true 2>"$T/skip" && [ -c /dev/fuse ] || exit 77
export A_BACKUP T OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cd "$T"
mkdir s

# rank.sh OPTIONS [COMMAND]: one rank, whose node mounts src so, and does this before it begins.
cat >rank.sh <<'I'
cd "$T" || exit 9
bindfs $1 -o use_ino,fsname=server:/x src s || exit 9
eval "${2:-}"
$A_BACKUP_MPI -r repo add s; rc=$?
umount -l s
exit $rc
I
two_nodes() { # CODE OPTIONS COMMAND OPTIONS COMMAND
	code=$1
	shift
	expect "$code" timeout 60 $MPIRUN -n 1 unshare -m sh rank.sh "$1" "$2" : -n 1 unshare \
		-m sh rank.sh "$3" "$4"
}
files() {
	$A_BACKUP -q -r repo files latest --json | grep -c '"type":"file"' || true
}
fresh() {
	rm -rf src repo
	mkdir src
	new_repo repo
}
make_files='for i in $(seq 40); do mkdir src/d$i; for j in $(seq 20); do echo $i.$j >src/d$i/f$j; done; done'

# Names that rank 1 has asked for before they existed, and believes not to exist: of directories,
# then of files too.
for what in 'src/d$i' 'src/d$i/f3'; do
	fresh
	rm -f asked made
	case $what in
	*f3) for i in $(seq 40); do mkdir "src/d$i"; done ;;
	esac
	two_nodes 0 '' "while ! [ -e asked ]; do sleep .1; done; $(echo "$make_files" | sed 's/mkdir/mkdir -p/'); touch made" \
		'-o negative_timeout=100' \
		"for i in \$(seq 40); do stat $(echo "$what" | sed s/src/s/) >/dev/null 2>&1; done; touch asked; while ! [ -e made ]; do sleep .1; done"
	[ "$(files)" = 800 ] || fail "$what: $(files) of 800 files"
	if grep -q 'Vanished' out; then fail 'something is said to have vanished'; fi
done

# Attributes that rank 1's node does not show, and owners that it translates: neither is saved so.
refused() { # WORD: the run ended without a snapshot and said so
	grep -q "$1" err || fail "no word of it: $(cat err)"
	[ -z "$(ls repo/snapshots)" ] || fail 'a snapshot was saved'
}
fresh
eval "$make_files"
setfattr -n user.k -v v src/d*/f* || exit 77
two_nodes 1 '' '' '--xattr-none' ''
refused 'rank 1 on .*extended attributes'
fresh
eval "$make_files"
two_nodes 0 '' '' '' ''
[ "$(files)" = 800 ] || fail 'equal nodes'

# A directory and files whose owner the lister sees otherwise; and only the files, in a user
# namespace, where whoever is unknown is "nobody".
fresh
eval "$make_files"
two_nodes 1 '' '' '--force-user=daemon' ''
refused 'rank [01] on .*owner'
for i in $(seq 40); do chown $((1000 + i)):$((1000 + i)) src/d$i/f*; done
chmod -R a+rX src
if unshare -Ur true 2>skip; then
	expect 1 timeout 60 $MPIRUN -n 1 "$A_BACKUP_MPI" -r repo add src : -n 1 unshare \
		-Ur "$A_BACKUP_MPI" -r repo add src
	refused 'rank 1 on .*owner 65534'
fi
