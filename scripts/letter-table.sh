#!/bin/sh
# Writes src/fs/letter_table.c: the lower-case letter of each upper-case one, as Go's
# unicode.ToLower has it (for --iexclude and the like).
#
# Reads UnicodeData.txt and DerivedAge.txt (Debian: unicode-data), field 13, the simple mapping.
# Stays at Unicode 15.0, the version of the Go releases that restic 0.17 to 0.19 are built with.
# With -n nothing is written; the exit status says whether the file is what would be.
set -eu
cd "$(dirname "$0")/.."
data=${UNICODE_DATA:-/usr/share/unicode}
out=src/fs/letter_table.c
check=
[ "${1:-}" = -n ] && check=1
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
python3 - "$data" >"$tmp" <<'PY'
import sys

MAX_AGE = (15, 0)


def known(path):
    ok = set()
    for line in open(path, encoding="utf-8"):
        line = line.split("#")[0].strip()
        if line:
            span, age = (x.strip() for x in line.split(";"))
            if tuple(int(x) for x in age.split(".")) <= MAX_AGE:
                lo, _, hi = span.partition("..")
                ok.update(range(int(lo, 16), int(hi or lo, 16) + 1))
    return ok


folder = sys.argv[1]
old = known(folder + "/DerivedAge.txt")
rows = []  # lo, hi, step, delta
for line in open(folder + "/UnicodeData.txt", encoding="utf-8"):
    f = line.split(";")
    cp = int(f[0], 16)
    if not f[13] or cp < 0x80 or cp not in old:
        continue
    delta = int(f[13], 16) - cp
    if rows and rows[-1][3] == delta:
        lo, hi, step, _ = rows[-1]
        if cp - hi in (1, 2) and (lo == hi or cp - hi == step):
            rows[-1] = [lo, cp, cp - hi, delta]
            continue
    rows.append([cp, cp, 1, delta])

print("/* Made by scripts/letter-table.sh from Unicode %d.%d; do not edit. */" % MAX_AGE)
print('#include "fs/letter.h"\n')
print("/* clang-format off */")
print("const struct letter_fold letter_fold[] = {")
row = "\t"
for span in rows:
    item = "{0x%x, 0x%x, %d, %d}, " % tuple(span)
    if len(row) + len(item) > 125:
        print(row.rstrip())
        row = "\t"
    row += item
print(row.rstrip())
print("};")
print("/* clang-format on */")
print("const size_t letter_folds = sizeof(letter_fold) / sizeof(letter_fold[0]);")
PY
if [ "$check" ]; then
	cmp "$tmp" "$out"
else
	cat "$tmp" >"$out"
fi
