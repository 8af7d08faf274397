#!/bin/sh
# check of some snapshots: of them alone trees and data are read; and what damage hits is named, by
# snapshot and path.
set -eu
. tests/lib/e2e.sh
cd "$T"
new_repo r
a() { "$A_BACKUP" -r r "$@"; }
mkdir -p one/d two
head -c 300000 /dev/urandom >one/d/first
head -c 300000 /dev/urandom >two/second
echo small >two/small
a -q add one --host h1 --tag t1
a -q add two --host h2
set -- $(a list --json | python3 -c \
	'import json, sys; print(*[s["short_id"] for s in json.load(sys.stdin)])')
blob=$(a cat tree "$1:/one/d" | python3 -c \
	'import json, sys; print(json.load(sys.stdin)["nodes"][0]["content"][0])')
a find --blob "$blob" --show-pack-id >out
pack=$(sed -n 's/^Object belongs to pack //p' out)
file=r/data/$(echo "$pack" | cut -c 1-2)/$pack
chmod u+w "$file"
cp "$file" good
printf XXXX | dd of="$file" bs=1 seek=5000 conv=notrunc 2>dd.err

for ranks in 1 3; do
	expect 1 a check --read-data --ranks $ranks
	says "pack $pack contains"
	says "snapshot $1: file /one/d/first: pack $pack is damaged"
	[ "$(grep -c 'is damaged' out)" = 1 ] || fail "named more than once: $(cat out)"
	# The other snapshot needs nothing of it.
	for some in "$2" latest '--host h2'; do
		# shellcheck disable=SC2086
		expect 0 a check --read-data --ranks $ranks $some
	done
	for some in "$1" '--tag t1' "$2 $1" "--path $T/one"; do
		# shellcheck disable=SC2086
		expect 1 a check --read-data --ranks $ranks $some
		says "pack $pack contains"
	done
	expect 0 a check --read-data-subset 100% --ranks $ranks latest
	expect 1 a check --read-data-subset 100% --ranks $ranks "$1"
done
a check --read-data --json >sum 2>err && fail 'damage is no error'
python3 - "$pack" <<'P'
import json, sys
s = json.load(open("sum"))
assert s["broken_packs"] == [sys.argv[1]] and s["num_errors"] == 1, s
P

# Words that name nothing must not pass for a good snapshot; and two ways of choosing are one too
# many.
expect 1 a check zzzz
says 'Ignoring "zzzz"'
expect 1 a check --host h2 "$1"
expect 1 a check "$1:/one"

# A pack that is not there hits whoever needs it; the structure of the repository is looked at
# whichever snapshot is asked for.
rm "$file"
for ranks in 1 3; do
	expect 1 a check --ranks $ranks
	says "snapshot $1: file /one/d/first: pack $pack does not exist"
	expect 1 a check --ranks $ranks "$2"
	says "pack $pack: does not exist"
	grep -q first out && fail 'a file of another snapshot is named'
done
cp good "$file"
expect 0 a check --read-data "$1" "$2"
