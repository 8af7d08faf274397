#!/bin/sh
# A second run over unchanged data opens no file and stores a snapshot only, or nothing with
# --skip-if-unchanged.
set -eu
. tests/lib/e2e.sh
python3 tests/lib/mktree.py "$T/src"
new_repo repo
cd "$T"
# The first one two minutes from now: files must be older than that by a minute for their times to
# be believed.
later 120 $A_BACKUP -q -r repo add --time "$(date '+%F %T')" src
files() {
	find repo -type f | grep -v /locks/ | sort
}
files >before
opened() { # of what strace saw: files (not directories) of the source that were opened
	grep -hE 'open(at)?\(' trace* | grep -v 'O_DIRECTORY\|O_PATH' |
		grep -E '"([^"]*/)?(src|b[^"]|random[0-9]+|zero[0-9]+|t[0-9]|mode[0-9]+|f|bottom)"' | grep -v ENOENT || true
}
strace -f -o trace -e trace=open,openat,openat2 "$A_BACKUP" -q -r repo --ranks 2 add src
[ -z "$(opened)" ] || fail "files were opened: $(opened | head -n 3)"
files >after
diff before after >new || true
[ "$(grep -c '^>' new)" = 1 ] && grep -q '^> repo/snapshots/' new ||
	fail "more than a snapshot was stored: $(cat new)"
$A_BACKUP -q -r repo add --skip-if-unchanged src
files >skipped
cmp after skipped || fail '--skip-if-unchanged stored something'
# The watching works: a changed file is seen to be opened.
echo change >>src/sizes/random511
strace -f -o trace2 -e trace=open,openat,openat2 "$A_BACKUP" -q -r repo add src
rm trace
opened | grep -q random511 || fail 'strace did not show the file that had to be read'
# Access times stay as they are.
touch -a -d '2001-01-01' src/sizes/random1048576
$A_BACKUP -q -r repo add --force src
[ "$(stat -c %X src/sizes/random1048576)" = "$(date -d 2001-01-01 +%s)" ] ||
	fail 'the access time was changed'
