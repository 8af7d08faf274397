#!/bin/sh
# A deletion that is answered as if it were done, or as if there were nothing to delete, while the
# file is there still: what `delete` calls removed is gone.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
mkdir "$T/src"

# The first deletion of each snapshot gets the next one of these.
hook='
ANSWERS = [
    lambda h: h.rep(404),
    lambda h: h.rep(202),
    lambda h: h.rep(207, "<Error><Code>InternalError</Code></Error>"),
    lambda h: h.rep(200, "<html>please log in</html>"),
]
def hook(h):
    if h.p == "/left":
        return h.rep(200, str(len(ANSWERS)))
    if h.m == "DELETE" and "/snapshots/" in h.p and h.p not in G:
        G[h.p] = True
        return ANSWERS.pop(0)(h)
'
cd "$T"
for place in S3 REST SWIFT; do
	serve "$hook"
	eval "r=\$$place"
	expect 0 "$A_BACKUP" -q -r "$r" init
	for _ in 1 2 3 4; do
		expect 0 "$A_BACKUP" -q -r "$r" add "$T/src"
	done
	expect 0 "$A_BACKUP" -r "$r" --json list
	ids=$(grep -o '"short_id": *"[0-9a-f]*"' out | grep -o '[0-9a-f]\{8\}')
	# shellcheck disable=SC2086 # one word for each
	expect 0 timeout 60 "$A_BACKUP" -r "$r" delete $ids
	[ "$(ask /left)" = 0 ] || fail "$place: not all of the answers were given"
	expect 0 "$A_BACKUP" -r "$r" --json list
	! grep -q short_id out || fail "$place: there are snapshots still: $(cat out)"
done
