#!/bin/sh
# Both tools in one repository in turn, each using the other's snapshot as parent; repository
# versions 1 and 2; Debian 12's restic 0.14 and Debian 13's 0.18.
set -eu
. tests/lib/e2e.sh
new=$(tests/lib/restic18.sh)
old=$(tests/lib/restic14.sh || true)
[ -n "$old" ] || echo 'restic 0.14 is not to be had here: only 0.18 is tried'

python3 tests/lib/mktree.py "$T/src"
rm "$T/src/names/"*[!a-zA-Z0-9._]* 2>/dev/null || true # names that 0.14 quotes by an older Unicode table
rm -f "$T/src/types/link"*                             # 0.14 has no linktarget_raw
rm -rf "$T/src/attrs/link"                             # nor attributes of links
cd "$T"

parent() { # REPO: the parent of the newest snapshot
	$restic -r "$1" snapshots --json | python3 -c \
		'import json,sys; print(max(json.load(sys.stdin), key=lambda s: s["time"]).get("parent"))'
}
newest() {
	$restic -r "$1" snapshots --json | python3 -c \
		'import json,sys; print(max(json.load(sys.stdin), key=lambda s: s["time"])["id"])'
}
turn() { # REPO COMMAND…: another backup of unchanged data: it has the newest snapshot as parent, the same tree, and reads no file
	repo=$1
	shift
	before=$(newest "$repo") tree=$(tree_of "$repo")
	"$@" --json >json 2>err || fail "$(cat err)"
	[ "$(parent "$repo")" = "$before" ] ||
		fail "$*: its parent is $(parent "$repo"), not $before"
	[ "$(tree_of "$repo")" = "$tree" ] || fail "$*: another tree"
	tail -n 1 json | python3 -c \
		'import json,sys; s=json.load(sys.stdin); assert s["files_unmodified"] > 100 and s["files_new"] == s["files_changed"] == 0, s' || fail "$*"
}

for version in 1 2; do
	for restic in $new $old; do
		rm -rf repo back
		if [ "$restic" = "$new" ]; then
			$A_BACKUP -q -r repo init --repository-version $version
			$A_BACKUP -q -r repo add src
		else
			$restic -q -r repo init --repository-version $version
			$restic -q -r repo backup src
		fi
		turn repo $restic -r repo backup src
		turn repo "$A_BACKUP" -r repo add src
		turn repo $MPIRUN -n 2 "$A_BACKUP_MPI" -r repo add src
		turn repo $restic -r repo backup src
		$restic -r repo check --read-data | tail -n 1 | grep 'no errors were found' ||
			fail "version $version: restic check"
		$A_BACKUP -r repo check --read-data | tail -n 1 | grep 'no errors were found' ||
			fail "version $version: our check"
		# Something new from each, restored by the other.
		echo ours >src/new1 && $A_BACKUP -q -r repo add src
		$restic -q -r repo restore latest --target back && cmp src/new1 back/src/new1
		echo theirs >src/new2 && $restic -q -r repo backup src
		rm -rf back && $A_BACKUP -q -r repo restore latest -target back
		python3 "$TESTS/lib/manifest.py" src >"$T/want"
		same back/src
		rm src/new1 src/new2
		# 0.14 knows no version 1 tree blob that is compressed, and neither may be there
		if [ $version = 1 ] && $restic -r repo cat index "$(ls repo/index | head -n 1)" |
			grep -q uncompressed_length; then
			fail 'something is compressed in a version 1 repository'
		fi
	done
done
