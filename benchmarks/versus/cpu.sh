#!/bin/sh
# cpu.sh OLD NEW [ROUNDS=9]: cpu.py with what it needs built.  SETS, VERBS, SCALE, DIR: see there.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
make -s -C "$root" NODEPS=1 build/rel/tests/light_repo build/rel/spent >&2
exec python3 "$root/benchmarks/versus/cpu.py" "$@" --light-repo "$root/build/rel/tests/light_repo" \
	--spent "$root/build/rel/spent"
