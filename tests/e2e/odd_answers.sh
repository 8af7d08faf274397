#!/bin/sh
# Answers in mid-run that are none of the store's: a balancer's, a login portal's, stray bytes, a
# 2xx that is no proof of anything.  A run that the store has answered before tries again, and all
# is stored; before that, such an answer means a wrong address and ends the command at once.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
noise "$T/src" 19

# The first upload of each pack gets the next one of these, until none is left.
hook='
HTML = [("Content-Type", "text/html")]
ODD = [
    lambda h: h.raw(b"garbage garbage\r\n"),
    lambda h: h.raw(b"<html>busy</html>"),
    lambda h: h.rep(400, "<html><h1>400 Bad request</h1></html>", HTML),
    lambda h: h.rep(403, "<html>blocked</html>", HTML),
    lambda h: h.rep(404, "404 page not found"),
    lambda h: h.rep(302, "", [("Location", "/maintenance")]),
    lambda h: h.rep(405, "x"),
    lambda h: h.rep(412, "x"),
    lambda h: h.rep(417, "x"),
    lambda h: h.rep(421, "x"),
    lambda h: h.rep(501, "x"),
    lambda h: h.rep(511, "x"),
    lambda h: h.rep(498, "x"),
    lambda h: h.rep(200, "<html>please log in</html>", HTML),
    lambda h: h.rep(200, "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>", [("Content-Type", "application/xml")]),
    lambda h: h.rep(202),
    lambda h: h.rep(204),
    lambda h: h.rep(206),
    lambda h: h.rep(207, "<Error><Code>InternalError</Code></Error>"),
]
def hook(h):
    if h.p == "/left":
        return h.rep(200, str(len(ODD)))
    if h.p.startswith("/wrong/r/"):
        return h.rep(405, "x")
    if h.pack and h.p not in G and ODD:
        G[h.p] = True
        return ODD.pop(0)(h)
'
cd "$T"
for place in S3 REST SWIFT; do
	serve "$hook"
	eval "r=\$$place"
	expect 0 "$A_BACKUP" -q -r "$r" init
	expect 0 timeout 100 "$A_BACKUP" -r "$r" --pack-size 4 --connections 8 add "$T/src"
	left=$(ask /left)
	[ "$left" = 0 ] || fail "$place: $left of the answers were not given"
	expect 0 timeout 60 "$A_BACKUP" -r "$r" check --read-data
done
# A wrong address is said at once, not after 15 minutes.
began=$(date +%s)
expect 1 timeout 20 "$A_BACKUP" -r "rest:http://127.0.0.1:$PORT/wrong/r/" list
grep -q 405 err || fail "not what the server said: $(cat err)"
[ $(($(date +%s) - began)) -lt 5 ] || fail 'a wrong address was tried again'
