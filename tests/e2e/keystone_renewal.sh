#!/bin/sh
# The token is renewed in mid-run by a login server that is just being restarted (404 for a while),
# whose catalog names another region first by then, and the store hears of the new token a second
# later.  The run goes on, and all of it lies in one place.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
noise "$T/src" 5
serve '
TOKENS["life"] = 8
def endpoints(h):
    places = [("R1", "http://%s/v1/AUTH_x" % h.headers["Host"]), ("R2", "http://%s/v1/AUTH_y" % h.headers["Host"])]
    return places[::-1] if "first" in G else places
def hook(h):
    token = h.headers.get("X-Auth-Token", "")
    if h.p == "/show":
        return h.rep(200, "%d %d %d %d" % (sum(k.startswith("/v1/AUTH_x/") for k in S), sum(k.startswith("/v1/AUTH_y/") for k in S),
            G.get("refused", 0), G.get("unknown", 0)))
    if h.p.startswith("/v3") and "first" in G:
        G.setdefault("t1", time.time())
        if time.time() < G["t1"] + 0.5:
            G["refused"] = G.get("refused", 0) + 1
            return h.rep(404, "<html>maintenance</html>")
    if "first" in G and token and token != G["first"]:
        G.setdefault("t2", time.time())
        if time.time() < G["t2"] + 1:
            G["unknown"] = G.get("unknown", 0) + 1
            return h.rep(401)
    if h.pack:
        G.setdefault("first", token)
        time.sleep(2)
'
cd "$T"
expect 0 timeout 20 "$A_BACKUP" -q -r "$SWIFT" init
grep -q 'R1, R2.*OS_REGION_NAME' err || fail "nothing was said of two regions: $(cat err)"
expect 0 timeout 100 "$A_BACKUP" -r "$SWIFT" --pack-size 4 --connections 1 add src
set -- $(ask /show)
[ "$1" -gt 7 ] && [ "$2" = 0 ] || fail "$1 objects in one region, $2 in the other"
[ "$3" -gt 0 ] && [ "$4" -gt 0 ] || fail "no login was refused ($3), or no token unknown ($4)"
export OS_REGION_NAME=R1
expect 0 timeout 30 "$A_BACKUP" -r "$SWIFT" check --read-data
[ ! -s err ] || fail "something is said where a region is named: $(cat err)"
# A right that is missing is called so, and no token is blamed for it.
serve '
def hook(h):
    if h.m == "PUT" and "/locks/" in h.p:
        return h.rep(403, "<html><h1>Forbidden</h1></html>")
'
expect 0 timeout 20 "$A_BACKUP" -q -r "$SWIFT" init
expect 1 timeout 20 "$A_BACKUP" -r "$SWIFT" add src
grep -q 'accepts the token.*no right' err || fail \
	"a missing right is said to be something else: $(cat err)"
