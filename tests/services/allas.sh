#!/bin/sh
# The command as users of CSC's wrapper know it, on a Ceph gateway in Allas's place: the same words,
# buckets and password files, and none of the wrapper's faults.
set -eu
. tests/lib/e2e.sh
scripts/deps.sh services >"$T/deps" 2>&1 || {
	tail -n 1 "$T/deps"
	exit 77
}
rgw=$PWD/tests/services/rgw.sh
trap 'cd "${rgw%/tests/*}"; sh "$rgw" stop "$T/rgw"' EXIT
trap 'exit 130' INT TERM
restic=$(tests/lib/restic18.sh 2>"$T/restic" || command -v restic)
sh tests/services/rgw.sh start "$T/rgw" || fail 'the gateway does not start'
. "$T/rgw/env"
terminal="$PWD/tests/lib/terminal.py"
unset RESTIC_PASSWORD
export HOME="$T/home" USER=kkayttaj
mkdir -p "$HOME" "$T/work"
a_backup() { "$A_BACKUP" "$@"; }

# What allas_conf exports: a ready token, its URL, the project's name.
curl -s -D "$T/head" -o "$T/body" -H 'X-Auth-User: u1:swift' -H 'X-Auth-Key: swkey' \
	"$RGW_URL/auth/v1.0"
token=$(sed -n 's/^X-Auth-Token: *\([^\r]*\).*/\1/ip' "$T/head") url=$(sed \
	-n 's/^X-Storage-Url: *\([^\r]*\).*/\1/ip' "$T/head")
[ -n "$token" ] && [ -n "$url" ] || fail "no token: $(cat "$T/head")"
connect() { export OS_AUTH_TOKEN="$token" OS_STORAGE_URL="$url" OS_PROJECT_NAME=project_2001234; }
disconnect() { unset OS_AUTH_TOKEN OS_STORAGE_URL OS_PROJECT_NAME; }
keys() { export AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK AWS_ENDPOINT_URL="$RGW_URL"; }
no_keys() { unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL; }
says() { grep -q -- "$1" "$T/out" "$T/err" || fail "not said: $1: $(cat "$T/out" "$T/err")"; }

cd "$T/work"
mkdir -p 'my data/sub dir' two
echo one >'my data/sub dir/a file'
echo two >two/b
ls -A >"$T/before"

# Nothing is connected: plain words, and not exit code 0.
expect 1 a_backup list
says 'source allas_conf'

connect
# The first add makes the usual repository, with a password that nobody can guess.
expect 10 a_backup list
says 'a_backup add FILE'
[ ! -e "$HOME/.backup_passwd_2001234" ] || fail 'looking makes a password file'
expect 10 a_backup add -n 'my data'
expect 0 a_backup 'my data' two
says 'created repository'
says "it is in $HOME/.backup_passwd_2001234"
[ "$(stat -c %a "$HOME/.backup_passwd_2001234")" = 600 ] || fail 'the password file is not 0600'
[ "$(wc -c <"$HOME/.backup_passwd_2001234")" -gt 40 ] || fail 'a short password'
theirs="$restic -r swift:2001234-BACKUP:/backup -p $HOME/.backup_passwd_2001234"
expect 0 $theirs snapshots --json
jq -e 'length == 1 and .[0].tags == ["kkayttaj"] and (.[0].paths | length) == 2' "$T/out" >"$T/jq" \
	|| fail "snapshot: $(cat "$T/out")"

# From another node there is a parent as well, and nothing is read again.
expect 0 $theirs backup -q --host r18c02.bullx --tag kkayttaj 'my data'
SLURM_JOB_ID=1 SLURM_CLUSTER_NAME=roihu expect 0 a_backup --json add 'my data'
tail -n 1 "$T/out" | jq -e '.files_unmodified == 1 and .files_new == 0' >"$T/jq" ||
	fail "no parent from another host: $(cat "$T/out")"

