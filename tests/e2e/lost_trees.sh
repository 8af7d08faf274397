#!/bin/sh
# Trees of the parent that cannot be read, because their pack is gone or damaged, and content that
# the index does not have any more: add stores them again, says so of the repository, ends with 3 as
# restic does, and its snapshot is whole.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
cd "$T"
mkdir -p s/d/deep s/e
for i in 1 2 3; do
	echo $i >s/d/f$i
	echo $i >s/d/deep/g$i
	echo same >s/e/h$i
done
new_repo good
$A_BACKUP -q -r good add s
tree_pack=$($restic -q -r good cat index "$(ls good/index)" | python3 -c "import json,sys
for p in json.load(sys.stdin)['packs']:
    if p['blobs'][0]['type'] == 'tree':
        print('data/' + p['id'][:2] + '/' + p['id'])")
whole() { # REPO: its newest snapshot is
	rm -rf back
	$A_BACKUP -q -r "$1" restore latest --target back --verify || fail "$2: not restored"
	diff -r s back/s || fail "$2: another tree was restored"
	rm -rf back
	$restic -q -r "$1" restore latest --target back || fail "$2: not restored by restic"
	diff -r s back/s || fail "$2: another tree was restored by restic"
}
for how in gone damaged; do
	for ranks in 1 3; do
		rm -rf r
		cp -a good r
		chmod u+w "r/$tree_pack"
		if [ $how = gone ]; then
			rm -f "r/$tree_pack"
		else
			python3 -c "
import sys
b = bytearray(open('r/$tree_pack', 'rb').read())
for i in range(40, len(b) - 200, 50):
    b[i] ^= 1
open('r/$tree_pack', 'wb').write(b)"
		fi
		expect 3 $A_BACKUP -r r add --ranks $ranks s
		says 'parts of the repository are missing or damaged'
		grep -q "the repository: the parent snapshot's tree of .* cannot be read" err ||
			fail "no word of it: $(cat err)"
		if grep -q 'source file' err; then fail "the source is blamed: $(cat err)"; fi
		whole r "$how, $ranks ranks"
		expect 0 $A_BACKUP -r r add --ranks $ranks s
		if grep -q 'cannot be read' err; then fail \
			"$how, $ranks ranks: not mended: $(cat err)"; fi
		whole r "$how, $ranks ranks, next"
		expect 0 $A_BACKUP -r r add --force --ranks $ranks s
		whole r "$how, $ranks ranks, forced"
	done
done

# Young files are read again in any case; old ones are not.
data_pack=$($restic -q -r good cat index "$(ls good/index)" | python3 -c "import json,sys
for p in json.load(sys.stdin)['packs']:
    if p['blobs'][0]['type'] == 'data':
        print('data/' + p['id'][:2] + '/' + p['id'])")
for age in 0 500; do
	rm -rf r
	cp -a good r
	later $age $A_BACKUP -q -r r add s
	chmod -R u+w r
	rm "r/$data_pack"
	$restic -q -r r repair index >repaired 2>&1 || fail "repair index: $(cat repaired)"
	expect 3 later $age $A_BACKUP -r r --json add s
	tail -n 1 out | jq -e '.parts_lost >= 4 and .files_unmodified == 9' >jq ||
		fail "age $age: $(tail -n 1 out)"
	says "the content of $T/s/e/h1 is missing"
	expect 0 later $age $A_BACKUP -r r add s
	whole r "content, age $age"
done
