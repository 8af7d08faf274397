#!/bin/sh
# The command line: exit codes, where passwords come from, help, output for people and for programs
# (the members of every JSON object are restic's).
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh)
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
# keys: the members of each object of a stream, and those inside, one object a line, in order.
keys() {
	jq -c 'def k: if type == "object" then to_entries | map({(.key): (.value | k)}) | add // {} elif type == "array" then (map(k) | unique) else type end; k'
}
same_keys() { # WHAT: $T/ours and $T/theirs hold JSON with the same members, in the same order, of the same types
	keys <"$T/ours" >"$T/ours.keys"
	keys <"$T/theirs" >"$T/theirs.keys"
	[ -s "$T/theirs.keys" ] || fail "$1: restic printed no JSON"
	diff "$T/theirs.keys" "$T/ours.keys" >&2 || fail "$1: other members than restic's"
}

mkdir -p src/a/b 'src/with blank'
echo one >src/a/f1
echo two >src/a/b/f2
: >src/a/empty
ln -s f1 src/a/link
mkfifo src/a/fifo
echo three >'src/with blank/f 3'

# --- help, version, mistakes
# ------------------------------------------------------------------------------------------
expect 1 a
says 'a_backup FILE...'
expect 0 a --help
says 'srun a_backup add'
expect 0 a help restore
says '--target DIR'
expect 0 a restore-newer -h
says 'a_backup restore-newer'
expect 0 a version
says 'a_backup '
expect 0 a --version
expect 0 a version --json
[ "$(jq -r .message_type out)" = version ] || fail 'version --json'
# The manual page knows every option of the help screens.
sed 's/\\-/-/g' "$TESTS/../docs/man/a_backup.1" >page
for v in '' add init list files find restore dump delete check cat unlock; do
	for o in $(a $v --help | grep -oE -- '--[a-z-]+' | sort -u); do
		grep -qE -- "$o([^a-z-]|\$)" page || fail "the manual page does not know $o of $v"
	done
done
expect 1 a add --exlude x src
says 'did you mean --exclude?'
expect 1 a list --exclude x
says '--exclude is no option of list'
expect 1 a list --json --bad
[ "$(jq -c '[.message_type, .code]' err)" = '["exit_error",1]' ] || fail 'a bad option with --json'
expect 1 a lsit
says '"lsit" is neither a command nor a file'
expect 1 a mount
says 'no command "mount"'
expect 1 a list
says 'RESTIC_REPOSITORY'
expect 1 a -r repo --repository-file x list
says 'given twice'
expect 1 a -r gopher:x list
expect 1 a -r repo add --pack-size 3 src
says 'from 4 to 128'
expect 1 a -r repo add --compression best src
expect 1 env RESTIC_PACK_SIZE=huge "$A_BACKUP" -r repo add src
expect 1 a -r repo init --repository-version 3
expect 1 a -r repo add src --exclude '[a'
expect 1 a -r repo restore latest --include x --exclude y
expect 1 a -r repo restore latest --overwrite sometimes
expect 1 a -r repo check --read-data-subset 3/2
expect 1 a -r repo check --read-data-subset 0%

# --- no repository, wrong password, where the password comes from
# ------------------------------------------------------------------------
expect 10 a -r repo add src
says 'a_backup -r repo init'
expect 10 a -r repo list --json
[ "$(jq -c '[.message_type, .code]' err)" = '["exit_error",10]' ] ||
	fail 'exit_error of a missing repository'
