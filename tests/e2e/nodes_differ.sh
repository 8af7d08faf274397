#!/bin/sh
# Two nodes that see one file system otherwise: two ranks, each in a mount namespace of its own with the source mounted through FUSE.
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
	expect "$code" timeout 60 $MPIRUN -n 1 unshare -m sh rank.sh "$1" "$2" : -n 1 unshare -m sh rank.sh "$3" "$4"
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

# Names that rank 1 has asked for before they existed, and believes not to exist: of directories, then of files too.
for what in 'src/d$i' 'src/d$i/f3'; do
	fresh
	rm -f asked made
	case $what in
	*f3) for i in $(seq 40); do mkdir "src/d$i"; done ;;
	esac
	two_nodes 0 '' "while ! [ -e asked ]; do sleep .1; done; $(echo "$make_files" | sed 's/mkdir/mkdir -p/'); touch made" \
		'-o negative_timeout=100' "for i in \$(seq 40); do stat $(echo "$what" | sed s/src/s/) >/dev/null 2>&1; done; touch asked; while ! [ -e made ]; do sleep .1; done"
	[ "$(files)" = 800 ] || fail "$what: $(files) of 800 files"
	if grep -q 'Vanished' out; then fail 'something is said to have vanished'; fi
done
