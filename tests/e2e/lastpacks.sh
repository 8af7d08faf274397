#!/bin/sh
# 128 ranks leave as few packs as one rank: what lies in their last packs is merged; and what they
# leave is a sound repository.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
python3 - "$T/src" <<'P'
import os, random, sys
r = random.Random(5)
for d in range(300):
    p = f'{sys.argv[1]}/{d // 20}/{d}'
    os.makedirs(p)
    for f in range(10):
        with open(f'{p}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(1, 20000)))
P
new_repo empty
packs() { # REPO: all packs, and those below the smallest pack size
	find "$T/$1/data" -type f | wc -l
	find "$T/$1/data" -type f -size -4194304c | wc -l
}
cd "$T"
for n in 1 128; do
	cp -r empty "r$n"
	expect 0 $A_BACKUP -q -r "r$n" --ranks $n --workers 1 --pack-size 4 add src
	# shellcheck disable=SC2046
	set -- $(packs "r$n")
	echo "$n ranks: $1 packs, $2 of them small"
	[ "$1" -ge 8 ] || fail 'the tree is too small to show anything'
	[ "$2" -le 2 ] || fail "$n ranks leave $2 small packs"
done
[ "$(tree_of r1)" = "$(tree_of r128)" ] || fail 'the trees differ'
$restic -r r128 check --read-data | grep -q 'no errors were found' || fail 'restic finds errors'

# The next night: a little in each directory.
for d in src/*/*; do
	echo "$d" >"$d/new"
done
before=$(packs r128 | head -n 1)
expect 0 $A_BACKUP -q -r r128 --ranks 128 --workers 1 --pack-size 4 add src
after=$(packs r128 | head -n 1)
[ $((after - before)) -le 2 ] || fail "a night of few changes added $((after - before)) packs"
$restic -q -r r128 restore latest --target back
diff -r src back/src || fail 'another tree was restored'
