#!/bin/sh
# shaped.sh OLD NEW [ROUNDS=3]: shaped.py with what it needs built.  SCALE, PACK_SIZE, VERBS, DIR:
# see there.  Needs rclone.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
make -s -C "$root" NODEPS=1 build/rel/tests/light_repo >&2
exec python3 "$root/benchmarks/versus/shaped.py" "$@" --light-repo \
	"$root/build/rel/tests/light_repo"
