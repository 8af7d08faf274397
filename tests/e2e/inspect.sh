#!/bin/sh
# What only looks: list TYPE, cat, diff, beside restic.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
a() { "$A_BACKUP" -r r "$@"; }
r() { $restic -q -r r "$@"; }
cd "$T"
new_repo r

mkdir -p src/d/e src/only src/same/deep
seq 1000 >src/a
ln src/a src/hard
ln -s a src/link
echo f >src/d/e/f
echo gone >src/only/gone
echo kept >src/same/deep/kept
echo rot >src/rot
head -c 3000000 /dev/urandom >src/noise
r backup src --tag one
# Each kind of change: content, type, a directory moved, one that is new, times alone, and content
# behind the same metadata.
echo more >>src/a
rm -r src/link src/only
mkdir src/link src/new
echo x >src/link/x
echo y >src/new/y
mv src/d/e src/d/g
touch -d '2020-01-01 00:00:00' src/same/deep/kept
r backup src
printf 'tor\n' | dd of=src/rot conv=notrunc 2>dd.err
r backup src --force --tag two

# ---- list TYPE ----
for type in blobs packs index snapshots keys locks; do
	a list $type | sort >ours
	r list $type | sort >theirs
	cmp ours theirs || fail "list $type is not that of restic"
done
[ "$(a list snapshots | wc -l)" = 3 ] || fail 'list snapshots'
a list --json | grep -q '"short_id"' || fail 'list alone lists no snapshots'
expect 1 a list blobs x
says 'list blobs takes no arguments'
# Locks are shown without one; the other types wait for nobody but an exclusive one.
a list locks >ours
[ ! -s ours ] || fail 'list locks shows its own'

# ---- cat ----
for what in config masterkey $(for type in pack index key snapshot; do
	a list "$(echo "${type}s" | sed 's/indexs/index/')" | sed "s/^/$type:/"
done) $(a list blobs | sort | sed -n '1p;$s/.* /blob:/p' | sed 's/.* /blob:/'); do
	# restic 0.18 puts an empty line behind an index.
	a cat "${what%%:*}" $(echo "$what" | sed -n 's/.*://p') | sed '${/^$/d}' >ours
	r cat "${what%%:*}" $(echo "$what" | sed -n 's/.*://p') | sed '${/^$/d}' >theirs
	cmp ours theirs || fail "cat $what is not that of restic"
done
id=$(a list snapshots | head -n 1)
a cat tree "$id:/src/d" >ours
r cat tree "$id:/src/d" >theirs
cmp ours theirs || fail 'cat tree is not that of restic'
# A damaged pack is shown, and told.
pack=$(a list packs | head -n 1) file=$(ls r/data/*/"$(a list packs | head -n 1)")
cp "$file" good
chmod u+w "$file"
printf X | dd of="$file" bs=1 seek=10 conv=notrunc 2>dd.err
a cat pack "$pack" >ours 2>err
cmp ours "$file" || fail 'the damaged pack is not shown as it is'
grep -q 'does not match ID' err || fail 'nobody says that the pack is damaged'
cp good "$file"

# ---- diff ----
set -- $(a list --json | python3 -c \
	'import json, sys; print(*[s["short_id"] for s in json.load(sys.stdin)])')
compare() {
	$restic -r r diff "$@" >theirs 2>err
	a diff "$@" >ours 2>err || fail "diff $*: $(cat err)"
	sed '/^repository .* opened/d' theirs | cmp ours - || {
		diff theirs ours | head >&2
		fail "diff $* is not that of restic"
	}
}
for pair in "$1 $2" "$2 $1" "$2 $3" "$1 $3" "$1 $1" "$1:/src/d $2:/src"; do
	for mode in '' --json --metadata; do
		# shellcheck disable=SC2086
		compare $mode $pair
	done
done
a diff "$1" "$2" >ours
for line in 'M    /src/a' 'T    /src/link/' '+    /src/d/g/f' '-    /src/d/e/' \
	'-    /src/only/gone' '+    /src/new/'; do
	grep -qxF -- "$line" ours || fail "diff does not say: $line"
done
grep -q kept ours && fail 'changes of metadata are told unasked'
a diff --metadata "$1" "$2" | grep -qx 'U    /src/same/deep/kept' ||
	fail 'changes of metadata are not told'
a diff -q "$1" "$2" | grep -q /src && fail '-q tells changes'
expect 1 a diff "$1"
expect 1 a diff "$1" zzzz
# A tree that cannot be read is told, and the rest is compared.
tree=$(a cat tree "$2:/src" | python3 -c \
	'import json, sys; print([n["subtree"] for n in json.load(sys.stdin)["nodes"] if n["name"] == "new"][0])')
a find --tree "$tree" --show-pack-id >out
pack=$(sed -n 's/^Object belongs to pack //p' out |
	head -n 1) file=$(ls r/data/*/"$(sed -n 's/^Object belongs to pack //p' out | head -n 1)")
offset=$(sed -n 's/.*, offset \([0-9]*\),.*/\1/p' out | head -n 1)
[ -n "$pack" ] && [ -n "$offset" ] || fail "which pack? $(cat out)"
chmod u+w "$file"
printf XXXX | dd of="$file" bs=1 seek=$((offset + 20)) conv=notrunc 2>dd.err
expect 1 a diff "$1" "$2"
says '/src/new'
grep -qxF 'M    /src/a' out || fail 'the rest is not compared'
