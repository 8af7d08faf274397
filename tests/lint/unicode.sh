#!/bin/sh
# The committed table of printable runes is what its script makes.  A later Unicode may have moved a
# rune to another category: then there is nothing to compare with.
data=/usr/share/unicode
command -v python3 >/dev/null && [ -r $data/UnicodeData.txt ] && head -n 1 $data/DerivedAge.txt |
	grep -q 'DerivedAge-15\.' || {
	echo "python3 or the data of Unicode 15 is missing"
	exit 77
}
exec scripts/unicode-table.sh -n
