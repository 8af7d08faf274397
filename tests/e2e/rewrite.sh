#!/bin/sh
# rewrite and repair snapshots: the trees and snapshots that restic makes, whatever is left out
# or lost.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
cd "$T"
new_repo r
mkdir -p src/a/b/c src/keep src/empty 'src/odd "name"'
for i in 1 2 3; do
	head -c 2000 /dev/urandom >src/a/f$i
	seq $i 3000 >src/a/b/g$i
	echo $i >"src/odd \"name\"/h$i"
done
head -c 6000000 /dev/urandom >src/a/b/c/big
ln src/a/f1 src/keep/link
ln -s f1 src/a/sym
: >src/keep/nothing
TZ=Asia/Kolkata "$A_BACKUP" -q -r r add src --tag t1 --host one
rm src/a/f2
echo new >src/keep/new
$restic -q -r r backup src --host two
cp -a src/a src/keep/copy
"$A_BACKUP" -q -r r add src src/a --host two --pack-size 4

left() {
	"$A_BACKUP" -r "$1" list --json | python3 -c 'import json, sys
print("\n".join(sorted(json.dumps({k: v for k, v in s.items() if k not in ("id", "short_id")}, sort_keys=True) for s in json.load(sys.stdin))))'
}
both() {
	rm -rf ours theirs
	cp -a "$from" ours
	cp -a "$from" theirs
	$restic -r theirs "$@" >theirs.out 2>theirs.err || fail "restic $*: $(cat theirs.err)"
	"$A_BACKUP" -r ours "$@" >ours.out 2>ours.err || fail "$*: $(cat ours.err)"
	left theirs >theirs.left
	left ours | cmp - theirs.left || fail "$* leaves something else than restic"
	# What is said of files, but for the order of snapshots.
	for o in ours theirs; do
		grep '^  \|modif' $o.out | sort >$o.said || true
	done
	cmp ours.said theirs.said || fail "$* says something else than restic: $(diff theirs.said ours.said)"
}
from=r
both rewrite --exclude big
both rewrite --exclude '/src/a' --forget
both rewrite --iexclude 'F1' --exclude 'h?' --tag t1
both rewrite --exclude 'none of them'
both rewrite --exclude '*' --forget --host one
both rewrite --snapshot-summary
both rewrite --new-host other --new-time '2020-02-02 11:11:11' latest
both rewrite -n --exclude big
[ "$(ls ours/snapshots | wc -l)" = 3 ] || fail 'a dry run has changed something'
both rewrite --exclude 'a' --exclude-file /dev/null
expect 0 $restic -q -r ours check --read-data
# --include, which restic 0.18 does not have: what matches, and the directories above it; none
# of that: it stays.
rm -rf ours
cp -a r ours
expect 0 "$A_BACKUP" -q -r ours rewrite --forget --include 'g*' --include /src/empty latest
"$A_BACKUP" -r ours ls latest | sort >listed
printf '%s\n' /src /src/a /src/a/b /src/a/b/g1 /src/a/b/g2 /src/a/b/g3 /src/empty /src/keep /src/keep/copy /src/keep/copy/b /src/keep/copy/b/g1 /src/keep/copy/b/g2 /src/keep/copy/b/g3 >wanted
grep '^/' listed | diff wanted - >differ || fail "--include: $(cat differ)"
"$A_BACKUP" -r ours list --json latest >list
python3 -c 'import json; s = json.load(open("list"))[-1]["summary"]; assert s["total_files_processed"] == 6, s'
expect 0 "$A_BACKUP" -r ours rewrite --forget --include 'none of them'
says 'no snapshots were modified'
expect 1 "$A_BACKUP" -r r rewrite
expect 1 "$A_BACKUP" -r r rewrite --exclude a --include b

# Each pack is lost in turn: what was in it is gone from the snapshots, and nothing else.  For a
# lost tree restic 0.18 writes another empty one than 0.19 and we.
"$A_BACKUP" -r r ls latest | grep '^/' >all
for pack in $("$A_BACKUP" -r r list packs); do
	rm -rf damaged
	cp -a r damaged
	chmod -R u+w damaged
	rm -f damaged/data/*/"$pack"
	"$A_BACKUP" -q -r damaged repair index 2>err
	from=damaged
	if "$A_BACKUP" -r r find --pack "$pack" --json 2>err | grep -q '"object_type":"blob"'; then
		both repair snapshots --forget
		"$A_BACKUP" -r ours ls latest | grep '^/' | cmp - all || fail 'a name is gone with its content'
		files=1
	else
		rm -rf ours
		cp -a damaged ours
		expect 0 "$A_BACKUP" -r ours repair snapshots --forget
		grep -q 'replaced with empty directory\|not readable' out || fail "nothing is said of a lost tree: $(cat out)"
		trees=1
	fi
	expect 0 "$A_BACKUP" -q -r ours check --read-data
	expect 0 $restic -q -r ours check
done
[ "$files$trees" = 11 ] || fail 'not both kinds of packs were lost'
from=damaged
rm -rf damaged
cp -a r damaged
chmod -R u+w damaged
rm -f damaged/data/*/"$("$A_BACKUP" -r r find --blob "$("$A_BACKUP" -r r list blobs | sed -n 's/^data //p' | head -n 1)" --show-pack-id | sed -n 's/^Object belongs to pack //p' | head -n 1)"
"$A_BACKUP" -q -r damaged repair index 2>err
both repair snapshots
both repair snapshots -n latest
# Programs are told.
rm -rf ours
cp -a damaged ours
"$A_BACKUP" -r ours repair snapshots --forget --json >said 2>err || fail "repair: $(cat err)"
python3 - <<'P'
import json
said = [json.loads(line) for line in open("said")]
assert said and all(s["message_type"] == "repair" and s["path"] and s["action"] and len(s["snapshot"]) == 64 for s in said), said
P
# Nothing to do for a good one.
expect 0 "$A_BACKUP" -r r repair snapshots
says 'no snapshots were modified'