# Each verb; each option in its old form.
expect 0 a_backup list
says '3 snapshots'
expect 0 a_backup list -last
expect 0 a_backup list -path "$PWD/two"
says '1 snapshots'
expect 0 a_backup files latest -path "$PWD/two"
says '/my data/sub dir/a file'
expect 0 a_backup find 'a file'
says '^3 hits in 3 snapshots'
expect 0 a_backup find nothing-like-that
says '^0 hits in 0 snapshots'
expect 0 a_backup dump latest -file '/my data/sub dir/a file'
[ "$(cat "$T/out")" = one ] || fail 'dump'
expect 0 a_backup dump latest -f '/my data/sub dir/a file'
mkdir "$T/to"
expect 0 a_backup restore latest -target "$T/to"
cmp 'my data/sub dir/a file' "$T/to/my data/sub dir/a file"
echo kept >"$T/to/my data/sub dir/a file"
expect 0 a_backup restore latest -target "$T/to"
grep -q kept "$T/to/my data/sub dir/a file" || fail 'restore does not keep what is there'
expect 0 a_backup restore-newer latest -target "$T/to"
grep -q kept "$T/to/my data/sub dir/a file" || fail 'restore-newer replaces something newer'
touch -d 2001-01-01 "$T/to/my data/sub dir/a file"
expect 0 a_backup restore-newer latest -target "$T/to"
grep -q one "$T/to/my data/sub dir/a file" || fail 'restore-newer keeps something older'
echo kept >"$T/to/my data/sub dir/a file"
expect 0 a_backup restore-overwrite latest -target "$T/to"
grep -q one "$T/to/my data/sub dir/a file" || fail 'restore-overwrite keeps what is there'
expect 0 a_backup unlock
for word in -h -help --help; do
	expect 0 a_backup $word
	says 'a_backup restore SNAPSHOT'
done

# delete: by id; what is freed is said; what is not there is told.
id=$(a_backup --json list | jq -r '.[0].id')
expect 0 a_backup delete 0123456789
says 'Ignoring "0123456789"'
expect 0 a_backup delete -n "$id"
expect 0 a_backup list
says '3 snapshots'
expect 0 a_backup delete "$id"
says freed
expect 0 a_backup --json delete "$(a_backup --json list | jq -r '.[0].short_id')"
head -n 1 "$T/out" | jq -e '.message_type == "removed" and (.id | length) == 64' >"$T/jq" ||
	fail "delete: $(cat "$T/out")"
expect 0 $theirs snapshots --json
[ "$(jq length "$T/out")" = 1 ] || fail 'delete'
expect 0 $theirs check
expect 1 a_backup delete

# Another bucket: not made in a batch job; asked for on a terminal; in S3 mode as well.
keys
for mode in swift s3; do
	expect 10 a_backup -mode $mode -b other-$mode two
	expect 10 "$terminal" n "$A_BACKUP" -mode $mode -b other-$mode two
	expect 0 "$terminal" y "$A_BACKUP" -mode $mode -b other-$mode two
	expect 0 a_backup -mode $mode -b other-$mode list
	says '1 snapshots'
done
curl -s --aws-sigv4 aws:amz:us-east-1:s3 --user AK:SK -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
	"$RGW_URL/other-s3?prefix=config" | grep -q '<Key>config</Key>' ||
	fail 'not at the root of the bucket'
# Another label: its own bucket and its own password file.
expect 0 "$terminal" y "$A_BACKUP" -r 777 two
expect 0 $restic -r swift:777-BACKUP:/backup -p "$HOME/.backup_passwd_777" snapshots
! cmp -s "$HOME/.backup_passwd_777" "$HOME/.backup_passwd_2001234" || fail 'the same password twice'

# A password that nobody has seen is told of in any case; one that was given lies in no file.
expect 0 "$terminal" y "$A_BACKUP" -q -r 778 two
says "the new repository is in $HOME/.backup_passwd_778"
RESTIC_PASSWORD=given expect 0 "$terminal" y "$A_BACKUP" -r 779 two
says 'created repository'
! grep -q backup_passwd "$T/out" "$T/err" || fail 'a password file that there is not'

# What was made through one protocol is found through the other, before another repository is made.
expect 0 a_backup -s3 list
says 'swift\|2001234-BACKUP/backup'
says '1 snapshots'
expect 0 a_backup --s3cmd two
expect 0 a_backup list
says '2 snapshots'
disconnect
export OS_PROJECT_NAME=project_2009
expect 0 a_backup two
says '/2009-s3backup'
expect 0 a_backup two
grep -q 'created repository' "$T/out" "$T/err" && fail 'made twice'
[ "$(curl -s --aws-sigv4 aws:amz:us-east-1:s3 --user AK:SK -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$RGW_URL/2009-s3backup" | grep -o '<Key>keys/' | wc -l)" = 1 ] ||
	fail 'two keys in the repository'
