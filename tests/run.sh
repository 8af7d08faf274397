#!/bin/sh
# run.sh: runs the tests that the Makefile names in UNIT, SUITE, SIM, MPI (programs) and the scripts
# in tests/e2e, tests/services and tests/lint.
#
# TIER: only these tiers; ONLY: only tests whose name contains it; FULL empty: a part of the rooms
# was built, so unit tests only.
# A test passes with exit status 0, is skipped with 77.  Its output is in $B/test-logs and is shown
# (the end of it) if it fails.
# The last line is always "N passed, N failed, N skipped"; the exit status is 1 if one failed.
set -u
cd "$(dirname "$0")/.." || exit 2
B=${B:-build/rel}
export B SAN="${SAN:-}"

# Tests leave folders that nobody may enter.
remove() {
	rm -rf "$@" 2>/dev/null || {
		chmod -R u+rwX "$@" 2>/dev/null
		rm -rf "$@"
	}
}

# one NAME SECONDS COMMAND…: run it, keep its output and exit status.
if [ "${1:-}" = --one ]; then
	name=$2 seconds=$3
	shift 3
	mkdir -p "$TMPDIR/$name" "$TMPDIR/$name.home"
	start=$(date +%s%N)
	TMPDIR=$TMPDIR/$name HOME=$TMPDIR/$name.home timeout -k 10 "$seconds" "$@" \
		>"$LOGS/$name.log" 2>&1 </dev/null
	rc=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "$rc" >"$LOGS/$name.rc"
	remove "$TMPDIR/$name" "$TMPDIR/$name.home"
	case $rc in
	0) printf 'ok    %-40s %6d ms\n' "$name" "$ms" ;;
	77) printf 'skip  %-40s %s\n' "$name" "$(tail -n 1 "$LOGS/$name.log")" ;;
	*)
		why="exit status $rc"
		[ "$rc" = 124 ] && why="still running after $seconds s"
		{
			printf 'FAIL  %-40s %s\n' "$name" "$why"
			tail -n 40 "$LOGS/$name.log" | sed 's/^/      | /'
		}
		;;
	esac
	exit 0
fi

# Tests must not see the settings of whoever runs them, nor a surrounding job.
for v in $(env | sed -n \
	's/^\(\(RESTIC\|OS\|AWS\|A_BACKUP\|SLURM\|PMI\|PMIX\|OMPI\|ST\|ALLAS\)_[A-Za-z0-9_]*\)=.*/\1/p'); do
	unset "$v"
done
unset TZ PMI_RANK PMI_SIZE XDG_CACHE_HOME XDG_CONFIG_HOME || true
export LC_ALL=C
export A_BACKUP="$PWD/$B/a_backup" A_BACKUP_MPI="$PWD/$B/a_backup-mpi"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
# All ranks of a test are here: no network is needed, nor trusted to reach ourselves.
export OMPI_MCA_btl_tcp_if_include=lo
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1"
# MPI libraries keep what they allocate until the end.
export MPIRUN="mpirun --oversubscribe -x ASAN_OPTIONS=detect_leaks=0"

export LOGS="$PWD/$B/test-logs.$$"
# Not /tmp, which is memory on many systems: the trees of some tests need 10 GB.
TMPDIR=$(mktemp -d "${TMPDIR:-/var/tmp}/a_backup-check-XXXXXX") || exit 2
chmod 711 "$TMPDIR" # tests that become somebody else must get through
export TMPDIR
trap 'remove "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$LOGS"

wanted() { # TIER
	[ -z "${TIER:-}" ] && return 0
	case " $TIER " in *" $1 "*) return 0 ;; esac
	return 1
}

only() { # NAME
	case $1 in *"${ONLY:-}"*) return 0 ;; esac
	return 1
}

# Each prints lines "NAME SECONDS COMMAND" for xargs.
programs() { # TIER SECONDS PROGRAM…
	tier=$1 seconds=$2
	shift 2
	for p in "$@"; do
		name=$tier-$(basename "$p")
		only "$name" && echo "$name $seconds $p"
	done
}

mpi_programs() {
	for p in ${MPI:-}; do
		# A test says in its source which numbers of ranks it is for: "ranks: 1 2 4".
		ranks=$(sed -n 's/.*ranks: \([0-9 ]*\).*/\1/p' "tests/mpi/$(basename "$p").c" |
			head -n 1)
		for n in ${ranks:-1 2 4}; do
			name=mpi-$(basename "$p")-$n
			only "$name" && echo "$name 180 $MPIRUN -n $n $p"
		done
	done
}

scripts() { # TIER SECONDS
	for s in tests/"$1"/*.sh; do
		[ -e "$s" ] || continue
		name=$1-$(basename "$s" .sh)
		only "$name" && echo "$name $2 sh $s"
	done
}

# So that no long one is left for the end, alone.
longest_first() {
	awk '{ print /^san-/ ? 1 : /^e2e-(made|real)_tree / ? 2 : /^services-(keystone|slurm) / ? 3 : 4, $0 }' | sort -s -n -k 1,1 | cut -d ' ' -f 2-
}

run() { # PARALLEL
	xargs -r -P "$1" -L 1 sh tests/run.sh --one
}

# Sanitizers make programs that compute several times slower, and two of these run beside each
# other.
SAN_FACTOR=1 at_once=2
[ -z "$SAN" ] || SAN_FACTOR=5 at_once=1

# shellcheck disable=SC2086
{
	wanted unit && programs unit $((SAN_FACTOR * 120)) ${UNIT:-} | run 2
	{
		wanted suite && programs suite $((SAN_FACTOR * 300)) ${SUITE:-}
		wanted sim && programs sim 900 ${SIM:-}
		wanted mpi && mpi_programs
	} | run $at_once
	if [ -n "${FULL:-}" ]; then
		# Once, before two tests want to at the same time; a test whose servers cannot be
		# had says so itself.
		wanted services && scripts/deps.sh services keystone proxy slurm drivers \
			>"$LOGS/deps" 2>&1
		# The sanitizers' scripts run this script again for their own build.
		{
			[ -z "$SAN" ] && wanted san && scripts san 1800
			wanted e2e && scripts e2e 900
			wanted services && scripts services 900
			wanted lint && scripts lint 600
		} | longest_first | run 2
	elif [ "${TIER:-}" = lint ]; then
		scripts lint 600 | run 2
	fi
}

passed=0 failed=0 skipped=0
for f in "$LOGS"/*.rc; do
	[ -e "$f" ] || break
	case $(cat "$f") in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
done
rm -rf "$PWD/$B/test-logs"
mv "$LOGS" "$PWD/$B/test-logs"
if [ $((passed + failed + skipped)) = 0 ]; then
	echo "no test matches"
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
