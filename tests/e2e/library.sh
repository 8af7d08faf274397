#!/bin/sh
# The library for programs of others: what is installed is enough to build one, it reads what restic
# and a_backup have written, and says what is wrong without ending the program.
set -eu
. tests/lib/e2e.sh
[ -z "$SAN" ] || { echo 'the library is built without sanitizers'; exit 77; }
restic=$(sh tests/lib/restic18.sh)
a() {
	"$A_BACKUP" "$@"
}
I=$T/installed/usr
make -s --no-print-directory NODEPS=1 install PREFIX=/usr DESTDIR="$T/installed" >"$T/out" 2>&1 ||
	fail "install: $(cat "$T/out")"
for f in include/a_backup/a_backup.h lib/liba_backup.so.0 lib/liba_backup.so \
	lib/pkgconfig/a_backup.pc share/man/man3/a_backup.3; do
	[ -e "$I/$f" ] || fail "$f is not installed"
done

# Nothing but the interface is exported, and nothing is used that would end or change the program.
nm -D --defined-only "$I/lib/liba_backup.so.0" | awk '{ print $3 }' | sort >"$T/exported"
grep -oE '\bab_[a-z]+[a-z_]*\(' include/a_backup/a_backup.h | tr -d '(' | sort -u >"$T/declared"
diff "$T/declared" "$T/exported" || fail 'other functions are exported than the header has'
[ "$(wc -l <"$T/exported")" -ge 12 ] || fail 'too few functions'
nm -D -u "$I/lib/liba_backup.so.0" | grep -E \
	' (exit|_exit|mallopt|umask|chdir|fchdir|signal|sigaction|fork|execv|execve|posix_spawnp?|popen|system|printf|__printf_chk|puts|putchar|stdout|stderr)(@|$)' && fail 'the library does what it must not'

export PKG_CONFIG_PATH="$I/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$T/installed" \
	LD_LIBRARY_PATH="$I/lib"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
flags=$(pkg-config --cflags --libs a_backup)
for c in examples/ab_cat.c tests/e2e/library_threads.c; do
	cp "$c" "$T/"
	# shellcheck disable=SC2086
	(cd "$T" && gcc -std=gnu11 -Wall -Wextra -Werror -o "$(basename "$c" .c)" \
		"$(basename "$c")" $flags -lpthread)
done
echo '#include <a_backup/a_backup.h>' >"$T/strict.c"
gcc -std=c99 -pedantic -Wall -Wextra -Werror -D_POSIX_C_SOURCE=200809L -I"$I/include" -c \
	-o "$T/strict.o" "$T/strict.c"

cd "$T"
tree() { # NAME
	mkdir -p "$1/d/e"
	head -c 6000000 /dev/urandom >"$1/large"
	for i in $(seq 300); do echo "$1 $i" >"$1/d/f$i"; done
	: >"$1/d/e/empty"
	ln -s target "$1/d/link"
	setfattr -n user.note -v hallo "$1/d/f1"
}
tree one
tree two
new_repo r1
new_repo r2
"$restic" -q -r r1 backup one --host here --tag t1 2>"$T/err"
a -q -r r2 add two

# The example gives what restic gives, and leaves no lock.
for f in /one/large /one/d/f7 /one/d/e/empty; do
	"$restic" -q -r r1 dump latest $f >want.bytes
	./ab_cat r1 latest $f >got.bytes 2>said || fail "$f: $(cat said)"
	cmp want.bytes got.bytes || fail "$f"
done
[ ! -s said ] || fail "it says: $(cat said)"
expect 0 ./ab_cat r1 latest /one/d
[ "$(wc -l <out)" = 302 ] || fail 'the directory has other entries'
says '100644            6 f7'
[ ! -s err ] || fail 'the library writes to standard error'
[ -z "$(ls r1/locks)" ] || fail 'a lock is left'

# Two repositories at once, four threads each.
expect 0 ./library_threads "$T/r1" "$T" "$T/r2" "$T"
[ "$(cat out)" = 'files 2416 dirs 24 links 8 attributes 8' ] || fail "$(cat out)"
[ ! -s err ] || fail "$(cat err)"
[ -z "$(ls r1/locks r2/locks | grep -v :)" ] || fail 'a lock is left'

# What is wrong has a code: -AB_ENOTFOUND 3, AB_EPASSWORD 4, AB_ELOCKED 5, AB_EDAMAGED 2, AB_EUSAGE
# 1.
expect 3 ./ab_cat r1 latest /one/nothing
says '/one/nothing'
expect 3 ./ab_cat r1 latest /one/large/x
expect 3 ./ab_cat r1 0123456789abcdef /one
expect 3 ./ab_cat nowhere latest /
says 'there is no repository'
expect 1 ./ab_cat r1 latest one
expect 1 ./ab_cat r1 latest /one/d/link
expect 4 env RESTIC_PASSWORD=wrong ./ab_cat r1 latest /
says password
expect 4 env -u RESTIC_PASSWORD ./ab_cat r1 latest /
says 'no password is given'
[ -z "$(ls r1/locks)" ] || fail 'a lock is left'

# A damaged pack: what is in it is refused, what is not is given, and nobody dies.
pack=$(find r1/data -type f -size +4000k | head -n 1)
chmod u+w "$pack"
printf 'damage' | dd of="$pack" bs=1 seek=20000 conv=notrunc status=none
expect 2 ./ab_cat r1 latest /one/large
says 'large'
expect 0 ./ab_cat r1 latest /one/d
rm "$pack"
expect 2 ./ab_cat r1 latest /one/large
[ -z "$(ls r1/locks)" ] || fail 'a lock is left'
echo '{' >r1/index/"$(ls r1/index | head -n 1)"
expect 2 ./ab_cat r1 latest /one/d
