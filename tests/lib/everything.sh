# everything.sh: to be read by a test after e2e.sh: all that a user does with a repository, on any
# store, beside restic as another client of the same store.
#
# everything_begin: makes the tree $T/src (its manifest is $T/want) and a local repository $T/first
# with that tree in it; $restic is set by the caller.
# everything REPO COMMAND…: COMMAND is what adds first ("$A_BACKUP --ranks 3", "mpirun …
# a_backup-mpi"); the second add is by one rank.  Environment: the store's credentials.

everything_begin() {
	python3 "$TESTS/lib/mktree.py" "$T/src"
	rm -rf "$T/src/names/"*[!a-zA-Z0-9._]* # names that `files` cannot print on one line; other tests have them
	python3 "$TESTS/lib/manifest.py" "$T/src" >"$T/want"
	new_repo first
	head -c 3000000 /dev/urandom >"$T/other"
	(cd "$T" && $A_BACKUP -q -r first add src)
	first_tree=$(tree_of first)
}

# trees_of REPO: of all snapshots, the oldest first, as restic sees them.
trees_of() {
	$restic -r "$1" snapshots --json | python3 -c \
		'import json,sys; print(*(s["tree"] for s in sorted(json.load(sys.stdin), key=lambda s: s["time"])))'
}

# In a shell of its own, in $T: the tree of an absolute path holds the directories above it, and
# they change all the time.
everything() (
	repo=$1
	shift
	cd "$T"
	RESTIC_FROM_PASSWORD=x expect 0 "$A_BACKUP" -q -r "$repo" init --from-repo "$T/first" \
		--copy-chunker-params
	expect 10 "$A_BACKUP" -r "$repo-there-is-none" list
	expect 0 "$@" -q -r "$repo" add src
	expect 0 "$A_BACKUP" -r "$repo" --json add src
	tail -n 1 "$T/out" | jq -e \
		'.files_unmodified > 100 and .files_new == 0 and .data_blobs == 0 and .tree_blobs == 0' >"$T/jq" || fail "$repo: an unchanged add: $(tail -n 1 "$T/out")"

	expect 0 "$A_BACKUP" -r "$repo" --json list
	[ "$(jq length "$T/out")" = 2 ] || fail "$repo: list: $(cat "$T/out")"
	expect 0 "$A_BACKUP" -r "$repo" files latest
	find src ! -type s | sed 's|^|/|' | sort >"$T/found"
	grep '^/' "$T/out" | sort | diff "$T/found" - || fail "$repo: files"
	expect 0 "$A_BACKUP" -r "$repo" find 'random1048576'
	grep -q '^2 hits in 2 snapshots' "$T/out" || fail "$repo: find: $(cat "$T/out")"
	expect 0 "$A_BACKUP" -r "$repo" dump latest "/src/sizes/random1048576"
	cmp "$T/out" "$T/src/sizes/random1048576" || fail "$repo: dump"
	expect 0 "$A_BACKUP" -q -r "$repo" restore latest --target "$T/back"
	same "$T/back/src"
	rm -rf "$T/back"
	expect 0 "$A_BACKUP" -r "$repo" check --read-data
	grep -q 'no errors were found' "$T/out" || fail "$repo: check: $(cat "$T/out")"

	# restic's own client of this store reads it, and writes what we read.
	[ "$(trees_of "$repo")" = "$first_tree $first_tree" ] ||
		fail "$repo: the trees are not that of the local repository"
	expect 0 $restic -r "$repo" check --read-data
	grep -q 'no errors were found' "$T/out" || fail "$repo: restic check: $(cat "$T/out")"
	expect 0 $restic -q -r "$repo" restore latest --target "$T/back"
	same "$T/back/src"
	rm -rf "$T/back"
	expect 0 $restic -q -r "$repo" backup other
	expect 0 "$A_BACKUP" -q -r "$repo" restore latest --target "$T/back"
	cmp other back/other || fail "$repo: what restic stored"
	rm -rf "$T/back"
)
