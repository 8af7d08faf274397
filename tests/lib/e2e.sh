# e2e.sh: sourced by the end-to-end scripts.  T is their folder; new_repo, tree_of, same, expect,
# says, fail.
T=$TMPDIR
TESTS=$PWD/tests TOOLS=$PWD/$B/tests
export RESTIC_PASSWORD=x RESTIC_CACHE_DIR="$T/cache"
MPIRUN=${MPIRUN:-mpirun --oversubscribe}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# new_repo NAME [FROM]: a repository in T, with the chunker polynomial of another one.  Its key is
# cheap to open.
new_repo() {
	"$TOOLS/light_repo" "$T/$1" ${2:+"$T/$2"}
}

# tree_of REPO: the root tree of the newest snapshot, as restic sees it.
tree_of() {
	$restic -r "$T/$1" snapshots --json | python3 -c \
		'import json,sys; print(max(json.load(sys.stdin), key=lambda s: s["time"])["tree"])'
}

# same DIR: it is what $T/want says.
same() {
	python3 "$TESTS/lib/manifest.py" "$1" >"$T/got"
	diff "$T/want" "$T/got" >"$T/diff" || {
		head -n 20 "$T/diff" >&2
		fail "$1 is not what was backed up"
	}
}

# later SECONDS COMMAND…: with a clock that is so far ahead: what was just made is old.
later() {
	[ -e "$T/later.so" ] || {
		cat >"$T/later.c" <<'C'
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t c, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, c, t);
	if (rc == 0 && c == CLOCK_REALTIME)
		t->tv_sec += atoi(getenv("LATER"));
	return rc;
}
C
		${CC:-cc} -shared -fPIC -o "$T/later.so" "$T/later.c"
	}
	later_s=$1
	shift
	LATER=$later_s LD_PRELOAD="$T/later.so" "$@"
}

# expect CODE COMMAND…: it must end with this exit status; its output is in $T/out, $T/err.
expect() {
	want_rc=$1
	shift
	rc=0
	"$@" >"$T/out" 2>"$T/err" || rc=$?
	[ "$rc" = "$want_rc" ] || {
		tail -n 5 "$T/out" "$T/err" >&2
		fail "exit status $rc, not $want_rc: $*"
	}
}

# says TEXT: it is in what `expect` caught.
says() {
	grep -qF -- "$1" "$T/out" "$T/err" || {
		cat "$T/out" "$T/err" >&2
		fail "nothing says: $1"
	}
}

ms() {
	echo $(($(date +%s%N) / 1000000))
}
# wait_for SECONDS COMMAND…
wait_for() {
	end=$(($(ms) + $1 * 1000))
	shift
	until "$@"; do
		[ "$(ms)" -lt "$end" ] || fail "this did not come true: $*"
		sleep .05
	done
}
gone() { # PID: it has ended, and waits to be waited for
	! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}
# ended PID CODE SECONDS WHAT: it ends within so many seconds, with this exit status.
ended() {
	from=$(ms) rc=0
	until gone "$1"; do
		[ $(($(ms) - from)) -le $(($3 * 1000)) ] || {
			kill -KILL "$1"
			fail "$4: not gone within $3 s"
		}
		sleep .05
	done
	wait "$1" || rc=$?
	[ $rc = "$2" ] || fail "$4: exit status $rc, not $2"
}