expect 1 env -u RESTIC_PASSWORD "$A_BACKUP" -r repo init --insecure-no-password --password-file x
expect 12 env -u RESTIC_PASSWORD "$A_BACKUP" -r repo init </dev/null
says 'no password is given'
[ ! -e repo ] || fail 'a repository without a password'
expect 0 a -r repo init
says 'created repository'
expect 1 a -r repo init
says 'there is a repository already'
expect 0 a -r repo list
rm -r repo
new_repo repo
expect 12 env RESTIC_PASSWORD=wrong "$A_BACKUP" -r repo list
expect 12 env -u RESTIC_PASSWORD "$A_BACKUP" -r repo list
printf '  x \n' >pw
expect 0 env -u RESTIC_PASSWORD "$A_BACKUP" -r repo -p pw list
expect 0 env RESTIC_PASSWORD=wrong "$A_BACKUP" -r repo -p pw list
expect 0 env -u RESTIC_PASSWORD RESTIC_PASSWORD_FILE=pw "$A_BACKUP" -r repo list
expect 0 env -u RESTIC_PASSWORD "$A_BACKUP" -r repo --password-command 'echo " x"' list
expect 1 env -u RESTIC_PASSWORD "$A_BACKUP" -r repo --password-command 'echo x' -p pw list
rc=0
echo x | env -u RESTIC_PASSWORD "$A_BACKUP" -r repo list >out || rc=$?
[ $rc = 0 ] || fail 'a password from standard input'
rc=0
echo x | env RESTIC_PASSWORD=wrong "$A_BACKUP" -r repo -password list >out || rc=$?
[ $rc = 0 ] || fail '-password asks although there is one in the environment'
echo ' repo ' >place
expect 0 a --repository-file place list
expect 0 env RESTIC_REPOSITORY=repo "$A_BACKUP" list
expect 1 a -r empty --insecure-no-password init
expect 0 env -u RESTIC_PASSWORD "$A_BACKUP" -r empty --insecure-no-password init
expect 0 env -u RESTIC_PASSWORD "$A_BACKUP" -r empty --insecure-no-password list
expect 12 a -r empty list

# --- init
# ------------------------------------------------------------------------------------------
a -r v1 init --repository-version 1 --json >ours
$restic -r r1 init --repository-version 1 --json >theirs
same_keys init
[ "$(a -r v1 cat config | jq .version)" = 1 ] || fail 'a version 1 repository'
expect 1 a -r v2 init --copy-chunker-params
says '--from-repo'
RESTIC_FROM_PASSWORD=x a -q -r v2 init --copy-chunker-params --from-repo v1
[ "$(a -r v2 cat config | jq -r .chunker_polynomial)" = \
	"$($restic -r v1 cat config | jq -r .chunker_polynomial)" ] || fail 'the chunker parameters'
RESTIC_FROM_REPOSITORY=v2 RESTIC_FROM_PASSWORD=y expect 12 a -r v3 init --copy-chunker-params

# --- add
# ------------------------------------------------------------------------------------------
expect 0 a -r repo src
says 'snapshot '
says 'no parent snapshot found'
expect 0 a -r repo --tag t1,t2 --tag t3 --host h1 --time '2026-01-02 03:04:05' add src/a
[ "$(a -r repo list --json | jq -c '.[0] | [.time, .hostname, .tags]')" = \
	'["2026-01-02T03:04:05Z","h1",["t1","t2","t3"]]' ] || fail '--tag, --host, --time'
expect 3 a -r repo add src nothing
says 'nothing: does not exist'
says 'at least one source file could not be read'
expect 3 a -r repo add --json src nothing
[ "$(jq -c '[.message_type, .code // .item]' err | tr -d '\n')" = \
	'["error","nothing"]["exit_error",3]' ] || fail 'errors of add --json'
expect 1 a -r repo add nothing
says 'none of what was named exists'
expect 1 a -r repo add
says 'nothing to back up'
expect 0 a -r repo add -n src
says 'Would add'
n=$(a -r repo list --json | jq length)
a -q -r repo add --dry-run src
a -q -r repo add --skip-if-unchanged src
[ "$(a -r repo list --json | jq length)" = "$n" ] ||
	fail '--dry-run or --skip-if-unchanged saved a snapshot'
printf 'src/a\n# comment\n\n' >lines
printf 'src/a/b\0src/with blank\0' >nul
a -q -r repo add --files-from lines --files-from-raw nul
[ "$(a -r repo list --json | jq -c '.[-1].paths | map(sub(".*/src"; "src"))')" = \
	'["src/a","src/a/b","src/with blank"]' ] || fail '--files-from'
