#!/bin/sh
# golden.sh OLD NEW [--spread restore check] [--dir DIR]: golden.py with what it needs built; OLD
# and
# NEW are two a_backup, each with its a_backup-mpi beside it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
make -s -C "$root" NODEPS=1 build/rel/tests/light_repo >&2
exec python3 "$root/benchmarks/versus/golden.py" "$@" --light-repo \
	"$root/build/rel/tests/light_repo"
