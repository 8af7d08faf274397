#!/bin/sh
# restore by 1, 2 and 4 ranks and under mpirun: what lies in the target, JSON and exit status are
# those of one rank; --delete, --verify, patterns, --dry-run; a rank whose node has another
# target; ranks that are killed, and the next run.
set -eu
. tests/lib/e2e.sh
export A_BACKUP_PASSWORD=x
cd "$T"
python3 - <<'P'
import os, random
r = random.Random(7)
for d in range(40):
    p = f'src/{d % 5}/{d}'
    os.makedirs(p)
    for f in range(6):
        with open(f'{p}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(0, 150000)))
    os.utime(p, (10**9, 10**9 + d))
with open('src/1/big', 'wb') as out:
    out.write(r.randbytes(9000000))
os.link('src/1/big', 'src/3/also')
os.link('src/0/0/1', 'src/4/4/other')
os.symlink('big', 'src/1/link')
os.mkfifo('src/2/fifo')
os.chmod('src/3', 0o555)
with open('src/sparse', 'wb') as out:
    out.seek(5 << 20)
    out.write(b'end')
P
new_repo r
expect 0 "$A_BACKUP" -q -r r add --ranks 3 --pack-size 4 src

# manifest DIR: what lies there; $lost: but for what has this mode.
lost='^$'
manifest() {
	python3 "$TESTS/lib/manifest.py" "$1" | tail -n +2 | grep -v "$lost" || true
}
# summary FILE: the summary without what depends on time.
summary() {
	grep '"message_type":"summary"' "$1" | sed 's/"seconds_elapsed":[0-9]*,//' |
		if [ "$lost" = '^$' ]; then cat; else sed 's/"bytes_restored":[0-9]*//'; fi
}

# by NAME HOW…: restores into t as one rank does into one, with the options in $more.
by() {
	name=$1
	shift
	rm -rf t
	[ ! -d before ] || cp -a before t
	rc=0
	# shellcheck disable=SC2086
	timeout 120 "$@" -r r restore-overwrite latest --target t --json $more >out 2>err || rc=$?
	manifest t >is
	summary out >sum
	if [ "$name" = one ]; then
		mv is is.one
		mv sum sum.one
		rc_one=$rc
		return
	fi
	[ "$rc" = "$rc_one" ] || fail "$name, $more: exit status $rc, not $rc_one: $(cat err)"
	diff is.one is >&2 || fail "$name, $more: the target is another one"
	diff sum.one sum >&2 || fail "$name, $more: another summary"
}
same_by_all() {
	by one "$A_BACKUP"
	for n in $ranks; do
		by "$n ranks" "$A_BACKUP" --ranks $n
	done
	type mpirun >/dev/null 2>&1 && [ "${1:-}" ] || return 0
	# shellcheck disable=SC2086
	by mpirun $MPIRUN -n 4 "$A_BACKUP"
}

more=
ranks='2 4'
same_by_all mpi
ranks=3
grep -q '"files_restored"' sum.one || fail "nothing was restored: $(cat sum.one)"
more='--verify --sparse'
same_by_all
more='--include 1* --include /src/3/also --verify'
same_by_all mpi
more='--exclude [0-3]'
same_by_all
more=--dry-run
mkdir before
same_by_all
# Something lies there: the same, another content, superfluous files.
rm -rf before
"$A_BACKUP" -q -r r restore latest --target before
for f in before/src/1/*/2; do
	echo changed >"$f"
done
rm before/src/2/*/3
mkdir -p before/src/0/more/below before/other
echo more >before/src/0/more/below/x
for more in '--delete --verify' '--overwrite if-changed' '--overwrite never' '--dry-run --delete'; do
	mpi=
	[ "$more" != '--delete --verify' ] || mpi=mpi
	same_by_all $mpi
done
rm -rf before

# Damage: the same errors.  Which of several names of a file is the first, and so is named, is by
# chance.
cp -r r good
big=$(ls -S r/data/*/* | head -n 1)
chmod u+w "$big"
truncate -s $(($(stat -c %s "$big") / 2)) "$big"
more='--exclude also --exclude other'
lost=' 0o101600 ' # whether such a file was begun, and how much of it is there, is by chance
same_by_all
lost='^$'
[ "$rc_one" = 1 ] || fail "a pack is cut, and the exit status is $rc_one"
rm -rf r
mv good r

# A node that has something else there: it is named, and nothing is restored.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null && type mpirun >/dev/null 2>&1; then
	rm -rf t
	mkdir t elsewhere
	for lacks in mount missing; do
		cat >rank1.sh <<-'S'
			case $1 in
			mount) mount --bind elsewhere t ;;
			missing) mount -t tmpfs none "$PWD/t" ;;
			esac
			shift
			exec "$@"
		S
		to=t
		[ $lacks = mount ] || to=t/deeper
		rc=0
		# shellcheck disable=SC2086
		timeout 60 $MPIRUN -n 1 "$A_BACKUP_MPI" -q -r r restore latest --target $to : -n 1 unshare -m sh rank1.sh $lacks "$A_BACKUP_MPI" \
			-q -r r restore latest --target $to >out 2>&1 || rc=$?
		[ "$rc" = 1 ] || fail "another target on a node: exit status $rc: $(cat out)"
		grep -q "rank 1: node .*: the target .*$to is another directory here" out || fail "another target on a node: $(cat out)"
		[ -z "$(find t elsewhere -type f)" ] || fail "another target on a node: $(find t elsewhere)"
	done
fi

# A signal ends all ranks; what is there is completed by the next run, and no lock stays.
rm -rf t
"$A_BACKUP" -q -r r restore latest --target t --ranks 3 >out 2>err &
pid=$!
wait_for 30 sh -c '[ -e t/src ]'
kill -TERM $pid
rc=0
wait $pid || rc=$?
[ "$rc" = 130 ] || [ "$rc" = 0 ] || fail "a restore that was stopped ends with $rc: $(cat out err)"
[ -z "$(ls r/locks)" ] || fail 'a restore that was stopped leaves its lock'
[ -z "$(find t -name '.a_backup*')" ] || fail 'the file by which the target is known stays there'
expect 0 "$A_BACKUP" -q -r r restore latest --target t --ranks 2
manifest t >is
rm -rf t
expect 0 "$A_BACKUP" -q -r r restore latest --target t
manifest t >is.one
diff is.one is >&2 || fail 'what was stopped and done again is another target'

# Ranks that are killed: all of them, or one, which ends the others; then once more.
type mpirun >/dev/null 2>&1 || exit 0
k=0
for delay in 0 .1 .3; do
	rm -rf t
	# shellcheck disable=SC2086
	$MPIRUN -n 3 sh -c 'echo $$ >"pid.$OMPI_COMM_WORLD_RANK"; exec "$@"' - "$A_BACKUP_MPI" -q -r r restore latest --target t >out 2>&1 &
	pid=$!
	wait_for 30 sh -c '[ -e t/src ] || ! kill -0 '$pid
	sleep $delay
	case $((k % 2)) in
	0) kill -9 "$(cat pid.$((k % 3)))" 2>/dev/null || true ;;
	1) kill -9 "$(cat pid.0)" "$(cat pid.1)" "$(cat pid.2)" 2>/dev/null || true ;;
	esac
	wait $pid || true
	k=$((k + 1))
	# shellcheck disable=SC2086
	timeout 120 $MPIRUN -n 3 "$A_BACKUP" -q -r r --no-lock restore latest --target t --verify >out 2>&1 || fail "after a kill: $(cat out)"
	rm -f t/.a_backup-restore-*
	manifest t >is
	diff is.one is >&2 || fail 'what was killed and done again is another target'
done