echo src/a/f1 | a -q -r repo add --files-from-verbatim -
[ "$(a -r repo files latest | tail -n 1)" = /src/a/f1 ] || fail '--files-from-verbatim -'
echo '*/b' >ex
a -q -r repo add --tag excl --exclude-file ex --iexclude 'F1' -e 'with*' --exclude-larger-than 3 src
a -r repo files latest --tag excl | grep -v '^snapshot' | tr '\n' ' ' >got
[ "$(cat got)" = '/src /src/a /src/a/empty /src/a/fifo /src/a/link ' ] ||
	fail "exclude options left $(cat got)"
touch src/a/b/skip
a -q -r repo add --tag present --exclude-if-present skip src
a -r repo files latest --tag present | grep -q '/f2$' && fail '--exclude-if-present'
rm src/a/b/skip
a -r repo add src --json >all
grep '"summary"' all | jq -c \
	'[.retries, .files_vanished, .dirs_vanished, .parts_lost] as $own | if ($own | map(type) | unique) == ["number"] then del(.retries, .files_vanished, .dirs_vanished, .parts_lost) else error("not ours: \($own)") end' >ours
$restic -r r1 backup src --json | grep '"summary"' >theirs
same_keys 'add'
[ "$(jq -r .snapshot_id ours)" = "$(a -r repo list --json | jq -r '.[-1].id')" ] ||
	fail 'the snapshot_id of the summary'
a -r repo add -n src --json | grep '"summary"' | jq -e '.dry_run == true' >got ||
	fail 'dry_run in the summary'
[ "$(RESTIC_PROGRESS_FPS=60 a -r repo add --force src --json | jq -r 'select(.message_type == "status") | [.files_done, .bytes_done, .seconds_elapsed, .percent_done] | map(type) | unique[0]' | sort -u)" != string ] || fail 'status'
a -r repo add src --json --verbose=2 >all
grep -q '"action":"unchanged","item":"[^"]*/src/a/f1"' all || fail 'verbose_status'

# --- host names: stable over the nodes of a cluster
# ---------------------------------------------------------------------------------------
SLURM_JOB_ID=1 SLURM_CLUSTER_NAME=roihu a -q -r v2 add src
[ "$(a -r v2 list --json | jq -r '.[-1].hostname')" = roihu ] || fail 'the cluster as host name'
RESTIC_HOST=mine SLURM_JOB_ID=1 SLURM_CLUSTER_NAME=roihu a -q -r v2 add src
[ "$(a -r v2 list --json | jq -r '.[-1].hostname')" = mine ] || fail 'RESTIC_HOST'
[ "$(RESTIC_HOST=roihu a -r v2 list --json | jq length)" = 1 ] || fail 'RESTIC_HOST filters a list'
[ "$(RESTIC_HOST=roihu a -r v2 list --host '' --json | jq length)" = 2 ] ||
	fail '--host "" takes the filter away'

# --- list
# ------------------------------------------------------------------------------------------
a -q -r repo add --time '2026-01-02 03:04:06' 'src/with blank' src/a # restic sorts paths, but only when it prints them
a -r repo list --json >ours
$restic -r repo snapshots --json >theirs
cmp ours theirs || fail 'list --json is not restic snapshots --json'
for o in '--group-by host' '--group-by host,paths,tags' '--latest 1' \
	'--latest 2 --group-by host,paths' '--tag t1,t3' "--path $T/src" '--host h1' \
	"--tag t1 --tag ''" latest; do
	# restic prints groups in no order
	eval "a -r repo list --json $o" | jq -S 'sort_by(.group_key)' >ours
	eval "$restic -r repo snapshots --json $o" | jq -S 'sort_by(.group_key)' >theirs
	cmp ours theirs || fail "list --json $o"
done
for o in '' '--compact' '--group-by host,tags,paths --host h1' '--latest 1'; do
	eval "a -r repo list $o" >ours
	eval "$restic -r repo snapshots $o" | grep -v '^Timestamps shown' >theirs
	diff theirs ours >&2 || fail "list $o"
