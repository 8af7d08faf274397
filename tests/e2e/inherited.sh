#!/bin/sh
# What a program inherits: standard descriptors that are closed, as crontabs and daemons leave them,
# and pipes that give a file's text in pieces.
set -eu
. tests/lib/e2e.sh
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
mkdir src
for i in $(seq 50); do
	mkdir "src/d$i"
	head -c 100000 /dev/urandom >"src/d$i/data"
done
python3 "$TESTS/lib/manifest.py" src >"$T/want"

# PROGRAM REDIRECTIONS: -vvv writes a line for each file, to whatever has the number of standard
# output.
closed() {
	rm -rf repo back
	new_repo repo
	rc=0
	sh -c "exec $1 -vvv -r repo --pack-size 4 add src missing $2" >"$T/out" 2>"$T/err" || rc=$?
	[ $rc = 3 ] || fail "$1 $2: exit status $rc, not 3"
	a -q -r repo check --read-data || fail "$1 $2: the repository is damaged"
	! grep -rlE 'does not exist|d1/data' repo || fail "$1 $2: messages lie in the repository"
	a -q -r repo restore latest -target back
	same back/src
}
for how in '>&- 2>&-' '<&- 2>&-' '<&- >&- 2>&-' '>&-'; do
	closed "$A_BACKUP" "$how"
done
closed "$A_BACKUP --ranks 2" '>&- 2>&-'
closed "$MPIRUN -n 2 sh -c 'exec \"\$0\" \"\$@\" >&- 2>&-' $A_BACKUP_MPI" ''

# Where a command's output is all that comes of it, nobody may think that it was there; others do
# what they are for.
new_repo lost
for words in 'dump latest /s/f' 'dump latest /' 'list' 'list --json' 'files latest' 'find f' \
	'cat config' 'version' 'list --help'; do
	for how in '>&-' '</dev/null >&0' '<&- >&-'; do
		expect 1 sh -c "exec \"\$0\" -r nowhere $words $how" "$A_BACKUP"
		says 'standard output is closed'
	done
done
for words in 'add src/d1' 'add --json src/d1' 'dump --target got latest /' \
	'restore latest -target back' 'check' 'delete latest --json' 'unlock'; do
	expect 0 sh -c "exec \"\$0\" -r lost $words >&-" "$A_BACKUP"
done
[ -s got ] || fail 'dump --target without standard output'

# A list that was to come from a closed standard input is not an empty one.
mkdir kept
echo kept >kept/file
for words in 'add --files-from - src/d1' 'add --files-from-raw - src/d1' \
	'add --exclude-file - src/d1' 'restore latest -target kept --delete --exclude-file -'; do
	expect 1 sh -c "exec \"\$0\" -r lost $words <&-" "$A_BACKUP"
	says 'Bad file descriptor'
done
[ -s kept/file ] || fail 'restore --delete --exclude-file - <&-: what it was to spare is gone'

# Half a name is another repository.
new_repo proj
new_repo project
mkfifo pipe
pieces() { # TEXT…: through the pipe, with pauses
	for text in "$@"; do
		printf %s "$text"
		sleep 0.3
	done >pipe &
}
pieces proj ect
a -q --repository-file pipe add src/d1
[ "$(ls proj/snapshots | wc -l) $(ls project/snapshots | wc -l)" = '0 1' ] ||
	fail 'the wrong repository'

# Nor do a password's, a pattern file's and a file list's first pieces do.
pieces "$RESTIC_PASSWORD" ' '
RESTIC_PASSWORD='' a -q -r project -p pipe list >out
pieces 'd1' '0' '
d2
'
a -q -r project add src --exclude-file pipe
a -q -r project files latest --recursive >out
! grep -qE '/d(10|2)$' out || fail 'patterns'
grep -q '/d1$' out || fail 'half a pattern'
pieces 'src/d3' '3
'
a -q -r project add --files-from pipe
a -q -r project files latest --recursive >out
grep -q '/d33$' out || fail 'half a file list'

printf 'proj\0ect\n' >zero
expect 1 a --repository-file zero list
grep -q 'no place of a repository' err || fail "$(cat err)"

printf 'proj\n\n' >lines
expect 0 a --repository-file lines list
for text in 'proj\nect\n' 'proj\r\nect' '\nproj\n\nect'; do
	printf "$text" >lines
	for verb in list init; do
		expect 1 a --repository-file lines $verb
		says 'more than one line'
	done
done
[ "$(ls -d proj*)" = "proj
project" ] || fail "a name with a line feed: $(ls -db proj*)"
