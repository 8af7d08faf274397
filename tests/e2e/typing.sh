#!/bin/sh
# What people type: one-dash words, options before the command, forms of values, secrets.  Whatever is not understood must be an error, and never be taken for
# something else: a wrong reading backs up, restores or removes the wrong thing in silence.
set -eu
. tests/lib/e2e.sh
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
snapshots() {
	ls "$T/r/snapshots" | wc -l
}
new_repo r
mkdir src
echo one >src/f
echo two >src/g
export RESTIC_REPOSITORY="$T/r"

# --- one dash ----------------------------------------------------------------------------------------------------------------------------
expect 0 a -q add -exclude f -tag=foo -host H src
expect 0 a ls latest
! grep -q 'src/f$' out || fail '-exclude f: f was backed up'
grep -q 'src/g$' out || fail '-exclude f: g is missing'
expect 0 a list -tag foo -host=H
grep -q '^1 snapshots$' out || fail '-tag foo finds nothing'
a -q add src
expect 0 a restore -tag=foo latest -target back -verify
[ -e back/src/g ] && [ ! -e back/src/f ] && [ ! -e ag=foo ] || fail "restore -tag=foo: $(find . -name '*foo*' -o -name back)"
says 'verified'
expect 0 a check -read-data
[ ! -e ead-data ] || fail 'check -read-data made a directory'
for words in 'add -excl f src' 'add -exclude-me src' 'restore -tar latest' 'restore -targets latest' 'check -readdata' 'add -exlude f src'; do
	n=$(snapshots)
	# shellcheck disable=SC2086
	expect 1 a $words
	[ "$(snapshots)" = "$n" ] || fail "$words: made a snapshot"
done

# --- before the command ------------------------------------------------------------------------------------------------------------------
n=$(snapshots)
expect 1 a -f src dump latest
says 'write the command first'
[ "$(snapshots)" = "$n" ] || fail '-f src dump latest: made a snapshot'
expect 0 a -file /src/g dump latest
[ "$(cat out)" = two ] || fail '-file /src/g dump latest'
expect 1 a add src --version
says '--version stands alone'
expect 0 a --version
expect 1 a list -q -v
says 'contradict'

# --- secrets -----------------------------------------------------------------------------------------------------------------------------
for words in '--password=hunter2 list' 'list -password=hunter2' '-password hunter2 list' 'list -password hunter2' 'add -password hunter2 src' 'list -passwort=hunter2'; do
	# shellcheck disable=SC2086
	expect 1 a $words
	! grep -q hunter2 out err || fail "$words: says the password again: $(cat err)"
done