done
expect 0 a -r repo list -last
says ' snapshots'
expect 1 a -r repo list --group-by size

# --- files
# ------------------------------------------------------------------------------------------
for o in latest 'latest --long' 'latest --json' 'latest /src' \
	'latest /src --recursive' 'latest:/src/a' 'latest:/src /a --json'; do
	a -r repo files $o >ours
	$restic -r repo ls $o >theirs
	diff theirs ours >&2 || fail "files $o"
done
expect 1 a -r repo files latest /nowhere
says '/nowhere is not in the snapshot'
expect 1 a -r repo files latest src
expect 1 a -r repo files
expect 1 a -r repo files 00000000
expect 1 a -r repo files latest:/src/a/f1

# --- find
# ------------------------------------------------------------------------------------------
same_find() { # OPTIONS
	eval "a -r repo find $1" | sed '/^[0-9]* hits in [0-9]* snapshots$/d' |
		sed '$ { /^$/d }' >ours
	eval "$restic -r repo find $1" >theirs
	diff theirs ours >&2 || fail "find $1"
	eval "a -r repo find --json $1" >ours
	eval "$restic -r repo find --json $1" >theirs
	diff theirs ours >&2 || fail "find --json $1"
}
for o in f1 '-i F1' '/src/a' '/src/*/b' "'with blank'" 'f1 f2' '-l link' "'[ef]*'" "--newest '2001-01-01' f1" "--oldest '2001-01-01 10:00:00' f1" '--tag t1 f1' '-R f2' nothing \
	'-s latest f1' "'!x'" '/a'; do
	same_find "$o"
done
a -r repo find f1 | tail -n 1 >got
hits=$($restic -r repo find f1 --json | jq '[.[].hits] | add')
[ "$(cat got)" = "$hits hits in $hits snapshots" ] || fail "find ends with $(cat got)"
[ "$(a -r repo find nothing)" = '0 hits in 0 snapshots' ] || fail 'find without a hit'
expect 1 a -r repo find
expect 1 a -r repo find --newest tomorrow x

# By ID: blobs, trees and packs of files and directories; restic leaves the trees of a pack out.
blob=$($restic -r repo cat snapshot "$(a -r repo list --json | jq -r '.[-1].id')" | jq -r .tree)
for name in src a f1; do
	$restic -r repo cat blob "$blob" | jq ".nodes[] | select(.name == \"$name\")" >node
	tree=$blob blob=$(jq -r '.subtree // .content[0]' node)
done
a -r repo find --blob --show-pack-id "$blob" | sed -n 's/^Object belongs to pack //p' >pack
[ "$(wc -l <pack)" = 1 ] || fail "the pack of $blob"
for o in "--blob $blob" "--blob $(echo "$blob" | cut -c 1-8)" "--tree $tree" \
	"-R --tree $tree $blob" "--pack $(cat pack)" '--blob 00000000' "-s latest --blob $blob"; do
	same_find "$o"
done
expect 1 a -r repo find --blob --tree "$tree"
expect 1 a -r repo find --blob f1
says 'not an ID'
expect 1 a -r repo find --pack 00000000
says 'does not have the pack 00000000'
# What cannot be read hides only what lies in it.
a -r repo find --tree --show-pack-id "$tree" | sed -n 's/^Object belongs to pack //p' >pack
mv "repo/data/$(cut -c 1-2 pack)/$(cat pack)" lost
expect 1 a -r repo find --pack "$(cat pack)"
grep -q "^error: [0-9a-f]*:/" err || fail 'what could not be read is not named'
mv lost "repo/data/$(cut -c 1-2 pack)/$(cat pack)"
# Two snapshots with one tree: d/f1 is found in both, and d/sub, whose tree is gone, named for both.
mkdir -p found/d/sub
echo one >found/d/f1
new_repo damaged
a -q -r damaged add found
find damaged/data -type f >before
touch found/d/f1
a -q -r damaged add found
a -q -r damaged add found
xargs rm <before
expect 1 a -r damaged find --json f1
[ "$(jq length out)" = 2 ] || fail \
	"a directory that cannot be read hides what lies beside it: $(cat out)"
