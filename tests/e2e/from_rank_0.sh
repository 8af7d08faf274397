#!/bin/sh
# Working directory, time zone, umask and host name are those of rank 0, whatever another rank was
# started with: one tree, one repository.
set -eu
. tests/lib/e2e.sh
command -v strace >/dev/null || exit 77
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
new_repo one
cp -r "$T/one" "$T/two"
cd "$T"
for d in $(seq 20); do
	mkdir -p "src/$d"
	for f in 1 2 3 4 5; do
		echo "$d $f" >"src/$d/$f"
	done
done
echo '/src/3/*' >exclude # a relative name too
rmdir two/data/*
export TZ=Europe/Helsinki
umask 027
expect 0 "$A_BACKUP" -q -r one add --exclude-file exclude src
# Rank 0 is slow, so that the other has something to do.
cat >rank1 <<'R'
export TZ=Asia/Tokyo
umask 0
cd /
[ "$(id -u)" = 0 ] && unshare -u true 2>/dev/null && exec unshare -u sh -c 'hostname elsewhere && exec "$@"' x "$@"
exec "$@"
R
expect 0 $MPIRUN -n 1 strace -f -qq -o trace -e trace=getdents64 -e inject=getdents64:delay_enter=30000 \
	"$A_BACKUP_MPI" -vv -r two --workers 1 add --exclude-file exclude src : -n 1 sh rank1 \
	"$A_BACKUP_MPI" -vv -r two add src
grep -q 'items stolen: [1-9]' out || fail 'the other rank had nothing to do'
[ "$(tree_of one)" = "$(tree_of two)" ] || fail 'another tree'
"$A_BACKUP" -r two list --json >list
[ "$(python3 -c 'import json; print(json.load(open("list"))[0]["hostname"])')" = "$(hostname)" ] ||
	fail 'another host'
"$A_BACKUP" -q -r two check --read-data >out 2>&1 || fail "check: $(cat out)"
[ ! -e /two ] || fail 'a repository in the other rank'"'"'s directory'
[ -z "$(find two/data -type d -perm /027)" ] ||
	fail "directories of another umask: $(find two/data -type d -perm /027 | head -n 3)"
