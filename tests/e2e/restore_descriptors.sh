#!/bin/sh
# Ranks of one process share its descriptors: a restore into more directories than it may have open
# ends as with one rank, and waits for none that another rank keeps.
set -eu
. tests/lib/e2e.sh
[ -z "${SAN:-}" ] || {
	echo 'sanitizers open files of their own'
	exit 77
}
cd "$T"
python3 - <<'P'
import os, random
r = random.Random(3)
for d in range(300):
    os.makedirs(f'src/{d}')
    for f in range(6):
        with open(f'src/{d}/{f}', 'wb') as out:
            out.write(r.randbytes(r.randrange(1000, 30000)))
P
new_repo r
expect 0 "$A_BACKUP" -q -r r add --ranks 2 --pack-size 4 src
python3 "$TESTS/lib/manifest.py" src >want
for few in '100 4' '160 8' '256 16'; do
	rm -rf t
	(
		ulimit -n "${few% *}"
		timeout 60 "$A_BACKUP" -q -r r restore --ranks "${few#* }" latest --target t >out 2>&1
	) || fail "descriptors and ranks $few: $(tail -n 5 out)"
	[ ! -s out ] || fail "descriptors and ranks $few: $(tail -n 5 out)"
	same t/src
done