[ "$(grep -c ':/found/d/sub"' err)" = 2 ] || fail "not both are named: $(cat err)"

# --- restore
# ------------------------------------------------------------------------------------------
a -q -r repo add src
a -r repo restore latest -target out1 >said
grep -q '^restoring snapshot .* to out1$' said && grep -q '^Summary: Restored ' said ||
	fail 'what restore says'
diff -r --no-dereference -x fifo src out1/src || fail 'restore'
[ -p out1/src/a/fifo ] || fail 'a fifo'
# The wrapper's three ways: keep, overwrite, only what is newer.
echo changed >out1/src/a/f1
touch -d '2001-01-01' out1/src/a/b/f2
echo longer-and-older >out1/src/a/b/f2
touch -d '2001-01-01' out1/src/a/b/f2
a -q -r repo restore latest -target out1
[ "$(cat out1/src/a/f1)" = changed ] || fail 'restore overwrote a file'
a -q -r repo restore-newer latest -target out1
[ "$(cat out1/src/a/f1)" = changed ] || fail 'restore-newer overwrote a newer file'
[ "$(cat out1/src/a/b/f2)" = two ] || fail 'restore-newer kept an older file'
a -q -r repo restore-overwrite latest -target out1
[ "$(cat out1/src/a/f1)" = one ] || fail 'restore-overwrite kept a file'
echo changed >out1/src/a/f1
a -q -r repo restore latest --overwrite always --target out1
[ "$(cat out1/src/a/f1)" = one ] || fail '--overwrite'
(mkdir -p here && cd here && a -q -r ../repo restore latest:/src/a --include /b) &&
	[ "$(cat here/b/f2)" = two ] && [ ! -e here/f1 ] ||
	fail 'the current directory, SNAPSHOT:DIR and --include'
a -r repo restore latest -target out2 --json | grep summary >ours
$restic -r repo restore latest --target out3 --json | grep summary >theirs
[ "$(jq -c 'del(.seconds_elapsed)' ours)" = "$(jq -c 'del(.seconds_elapsed)' theirs)" ] ||
	fail 'restore --json'
for v in -v -vv; do # restic names files at the second v only
	rm -rf out2 out3
	a -r repo restore latest -target out2 --json $v | grep -c verbose_status >ours || true
	$restic -r repo restore latest --target out3 --json $v | grep -c verbose_status >theirs ||
		true
	cmp ours theirs || fail "restore --json $v"
done
touch out2/extra out2/src/a/extra
expect 0 a -r repo restore latest -target out2 --delete --dry-run -vv
[ -e out2/src/a/extra ] || fail '--dry-run deleted'
a -q -r repo restore latest -target out2 --delete
[ ! -e out2/src/a/extra ] || fail '--delete'
expect 0 a -r repo restore latest -target out2 --verify --overwrite always
expect 1 a -r repo restore
expect 1 a -r repo restore latest a b
expect 1 a -r repo restore nosuchid --json
[ "$(jq -c '[.message_type, .code]' err)" = '["exit_error",1]' ] || fail 'exit_error of restore'

# --- dump
# ------------------------------------------------------------------------------------------
[ "$(a -r repo dump latest /src/a/f1)" = one ] || fail dump
[ "$(a -r repo dump latest -file 'src/with blank/f 3')" = three ] || fail 'dump -file'
[ "$(a -r repo dump latest:/src a/b/f2)" = two ] || fail 'dump SNAPSHOT:DIR'
a -r repo dump latest /src/a -target d.tar
[ "$(stat -c %a d.tar)" = 600 ] || fail 'the mode of a dump'
mkdir -p d1 d2
tar -xf d.tar -C d1
$restic -r repo dump latest /src/a | tar -xf - -C d2
diff -r --no-dereference -x fifo d1 d2 && diff -r --no-dereference -x fifo d1/src/a src/a ||
	fail 'dump as tar'
# restic rounds times to seconds and takes a fifo for an empty file
meta() {
	grep -v fifo | awk '{print $1, $2, $3, $6, $7, $8}'
}
[ "$(tar -tvf d.tar --full-time | meta)" = \
	"$($restic -r repo dump latest /src/a | tar -tv --full-time | meta)" ] ||
	fail 'the metadata of tar'
expect 1 a -r repo dump latest /src/a/link
expect 1 a -r repo dump latest /nowhere
expect 1 a -r repo dump latest

# --- check, cat, unlock
# ------------------------------------------------------------------------------------------
[ "$(a -r repo check | tail -n 1)" = 'no errors were found' ] || fail check
[ "$(a -r repo check --read-data | tail -n 1)" = 'no errors were found' ] ||
	fail 'check --read-data'
[ "$(a -r repo check --read-data-subset 1/2 | tail -n 1)" = 'no errors were found' ] ||
	fail 'check --read-data-subset'
a -r repo check --json >ours
$restic -r repo check --json >theirs
cmp ours theirs || fail 'check --json'
# Whatever is wrong, it is said what to do.
cp -R repo hurt
chmod -R u+w hurt
mkdir aside
mv hurt/index/* aside
expect 1 a -r hurt check
says 'a_backup repair index'
grep -q prune out err && fail 'a lost index, and check says to prune'
mv aside/* hurt/index
for f in hurt/snapshots/*; do
	printf x >>"$f"
	break
done
expect 1 a -r hurt check
says 'the file is damaged'
says 'a_backup check --read-data'
rm -r hurt
for o in config "snapshot $(ls repo/snapshots | head -n 1)" "key $(ls repo/keys)" "index $(ls repo/index | head -n 1)" "tree $(ls repo/snapshots | tail -n 1)" "tree $(ls repo/snapshots | tail -n 1):/src" \
	"pack $(ls repo/data/*/ | grep -v : | grep . | head -n 1)" masterkey \
	"blob $($restic -r repo list blobs | awk '/^data/ {print $2; exit}')"; do
	a -r repo cat $o >ours
	$restic -r repo cat $o >theirs
	[ "${o%% *}" != index ] || sed -i '/^$/d' theirs # before 0.19 an empty line follows
	cmp ours theirs || fail "cat $o"
