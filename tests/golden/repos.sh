#!/bin/sh
# Makes tests/golden/repos: small repositories by real restic, for tests/suite/s_repo_restic.c.
# Usage: repos.sh RESTIC-0.14 RESTIC-0.18
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RESTIC_PASSWORD=golden RESTIC_CACHE_DIR="$work/cache" TZ=UTC
cd "$work"
mkdir -p src/deep/er
printf 'hello\n' >src/hello
: >src/empty
seq 1 4000 >src/deep/numbers
head -c 3000 /dev/urandom >src/deep/er/random
ln -s hello src/link
for v in 1 2; do
	for b in 0.14 0.18; do
		[ $b = 0.14 ] && restic=$1 || restic=$2
		repo=$here/repos/v$v-$b
		rm -rf "$repo"
		"$restic" -q -r "$repo" init --repository-version $v
		"$restic" -q -r "$repo" backup --host golden --tag first src
		cp src/hello src/deep/copy
		date >src/deep/changed
		"$restic" -q -r "$repo" backup --host golden src
		rm src/deep/copy src/deep/changed
		find "$repo" -type d -empty -delete
		chmod -R u+w "$repo"
	done
done
