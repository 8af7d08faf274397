#!/bin/sh
# repair packs: what can be read of damaged packs is saved in new ones, copies of them are kept, and
# what is lost is exactly what was damaged; recover: what no snapshot refers to any more.
set -eu
. tests/lib/e2e.sh
cd "$T"
new_repo r
mkdir -p src/sub
for i in 1 2 3 4 5 6; do
	head -c 50000 /dev/urandom >src/sub/noise$i
done
"$A_BACKUP" -q -r r add src
id=$("$A_BACKUP" -r r list snapshots)
pack_of() { # FILE: the pack of its only blob
	blob=$("$A_BACKUP" -r r cat tree latest:/src/sub | python3 -c 'import json, sys
print([n["content"][0] for n in json.load(sys.stdin)["nodes"] if n["name"] == sys.argv[1]][0])' "$1")
	"$A_BACKUP" -r r find --blob "$blob" --show-pack-id >at
	sed -n 's/^Object belongs to pack //p' at | head -n 1
}
pack=$(pack_of noise3)
offset=$(sed -n 's/.*, offset \([0-9]*\),.*/\1/p' at | head -n 1)
file=r/data/$(echo "$pack" | cut -c 1-2)/$pack
chmod -R u+w r
printf XXXX | dd of="$file" bs=1 seek=$((offset + 100)) conv=notrunc 2>dd.err
cp "$file" bad
cp -a r damaged

# Copies are kept, where one says; without room for them, or beside others, nothing is done.
expect 1 "$A_BACKUP" -r r repair packs
expect 1 "$A_BACKUP" -r r repair packs zzzz
mkdir copies full
expect 1 "$A_BACKUP" -r r repair packs "$pack" --save-to nowhere
echo other >"copies/pack-$pack"
expect 1 "$A_BACKUP" -r r repair packs "$pack" --save-to copies
cmp bad "$file" || fail 'something was changed without a copy'
[ "$("$A_BACKUP" -r r list packs | wc -l)" = "$("$A_BACKUP" -r damaged list packs | wc -l)" ] || fail 'packs have changed'
rm copies/*
# A full disk, for root too.
if unshare -m true 2>unshare.err; then
	unshare -m sh -c '
		mount -t tmpfs -o size=64k tmpfs full
		"$1" -r r repair packs "$2" --save-to full >out 2>err
		[ $? = 1 ] && grep -q "there is room for" err && [ -z "$(ls full)" ]' sh "$A_BACKUP" "$pack" || fail "a full disk: $(cat out err)"
	cmp bad "$file" || fail 'something was changed without room for a copy'
fi
expect 0 "$A_BACKUP" -r r repair packs "$(echo "$pack" | cut -c 1-10)" --save-to copies
says 'failed to load blob'
says 'repair snapshots --forget'
cmp bad "copies/pack-$pack" || fail 'the copy is not the damaged pack'
[ ! -e "$file" ] || fail 'the damaged pack is still there'
expect 1 "$A_BACKUP" -r r check
says 'file /src/sub/noise3: blob'
[ "$(grep -c 'not found in index' err)" = 1 ] || fail "more is lost than one blob: $(cat err)"
expect 0 "$A_BACKUP" -q -r r repair snapshots --forget
expect 0 "$A_BACKUP" -r r check --read-data
"$A_BACKUP" -q -r r restore latest -target back
for i in 1 2 4 5 6; do
	cmp src/sub/noise$i back/src/sub/noise$i || fail "noise$i is lost"
done
[ -e back/src/sub/noise3 ] && [ ! -s back/src/sub/noise3 ] || fail 'noise3 is not what is left of it'

# What the index says may be wrong, and so may the header.
for how in header index; do
	rm -rf r
	cp -a damaged r
	if [ $how = header ]; then
		truncate -s -10 "$file"
	else
		rm r/index/*
		expect 0 "$A_BACKUP" -q -r r repair index
	fi
	mkdir -p copies$how
	expect 0 "$A_BACKUP" -q -r r repair packs "$pack" --save-to copies$how
	expect 0 "$A_BACKUP" -q -r r repair snapshots --forget
	expect 0 "$A_BACKUP" -q -r r check --read-data
	rm -rf back
	"$A_BACKUP" -q -r r restore latest -target back
	cmp src/sub/noise5 back/src/sub/noise5 || fail "$how: noise5 is lost"
done

# recover: nothing is lost at first; a snapshot that was removed, and one whose file is damaged.
rm -rf r
cp -a damaged r
expect 0 "$A_BACKUP" -r r recover
says 'found 0 unreferenced roots'
says 'no snapshot to write'
"$A_BACKUP" -q -r r delete --no-prune "$id"
expect 0 "$A_BACKUP" -r r recover
says 'found 1 unreferenced roots'
says 'saved new snapshot'
"$A_BACKUP" -r r list --json >list
python3 -c 'import json; s = json.load(open("list")); assert len(s) == 1 and s[0]["tags"] == ["recovered"] and s[0]["paths"] == ["/recover"], s'
"$A_BACKUP" -r r ls latest | grep -q '/src/sub/noise6$' || fail 'what was lost is not in the new snapshot'
expect 0 "$A_BACKUP" -r r recover
says 'found 0 unreferenced roots'