done
expect 0 a -r repo cat snapshot latest
expect 0 a -r repo cat tree latest:src/a
expect 1 a -r repo cat blob 1234
expect 1 a -r repo cat everything
# A lock of a process that is no more; an exclusive one makes others wait.
locks() { # whole ones: a name that restic still writes to is none yet
	ls repo/locks | grep -v -e -tmp- || true
}
lock() {
	$restic -r repo check >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 500); do
		[ -n "$(locks)" ] && break
		sleep 0.01
	done
	kill -9 $pid
	wait $pid 2>/dev/null || true
}
lock
[ -n "$(locks)" ] || fail 'no lock was left to test with'
expect 11 a -r repo add src
says 'a_backup unlock'
expect 11 a -r repo list --json
[ "$(jq -c '[.message_type, .code]' err)" = '["exit_error",11]' ] || fail 'exit_error of a lock'
expect 0 a -r repo list --no-lock
expect 0 a -r repo --no-lock cat lock "$(locks)"
expect 11 a -r repo add src --retry-lock 1s
expect 0 a -r repo unlock
says 'successfully removed 1 locks'
expect 0 a -r repo add src
[ -z "$(locks)" ] || fail 'a lock was left behind'

# --- signals: the lock is removed, exit code 130
# -----------------------------------------------------------------------------------------
head -c 400000000 /dev/urandom >src/big
for sig in INT TERM; do
	for how in '' '--ranks 3'; do
		# A shell starts background jobs with SIGINT ignored, and what is ignored stays so.
		python3 -c \
			'import os,signal,sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' "$A_BACKUP" -r repo add $how src >out 2>err &
		pid=$!
		for _ in $(seq 500); do
			[ -n "$(ls repo/locks)" ] && break
			sleep 0.01
		done
		sleep 0.3
		kill -$sig $pid
		rc=0
		wait $pid || rc=$?
		[ $rc = 130 ] || fail "SIG$sig $how: exit status $rc: $(cat out err)"
		[ -z "$(ls repo/locks)" ] || fail "SIG$sig $how left a lock"
	done
