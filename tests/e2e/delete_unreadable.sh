#!/bin/sh
# A snapshot that cannot be read stands in the way of `latest`: what deletes refuses, what reads
# ends before anything is written, add goes on and says so.
set -eu
. tests/lib/e2e.sh
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
new_repo repo
mkdir src
for i in 1 2 3; do
	echo $i >src/file
	a -q -r repo add --time "2024-01-0$i 10:00:00" src
done
ids() {
	a -r repo list --json 2>/dev/null | python3 -c \
		'import json,sys; print(*[s["id"] for s in json.load(sys.stdin)])'
}
set -- $(ids)
one=$1 two=$2 three=$3
left() { # N: so many snapshot files are there
	[ "$(ls repo/snapshots | wc -l)" = "$1" ] ||
		fail "$(ls repo/snapshots | wc -l) snapshots are left, not $1"
}
refused() { # COMMAND…: exit 1, the file named, nothing written
	expect 1 a -r repo "$@"
	grep -q "$three" err || fail "$*: the snapshot is not named: $(cat err)"
}

chmod 600 "repo/snapshots/$three"
printf X | dd of="repo/snapshots/$three" bs=1 seek=50 conv=notrunc status=none
for arg in latest "$three" "$(echo "$three" | cut -c 1-20)"; do
	[ "$arg" = "$three" ] || refused delete "$arg"
	refused restore "$arg" -target back
	refused dump "$arg" "$PWD/src/file" -target dumped
	refused files "$arg"
done
refused delete latest --host "$(hostname)"
refused restore latest --path "$PWD/src" -target back
left 3
[ ! -e back ] && [ ! -e dumped ] || fail 'something was written'

# Its whole name removes it: there must be a way out.  What is named whole, or by what begins no
# other, works.
cp -a repo repo2
expect 0 a -r repo2 delete --dry-run "$three"
[ -e "repo2/snapshots/$three" ] || fail 'a dry run removed it'
expect 0 a -r repo2 delete "$three"
[ ! -e "repo2/snapshots/$three" ] && [ "$(ls repo2/snapshots | wc -l)" = 2 ] &&
	grep -q 'could not be read' out || fail "$(cat out)"
expect 0 a -r repo2 delete latest
[ "$(ls repo2/snapshots)" = "$one" ] || fail "$(ls repo2/snapshots)"
a -q -r repo restore "$two" -target back 2>err
[ "$(cat "back/src/file")" = 2 ] || fail "$(find back)"
# Nobody knows what the one that cannot be read needs: nothing is freed.
expect 3 a -q -r repo delete "$one"
says 'their space is not freed'
left 2

# add takes the newest that can be read as parent, saves its snapshot and tells by its exit code and
# its words.
expect 3 a -r repo add src
grep -q "$three" err || fail 'add does not name the file'
grep -q 'other snapshot' err || fail "$(cat err)"
grep -q "using parent snapshot $(echo "$two" | cut -c 1-8)" out || fail "$(cat out)"
left 3
expect 3 a -r repo add --parent latest src
left 4

# Of those that begin alike one is damaged: the prefix is as ambiguous as it was.
rm "repo/snapshots/$three"
for i in $(seq 17); do
	echo "many $i" >src/file
	a -q -r repo add src
done
digit=$(ls repo/snapshots | cut -c 1 | sort | uniq -d | head -n 1)
victim=$(ls repo/snapshots | grep "^$digit" | head -n 1)
n=$(ls repo/snapshots | wc -l)
chmod 600 "repo/snapshots/$victim"
: >"repo/snapshots/$victim"
expect 0 a -r repo delete "$digit"
grep -q "Ignoring \"$digit\".*not all of them can be read" err || fail "$(cat err)"
left "$n"
expect 1 a -r repo restore "$digit" -target back3
[ ! -e back3 ] || fail 'an ambiguous prefix was restored'
rm "repo/snapshots/$victim"

# "$ID:$DIR" with an empty DIR names no snapshot to remove.
n=$(ls repo/snapshots | wc -l)
for arg in latest: latest:/ "$two:" "$two:/src"; do
	expect 0 a -r repo delete "$arg"
	grep -q "Ignoring \"$arg\"" err || fail "$(cat err)"
done
left "$n"

# What cannot be removed does not keep the others: somebody else's file in a sticky directory, for
# root without the right to all.
set -- $(ls repo/snapshots | head -n 3)
n=$(ls repo/snapshots | wc -l)
if chown 65534 repo/snapshots "repo/snapshots/$2" && chmod 1777 repo/snapshots &&
	setpriv --bounding-set -fowner --inh-caps -fowner true; then
	expect 3 setpriv --bounding-set -fowner --inh-caps -fowner "$A_BACKUP" -r repo delete "$1" \
		"$2" "$3"
	left $((n - 2))
	[ -e "repo/snapshots/$2" ] || fail 'the one that stays'
	grep -q "unable to remove snapshot/$2" err &&
		grep -q '1 of 3 snapshots could not be removed' err || fail "$(cat err)"
fi
