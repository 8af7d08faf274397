#!/bin/sh
# What cppcheck is sure about.  Style opinions are off; missing system headers are normal.  Its
# uninitialised-variable checks do not see that a function fills an array given to it, and its
# autoVariables takes heap memory for a local; gcc's warnings and the sanitizers watch over both.
command -v cppcheck >/dev/null || {
	echo "cppcheck is missing"
	exit 77
}
mkdir -p "$B/cppcheck"
cppcheck -q -j 2 --std=c11 --language=c -D_GNU_SOURCE -Isrc -Iinclude --cppcheck-build-dir="$B/cppcheck" --error-exitcode=1 --inline-suppr \
	--enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=uninitvar --suppress=ctuuninitvar --suppress=autoVariables \
	--suppress=normalCheckLevelMaxBranches --suppress=checkersReport \
	--suppress=toomanyconfigs src
