#!/bin/sh
# What the table of commands decides before one runs: --ranks is for what several ranks do together;
# a lock is taken as the row says.
set -eu
. tests/lib/e2e.sh
a() { "$A_BACKUP" "$@"; }
cd "$T"
new_repo r
mkdir src
echo 1 >src/f
expect 0 a -q -r r add --ranks 2 src
id=$(a -r r list --json | sed 's/.*"short_id":"\([0-9a-f]*\)".*/\1/')

# Nothing is begun by a command that cannot do what was asked of it.
find r >"$T/before"
for words in list 'files latest' 'find f' 'dump latest /src/f' "delete $id" 'forget -l 1' init 'cat config' unlock; do
	for n in 1 3; do
		# shellcheck disable=SC2086
		expect 1 a -r r --ranks $n $words
		says "Fatal: ${words%% *} is done by one rank"
		says 'leave --ranks out'
	done
done
find r | cmp - "$T/before" || fail 'a refused command changed the repository'
for words in restore restore-overwrite restore-newer; do
	expect 0 a -q -r r --ranks 3 $words latest -target back
	diff -r src back/src || fail "$words by three ranks: another tree"
done
expect 1 a -r r list --ranks many
says 'Fatal: --ranks'
# Who says nothing is shown what could be said, as --help shows it.
a --help >want
expect 1 a
cmp want err || fail 'without words it says something else than --help'
# Help is help.
expect 0 a list --ranks 3 --help
expect 0 a version --ranks 3

# hold COMMAND…: it is stopped once its lock is there; it looks for other locks for some time before
# it goes on.
hold() {
	"$A_BACKUP" -q -r r "$@" >held 2>&1 &
	holder=$!
	wait_for 20 sh -c 'ls r/locks | grep -qv tmp'
	kill -STOP $holder
}
let_go() {
	kill -KILL $holder
	wait $holder || true
	expect 0 a -r r unlock --remove-all
}

# Who changes something needs the lock of its row, whatever --no-lock says, unless it only says what
# it would do; who reads may do without.
hold add src
for words in check "delete $id" "delete --no-lock $id" 'forget -l 1' 'forget -n -l 1'; do
	# shellcheck disable=SC2086
	expect 11 a -r r $words
done
for words in list 'add src' 'check --no-lock' "delete -n $id" 'forget -n --no-lock -l 1' unlock; do
	# shellcheck disable=SC2086
	expect 0 a -r r $words
done
let_go
hold check
for words in list 'files latest' 'dump latest /f' 'add src' 'add --no-lock src' "delete $id"; do
	# shellcheck disable=SC2086
	expect 11 a -r r $words
done
for words in 'list --no-lock' 'files latest --no-lock' 'add -n src' "delete -n $id" unlock; do
	# shellcheck disable=SC2086
	expect 0 a -r r $words
done
let_go
