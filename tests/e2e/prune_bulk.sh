#!/bin/sh
# Files are removed with few requests where the store can; what its answers do not call removed is
# removed by itself; an index file that may still exist keeps the packs.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
cd "$T"
export A_BACKUP_PASSWORD=x
hook='
ANSWERS = {
    "none": lambda h: h.rep(501, "<Error><Code>NotImplemented</Code></Error>"),
    "html": lambda h: h.rep(200, "<html>please log in</html>"),
    "empty": lambda h: h.rep(200, "<DeleteResult></DeleteResult>"),
    "denied": lambda h: h.rep(200, "<DeleteResult>" + "".join("<Error><Key>%s</Key><Code>InternalError</Code></Error>" % k for k in re.findall("<Key>(.*?)</Key>", h.body.decode())) + "</DeleteResult>"),
}
import hashlib, re
def hook(h):
    if h.p == "/answer":
        G["answer"] = h.q["is"]
        return h.rep(200)
    if h.p == "/junk":
        for i in range(20):
            name = hashlib.sha256(b"%d" % i).hexdigest()
            S[h.q["at"] + (name if h.q["at"].startswith("/r/") else name[:2] + "/" + name)] = b"junk"
        return h.rep(200)
    if h.p == "/bulk":
        return h.rep(200, str(G.get("bulk", 0)))
    if h.p == "/files":
        return h.rep(200, str(sum("/%s/" % h.q["of"] in k for k in S)))
    if h.p == "/singly":
        return h.rep(200, str(G.get("singly", 0)))
    if h.m == "DELETE" and "/data/" in h.p:
        G["singly"] = G.get("singly", 0) + 1
    if h.m == "DELETE" and "/index/" in h.p and G.get("answer") == "index":
        return h.rep(403, "<Error><Code>AccessDenied</Code></Error>")
    if h.m == "POST" and G.get("answer") in ANSWERS and ("delete" in h.q or "bulk-delete" in h.q):
        return ANSWERS[G["answer"]](h)
'
# fill: a repository with 20 packs that no index names, some of which nothing is needed, and a
# snapshot.
fill() {
	serve "$hook"
	eval "r=\$$place"
	"$TOOLS/light_repo" "$r"
	rm -rf src
	mkdir src
	head -c 100000 /dev/urandom >src/gone
	expect 0 "$A_BACKUP" -q -r "$r" add "$T/src"
	rm src/gone
	echo left >src/left
	expect 0 "$A_BACKUP" -q -r "$r" add "$T/src"
	expect 0 "$A_BACKUP" -r "$r" list --json
	expect 0 "$A_BACKUP" -q -r "$r" delete --no-prune "$(jq -r '.[0].id' out)"
	packs=$(ask '/files?of=data')
	case $place in
	S3) ask '/junk?at=/bkt/p/data/' ;;
	SWIFT) ask '/junk?at=/v1/AUTH_x/c/p/data/' ;;
	REST) ask '/junk?at=/r/data/' ;;
	esac
	[ "$(ask '/files?of=data')" = $((packs + 20)) ] || fail "$place: $(ask '/files?of=data') packs"
}
pruned() {
	expect 0 timeout 60 "$A_BACKUP" -r "$r" prune --max-unused 0
	[ "$(ask '/files?of=data')" -le 2 ] || fail "$place $1: $(ask '/files?of=data') packs are left"
	expect 0 "$A_BACKUP" -q -r "$r" check --read-data
}
for place in S3 SWIFT REST; do
	fill
	pruned ''
	case $place in
	REST) [ "$(ask /singly)" -ge 20 ] || fail 'REST removes one by one' ;;
	*) [ "$(ask /bulk)" = 1 ] && [ "$(ask /singly)" -lt 5 ] || fail "$place: $(ask /bulk) requests for many, $(ask /singly) for one" ;;
	esac
done
for answer in none html empty denied; do
	place=S3
	fill
	ask "/answer?is=$answer" >/dev/null
	pruned $answer
	[ "$(ask /singly)" -ge 20 ] || fail "$answer: $(ask /singly) removals of one"
done
place=SWIFT
fill
ask "/answer?is=html" >/dev/null
pruned html

# An index file stays: no pack goes.
place=S3
fill
indexes=$(ask '/files?of=index')
ask '/answer?is=index' >/dev/null
expect 1 timeout 60 "$A_BACKUP" -r "$r" prune --max-unused 0
says 'remove index'
[ "$(ask '/files?of=data')" -ge "$packs" ] || fail 'packs were removed while an index file names them'
[ "$(ask '/files?of=index')" -ge "$indexes" ] || fail 'an index file was removed'
expect 0 "$A_BACKUP" -q -r "$r" check --read-data
ask '/answer?is=all' >/dev/null
pruned 'the next time'
