#!/bin/sh
# What is said of a store, and of what its client lacks: a lock that may not be written, roles, a
# proxy with a password in it, an OpenSSL without its algorithms.  And a pack that loses its end on
# the way, of which nobody said how long it is, comes whole at the second try.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
noise "$T/src" 2
cd "$T"
serve '
def hook(h):
    if h.m in ("PUT", "POST") and "/locks/" in h.p and "shut" in G:
        return h.rep(403, "<Error><Code>AccessDenied</Code></Error>" if h.p.startswith("/bkt/") else "Forbidden")
    if h.p == "/shut":
        G["shut"] = True
        return h.rep(200)
    if h.m == "GET" and "/data/" in h.p and h.p not in G:
        G[h.p] = True
        first, last = h.headers.get("Range", "bytes=0-")[6:].split("-")
        first, last = int(first), int(last or len(S[h.p]) - 1)
        part = S[h.p][first:(first + last) // 2]
        head = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Range: bytes %d-%d/%d\r\n\r\n" % (first, last, len(S[h.p]))
        return h.raw(head.encode() + part)
'
for r in "$REST" "$S3" "$SWIFT"; do
	expect 0 "$A_BACKUP" -q -r "$r" init
	expect 0 timeout 30 "$A_BACKUP" -q -r "$r" --pack-size 4 add src
	expect 0 timeout 30 "$A_BACKUP" -r "$r" check --read-data
	grep -q 'cut short.*trying again' out err ||
		fail "$r: nothing was cut short: $(cat out err)"
done
ask /shut
for r in "$REST" "$S3" "$SWIFT"; do
	expect 1 timeout 20 "$A_BACKUP" -r "$r" list
	grep -q 'no-lock' err || fail "$r: list does not say what would help: $(cat err)"
	expect 0 timeout 20 "$A_BACKUP" -q -r "$r" --no-lock list
	expect 1 timeout 20 "$A_BACKUP" -r "$r" add src
	! grep -q 'no-lock' err && grep -q 'right to write and to remove' err ||
		fail "$r: add does not say what is missing: $(cat err)"
done
expect 1 env RESTIC_AWS_ASSUME_ROLE_ARN=arn:x "$A_BACKUP" -r "$S3" list
grep -q RESTIC_AWS_ASSUME_ROLE_ARN err || fail "a role is passed over: $(cat err)"
began=$(date +%s)
expect 1 env https_proxy='http://me:SEC#RET@127.0.0.1:3128' timeout 20 "$A_BACKUP" \
	-r s3:https://s3.invalid/bkt list
grep -q https_proxy err && ! grep -q 'SEC\|RET' err || fail "of a bad proxy: $(cat err)"
[ $(($(date +%s) - began)) -lt 5 ] || fail 'a bad proxy was tried again'
printf 'openssl_conf = init\n[init]\nproviders = provs\n[provs]\nbase = base_sect\n[base_sect]\nactivate = 1\n' >openssl.cnf
for r in "$REST" "$S3" repo; do
	expect 1 env OPENSSL_CONF="$T/openssl.cnf" "$A_BACKUP" -r "$r" init
	grep -q 'OpenSSL.*default provider' err ||
		fail "of an OpenSSL without algorithms: $(cat err)"
done
