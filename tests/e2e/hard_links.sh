#!/bin/sh
# Two names are one file only where inode number, content, size, time and owner agree.  Numbers are
# used again in mid-run, and some nodes make up their own: then each name has its own content in the
# snapshot, for restic's restore too.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
! nm "$A_BACKUP" 2>/dev/null | grep -q __asan_init || exit 77
cd "$T"
# All regular files are inode 7 and have two links.
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int statx(int d, const char *restrict p, int f, unsigned m, struct statx *restrict x)
{
	int rc = (int)syscall(SYS_statx, d, p, f, m, x);
	if (rc == 0 && S_ISREG(x->stx_mode)) {
		x->stx_ino = 7;
		x->stx_nlink = 2;
	}
	return rc;
}
C
${CC:-cc} -shared -fPIC -o shim.so shim.c
for ranks in 1 3; do
	rm -rf src repo back back2
	mkdir src
	for d in a b c d; do
		mkdir src/$d
		for f in 1 2 3; do echo $d$f >src/$d/$f; done
		head -c 3000000 /dev/urandom >src/$d/large
		echo same >src/$d/same
		touch -d 2020-01-01 src/$d/same
	done
	new_repo repo
	for round in first unchanged forced; do
		force=
		[ $round = forced ] && force=--force
		expect 0 env LD_PRELOAD="$T/shim.so" $A_BACKUP -q -r repo add $force \
			--ranks $ranks src
		rm -rf back back2
		$restic -q -r repo restore latest --target back
		diff -r src back/src || fail "$round, $ranks ranks: restic restores another tree"
		$A_BACKUP -q -r repo restore latest --target back2 --verify
		diff -r src back2/src || fail "$round, $ranks ranks: another tree is restored"
	done
done

# Real links stay links, unchanged too, and the trees are restic's.
rm -rf src repo
mkdir src src/d
for i in 1 2 3; do
	echo $i >src/f$i
	ln src/f$i src/d/g$i
	ln src/f$i src/d/h$i
done
new_repo repo
for ranks in 1 2; do
	$A_BACKUP -q -r repo add --force --ranks $ranks src
	[ "$(tree_of repo)" = "${tree:=$(tree_of repo)}" ] ||
		fail 'the tree depends on the number of ranks'
	$A_BACKUP -q -r repo add --ranks $ranks src
	[ "$(tree_of repo)" = "$tree" ] || fail 'an unchanged add makes another tree'
done
$restic -q -r repo backup --force src
[ "$(tree_of repo)" = "$tree" ] || fail "restic's tree is another one"
rm -rf back
$restic -q -r repo restore latest --target back
[ "$(stat -c %h back/src/f1)" = 3 ] && [ back/src/f1 -ef back/src/d/g1 ] ||
	fail 'the links are gone'

# A mode, or an attribute, that was changed in between: names that say different things are not one
# file.
rm -rf src repo back back2 shim.so
mkdir src
for i in a b; do
	echo one >src/$i
done
touch -d 2020-01-01 src/*
chmod 600 src/a
setfattr -n user.who -v a src/a 2>/dev/null || true
chmod 644 src/b
${CC:-cc} -shared -fPIC -o shim.so shim.c
new_repo repo
LD_PRELOAD="$T/shim.so" $A_BACKUP -q -r repo add src
$restic -q -r repo restore latest --target back
$A_BACKUP -q -r repo restore latest --target back2 --verify
for back in back back2; do
	[ "$(stat -c '%a %h' $back/src/a) $(stat -c '%a %h' $back/src/b)" = '600 1 644 1' ] ||
		fail "$back: $(stat -c '%n %a %h' $back/src/*)"
done
