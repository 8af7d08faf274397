#!/bin/sh
# stats: the numbers of restic in all four modes, over snapshots that share directories, contents,
# blobs and hard links; raw-data by any number of ranks.
set -eu
. tests/lib/e2e.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
cd "$T"
new_repo r
python3 - <<'P'
import os, random, shutil, subprocess
rnd = random.Random(19)
def make(d, n):
    os.makedirs(d)
    for i in range(n):
        p = f"{d}/f{i}"
        with open(p, "wb") as f:
            f.write(rnd.choice([b"", b"same", rnd.randbytes(rnd.choice([1, 3000])), b"x" * rnd.choice([10, 700000])]))
        if rnd.random() < .3:
            os.link(p, f"{p}.name")
        if rnd.random() < .2:
            os.symlink("f0", f"{p}.link")
for d in ("src/a", "src/a/b", "src/c/d/e", "src/plain"):
    make(d, 12)
with open("src/big", "wb") as f:
    f.write(rnd.randbytes(3000000) * 2)
# Linked from one directory into another; a copy of a directory, with equal metadata, elsewhere.
os.link("src/a/f1", "src/c/outside")
subprocess.check_call(["cp", "-a", "src/plain", "src/c/plain"])
os.mkfifo("src/fifo")
P
a() { "$A_BACKUP" -r "$@"; }
a r -q add src --tag one
touch src/a/b/new
rm src/c/d/e/f3
$restic -q -r r backup src --host two
echo changed >>src/plain/f2
a r -q add src src/c --tag one,two

compare() {
	$restic -r "$repo" stats "$@" >theirs 2>theirs.err
	a "$repo" stats "$@" >ours 2>ours.err || fail "stats $*: $(cat ours.err)"
	sed '/^repository .* opened/d; /^\[/d' theirs | cmp - ours || {
		diff theirs ours >&2
		fail "stats $* are not those of restic"
	}
}
repo=r
for mode in restore-size files-by-contents blobs-per-file raw-data; do
	compare --json --mode $mode
	compare --mode $mode
	compare --json --mode $mode latest
	compare --json --mode $mode --tag one
done
compare --json
compare --json --host nobody
for n in 2 4; do
	a r stats --json --mode raw-data --ranks $n >ranks
	a r stats --json --mode raw-data | cmp - ranks || fail "$n ranks count otherwise"
	a r stats --json --ranks $n | cmp -s - ours && fail 'nothing was counted'
done
expect 1 a r stats --mode debug
says 'must be restore-size'

# Version 1 knows no compression.
repo=r1
a r1 -q init --repository-version 1
a r1 -q add src
compare --json --mode raw-data
compare --mode raw-data
grep -q Compression ours && fail 'compression in version 1'

# What cannot be counted is an error, alike by one rank and several.
pack=$(a r list blobs | sed -n 's/^data //p' | tail -n 1)
a r find --blob "$pack" --show-pack-id | sed -n 's/^Object belongs to pack //p' | head -n 1 >which
cp -a r broken
for f in broken/index/*; do
	a r cat index "$(basename "$f")" | grep -q "$(cat which)" && rm -f "$f"
done
for mode in raw-data blobs-per-file; do
	expect 1 a broken stats --mode $mode
	grep -q 'in no index\|not in the index' err || fail "$mode: $(cat err)"
done
expect 1 a broken stats --mode raw-data --ranks 3
says 'in no index'
