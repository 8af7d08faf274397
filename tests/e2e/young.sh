#!/bin/sh
# A file that was read shortly after its last change may have changed again behind the same times (a
# store into a mapped page, coarse times): it is read again.
# If it is what it was, the tree stays the same and it counts as unmodified.
set -eu
. tests/lib/e2e.sh
cd "$T"
new_repo repo
mkdir s
cat >mapped.py <<'P'
import mmap, os, subprocess, sys, time
a = os.environ['A_BACKUP'].split()
f = open('s/db', 'w+b')
f.write(b'0' * 8192)
f.flush()
os.fsync(f.fileno())
m = mmap.mmap(f.fileno(), 8192)
time.sleep(1)
m[0:5] = b'first'  # a page fault: the times are set
time.sleep(1.5)
subprocess.run(a + ['-q', '-r', 'repo', 'add', 's'], check=True)
was = os.stat('s/db')
m[0:5] = b'later'  # the page is dirty already: no fault
m.flush()
m.close()
f.close()
now = os.stat('s/db')
sys.exit(0 if (was.st_mtime_ns, was.st_ctime_ns) == (now.st_mtime_ns, now.st_ctime_ns) else 77)
P
python3 mapped.py || {
	[ $? = 77 ] || fail 'mapped.py'
	echo 'this file system sees stores into mapped pages: only the rest is tested'
}
for ranks in 1 3; do
	expect 0 $A_BACKUP -q -r repo add --ranks $ranks s
	[ "$($A_BACKUP -r repo dump latest /s/db | head -c 5)" = later ] ||
		fail 'the new content is not stored'
done

# Nothing has changed: nothing is said to have.
mkdir s/d
for i in 1 2 3; do
	echo $i >s/d/f$i
done
head -c 2000000 /dev/urandom >s/d/large
: >s/d/empty
$A_BACKUP -q -r repo add s
for ranks in 1 2; do
	expect 0 $A_BACKUP -r repo add --ranks $ranks -v -v -v s
	grep -Eq 'Files: *0 new, *0 changed, *6 unmodified' out &&
		grep -Eq 'Dirs: *0 new, *0 changed' out || fail "$(cat out)"
	grep -q 'unchanged */.*/s/d/f1' out && ! grep -q '^modified' out || fail "$(cat out)"
	expect 0 $A_BACKUP -r repo add --ranks $ranks --skip-if-unchanged s
	grep -q 'skipped' out || fail 'the tree is another one'
done
# A touched one is another matter, its content or not.
touch s/d/f1
expect 0 $A_BACKUP -r repo add s
grep -Eq 'Files: *0 new, *1 changed, *5 unmodified' out || fail "$(cat out)"
# And --time does not make files older.
echo new >s/d/f2
$A_BACKUP -q -r repo add --time '2036-01-01 00:00:00' s
strace -f -o trace -e trace=openat "$A_BACKUP" -q -r repo add --time '2036-01-01 00:00:01' s
grep -q '"f2"' trace || fail 'a young file was not read again'
