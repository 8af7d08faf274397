#!/bin/sh
# A restore that is killed before or after any system call that changes the target: a second one
# ends as if nothing had happened, in each mode of overwriting, as root and as a user; content,
# mode, owner, times, attributes and links.  RESTORE_KILLS=all tries every call (some ten minutes),
# RESTORE_KILLS=500 RESTORE_SEED=7 others by chance.
set -eu
. tests/lib/e2e.sh
[ -z "${SAN:-}" ] || {
	echo 'sanitizers want to be loaded first'
	exit 77
}
cd "$T"
# shellcheck disable=SC2086
${CC:-gcc} -D_GNU_SOURCE -shared -fPIC -o shim.so "$TESTS/e2e/restore_shim.c" -ldl
chmod 755 . shim.so
new_repo repo
mkdir src src/shut
echo 'of the right size' >src/plain
head -c 3000000 /dev/urandom >src/big
echo sticky >src/sticky
chmod 1777 src/sticky
head -c 700000 /dev/urandom >src/marked
chmod 1600 src/marked
truncate -s 2M src/sparse
echo end >>src/sparse
echo names >src/hard1
ln src/hard1 src/hard2
ln src/hard1 src/hard3
echo attributes >src/attrs
mkfifo src/fifo
ln -s plain src/link
echo in >src/shut/in
echo setuid >src/setuid
chmod 4755 src/setuid
python3 - <<'P'
import os
try:
    os.setxattr('src/attrs', 'user.a', b'one')
    os.setxattr('src/attrs', 'user.b', b'two' * 100)
    acl = bytes([2, 0, 0, 0]) + b''.join(t.to_bytes(2, 'little') + p.to_bytes(2, 'little') + i.to_bytes(4, 'little') for t, p, i in
        [(1, 6, 2**32 - 1), (2, 4, 1234), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)])
    os.setxattr('src/attrs', 'system.posix_acl_access', acl)
except OSError as e:
    print('no attributes here:', e)
P
if [ "$(id -u)" = 0 ]; then
	echo theirs >src/theirs
	chown 1234:4321 src/theirs
	chmod 2640 src/theirs
	mknod src/null c 1 3
fi
chmod 555 src/shut
"$A_BACKUP" -q -r repo add src
chmod -R a+rX repo
python3 "$TESTS/lib/restore_kills.py" "$A_BACKUP" "$T/shim.so" "$T"
RESTORE_RANKS=3 python3 "$TESTS/lib/restore_kills.py" "$A_BACKUP" "$T/shim.so" "$T"
