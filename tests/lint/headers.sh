#!/bin/sh
# Every header compiles alone, so that the order of includes never matters.
set -u
bad=0
for h in src/*/*.h include/*/*.h tests/unit/check.h tests/lib/*.h; do
	[ -e "$h" ] || continue
	# CC may be a program and what runs it
	# shellcheck disable=SC2086
	${CC:-gcc} -std=c11 -D_GNU_SOURCE -Isrc -Iinclude -Itests -Wall -Wextra -Wno-unused \
		-Werror -fsyntax-only -x c -include "$h" /dev/null || {
		echo "$h does not compile alone"
		bad=1
	}
done
exit $bad
