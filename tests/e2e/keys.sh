#!/bin/sh
# Keys: list, add, remove and passwd, beside restic; and passwd where a project's password file is
# in use: whenever it is killed, the password in the file works.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
a() { "$A_BACKUP" "$@"; }
cd "$T"
new_repo r
mkdir src
echo 1 >src/f
printf 'second' >two
: >empty
a -q -r r add src
key_ids() { ls r/keys; }
first=$(key_ids)

# Another password opens it too, here and in restic.
expect 0 a -r r key add --new-password-file two --user anna --host node1
says 'saved new key with ID'
id=$(sed -n 's/^saved new key with ID //p' out)
[ -e "r/keys/$id" ] || fail 'no such key'
expect 0 a -r r -p two list --json
expect 0 env -u RESTIC_PASSWORD $restic -r r -p two snapshots
# The list is restic's, but for its order.
expect 0 a -r r key list
says "*$(echo "$first" | cut -c 1-8)"
says "$(echo "$id" | cut -c 1-8)  anna"
sort out >ours
$restic -r r key list 2>/dev/null | sort >theirs
cmp ours theirs || fail 'the table is not that of restic'
a -r r -p two key list --json | python3 -c \
	'import json, sys; print(json.dumps(sorted(json.load(sys.stdin), key=lambda k: k["id"])))' \
	>ours
env -u RESTIC_PASSWORD $restic -r r -p two key list --json |
	python3 -c \
	'import json, sys; print(json.dumps(sorted(json.load(sys.stdin), key=lambda k: k["id"])))' \
	>theirs
cmp ours theirs || fail 'the JSON is not that of restic'

# Not the one in use; the beginning of an id is enough for another.
expect 1 a -r r key remove "$first"
says 'has opened the repository with'
expect 1 a -r r key remove zz
expect 1 a -r r key remove
expect 1 a -r r key add --new-password-file empty
says 'an empty password is not allowed'
expect 1 a -r r key add --new-password-file two --new-insecure-no-password
expect 1 a -r r -p empty key list
[ "$(key_ids | wc -l)" = 2 ] || fail 'a key too many or too few'
expect 0 a -r r key remove "$(echo "$id" | cut -c 1-6)"
says "removed key $id"
expect 12 a -r r -p two list

# Asked for on standard input; restic reads what passwd wrote, and the old password is of no use any
# more.
printf 'third\n' | a -r r key passwd >out 2>err || fail "passwd: $(cat err)"
says 'only a copy into a new repository ends that'
says 'key add'
says 'saved new key as'
expect 12 a -r r list
expect 0 env RESTIC_PASSWORD=third $restic -r r snapshots
[ "$(key_ids | wc -l)" = 1 ] || fail 'the old key is still there'
export RESTIC_PASSWORD=third
expect 0 a -r r key add --new-insecure-no-password
expect 0 env -u RESTIC_PASSWORD "$A_BACKUP" -r r --insecure-no-password list
# Without a lock nothing is changed.
expect 0 $restic -r r unlock
"$A_BACKUP" -q -r r add --stop-timeout 60s src &
pid=$!
wait_for 20 sh -c 'ls r/locks | grep -qv tmp'
kill -STOP $pid
expect 11 a -r r key passwd --new-password-file two --no-lock
expect 11 a -r r key remove ab
expect 0 a -r r key list
kill -KILL $pid
wait $pid || true
expect 0 a -r r unlock --remove-all

