#!/bin/sh
# What forget keeps and removes, and why, is what restic's forget does, for random snapshots and
# policies; partial snapshots change nothing for the others.
# FORGET_SETS=all tries 500 sets and 100 with partial ones (some minutes); FORGET_SEED=7 others.
set -eu
. tests/lib/e2e.sh
restic=$(sh tests/lib/restic18.sh)
cd "$T"
new_repo repo
mkdir -p repo/snapshots
python3 "$TESTS/lib/forget_sets.py" "$A_BACKUP" "$restic" "$TOOLS" "$T"
