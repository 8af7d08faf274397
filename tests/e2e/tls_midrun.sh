#!/bin/sh
# One connection in mid-run meets something else behind the TLS port: an HTTP page, an end in the
# handshake, the certificate of another host, one that nobody signed, one that is too old.  The next
# is well again: the run goes on, and all is stored.  From the beginning it is an error, at once.
set -eu
. tests/lib/e2e.sh
. tests/lib/store_server.sh
noise "$T/src" 6
cd "$T"
front=
trap 'kill $server_pid $front 2>/dev/null || true' EXIT

certificate() { # NAME SUBJECTALTNAME DAYS
	openssl req -x509 -newkey rsa:2048 -nodes -days "$3" -subj "/CN=$1" \
		-addext "subjectAltName=$2" -keyout "$1.key" -out "$1.crt" 2>openssl.log
}
certificate good IP:127.0.0.1 2
certificate other DNS:other.example 2
certificate stranger IP:127.0.0.1 2
certificate old IP:127.0.0.1 2
# Its time is over: valid from the day before yesterday to yesterday.
openssl req -new -key old.key -subj /CN=old -addext subjectAltName=IP:127.0.0.1 -out old.csr \
	2>openssl.log
mkdir demo
: >demo/index
echo 01 >demo/serial
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=demo/index\nserial=demo/serial\nnew_certs_dir=demo\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n' >ca.conf
openssl ca -batch -config ca.conf -selfsign -keyfile old.key -in old.csr -out old.crt \
	-startdate "$(date -u -d '-2 days' +%Y%m%d%H%M%SZ)" -enddate \
	"$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)" 2>openssl.log ||
	fail "no old certificate: $(cat openssl.log)"
cat good.crt other.crt old.crt >ca

# Each pack but the first meets the next of these, on a connection of its own.
hook='
NEXT = ["plain", "cut", "other", "stranger", "old"]
def hook(h):
    if h.p == "/left":
        return h.rep(200, str(len(NEXT)))
    if h.pack:
        h.close_connection = True
        if h.pack % 2 == 0 and NEXT and not os.path.exists("next"):
            with open("next.new", "w") as f:
                f.write(NEXT.pop(0))
            os.rename("next.new", "next")
            return True
'
serve "$hook"
python3 "$TESTS/lib/tls_front.py" tls.port "$PORT" good.crt good.key next 2>front.err &
front=$!
wait_for 10 test -s tls.port
place=rest:https://127.0.0.1:$(cat tls.port)/r/
ab() {
	"$A_BACKUP" -q --cacert ca -r "$place" "$@"
}
expect 0 ab init
expect 0 timeout 100 "$A_BACKUP" -v --cacert ca -r "$place" --pack-size 4 --connections 1 add src
[ "$(ask /left)" = 0 ] && [ ! -e next ] || fail "not all was met: $(ask /left) left"
expect 0 ab check --read-data

for what in plain other stranger old; do
	echo $what >next
	began=$(ms)
	expect 1 timeout 20 "$A_BACKUP" --cacert ca -r "$place" list
	[ $(($(ms) - began)) -lt 5000 ] || fail "$what from the beginning was tried again"
	[ ! -e next ] || fail "$what was not met"
	case $what in
	plain) says 'does not speak TLS' ;;
	other) says 'no alternative certificate subject name' ;;
	stranger) says 'self-signed certificate' ;;
	old) says 'certificate has expired' ;;
	esac
done