# ---- a project's password file ----
serve ''
unset RESTIC_PASSWORD OS_AUTH_URL OS_USERNAME OS_PASSWORD
export AWS_ENDPOINT_URL="http://127.0.0.1:$PORT" OS_PROJECT_NAME=project_7 HOME="$T/home"
mkdir -p "$HOME/elsewhere"
file=$HOME/.backup_passwd_7
printf 'restic_7\n' >"$HOME/elsewhere/secret"
chmod 600 "$HOME/elsewhere/secret"
ln -s elsewhere/secret "$file"
RESTIC_PASSWORD=restic_7 "$TOOLS/light_repo" "s3:$AWS_ENDPOINT_URL/7-s3backup"
expect 0 a -S3 add src
keys_there() { ask '/7-s3backup?list-type=2&prefix=keys/' | grep -o '<Key>' | wc -l; }
cp "$file" old
expect 0 a -S3 key passwd
says "The new password will be in $HOME/elsewhere/secret"
says 'give them the new one'
[ -L "$file" ] || fail 'the link to the file is gone'
[ "$(wc -c <"$file")" = 45 ] || fail 'the password is not a random one'
expect 0 a -S3 list
[ "$(keys_there)" = 1 ] || fail 'the old key is still there'
expect 12 a -S3 -p old list

# Killed at each step: what changes the store or the file.
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
static atomic_int n;
static void note(int k)
{
	char text[16];
	int fd = open(getenv("SHIM_COUNT"), O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd >= 0 && write(fd, text, (size_t)snprintf(text, sizeof(text), "%d\n", k)) < 0)
		abort();
	close(fd);
}
static int step(void)
{
	int k = atomic_fetch_add(&n, 1) + 1;

	note(k);
	if (k == atoi(getenv("SHIM_BEFORE")))
		kill(getpid(), SIGKILL);
	return k;
}
static void done(int k)
{
	if (k == atoi(getenv("SHIM_AFTER")))
		kill(getpid(), SIGKILL);
}
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t send(int fd, const void *p, size_t len, int flags)
{
	int counts = len > 7 && (!memcmp(p, "PUT ", 4) || !memcmp(p, "DELETE ", 7));
	int k = counts ? step() : 0;
	ssize_t rc = NEXT(send)(fd, p, len, flags);

	if (counts)
		done(k);
	return rc;
}
int fsync(int fd)
{
	int k = step(), rc = NEXT(fsync)(fd);

	done(k);
	return rc;
}
int rename(const char *from, const char *to)
{
	int k = step(), rc;

	if (getenv("SHIM_FAIL")) {
		errno = EROFS;
		return -1;
	}
	rc = NEXT(rename)(from, to);
	done(k);
	return rc;
}
C
${CC:-cc} -shared -fPIC -o shim.so shim.c
export SHIM_COUNT="$T/steps" SHIM_BEFORE=0 SHIM_AFTER=0
preload=$T/shim.so
[ -z "${LD_PRELOAD:-}" ] || preload="$LD_PRELOAD $T/shim.so"
change() { LD_PRELOAD="$preload" "$A_BACKUP" -q -S3 key passwd; }
expect 0 change
steps=$(cat steps)
[ "$steps" -ge 7 ] || fail "only $steps steps were seen"
for k in $(seq 1 "$steps"); do
	for when in BEFORE AFTER; do
		a -S3 -q unlock --remove-all
		rc=0
		(
			eval "export SHIM_$when=$k"
			change
		) >out 2>err || rc=$?
		[ $rc = 137 ] || fail "$when step $k: exit status $rc"
		a -S3 -q --no-lock list >out 2>err ||
			fail "killed $when step $k the password in the file is of no use: $(cat err)"
	done
done
expect 0 a -S3 unlock --remove-all
# Where the file cannot be replaced nothing has changed.
a -S3 -q key list >before
(
	export SHIM_FAIL=1
	expect 1 change
	says 'replace the password file'
) || exit 1
a -S3 -q key list | cmp - before || fail 'a key was left although the file could not be replaced'
# Keys that are left over can be removed by whoever is in.
a -S3 key list --json 2>err | python3 -c \
	'import json, sys; print(*[k["id"] for k in json.load(sys.stdin) if k["current"]])' >current
a -S3 list keys | grep -vxf current >rest
while read -r id; do
	expect 0 a -S3 -q key remove "$id"
done <rest
[ "$(keys_there)" = 1 ] || fail 'not one key at the end'
expect 0 a -S3 list
