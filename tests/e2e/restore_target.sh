#!/bin/sh
# What restore and dump do to a target that says no, or that holds something: links refused, a close
# that fails, a path that is not in the snapshot, the options of --delete.
set -eu
. tests/lib/e2e.sh
cd "$T"
chmod 755 .
new_repo r
a() { "$A_BACKUP" --no-lock -q -r "$T/r" "$@"; }
mkdir -p s/dir
echo same >s/dir/a
ln s/dir/a s/dir/b
ln s/dir/a s/c
head -c 100000 /dev/urandom >s/f
: >s/empty
"$A_BACKUP" -q -r r add s

# --- dump opens its target when there is something to write ---
echo precious >kept
expect 1 a dump latest /s/typo -target kept
[ "$(cat kept)" = precious ] || fail 'dump of a path that is not there has emptied the target'
a dump latest /s/f -target kept
cmp kept s/f || fail 'dump'
a dump latest /s/empty -target kept
[ -e kept ] && [ ! -s kept ] || fail 'dump of an empty file'
expect 1 a dump latest /s/f -target none/out
grep -q 'none/out' err || fail 'dump: where to'

# --- its archive holds hard links as links ---
a dump latest /s >s.tar
mkdir x && tar -xf s.tar -C x
[ "$(stat -c %h x/s/c)" = 3 ] && [ "$(stat -c %i x/s/c)" = "$(stat -c %i x/s/dir/b)" ] ||
	fail 'hard links in tar'
diff -r s x/s || fail 'contents in tar'

# --- --delete wants a target, and patterns that mean something ---
mkdir home && echo mine >home/thesis
(cd home && expect 1 a restore latest --delete)
[ -s home/thesis ] || fail 'restore --delete without a target'
mkdir -p o/s
echo mine >o/s/thesis
expect 1 a restore latest --target o --delete --include /s/thesis
grep -q '/s/thesis' err && [ -s o/s/thesis ] || fail 'a pattern that matches nothing'
: >none.txt
expect 1 a restore-overwrite latest --target o --delete --include-file none.txt
[ -s o/s/thesis ] || fail 'an include file without a pattern'
ln -s / root
for t in / // /./ /usr/.. "$T/root"; do
	expect 1 a restore latest --target "$t" --delete --dry-run
	grep -q 'needs include or exclude' err || fail "--delete with the target $t"
done

# --- the repository stays where it is ---
mkdir p && cp -a r p/r && cp -a s p/s
echo extra >p/extra
"$A_BACKUP" --no-lock -r p/r restore latest -target p --delete >out 2>err
grep -q 'the repository is here' err || fail 'not told'
[ ! -e p/extra ] && diff -r r p/r || fail 'restore --delete and the repository'

[ -z "${SAN:-}" ] || exit 0 # sanitizers want to be loaded first
# shellcheck disable=SC2086
${CC:-gcc} -D_GNU_SOURCE -shared -fPIC -o shim.so "$TESTS/e2e/restore_shim.c" -ldl

# --- links that the target does not take become copies; it is said ---
LD_PRELOAD=$T/shim.so SHIM_NO_LINKS=1 a restore latest:/s -target links --verify 2>err
diff -r s links || fail 'copies of hard links'
[ "$(stat -c '%h %Y' links/dir/b)" = "1 $(stat -c %Y s/dir/b)" ] || fail 'the metadata of a copy'
grep -q 'becomes a copy' err && grep -q '2 files are copies' err || fail 'copies are not told'

# --- a close that fails is an error of the file, which is not whole then ---
expect 1 env LD_PRELOAD="$T/shim.so" SHIM_CLOSE=1 "$A_BACKUP" --no-lock -q -r r restore latest:/s \
	-target closed --include /f
grep -q '/f: write: Disk quota exceeded' err || fail 'close is not looked at'
[ "$(stat -c %a closed/f)" = 1600 ] || fail 'a file that could not be closed looks whole'
a restore latest:/s -target closed --include /f
cmp closed/f s/f || fail 'after that'

# --- a file system that takes upper case for lower: what was restored is not deleted, and of two
# names that are one there neither is lost in silence ---
fold() { LD_PRELOAD=$T/shim.so SHIM_FOLD=1 "$A_BACKUP" --no-lock -q -r r "$@"; }
mkdir -p cases/Docs && echo new >cases/Docs/Report.txt
"$A_BACKUP" -q -r r add cases
mkdir -p folded/docs && echo old >folded/docs/report.txt && echo extra >folded/docs/extra
fold restore-overwrite latest:/cases -target folded --delete --verify
[ "$(cat folded/docs/report.txt)" = new ] && [ ! -e folded/docs/extra ] ||
	fail 'restore --delete has deleted what it had restored'
mkdir cases/docs two && echo 1 >cases/A && echo 2 >cases/a && echo 3 >cases/docs/other
"$A_BACKUP" -q -r r add cases
expect 1 fold restore latest:/cases -target two
grep -q '/a: something has this name already' err &&
	grep -q '/docs: something has this name already' err || fail 'two names that are one'
for verb in restore restore-overwrite; do # they are there now
	expect 1 fold $verb latest:/cases -target two
	grep -q '/a: something has this name already' err ||
		fail "two names that are one, again: $verb"
	[ "$(cat two/a)" = 1 ] || fail "one of two names: $verb"
done
expect 1 fold restore latest:/ -target fresh --include /cases