no_keys
connect
keys
OS_PROJECT_NAME=project_2009 expect 0 a_backup -mode swift list
says '2 snapshots'

# Keys where CSC's tools leave them, and the project by its keys.
no_keys
disconnect
mkdir -p "$HOME/.config/rclone" "$HOME/.aws"
for section in s3allas s3allas-project_2009; do
	printf '[%s]\ntype = s3\nprovider = Other\nenv_auth = false\naccess_key_id = AK\nsecret_access_key = SK\nendpoint = %s\nacl = private\n\n' $section "$RGW_URL"
done >"$HOME/.config/rclone/rclone.conf"
expect 0 a_backup list
says '2 snapshots'
mv "$HOME/.config/rclone/rclone.conf" "$T/rclone.conf"
printf '[default]\nAWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=SK\n' >"$HOME/.aws/credentials"
printf '[default]\nendpoint_url = %s\n' "$RGW_URL" >"$HOME/.aws/config"
expect 0 a_backup -project project_2009 -S3 list
says '2 snapshots'
rm -r "$HOME/.aws"

# Repositories of the wrapper, with the password that it wrote; who has no file gets in as well,
# since the wrapper would have written it.
connect
export OS_PROJECT_NAME=project_31
echo restic_31 >"$HOME/.backup_passwd_31"
$restic -q -r swift:31-BACKUP:/backup -p "$HOME/.backup_passwd_31" init
expect 0 a_backup two
says 'chmod 600'
[ "$(cat "$HOME/.backup_passwd_31")" = restic_31 ] || fail 'an old password file was changed'
rm "$HOME/.backup_passwd_31"
expect 0 a_backup list
says '1 snapshots'
[ ! -e "$HOME/.backup_passwd_31" ] || fail 'a guessed password was written down'
# Any other password has to be known.
export OS_PROJECT_NAME=project_2001234
mv "$HOME/.backup_passwd_2001234" "$T/password"
expect 12 a_backup list
says 'backup_passwd_2001234 does not exist'
[ ! -e "$HOME/.backup_passwd_2001234" ] || fail 'a password file for somebody else'"'"'s repository'
expect 0 "$terminal" "$(cat "$T/password")" "$A_BACKUP" list
says '2 snapshots'
expect 0 "$terminal" "$(cat "$T/password")" "$A_BACKUP" list -password
expect 12 "$terminal" wrong "$A_BACKUP" list -password
expect 0 "$terminal" "$(cat "$T/password")" "$A_BACKUP" delete latest -password
says removed
RESTIC_PASSWORD_FILE="$T/password" expect 0 a_backup list
# A new repository whose password is not to lie in a file.
expect 0 "$terminal" "y,secret,secret" "$A_BACKUP" -r 888 -password two
[ ! -e "$HOME/.backup_passwd_888" ] || fail 'a password was written down'
RESTIC_PASSWORD=secret expect 0 a_backup -r 888 list
mv "$T/password" "$HOME/.backup_passwd_2001234"

# What cannot be read: exit code 3, and whose it is.
chmod -R a+rX "$T/work" "$HOME"
chmod 755 "$HOME"
chmod 644 "$HOME/.backup_passwd_2001234"
echo private >two/private
echo private >two/private2
chown 12345 two/private two/private2
chmod 600 two/private two/private2
expect 3 setpriv --reuid=65534 --regid=65534 --clear-groups "$A_BACKUP" add -pre-check two
says '2 uid 12345'
expect 3 setpriv --reuid=65534 --regid=65534 --clear-groups "$A_BACKUP" --json add -pre-check two
grep unreadable "$T/out" | jq -e '.uid == 12345 and .items == 2' >"$T/jq" ||
	fail "pre-check: $(cat "$T/out")"
rm two/private two/private2
expect 0 a_backup add -pre-check two
says 'all could be read'

# Nothing is left lying about.
ls -A | diff "$T/before" - || fail 'files are left in the current directory'
