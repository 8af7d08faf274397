#!/bin/sh
# make and make check share their objects; a file that warned is compiled again, so that no warning
# is seen only once.
set -eu
T=$TMPDIR/build
mkdir -p "$T/src"
cp -r Makefile "$T"
cp -r src/base "$T/src"
cd "$T"
unset MAKEFLAGS MFLAGS MAKEOVERRIDES WERROR SAN TIER ONLY # of the make that runs this test
make_base() {
	make --no-print-directory ROOMS=base CFLAGS=-O0 MPI=no "$@" >"$T/out" 2>&1
}
fail() {
	cat "$T/out" >&2
	echo "FAILED: $*" >&2
	exit 1
}
compiled() {
	grep -c '^  CC ' "$T/out" || true
}

make_base -j2 || fail "does not build"
make_base WERROR=1 || fail "does not build with warnings as errors"
[ "$(compiled)" = 0 ] || fail "WERROR=1 compiled $(compiled) files again"
echo 'static int unused(void) { return 1; }' >>src/base/path.c
make_base || fail "a warning ended a plain make"
[ "$(compiled)" = 1 ] || fail "one file was changed, $(compiled) were compiled"
make_base || fail "a warning ended a plain make"
grep -q 'unused' "$T/out" || fail "the warning was given only once"
if make_base WERROR=1; then fail "a file that had warned passed as an object"; fi
cp "$OLDPWD/src/base/path.c" src/base/
make_base WERROR=1 || fail "does not build after the mend"
[ "$(compiled)" = 1 ] || fail "one file was mended, $(compiled) were compiled"
