#!/bin/sh
# repair index: from each kind of damage to the index, the packs are named as their headers say; as
# restic does it.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
cd "$T"
new_repo r
mkdir src
for i in 1 2 3; do
	head -c 400000 /dev/urandom >src/noise$i
	seq $i 2000 >src/text$i
	"$A_BACKUP" -q -r r add src
done
python3 "$TESTS/lib/manifest.py" src >want

# entries REPO: what its index names, in order, each entry with its pack.
entries() {
	for id in $("$A_BACKUP" --no-lock -r "$1" list index); do
		"$A_BACKUP" --no-lock -r "$1" cat index "$id"
	done | python3 -c 'import json, sys
for line in sys.stdin:
    for p in json.loads(line)["packs"]:
        for b in p["blobs"]:
            print(p["id"], b["type"], b["id"], b["offset"], b["length"], b.get("uncompressed_length", 0))' | sort
}
entries r >before
first_index() { "$A_BACKUP" -r "$1" list index | sort | head -n 1; }
data_pack() { "$A_BACKUP" -r "$1" cat index "$("$A_BACKUP" -r "$1" list index | sort | tail -n 1)" | python3 -c 'import json, sys; print([p["id"] for p in json.load(sys.stdin)["packs"] if p["blobs"][0]["type"] == "data"][0])'; }
path_of() { echo "$1/data/$(echo "$2" | cut -c 1-2)/$2"; }

# damage NAME COMMAND…: done to two copies, which restic and we repair; equal is what the indexes
# name then.
damage() {
	name=$1
	shift
	rm -rf ours theirs
	cp -a r ours
	cp -a r theirs
	for d in ours theirs; do
		chmod -R u+w $d
		"$@" $d
	done
	options=
	[ "$name" = all ] && options=--read-all-packs
	expect 0 $restic -r theirs repair index $options
	expect 0 "$A_BACKUP" -r ours repair index $options
	entries theirs >theirs.entries
	entries ours | cmp - theirs.entries || fail "$name: the index is not that of restic"
	[ "$("$A_BACKUP" -r ours list packs | wc -l)" = "$("$A_BACKUP" -r theirs list packs | wc -l)" ] || fail "$name: packs went"
}
whole() {
	entries ours | cmp - before || fail "$name: something is lost"
	expect 0 $restic -q -r ours check
	expect 0 "$A_BACKUP" -r ours check --read-data
	rm -rf back
	expect 0 "$A_BACKUP" -q -r ours restore latest -target back
	same back/src
}
nothing() { :; }
no_index() { rm "$1"/index/*; }
one_gone() { rm "$1/index/$(first_index "$1")"; }
one_bad() { printf XXXX | dd of="$1/index/$(first_index "$1")" bs=1 seek=40 conv=notrunc 2>dd.err; }
pack_gone() { rm "$(path_of "$1" "$(data_pack r)")"; }
pack_cut() { truncate -s -5 "$(path_of "$1" "$(data_pack r)")"; }
damage nothing nothing
whole
damage 'no index' no_index
says 'adding pack file to index'
whole
damage 'one is gone' one_gone
whole
damage 'one is damaged' one_bad
says 'removing invalid index'
whole
damage all nothing
whole
damage 'a pack is gone' pack_gone
says 'removing not found pack file'
damage 'a pack is shorter' pack_cut
says 'reindexing pack file'
says 'skipped incomplete pack file'

# Another name for it; not while others are at work; and a store that fails has not lost its
# index.
expect 0 "$A_BACKUP" -r r rebuild-index
entries r | cmp - before || fail 'rebuild-index'
expect 1 "$A_BACKUP" -r r repair index x
expect 1 "$A_BACKUP" -r r repair
says 'repair what? a_backup repair'

# Killed at any moment the index names what it named before; the next repair ends it.
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static atomic_int n;
static void step(void)
{
	if (atomic_fetch_add(&n, 1) + 1 == atoi(getenv("SHIM_KILL")))
		kill(getpid(), SIGKILL);
}
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
int unlinkat(int dir, const char *path, int flags)
{
	step();
	return NEXT(unlinkat)(dir, path, flags);
}
int linkat(int a, const char *from, int b, const char *to, int flags)
{
	step();
	return NEXT(linkat)(a, from, b, to, flags);
}
int fsync(int fd)
{
	step();
	return NEXT(fsync)(fd);
}
C
${CC:-cc} -shared -fPIC -o shim.so shim.c
k=0 killed=0
while [ $k -lt 40 ]; do
	k=$((k + 1))
	rm -rf ours
	cp -a r ours
	rc=0
	SHIM_KILL=$k LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD }$T/shim.so" "$A_BACKUP" -q -r ours repair index >out 2>err || rc=$?
	[ $rc != 0 ] || break
	[ $rc = 137 ] || fail "kill $k: exit status $rc"
	killed=$((killed + 1))
	entries ours | sort -u | cmp - before || fail "killed at step $k the index has lost something"
done
[ $killed -ge 4 ] || fail "only $killed kills"
expect 0 "$A_BACKUP" -q -r ours check # the last one was not killed
