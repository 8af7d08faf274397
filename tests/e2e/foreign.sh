#!/bin/sh
# Repositories of other programs, and damaged ones: a bad node costs itself, told, exit 1, and not
# its directory; index files that say nothing are passed over.
set -eu
. tests/lib/e2e.sh
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
new_repo repo

# snapshot NAME TREE; node NAME TYPE MORE
T0='"mode":420,"mtime":"2020-01-01T00:00:00Z","atime":"2020-01-01T00:00:00Z","ctime":"2020-01-01T00:00:00Z","uid":0,"gid":0'
D0='"type":"dir","mode":2147484141,"mtime":"2020-01-01T00:00:00Z","atime":"2020-01-01T00:00:00Z","ctime":"2020-01-01T00:00:00Z","uid":0,"gid":0,"content":null'
file() { # NAME DATA MORE
	printf '{"name":"%s","type":"file",%s,"size":2,"content":["@%s@"]%s}' "$1" "$T0" "$2" \
		"${3:-}"
}
{
	echo 'data one 1x'
	echo 'data two 2x'
	echo "tree sub {\"nodes\":[$(file in one)]}"
	echo "tree mixed {\"nodes\":[$(file z one),$(file m one),{\"name\":\"door\",\"type\":\"door\",$T0},$(file a two),$(file m two),{\"name\":\"dir\",$D0,\"subtree\":\"@sub@\"}]}"
	echo "tree attrs {\"nodes\":[$(file f one ',"extended_attributes":[{"name":"","value":"AA=="},{"name":"user.good","value":"dg=="},{"name":"user.b\u0000","value":"AA=="}]')]}"
	echo "tree root {\"nodes\":[{\"name\":\"attrs\",$D0,\"subtree\":\"@attrs@\"},{\"name\":\"mixed\",$D0,\"subtree\":\"@mixed@\"}]}"
	echo 'snapshot s {"time":"2024-01-01T00:00:00Z","tree":"@root@","paths":["/x"],"hostname":"h","username":"u"}'
} | "$TOOLS/raw_repo" repo

expect 1 a -r repo restore latest -target back
[ "$(cd back && find . | sort | tr '\n' ' ')" = \
	'. ./attrs ./attrs/f ./mixed ./mixed/a ./mixed/dir ./mixed/dir/in ./mixed/m ./mixed/z ' ] ||
	fail "$(find back)"
[ "$(cat back/mixed/m back/mixed/a back/mixed/z)" = 1x2x1x ] || fail 'contents'
for name in /mixed/door '/mixed/m: this name comes twice' /attrs/f; do
	grep -q "$name" err || fail "restore does not tell of $name: $(cat err)"
done
[ "$(grep -c '^ignoring error for' err)" = 3 ] || fail "$(cat err)"

expect 1 a -r repo files latest
grep -q '^/mixed/dir/in$' out || fail "$(cat out)"
[ "$(grep -c ^/ out)" = 8 ] || fail "files: $(cat out)"
grep -q /mixed/door err || fail 'files does not tell'
expect 1 a -r repo check
grep -q '/mixed/door: ' err || fail "check: $(cat err)"
grep -q '/attrs/f: ' err || fail "check: $(cat err)"
expect 1 a -r repo find in
grep -q /mixed/dir/in out || fail 'find'
expect 1 a -r repo dump latest /
tar -tf out | sort | tr '\n' ' ' >listed
[ "$(cat listed)" = 'attrs/ attrs/f mixed/ mixed/a mixed/dir/ mixed/dir/in mixed/m mixed/z ' ] ||
	fail "dump: $(cat listed)"
expect 0 a -r repo dump latest /mixed/dir/in
[ "$(cat out)" = 1x ] || fail 'dump of a file'
expect 1 a -r repo dump latest /mixed/door

# Index files that say nothing cost nothing, and are told.
for text in '{}' null; do
	new_repo other
	mkdir -p src
	echo 1 >src/file
	a -q -r other add src
	echo "index i $text" | "$TOOLS/raw_repo" other
	expect 0 a -r other restore latest -target back2
	grep -q 'index .* is passed over' err || fail "restore: $(cat err)"
	expect 0 a -r other add src
	grep -q 'index .* is passed over' err || fail "add: $(cat err)"
	expect 0 a --ranks 3 -r other add src
	expect 0 a -r other check
	grep -q 'index .* names no packs' out || fail "check: $(cat out)"
	rm -rf other
done

# One absurd blob: its pack is named, nothing else suffers, and no lock is left.
new_repo absurd
{
	echo 'data one 1x'
	echo 'huge holder what the absurd blob is said to be'
	echo "tree root {\"nodes\":[$(file good one),{\"name\":\"huge\",\"type\":\"file\",$T0,\"size\":4294967295,\"content\":[\"@holder@\"]}]}"
	echo 'snapshot s {"time":"2024-01-01T00:00:00Z","tree":"@root@","paths":["/x"],"hostname":"h","username":"u"}'
} | "$TOOLS/raw_repo" absurd
small() { # COMMAND…: with little memory
	(ulimit -v 3000000 && exec "$A_BACKUP" -r absurd "$@")
}
expect 1 small restore latest -target back3
[ "$(cat back3/good)" = 1x ] || fail 'the good file'
grep -q '/huge: .*in pack [0-9a-f]' err || fail "$(cat err)"
expect 1 small check --read-data
grep -q 'pack [0-9a-f]* contains 1 errors: .*memory' err || fail "$(cat err)"
! grep -q 'damaged pack' err || fail 'what memory did not suffice for is called damaged'
[ -z "$(ls absurd/locks)" ] || fail 'a lock is left'

# A lock file that nobody can read: what removes it is named.
echo 'torn by a full disk, perhaps' >"absurd/locks/$(ls absurd/snapshots)"
expect 0 a -r absurd unlock
grep -q 'left alone.*unlock --remove-all' err || fail "$(cat err)"
expect 0 a -r absurd unlock --remove-all
expect 0 a -r absurd list
