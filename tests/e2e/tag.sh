#!/bin/sh
# tag: adds, removes and sets tags as restic does; at each moment the snapshot is there.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
cd "$T"
new_repo r
mkdir src
echo 1 >src/f
"$A_BACKUP" -q -r r add src --tag t1,t2 --host one
$restic -q -r r backup src --host two
"$A_BACKUP" -q -r r add src --tag t2 --host two

# What is left of snapshots: all but their ids, which are new; each says where it came from first.
left() {
	"$A_BACKUP" -r "$1" list --json | python3 -c 'import json, sys
for s in json.load(sys.stdin):
    print(json.dumps({k: v for k, v in s.items() if k not in ("id", "short_id")}, sort_keys=True))'
}
both() {
	rm -rf ours theirs
	cp -a r ours
	cp -a r theirs
	$restic -r theirs tag "$@" >theirs.out 2>theirs.err
	"$A_BACKUP" -r ours tag "$@" >ours.out 2>ours.err || fail "tag $*: $(cat ours.err)"
	left theirs >theirs.left
	left ours | cmp - theirs.left || fail "tag $* leaves something else than restic"
	tail -n 1 theirs.out | sed 's/[0-9a-f]\{64\}/ID/g' >1
	tail -n 1 ours.out | sed 's/[0-9a-f]\{64\}/ID/g' | cmp - 1 ||
		fail "tag $* says something else than restic: $(cat ours.out)"
}
both --add a,b
both --add 'a, b' --add t1
both --remove t2
both --remove t1,zz
both --add x --remove t1,t2
both --set x,y --set x
both --add q --tag t2
both --add q --host two --path "$T/src"
both --add q --host nowhere
both --json --add a latest
both --add z zzzz latest
grep -q 'Ignoring "zzzz"' ours.err || fail 'a word that names nothing is not told'
both --remove t1 "$(left r >/dev/null && "$A_BACKUP" -r r list snapshots | head -n 1)"

# Tagged twice it still says which one it was first.
first=$("$A_BACKUP" -r r list snapshots --host one 2>/dev/null ||
	"$A_BACKUP" -r r list --host one --json |
	python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
expect 0 "$A_BACKUP" -r r -q tag --add again --host one
expect 0 "$A_BACKUP" -r r -q tag --add again2 --host one
"$A_BACKUP" -r r list --host one --json | grep -q "\"original\":\"$first\"" ||
	fail 'the first id is lost'
# No tags at all.
expect 0 "$A_BACKUP" -r r tag --set '' --host one
says 'modified 1 snapshots'
"$A_BACKUP" -r r list --host one --json | grep -q '"tags"' && fail 'tags are left'
for words in '' '--set a --add b' '--set a --remove b'; do
	# shellcheck disable=SC2086
	expect 1 "$A_BACKUP" -r r tag $words
done
expect 0 $restic -q -r r check

# Killed between the two steps: one of them is there, whichever.
"$A_BACKUP" -r r list --host one --json >before
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <dlfcn.h>
int unlinkat(int dir, const char *path, int flags)
{
	static int (*next)(int, const char *, int);

	if (strlen(path) >= 64 && !strstr(path, "tmp"))
		kill(getpid(), SIGKILL);
	next = (int (*)(int, const char *, int))dlsym(RTLD_NEXT, "unlinkat");
	return next(dir, path, flags);
}
C
${CC:-cc} -shared -fPIC -o shim.so shim.c
LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD }$T/shim.so" "$A_BACKUP" -q -r r tag --add k --host one >out \
	2>err && fail 'it was not killed'
expect 0 "$A_BACKUP" -q -r r unlock --remove-all
"$A_BACKUP" -r r list --host one --json >after
python3 - before after <<'P'
import json, sys
b, a = (json.load(open(f)) for f in sys.argv[1:])
assert b[0]["id"] in [s["id"] for s in a], "the old one is gone"
assert len(a) == 2 and {s["tree"] for s in a} == {b[0]["tree"]}, a
P
