#!/bin/sh
# Writes src/format/gojson_table.c: which code points Go's strconv.Quote prints as they are
# (docs/format.md 10.3).
#
# Reads UnicodeData.txt and DerivedAge.txt (Debian: unicode-data).  Tree ids depend on this table,
# so it stays at Unicode 15.0, the version of
# the Go releases that restic 0.17 to 0.19 are built with: code points that came later are left out
# by their age.
# With -n nothing is written; the exit status says whether the file is what would be written.
set -eu
cd "$(dirname "$0")/.."
data=${UNICODE_DATA:-/usr/share/unicode}
out=src/format/gojson_table.c
check=
[ "${1:-}" = -n ] && check=1
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
python3 - "$data" >"$tmp" <<'PY'
import sys

MAX_AGE = (15, 0)


def ages(path):
    new = set()
    for line in open(path, encoding="utf-8"):
        line = line.split("#")[0].strip()
        if not line:
            continue
        span, age = (x.strip() for x in line.split(";"))
        if tuple(int(x) for x in age.split(".")) > MAX_AGE:
            continue
        lo, _, hi = span.partition("..")
        new.update(range(int(lo, 16), int(hi or lo, 16) + 1))
    return new


def printable(path, known):
    first = None
    for line in open(path, encoding="utf-8"):
        f = line.split(";")
        cp = int(f[0], 16)
        if f[1].endswith(", First>"):
            first = cp
            continue
        lo = first if first is not None else cp
        first = None
        if f[2][0] in "LMNPS":
            for c in range(lo, cp + 1):
                if c in known and c > 0x7F:
                    yield c


folder = sys.argv[1]
spans = []
for c in printable(folder + "/UnicodeData.txt", ages(folder + "/DerivedAge.txt")):
    if spans and spans[-1][1] == c - 1:
        spans[-1][1] = c
    else:
        spans.append([c, c])

print("/* Made by scripts/unicode-table.sh from Unicode %d.%d; do not edit. */" % MAX_AGE)
print('#include "format/gojson.h"\n')
print("/* Code points above 0x7f of the general categories L, M, N, P, S: from, to. */")
print("/* clang-format off */")
print("static const uint32_t spans[][2] = {")
row = "\t"
for lo, hi in spans:
    item = "{0x%x, 0x%x}, " % (lo, hi)
    if len(row) + len(item) > 125:
        print(row.rstrip())
        row = "\t"
    row += item
print(row.rstrip())
print("};")
print("/* clang-format on */")
print("""
bool gojson_printable(uint32_t rune)
{
	size_t lo = 0, hi = sizeof(spans) / sizeof(spans[0]);

	if (rune < 0x80)
		return rune >= 0x20 && rune != 0x7f;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (rune > spans[mid][1])
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < sizeof(spans) / sizeof(spans[0]) && rune >= spans[lo][0];
}""")
PY
if [ "$check" ]; then
	cmp "$tmp" "$out"
else
	cat "$tmp" >"$out"
fi
