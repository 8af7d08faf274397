#!/bin/sh
# What people type: one-dash words, options before the command, forms of values, secrets.  Whatever
# is not understood must be an error, and never be taken for something else: a wrong reading backs
# up, restores or removes the wrong thing in silence.
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

# --- one dash
# ------------------------------------------------------------------------------------------
expect 0 a -q add -exclude f -tag=foo -host H src
expect 0 a ls latest
! grep -q 'src/f$' out || fail '-exclude f: f was backed up'
grep -q 'src/g$' out || fail '-exclude f: g is missing'
expect 0 a list -tag foo -host=H
grep -q '^1 snapshots$' out || fail '-tag foo finds nothing'
a -q add src
expect 0 a restore -tag=foo latest -target back -verify
[ -e back/src/g ] && [ ! -e back/src/f ] && [ ! -e ag=foo ] ||
	fail "restore -tag=foo: $(find . -name '*foo*' -o -name back)"
says 'verified'
expect 0 a check -read-data
[ ! -e ead-data ] || fail 'check -read-data made a directory'
for words in 'add -excl f src' 'add -exclude-me src' 'restore -tar latest' \
	'restore -targets latest' 'check -readdata' 'add -exlude f src'; do
	n=$(snapshots)
	# shellcheck disable=SC2086
	expect 1 a $words
	[ "$(snapshots)" = "$n" ] || fail "$words: made a snapshot"
done

# --- before the command
# ------------------------------------------------------------------------------------------
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

expect 0 a help snapshots
says 'list, snapshots'
expect 1 a help lst
expect 1 a list -json --bad
[ "$(jq -r .message_type err)" = exit_error ] || fail 'list -json --bad: no JSON'

# --- secrets
# ------------------------------------------------------------------------------------------
for words in '--password=hunter2 list' 'list -password=hunter2' '-password hunter2 list' \
	'list -password hunter2' 'add -password hunter2 src' 'list -passwort=hunter2'; do
	# shellcheck disable=SC2086
	expect 1 a $words
	! grep -q hunter2 out err || fail "$words: says the password again: $(cat err)"
done
expect 1 a list -o s3.secret=hunter2
! grep -q hunter2 err || fail "-o s3.secret=: says it again: $(cat err)"

# --- choosing
# ------------------------------------------------------------------------------------------
new_repo c
c() {
	a -r "$T/c" "$@"
}
c -q add src --tag keep --host h1
id=$(ls c/snapshots)
for words in "delete --tag scratch $id" "delete -n -host h2 $id" "delete --path /x $id latest" \
	"forget --tag scratch $id" "list --tag keep $id" "find --tag keep -s $id f"; do
	# shellcheck disable=SC2086
	expect 1 c $words
	says 'is named by its id'
done
[ "$(ls c/snapshots)" = "$id" ] || fail 'delete --tag scratch ID removed it'
expect 0 env RESTIC_HOST=h2 "$A_BACKUP" -r "$T/c" list "$id"
for words in "list $id 0123456789" 'find -s 0123456789 f' 'snapshots latest:/ --json'; do
	# shellcheck disable=SC2086 # one that names nothing does not keep the others, as in restic
	expect 0 c $words
	says 'Ignoring "'
done
expect 0 c list "$id" 0123456789 --json
[ "$(jq -r '.[].id' out)" = "$id" ] || fail "list of an id and of nothing: $(cat out)"
expect 0 c restore --host h2 "$id" -target back-c # restic's restore, ls and dump take a filter that says nothing
expect 0 c -q add src --tag ' nightly, project ,' --tag 'two words'
[ "$(c cat snapshot latest | jq -c .tags)" = '["nightly","project","two words"]' ] ||
	fail "tags: $(c cat snapshot latest | jq -c .tags)"
for tag in project 'nightly, project' ' two words '; do
	expect 0 c list --tag "$tag" --json
	[ "$(jq length out)" = 1 ] || fail "list --tag '$tag': $(jq length out)"
done
expect 1 c restore latest --include '' -target back-d
[ ! -e back-d ] || fail "--include '' restored something"
expect 1 c restore latest --include-file /dev/null -target back-d
expect 1 c restore latest --include-xattr '' -target back-d
expect 0 c restore latest --exclude '' --exclude-xattr '' -target back-d
[ -e back-d/src/f ] || fail "--exclude '' left something out"
expect 1 c find --oldest 2030-01-01 --newest 2020-01-01 f
says '--oldest must be a time before'
expect 0 c find --oldest '' --newest '' f
says '2 hits'
expect 0 c -q add --exclude-larger-than 0 src
expect 0 c ls latest
! grep -q 'src/f$' out || fail '--exclude-larger-than 0 leaves nothing out'
: >src/empty
expect 0 c -q add --exclude-larger-than 0 src
expect 0 c ls latest
grep -q 'src/empty$' out || fail '--exclude-larger-than 0 leaves empty files out'
expect 0 c -q add --exclude-larger-than '' src
expect 0 c ls latest
grep -q 'src/f$' out || fail "--exclude-larger-than '' leaves something out"

# --- the forms that restic takes
# ------------------------------------------------------------------------------------------
for words in -v=2 -q=true --latest=0 --retry-lock=-5s --retry-lock=.5s --tag=, --json=T \
	--pack-size=0; do
	expect 0 c list "$words"
done
for words in --retry-lock=1.2.3s --json=yes '-q -v' --latest=-1 --pack-size=3; do
	# shellcheck disable=SC2086
	expect 1 c list $words
done
for words in --parent= --time= --read-concurrency=0 --pack-size=0 -n=false --host=; do
	expect 0 c -q add "$words" src
done
expect 1 c add --exclude-larger-than=1.5k src
[ "$(c cat snapshot latest | jq -r .hostname)" = "$(hostname)" ] || fail '--host= is not this host'

# --- --ignore-ctime hides a change only while it is given
# --------------------------------------------------------------------------------
mkdir ig
echo 1234 >ig/f
echo same >ig/g
touch -d "1 hour ago" ig/f ig/g # younger times are not believed
c -q add ig
tree=$(c cat snapshot latest | jq -r .tree)
touch -r ig/f stamp
sleep 0.1
echo 5678 >ig/f # another content, the same size and time
touch -r stamp ig/f
expect 0 env RESTIC_IGNORE_CTIME=TRUE "$A_BACKUP" -r "$T/c" add --json ig
tail -n 1 out | jq -e '.files_unmodified == 2 and .files_changed == 0' >jq ||
	fail "a file taken over with --ignore-ctime: $(tail -n 1 out)"
[ "$(c cat snapshot latest | jq -r .tree)" = "$tree" ] ||
	fail '--ignore-ctime: what was taken over has another node'
expect 0 c add --ignore-ctime ig
[ "$(c dump latest ig/f)" = 1234 ] || fail '--ignore-ctime reads the file'
expect 0 c add --json ig
tail -n 1 out | jq -e '.files_unmodified == 1 and .files_changed == 1' >jq ||
	fail "without --ignore-ctime again: $(tail -n 1 out)"
[ "$(c dump latest ig/f)" = 5678 ] || fail 'the change is hidden for ever'

# The snapshot says when the command began, not when its password was found.
printf '#!/bin/sh\nsleep 2\necho x\n' >slow
chmod +x slow
from=$(date +%s)
expect 0 env -u RESTIC_PASSWORD "$A_BACKUP" -q -r "$T/c" --password-command "$T/slow" add src
[ $(($(date -d "$(c cat snapshot latest | jq -r .summary.backup_start)" +%s) - from)) -lt 2 ] ||
	fail 'backup_start is when the key was made'
