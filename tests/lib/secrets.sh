# secrets.sh: to be read by a test after e2e.sh: no secret is ever told.
#
# spy_begin           from now on the command lines of all processes are kept; spy_end (in the
#                     test's trap) ends that
# secret WORD…        these must not be told, nor what they look like in base64 or in a URL
# told CODE COMMAND…  as expect (CODE may be "any"), and all that it prints is kept
# none_told           none of the words was in what was kept

: >"$T/secrets"
: >"$T/said"
spy=

spy_begin() {
	: >"$T/ps"
	python3 tests/lib/ps_spy.py "$T/ps" &
	spy=$!
	n=0
	until [ -s "$T/ps" ]; do
		n=$((n + 1))
		[ $n -lt 200 ] || fail 'no command lines are seen'
		sleep 0.05
	done
}

spy_end() {
	[ -z "$spy" ] || kill $spy 2>/dev/null || true
	spy=
}

# By way of a pipe: what is done here may not be seen in `ps` either.
secret() {
	for secret_word in "$@"; do
		printf '%s\n' "$secret_word"
	done | python3 -c 'import base64, sys, urllib.parse
for word in sys.stdin.read().splitlines():
    print(word)
    print(urllib.parse.quote(word, safe=""))
    # In base64 of a longer text it stands in one of three forms; the first and the last characters
    # depend on its neighbours.
    for n in range(3):
        print(base64.b64encode(b"x" * n + word.encode()).decode()[4 if n else 0:-4])' >>"$T/secrets"
}

told() {
	rc=0
	want_told=$1
	shift
	"$@" >"$T/out" 2>"$T/err" || rc=$?
	cat "$T/out" "$T/err" >>"$T/said"
	[ "$rc" = "$want_told" ] || [ "$want_told" = any ] ||
		fail "exit status $rc, not $want_told: $*: $(tail -n 5 "$T/out" "$T/err")"
}

none_told() {
	# What is too short stands anywhere.
	awk 'length($0) >= 6' "$T/secrets" >"$T/words"
	[ -s "$T/words" ] && [ -s "$T/said" ] && [ -s "$T/ps" ] ||
		fail 'nothing to look for, or nowhere'
	for where in said ps; do
		! grep -aFf "$T/words" "$T/$where" >"$T/found" ||
			fail "a secret is in $where: $(head -n 3 "$T/found")"
	done
}
