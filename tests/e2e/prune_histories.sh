#!/bin/sh
# Seeded histories of repositories: what prune shows and leaves is what restic's shows and leaves
# (tests/lib/prune_histories.py).  PRUNE_HISTORIES=200 PRUNE_SEED=1000 tries others; RESTIC18 may be
# a newer restic.
set -eu
. tests/lib/e2e.sh
RESTIC=$(tests/lib/restic18.sh)
n=${PRUNE_HISTORIES:-4} seed=${PRUNE_SEED:-1}
export RESTIC LIGHT_REPO="$PWD/$B/tests/light_repo"
# shellcheck disable=SC2046
python3 tests/lib/prune_histories.py "$T/histories" $(seq "$seed" $((seed + n - 1)))
