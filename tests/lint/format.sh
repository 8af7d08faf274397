#!/bin/sh
# The layout is clang-format's (`make format`).  Checked with versions 14 and 19, the ones of Debian 12 and 13.
command -v clang-format >/dev/null || {
	echo "clang-format is missing"
	exit 77
}
find src include tests benchmarks -name '*.[ch]' | sort | xargs clang-format --dry-run -Werror
