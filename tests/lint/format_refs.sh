#!/bin/sh
# What the sources cite of docs/format.md stands there under that number.
set -u
bad=0
there=$(sed -n 's/^##* \([0-9][0-9.]*[0-9]\|[0-9]\)[. ].*/\1/p; s/^## \(Appendix A\)\..*/\1/p' \
	docs/format.md)
cited=$(grep -rhoE 'docs/format\.md,? (Appendix [A-Z]|[0-9]+(\.[0-9]+)?(, [0-9]+(\.[0-9]+)?)*)' src tests/unit tests/suite tests/lib |
	sed 's/^docs.format.md,\{0,1\} //' | tr ',' '\n' | sed 's/^ *//' | sort -u)
[ -n "$cited" ] || {
	echo 'nothing cites docs/format.md'
	exit 1
}
IFS='
'
for c in $cited; do
	printf '%s\n' "$there" | grep -qxF "$c" || {
		echo "docs/format.md has no $c:"
		grep -rn "docs/format.md,\{0,1\} .*$c" src tests | head -n 3
		bad=1
	}
done
exit $bad
