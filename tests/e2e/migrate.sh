#!/bin/sh
# migrate: a repository of version 1 becomes one of version 2, if it is whole; what is in it stays.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
restic=$(tests/lib/restic18.sh 2>"$T/restic.err") || {
	tail -n 1 "$T/restic.err"
	exit 77
}
cd "$T"
mkdir src
seq 100000 >src/text
head -c 300000 /dev/urandom >src/noise
expect 0 "$A_BACKUP" -q -r one init --repository-version 1
expect 0 "$A_BACKUP" -q -r one add src
"$A_BACKUP" -r one list --json >before
config() { "$A_BACKUP" -r "$1" cat config | grep -v '"version"'; }
config one >config.before
expect 0 "$A_BACKUP" -r one migrate
says 'upgrade_repo_v2'
expect 0 "$A_BACKUP" -r one migrate no_such
says 'unknown migration no_such'
cp -a one damaged

expect 0 "$A_BACKUP" -r one migrate upgrade_repo_v2
says 'migration upgrade_repo_v2: success'
"$A_BACKUP" -r one cat config | grep -q '"version": 2' || fail 'it is not of version 2'
config one | cmp - config.before || fail 'something else of the config has changed'
"$A_BACKUP" -r one list --json | cmp - before || fail 'the snapshots have changed'
[ "$(ls "$TMPDIR" | grep -c '^a_backup-config-')" = 0 ] || fail 'a copy of the config is left'
# Both go on with it, and what is new is compressed.
seq 200000 >src/text2
expect 0 "$A_BACKUP" -q -r one add src
expect 0 $restic -q -r one backup src
expect 0 $restic -q -r one check --read-data
expect 0 "$A_BACKUP" -q -r one check --read-data
"$A_BACKUP" -r one stats --mode raw-data --json | grep -q '"compression_progress"' || fail 'nothing is compressed'
expect 0 "$A_BACKUP" -r one migrate
says 'no migrations found'
expect 0 "$A_BACKUP" -r one migrate upgrade_repo_v2
says 'already upgraded'

# What is damaged stays as it is.
chmod -R u+w damaged
rm damaged/data/*/"$("$A_BACKUP" -r damaged list packs | head -n 1)"
expect 1 "$A_BACKUP" -r damaged migrate upgrade_repo_v2
says 'it was not changed'
"$A_BACKUP" -r damaged cat config | grep -q '"version": 1' || fail 'a damaged one was changed'

# A server that lets nothing be replaced.
serve '
def hook(h):
    if h.p.endswith("/config") and h.m == "POST" and h.p in S:
        return h.rep(403)
'
expect 0 "$A_BACKUP" -q -r "$REST" init --repository-version 1
expect 0 "$A_BACKUP" -q -r "$REST" add src
expect 0 "$A_BACKUP" -r "$REST" migrate upgrade_repo_v2
"$A_BACKUP" -r "$REST" cat config | grep -q '"version": 2' || fail 'not upgraded over REST'
expect 0 "$A_BACKUP" -q -r "$REST" check --read-data
