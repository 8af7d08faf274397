#!/bin/sh
# Lines of C have at most 100 columns (a tab is 8), but in generated tables; so have the comments of
# scripts and the prose of documents.  Files of engine, ranks and repo have less than 450 lines.
set -u
bad=0

# Those that are longer today.  The list may only get shorter: whoever shortens one takes it off.
longer=''

for f in src/engine/*.[ch] src/ranks/*.[ch] src/repo/*.[ch]; do
	[ -e "$f" ] || continue
	n=$(wc -l <"$f")
	listed=
	for l in $longer; do
		[ "src/$l" = "$f" ] && listed=yes
	done
	if [ "$n" -ge 450 ] && [ -z "$listed" ]; then
		echo "$f has $n lines: less than 450 are wanted, so what are its two jobs?"
		bad=1
	elif [ "$n" -lt 450 ] && [ -n "$listed" ]; then
		echo "$f is short enough now: take it off the list in $0"
		bad=1
	fi
done
for l in $longer; do
	[ -e "src/$l" ] || {
		echo "src/$l is not there any more: take it off the list in $0"
		bad=1
	}
done

for f in $(find src include tests benchmarks examples -name '*.[ch]' ! -name '*_table.c' \
	2>/dev/null | sort); do
	# Characters, in any locale: the bytes that continue one of UTF-8 do not count.
	LC_ALL=C tr -d '\200-\277' <"$f" | expand -t 8 | LC_ALL=C awk -v f="$f" '
	length($0) > 100 {
		print f ":" NR ": " length($0) " columns"
		bad = 1
	}
	END { exit bad }' || bad=1
done

# Documents: but for tables, what is indented as code, a word by itself, and what a program makes.
for f in $(git ls-files '*.md' 2>/dev/null | grep -v '^tests/golden/\|^benchmarks/RESULTS.md'); do
	LC_ALL=C tr -d '\200-\277' <"$f" | LC_ALL=C awk -v f="$f" '
	/^```/ { code = !code }
	length($0) > 100 && NF > 1 && !code && !/^(\||    )/ {
		print f ":" NR ": " length($0) " columns"
		bad = 1
	}
	END { exit bad }' || bad=1
done
for f in $(git ls-files '*.sh' '*.py' '*.mk' Makefile 2>/dev/null); do
	LC_ALL=C tr -d '\200-\277' <"$f" | expand -t 8 | LC_ALL=C awk -v f="$f" '
	length($0) > 100 && /^ *# / && !/shellcheck/ {
		print f ":" NR ": a comment of " length($0) " columns"
		bad = 1
	}
	END { exit bad }' || bad=1
done
exit $bad