done
rm src/big
# A reader that goes away is no reason to leave a lock either.
a -r repo list | head -n 1 >got
a -r repo find '*' | head -n 1 >got
[ -z "$(ls repo/locks)" ] || fail 'a closed pipe left a lock'

# --- several ranks
# ------------------------------------------------------------------------------------------
tree() {
	a -r repo list --json | jq -r '.[-1].tree'
}
a -q -r repo add src
one=$(tree)
echo 'f 3' >with
a -q -r repo add --ranks 4 src
[ "$(tree)" = "$one" ] || fail '--ranks 4: another tree'
if command -v mpirun >/dev/null && [ -x "$A_BACKUP_MPI" ]; then
	# Started as tasks, a_backup becomes a_backup-mpi; a file of patterns is read by rank 0
	# alone.
	$MPIRUN -n 3 "$A_BACKUP" -q -r repo add src || fail 'mpirun'
	[ "$(tree)" = "$one" ] || fail 'mpirun: another tree'
	a -q -r repo add --force --exclude-file with src
	one=$(tree)
	n=$(a -r repo list --json | jq length)
	V=3 $MPIRUN -n 3 sh -c \
		'[ "${PMIX_RANK:-${OMPI_COMM_WORLD_RANK:-0}}" = 0 ] || unset V; exec "$@"' sh \
		"$A_BACKUP" -q -r repo add --force --exclude-file /dev/stdin src \
		<<-'EOF' || fail 'mpirun with patterns'
		f $V
	EOF
	[ "$(tree)" = "$one" ] || fail 'patterns differ between ranks'
	[ "$(a -r repo list --json | jq length)" = $((n + 1)) ] || fail 'more than one snapshot'
	[ "$($MPIRUN -n 3 "$A_BACKUP" -r repo list --json | jq length)" = $((n + 1)) ] ||
		fail 'list under mpirun'
	expect 10 $MPIRUN -n 2 "$A_BACKUP" -r none add src
	expect 3 $MPIRUN -n 2 "$A_BACKUP" -r repo add src nothing
	# A launcher ends the job when a task fails, maybe before it has read rank 0's last
	# sentence: only rank 0 says how the job ended.
	expect 3 $MPIRUN -n 3 sh -c '"$@"
		rc=$? rank=${PMIX_RANK:-${OMPI_COMM_WORLD_RANK:-0}}
		echo "$rank $rc" >"ended.$rank"
		[ "$rank" != 0 ] || sleep 1
		exit $rc' sh "$A_BACKUP" -r repo add src nothing
	[ "$(cat ended.0 ended.1 ended.2 | tr '\n' ,)" = '0 3,1 0,2 0,' ] ||
		fail "exit statuses of the ranks: $(cat ended.*)"
	expect 1 $MPIRUN -n 2 "$A_BACKUP" -r repo add --bad
	expect 0 $MPIRUN -n 2 "$A_BACKUP" --help
	mkdir -p alone && cp "$A_BACKUP" alone/
	expect 1 $MPIRUN -n 2 alone/a_backup -r repo add src
	says 'one of 2 tasks'
	expect 0 $MPIRUN -n 2 alone/a_backup -r repo list # which needs no MPI, nor takes mpirun's terminal for one
	! grep -q 'opened (version' out || fail \
		"a serial command under mpirun thinks that it is on a terminal: $(head -n 3 out)"
fi
$restic -r repo check --read-data | tail -n 1 | grep -q 'no errors were found' ||
	fail 'restic check'
