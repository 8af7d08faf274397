#!/bin/sh
# check by 1, 2 and 4 ranks and under mpirun: the same sentences, JSON and exit status, of a good
# repository and of one with each kind of damage.
set -eu
. tests/lib/e2e.sh
export A_BACKUP_PASSWORD=x
cd "$T"
python3 - <<'P'
import os, random
r = random.Random(3)
for d in range(40):
    p = f'src/{d % 7}/{d}'
    os.makedirs(p)
    for f in range(4):
        with open(f'{p}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(1, 200000)))
P
new_repo good
expect 0 "$A_BACKUP" -q -r good add --ranks 3 --pack-size 4 src
for d in src/*/*; do
	echo "$d" >"$d/new"
done
expect 0 "$A_BACKUP" -q -r good add --pack-size 4 src

# pack data|tree: the path of the first pack with only these.
for i in good/index/*; do
	"$A_BACKUP" -r good cat index "${i##*/}"
done >indexes
pack() {
	python3 - "$1" <<'P'
import json, sys
text, d, packs = open('indexes').read(), json.JSONDecoder(), []
while text.strip():
    index, end = d.raw_decode(text.lstrip())
    text = text.lstrip()[end:]
    packs += [p for p in index['packs'] if {b['type'] for b in p['blobs']} == {sys.argv[1]}]
packs.sort(key=lambda p: (-len(p['blobs']), p['id']))
print('data/' + packs[0]['id'][:2] + '/' + packs[0]['id'])
P
}
# flip FILE: a byte in the middle; cut FILE: half of it stays.
flip() {
	chmod u+w "$1"
	python3 -c \
		'import sys; f = open(sys.argv[1], "r+b"); n = f.seek(0, 2) // 2; f.seek(n); b = f.read(1)[0]; f.seek(n); f.write(bytes([b ^ 1]))' "$1"
}
cut_half() {
	chmod u+w "$1"
	truncate -s $(($(stat -c %s "$1") / 2)) "$1"
}
one_of() {
	# shellcheck disable=SC2012
	ls -d r/"$1"/* | head -n 1
}

# what NAME COMMAND…: its exit status, and its sentences in order.
what() {
	name=$1
	shift
	echo 0 >rc
	# A launcher would have something to say of another exit status.
	timeout 120 "$@" >out 2>err
	{
		echo "exit status $(cat rc)"
		sort out err
	} >"$name"
}
cat >keep_rc.sh <<'S'
"$@" || echo $? >rc
S

# same_by_all WHAT: check says it alike by any number of ranks.
same_by_all() {
	for how in '' --read-data '--read-data --json'; do
		# shellcheck disable=SC2086
		what one sh keep_rc.sh "$A_BACKUP" -r r check --no-lock $how
		cat one >>said
		for n in 1 2 4; do
			# shellcheck disable=SC2086
			what many sh keep_rc.sh "$A_BACKUP" -r r check --no-lock --ranks $n $how
			diff one many >&2 || fail "$1: check $how by $n ranks says something else"
		done
	done
	type mpirun >/dev/null 2>&1 && [ "${2:-}" ] || return 0
	what one sh keep_rc.sh "$A_BACKUP" -r r check --read-data
	# shellcheck disable=SC2086
	what many $MPIRUN -n 2 sh keep_rc.sh "$A_BACKUP" -r r check --read-data
	diff one many >&2 || fail "$1: check --read-data under mpirun says something else"
	expect "$(sed -n 's/^exit status //p' one)" $MPIRUN -n 2 "$A_BACKUP" -r r check --read-data
}

data=$(pack data) tree=$(pack tree)
cp -r good r
: >said
same_by_all good mpi
grep -q 'no errors were found' said || fail "a good repository: $(cat said)"
grep -q '"num_errors":0' said || fail 'JSON of a good repository'
for damage in "flip r/$data" "cut_half r/$data" "rm -f r/$data" "flip r/$tree" "cut_half r/$tree" "rm -f r/$tree" \
	index_gone index_flipped snapshot_flipped \
	"cp r/$data r/data/00/$(printf '0%.0s' $(seq 64))"; do
	rm -rf r said
	cp -r good r
	case $damage in
	index_gone) rm -f "$(one_of index)" ;;
	index_flipped) flip "$(one_of index)" ;;
	snapshot_flipped) flip "$(one_of snapshots)" ;;
	*) $damage ;;
	esac
	mpi=
	case $damage in flip*"$tree" | index_gone) mpi=mpi ;; esac
	same_by_all "$damage" $mpi
	case $damage in
	cp*) grep -q 'additional files' said || fail "$damage: $(cat said)" ;;
	*) grep -q 'exit status 1' said && grep -q 'Fatal: repository contains errors' said ||
		fail "$damage: $(cat said)" ;;
	esac
done

# A part of the packs, by all ranks, is so many as by one.
rm -rf r
cp -r good r
for part in 1/3 50% 5M; do
	expect 0 "$A_BACKUP" -r r check --ranks 3 --read-data-subset $part
	says 'no errors were found'
done
expect 1 "$A_BACKUP" -r r check --ranks 3 --read-data-subset 4/3
says 'Fatal: '

# A signal ends it on all ranks, and no lock stays.
"$A_BACKUP" -q -r r check --ranks 3 --read-data >out 2>err &
pid=$!
wait_for 30 sh -c '[ -n "$(ls r/locks)" ]'
kill -STOP $pid
kill -TERM $pid
kill -CONT $pid
rc=0
wait $pid || rc=$?
[ "$rc" = 130 ] || fail "a check that was stopped ends with $rc: $(cat out err)"
[ -z "$(ls r/locks)" ] || fail 'a check that was stopped leaves its lock'
