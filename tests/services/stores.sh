#!/bin/sh
# All that a user does, the same on each kind of store: local, a REST server, Ceph's S3 and Swift;
# by one and by three ranks, as threads and under MPI.
# Swift with tokens from Keystone is in keystone.sh.
set -eu
. tests/lib/e2e.sh
. tests/lib/everything.sh
. tests/lib/rclone.sh
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
trap 'kill $server 2>/dev/null || true; sh tests/services/rgw.sh stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
server=
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"
rclone_start "$T/served"

everything_begin
everything "$T/local" "$A_BACKUP" --ranks 3
everything "rest:http://127.0.0.1:$port/one" "$A_BACKUP" --ranks 3
export AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK
everything "s3:$RGW_URL/everything-s3/below" $MPIRUN -n 3 "$A_BACKUP_MPI"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
export ST_AUTH="$RGW_URL/auth/v1.0" ST_USER=u1:swift ST_KEY=swkey
everything swift:everything-swift:/below "$A_BACKUP" --ranks 3
