#!/bin/sh
# delete frees what the removed snapshots alone held: how much, what it says, what it leaves to
# prune.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh)
export A_BACKUP_PASSWORD=x
a() { "$A_BACKUP" "$@"; }
cd "$T"
random() { # FILE BYTES SEED
	python3 -c \
		'import random, sys; open(sys.argv[1], "wb").write(random.Random(int(sys.argv[3])).randbytes(int(sys.argv[2])))' "$@"
}
packs() {
	find r/data -type f | wc -l
}
used() {
	du -sb r/data | cut -f 1
}
begin() { # two snapshots: the first alone holds `old`, in a pack of its own, and half of a pack beside `both`
	rm -rf r src
	new_repo r
	mkdir src
	random src/old 9000000 1
	expect 0 a -q -r r add --pack-size 4 src/old
	random src/half 1500000 2
	random src/both 1500000 3
	expect 0 a -q -r r add --pack-size 16 src
	rm src/old src/half
	expect 0 a -q -r r add src
	set -- $(a -r r list --json | jq -r '.[].id')
	first=$1 second=$2 third=$3
}

begin
before=$(used)
expect 0 a -r r delete -n "$first" "$second"
says 'would remove snapshot'
says 'MiB would be freed'
freed=$(sed -n 's/^\(.*\) would be freed$/\1/p' out)
[ "$(used)" = "$before" ] || fail 'a dry run removed something'
expect 0 a -r r delete "$first" "$second"
says "$freed are freed"
[ "$(used)" -lt $((before - 10000000)) ] || fail "$before bytes were there, and $(used) are"
$restic -r r check --read-data >checked 2>&1 || fail "$(cat checked)"
$restic -r r prune -n -vv --max-unused 0 --no-lock >left
grep -qE '^total prune: +0 blobs' left || fail "something is left: $(cat left)"
rm -rf back
expect 0 a -q -r r restore latest -target back
cmp src/both back/src/both

# As much as may be written anew; the rest is left to prune, which is said.
begin
before=$(packs)
expect 0 a -r r delete --max-repack-size 0 "$first" "$second"
says 'are freed'
says 'a_backup prune --max-unused 0 frees them'
[ "$(packs)" -lt "$before" ] || fail 'no pack has gone'
expect 0 a -r r prune --max-unused 0
$restic -r r check --read-data >checked 2>&1 || fail "$(cat checked)"

begin
before=$(used)
expect 0 a -r r delete --no-prune "$first"
says 'not freed yet'
[ "$(used)" = "$before" ] || fail '--no-prune freed something'
expect 0 a -r r list
says '2 snapshots'

# What it does not know it does not remove: a word that names nothing frees nothing.
expect 0 a -r r delete 0123456789
[ "$(used)" = "$before" ] || fail 'nothing was named, and something was freed'

# JSON: what has gone, and the figures.
expect 0 a -r r delete --json "$second"
jq -s -e --arg id "$second" \
	'length == 2 and .[0].message_type == "removed" and .[0].id == $id and .[1].message_type == "summary" and .[1].bytes.remove_total > 10000000' out >jq || fail "JSON: $(cat out)"

# Where something is damaged the snapshot goes, and nothing is freed.
begin
# shellcheck disable=SC2012
rm -f "$(ls -S r/data/*/* | head -n 1)"
before=$(packs)
expect 3 a -r r delete "$third"
says 'the snapshots are removed, their space is not freed'
says ': file /src'
[ "$(packs)" = "$before" ] || fail 'something was freed'
expect 0 a -r r list
says '2 snapshots'

# Packs that the system does not let go are not called freed.
if setpriv --bounding-set -fowner --inh-caps -fowner true && chown 1 "$T/src"; then
	begin
	chown 1 r/data/*/* r/data/??
	chmod 1777 r/data/??
	before=$(packs)
	expect 3 setpriv --bounding-set -fowner --inh-caps -fowner "$A_BACKUP" -r r delete \
		--max-repack-size 0 "$first"
	says 'packs could not be removed: the next prune tries again'
	! grep -q 'are freed' out || fail "it says that they are freed: $(cat out)"
	[ "$(packs)" = "$before" ] || fail 'packs are gone'
	expect 0 a -q -r r prune
	[ "$(packs)" -lt "$before" ] || fail 'the next prune leaves them'
fi

# Where the memory is too small, too; that is no error, and a job is named in which it is not.
begin
before=$(packs)
(
	ulimit -v 190000
	expect 1 a -r r prune
	says 'sbatch --ntasks=4 --mem-per-cpu=1G'
	expect 0 a -r r delete "$first"
	says 'their space is not freed'
	says 'sbatch --ntasks=4 --mem-per-cpu=1G'
)
[ "$(packs)" = "$before" ] || fail 'something was freed'
expect 0 a -r r list
says '2 snapshots'
