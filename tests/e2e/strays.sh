#!/bin/sh
# What lies among a repository's files and is none of them: told by check; what may hide a snapshot,
# an index or a key stops what deletes.
set -eu
. tests/lib/e2e.sh
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
new_repo repo
mkdir src
echo 1 >src/file
a -q -r repo add src
a -q -r repo add src
expect 0 a -r repo check
n=$(ls repo/snapshots | wc -l)
hex=$(ls repo/snapshots | head -n 1 | tr 0-9a-f 1-9a-f0)

hidden() { # PATH: check names it and fails; nothing is removed, by a whole id neither
	expect 1 a -r repo check
	grep -q "$1" err || fail "check does not name $1: $(cat err)"
	expect 1 a -r repo delete "$(ls repo/snapshots | grep -v "$hex" | head -n 1)"
	grep -q "$1" err || fail "delete does not name $1: $(cat err)"
	expect 1 a -r repo delete latest
	expect 0 a -r repo list
	rm -rf "repo/$1"
	[ "$(ls repo/snapshots | wc -l)" = "$n" ] || fail 'a snapshot was removed'
}
mkdir "repo/snapshots/$hex"
hidden "snapshots/$hex"
mkfifo "repo/index/$hex"
hidden "index/$hex"
ln -s nowhere "repo/keys/$hex"
hidden "keys/$hex"
for dir in snapshots keys; do
	name=$dir/$(ls "repo/$dir" | head -n 1 | tr a-f A-F)
	echo >"repo/$name"
	hidden "$name"
done

# Where the snapshots are not found, nobody can tell what they need: a directory that is not
# mounted, or was moved away.
files() {
	(cd repo && find index data sn -type f | sort)
}
mv repo/snapshots repo/sn
files >before
lost() { # VERB…
	expect 1 a -r repo "$@"
	grep -q 'snapshots: this directory is not there' err || fail "$*: $(cat err)"
	files | cmp before - || fail "$*: something was removed"
}
lost prune
lost delete latest
lost check
ln -s /nowhere repo/snapshots
lost prune
rm repo/snapshots
mv repo/sn repo/snapshots

# What does not matter is told, and stops nothing.
echo >repo/snapshots/README
echo >"repo/locks/.nfs0001"
mkdir repo/data/lost+found
expect 0 a -r repo check
for name in snapshots/README locks/.nfs0001 data/lost+found; do
	grep -q "$name" out || fail "check does not tell of $name: $(cat out)"
done

# A pack in the wrong directory is missing, and it is told where it lies.
pack=$(ls repo/data/*/* | head -n 1)
mkdir -p repo/data/zz
mv "$pack" repo/data/zz
expect 1 a -r repo check
grep -q "data/zz/$(basename "$pack"): .* belongs to ${pack#repo/}" err || fail "$(cat err)"
grep -q "pack $(basename "$pack"): does not exist" err || fail "$(cat err)"
mv "repo/data/zz/$(basename "$pack")" "$pack"

# What writers that were killed left: told by check and unlock.
expect 0 a -r repo unlock
[ ! -s out ] || fail "unlock says $(cat out)"
echo torn >"$pack-tmp-123"
echo torn >repo/config-tmp-4
for verb in check unlock; do
	expect 0 a -r repo $verb
	grep -q '2 temporary files' out || fail "$verb: $(cat out)"
done
rm "$pack-tmp-123"
expect 0 a -r repo unlock
grep -q 'config-tmp-4' out || fail "$(cat out)"

expect 0 a -r repo delete latest
[ "$(ls repo/snapshots | grep -cv README)" = $((n - 1)) ] || fail 'delete'
