#!/bin/sh
# prune: figures, exit status, locks, options; by ranks and under mpirun; what it says of damage.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh)
export A_BACKUP_PASSWORD=x
a() { "$A_BACKUP" "$@"; }
cd "$T"
python3 - <<'P'
import os, random
r = random.Random(5)
for d in range(12):
    os.makedirs(f'src/{d}')
    for f in range(20):
        with open(f'src/{d}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(1, 100000)))
P
new_repo good
expect 0 a -q -r good add --pack-size 4 src
rm -rf src/1 src/3 src/5 src/7/1*
echo new >src/0/new
expect 0 a -q -r good add --pack-size 4 src
expect 0 a -q -r good delete --no-prune "$(a -r good list --json | jq -r '.[0].id')"
python3 "$TESTS/lib/manifest.py" src >want

# The figures are restic's; the same by any number of ranks, and under mpirun.
$restic -r good prune -n -vv --no-lock | grep -E '^[a-z ]+: ' | grep -v packs: >theirs
a -r good prune -n -v >out
grep -E '^[a-z ]+: ' out | grep -v packs: | diff theirs - || fail 'restic shows other figures'
for n in 2 4; do
	a -r good prune -n -v --ranks $n | diff out - || fail "$n ranks show something else"
done
a -r good prune -n --json >json
jq -e '.message_type == "summary" and .dry_run and .blobs.used > 100 and .bytes.remaining < .bytes.total and .packfiles.repack > 0' json >jq || fail "JSON: $(cat json)"
[ "$(find good/data -type f | wc -l)" = "$(jq .packfiles.total json)" ] ||
	fail 'a dry run changed something, or counts wrong'

# whole REPO: it holds what the snapshot needs and nothing else.
whole() {
	$restic -r "$1" check --read-data >checked 2>&1 || fail "$1: $(cat checked)"
	$restic -r "$1" prune -n -vv --max-unused 0 >left
	grep -qE '^unused: +0 blobs' left && grep -qE '^total prune: +0 blobs' left ||
		fail "$1: $(cat left)"
	rm -rf back
	expect 0 a -q -r "$1" restore latest -target back
	same back/src
}
for how in '' '--ranks 2' '--ranks 4' mpi; do
	rm -rf r
	cp -r good r
	case $how in
	mpi)
		type mpirun >/dev/null 2>&1 || continue
		expect 0 $MPIRUN -n 3 "$A_BACKUP" -r r prune --max-unused 0
		;;
	*)
		# shellcheck disable=SC2086
		expect 0 a -r r prune --max-unused 0 $how
		;;
	esac
	says 'total prune:'
	says done
	whole r
	[ -z "$(ls r/locks)" ] || fail "prune $how leaves its lock"
	# Once more: nothing is left to do, and nothing is done.
	find r | sort >before
	expect 0 a -r r prune --max-unused 0
	find r | sort | diff before - || fail "prune $how has something left to do"
done

# What killed writers have left, where it is old; a directory or a link of such a name stays.
id=$(printf 'ab%.0s' $(seq 32))
for at in data/ab index snapshots; do
	echo old >"r/$at/$id-tmp-123"
	touch -d '2 days ago' "r/$at/$id-tmp-123"
	echo new >"r/$at/$id-tmp-124"
done
mkdir "r/index/$id-tmp-125"
ln -s "$T/want" "r/index/$id-tmp-126"
touch -h -d '2 days ago' "r/index/$id-tmp-125" "r/index/$id-tmp-126"
expect 0 a -r r prune -n
[ "$(find r -name '*-tmp-*' | wc -l)" = 8 ] || fail 'a dry run removed temporary files'
expect 0 a -r r prune --ranks 2
says 'removed 3 temporary files'
[ "$(find r -name '*-tmp-*' | sed 's/.*-//' | sort | tr '\n' ' ')" = '124 124 124 125 126 ' ] || fail "$(find r -name '*-tmp-*')"
rm -rf r/*/*-tmp-* r/data/ab/*-tmp-*

# Options that cannot be meant.
for words in '--max-unused 100%' '--max-unused -1%' '--max-unused x' '--max-unused 0x10%' \
	'--max-repack-size x' '--repack-smaller-than 1G' 'latest'; do
	# shellcheck disable=SC2086
	expect 1 a -r r prune $words
	says 'Fatal: '
done
expect 0 a -r r prune --repack-small --repack-cacheable-only --max-unused unlimited
expect 10 a -r nowhere prune
LIGHT_VERSION=1 new_repo old
expect 1 a -r old prune --repack-uncompressed
says 'version 1'

# The lock: a dry run needs it too, unless it is told.
"$A_BACKUP" -q -r r check >held 2>&1 &
holder=$!
wait_for 20 sh -c 'ls r/locks | grep -qv tmp'
kill -STOP $holder
expect 11 a -r r prune
says "$(uname -n)"
expect 11 a -r r prune -n
expect 0 a -r r prune -n --no-lock
expect 11 a -r r prune --no-lock
kill -KILL $holder
wait $holder || true
expect 0 a -r r unlock --remove-all

# What is damaged: nothing is removed, and the files are named.
kept() { # WHAT: prune refuses
	(cd r && find index data -type f | sort) >before
	for n in 1 3; do
		expect 1 a -r r prune --ranks $n
		says 'nothing was removed'
		(cd r && find index data -type f | sort) >after
		[ -z "$(comm -23 before after)" ] ||
			fail "$1: prune has removed $(comm -23 before after)"
	done
}
largest() {
	# shellcheck disable=SC2012
	ls -S good/data/*/* | head -n 1
}
pack=$(largest)
rm -rf r && cp -r good r
rm -f "r/${pack#good/}"
kept 'a missing pack'
says 'is missing'
says ': file /src/'
rm -rf r && cp -r good r
chmod u+w "r/${pack#good/}"
truncate -s 1000 "r/${pack#good/}"
kept 'a truncated pack'
says 'does not match real size'
says ': file /src/'
rm -rf r && cp -r good r
rm -f r/index/"$(ls r/index | head -n 1)"
kept 'a lost index'
says 'snapshot '
# What is damaged in a pack that stays is not read; in one that is repacked it is.
rm -rf r && cp -r good r
chmod u+w "r/${pack#good/}"
# Which of its blobs are needed depends on the order in which they came.
python3 - "r/${pack#good/}" <<'P'
import sys
with open(sys.argv[1], 'r+b') as f:
    data = bytearray(f.read())
    for at in range(100, len(data) - 2000, 1000):
        data[at] ^= 1
    f.seek(0)
    f.write(data)
P
(cd r && find index data -type f | sort) >before
expect 1 a -r r prune --max-unused 0
says ': file /src/'
(cd r && find index data -type f | sort) >after
[ -z "$(comm -23 before after)" ] || fail \
	"a damaged blob: prune has removed $(comm -23 before after)"
