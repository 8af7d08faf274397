#!/bin/sh
# quickstart.sh BUILD: the main job on a real directory: a backup by 4 MPI ranks, listed, searched,
# restored, compared, and checked by restic.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/${1:-build/rel}
PATH=$build:$PATH
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/a_backup-quickstart-XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# The source: real directories of this machine, at most 600 MiB.
sources= left=$((600 * 1024))
for d in /usr/include /usr/share/doc /usr/share/perl /usr/lib/gcc \
	"/usr/lib/$(uname -m)-linux-gnu" /usr/lib/python3; do
	[ -d "$d" ] || continue
	size=$(du -sk "$d" | cut -f1)
	[ "$size" -gt "$left" ] || sources="$sources $d" left=$((left - size))
done

export RESTIC_REPOSITORY="$dir/repository" RESTIC_PASSWORD_FILE="$dir/password" \
	RESTIC_CACHE_DIR="$dir/cache" RESTIC_PROGRESS_FPS=5
# mpirun refuses root and more ranks than cores unless told; Open MPI 4 and 5 listen to different
# names
export OMPI_MCA_btl_tcp_if_include=lo OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
	OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe

say() {
	printf '\n== %s\n' "$*"
}
run() {
	printf '$ %s\n' "$*"
	"$@"
}
# What must come back, a line a file.
listing() {
	(cd "$1" && find . -type f -printf '%P file %m %U:%G %T@ %s\n' -o \
		-printf '%P %y %m %U:%G %T@ %l\n' | LC_ALL=C sort)
}

say 'A password, and a repository'
(umask 077 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password")
run a_backup init

say "A backup by 4 MPI ranks of:$sources"
# shellcheck disable=SC2086
run mpirun -n 4 a_backup-mpi add $sources

say 'The snapshots in the repository'
run a_backup list

say 'The files in the newest one'
run a_backup files latest >"$dir/files"
head -n 8 "$dir/files"
echo "… $(wc -l <"$dir/files") lines"

say 'Where is stdio.h?'
run a_backup find stdio.h

say 'Restore it, and compare with the source'
run a_backup restore latest -target "$dir/restored"
for d in $sources; do
	diff -r --no-dereference "$d" "$dir/restored$d"
	listing "$d" >"$dir/want"
	listing "$dir/restored$d" >"$dir/got"
	diff "$dir/want" "$dir/got"
	echo "$d: $(wc -l <"$dir/want") files and directories are equal: content, type, mode, owner, time, link target"
done

say 'restic reads every byte of it'
run restic check --read-data | tee "$dir/check"
grep -q 'no errors were found' "$dir/check"

say 'All is well. Read on in README.md: your first own backup'
