#!/bin/sh
# The working directory was removed, or unmounted below the run: what is relative to it is not
# looked for below "/", where something else may have that name.
set -eu
. tests/lib/e2e.sh
new_repo repo
mkdir "$T/gone" "$T/src"
echo mine >"$T/src/file"
saved() {
	ls "$T/repo/snapshots" | wc -l
}
(
	cd "$T/gone"
	rmdir "$T/gone"
	unset PWD
	expect 1 timeout 20 "$A_BACKUP" -q -r "$T/repo" add .
	says 'working directory was removed or unmounted'
	[ "$(saved)" = 0 ] || fail 'a snapshot of what was not named'
	expect 0 timeout 20 "$A_BACKUP" -q -r "$T/repo" add "$T/src"
	expect 0 "$A_BACKUP" -q -r "$T/repo" delete --path "${T#/}/src" latest # relative: another one
	says 'Ignoring "latest": no snapshot matches'
)
[ "$(saved)" = 1 ] || fail 'a snapshot of a path that was not named was removed'
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || exit 0
other=$(mktemp -d /a_backup.XXXXXX)
trap 'rm -r "$other"' EXIT
name=${other#/}
echo other >"$other/file"
mkdir -p "$T/src/$name" "$T/mnt"
echo mine >"$T/src/$name/file"
cat >"$T/run" <<'R'
mount --bind "$T/src" "$T/mnt"
cd "$T/mnt"
umount -l "$T/mnt"
unset PWD
exec "$A_BACKUP" -q -r "$T/repo" add "$1"
R
export T A_BACKUP
expect 1 timeout 20 unshare -m sh "$T/run" "$name"
says 'working directory was removed or unmounted'
[ "$(saved)" = 1 ] || fail 'what has that name below / was saved'
