#!/usr/bin/python3
"""A store in memory that does what a test wants: S3 (/BUCKET/…), REST (/r/…), Swift (/v1/ACCOUNT/CONTAINER/…) and Keystone (/v3) on one loopback port.

Usage: store_server.py PORTFILE [HOOK]   Writes its port to PORTFILE.  HOOK is Python text that may define

    hook(h)        called for each request; True: it has answered itself, by h.rep(status, body, headers), h.raw(bytes) or h.serve().
                   h.m method, h.p path, h.q query, h.body, h.pack: the number of this upload of a pack, from 1 (0: it is none)
    endpoints(h)   [(region, url), …] of the catalog; the default is one region

and may use S (what is stored: path to bytes), G (a dict for what it remembers), L (a lock), TOKENS (life in seconds, and who is valid), PAGE (of S3's listings).
"""
import hashlib
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape, unescape

S, G, L = {}, {"packs": 0}, threading.Lock()
TOKENS = {"life": 3600, "n": 0, "valid": {}}
H = {"S": S, "G": G, "L": L, "TOKENS": TOKENS, "PAGE": 1000, "time": time, "os": os, "json": json}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *a):
        pass

    def rep(self, status, body=b"", headers=()):
        if isinstance(body, str):
            body = body.encode()
        try:
            self.send_response(status)
            for k, v in headers:
                self.send_header(k, v)
            if not any(k == "Content-Length" for k, v in headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            self.close_connection = True
        return True

    def raw(self, data):
        self.close_connection = True
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            pass
        return True

    def act(self):
        path, _, query = self.path.partition("?")
        self.m, self.p = self.command, urllib.parse.unquote(path)
        self.q = {k: v[0] for k, v in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.pack = 0
        if self.m in ("PUT", "POST") and "/data/" in self.p:
            with L:
                G["packs"] += 1
                self.pack = G["packs"]
        if not ("hook" in H and H["hook"](self)):
            self.serve()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = act

    def login(self):
        with L:
            TOKENS["n"] += 1
            token = "token%d" % TOKENS["n"]
            TOKENS["valid"][token] = time.time() + TOKENS["life"]
        now, form = time.time(), "%Y-%m-%dT%H:%M:%S.000000Z"
        places = H["endpoints"](self) if "endpoints" in H else [("R1", "http://%s/v1/AUTH_x" % self.headers["Host"])]
        catalog = [{"type": "object-store", "endpoints": [{"interface": "public", "region": r, "region_id": r, "url": u} for r, u in places]}]
        ends = time.strftime(form, time.gmtime(now + TOKENS["life"]))
        body = {"token": {"issued_at": time.strftime(form, time.gmtime(now)), "expires_at": ends, "catalog": catalog}}
        return self.rep(201, json.dumps(body), [("X-Subject-Token", token), ("Content-Type", "application/json")])

    def serve(self):
        if self.p.startswith("/v3/auth/tokens"):
            return self.login() if self.m == "POST" else self.rep(404)
        if self.p.startswith("/v1/"):
            if TOKENS["valid"].get(self.headers.get("X-Auth-Token", ""), 0) < time.time():
                return self.rep(401)
            if self.m == "POST" and "bulk-delete" in self.q:
                return self.bulk_delete()
            return self.container() if self.p.count("/") == 3 else self.thing("swift")
        if self.p.startswith("/r/"):
            if self.m == "POST" and "create" in self.q:
                return self.rep(200)
            if self.m == "GET" and self.p.endswith("/"):
                names = [{"name": k.rsplit("/", 1)[1], "size": len(v)} for k, v in list(S.items()) if k.startswith(self.p)]
                return self.rep(200, json.dumps(names), [("Content-Type", "application/vnd.x.restic.rest.v2")])
            return self.thing("rest")
        return self.bucket() if self.p.strip("/").count("/") == 0 else self.thing("s3")

    def bulk_delete(self):
        names = [urllib.parse.unquote(x) for x in self.body.decode().splitlines()]
        account = self.p.rstrip("/")
        found = sum(S.pop(account + x, None) is not None for x in names)
        G["bulk"] = G.get("bulk", 0) + 1
        answer = {"Number Deleted": found, "Number Not Found": len(names) - found, "Errors": [], "Response Status": "200 OK", "Response Body": ""}
        return self.rep(200, json.dumps(answer), [("Content-Type", "application/json")])

    def delete_many(self):
        keys = re.findall("<Key>(.*?)</Key>", self.body.decode())
        for k in keys:
            S.pop("/" + self.p.strip("/") + "/" + unescape(k), None)
        G["bulk"] = G.get("bulk", 0) + 1
        return self.rep(200, "<DeleteResult>" + "".join("<Deleted><Key>%s</Key></Deleted>" % k for k in keys) + "</DeleteResult>", [("Content-Type", "application/xml")])

    def container(self):
        if self.m != "GET":
            return self.rep(204 if self.m == "HEAD" else 201, b"", [("X-Container-Bytes-Used", "0"), ("X-Container-Object-Count", "0")])
        base = self.p.rstrip("/") + "/"
        names = sorted(k[len(base):] for k in list(S) if k.startswith(base + self.q.get("prefix", "")))
        names = [x for x in names if x > self.q.get("marker", "")][:1000]
        return self.rep(200, json.dumps([{"name": x, "bytes": len(S[base + x])} for x in names]), [("Content-Type", "application/json")])

    def bucket(self):
        if self.m == "POST" and "delete" in self.q:
            return self.delete_many()
        if self.m != "GET":
            return self.rep(200)
        base, after = "/" + self.p.strip("/") + "/", self.q.get("continuation-token") or self.q.get("start-after") or self.q.get("marker") or ""
        keys = sorted(k[len(base):] for k in list(S) if k.startswith(base + self.q.get("prefix", "")))
        keys = [k for k in keys if k > after]
        more, keys = len(keys) > H["PAGE"], keys[:H["PAGE"]]
        x = '<?xml version="1.0"?><ListBucketResult><IsTruncated>%s</IsTruncated>' % ("true" if more else "false")
        x += "<NextContinuationToken>%s</NextContinuationToken>" % escape(keys[-1]) if more else ""
        x += "".join("<Contents><Key>%s</Key><Size>%d</Size></Contents>" % (escape(k), len(S[base + k])) for k in keys)
        return self.rep(200, x + "</ListBucketResult>", [("Content-Type", "application/xml")])

    def thing(self, kind):
        p = self.p
        if self.m in ("PUT", "POST"):
            S[p] = self.body
            md5 = hashlib.md5(self.body).hexdigest()
            return self.rep(201 if kind == "swift" else 200, b"", [] if kind == "rest" else [("ETag", md5 if kind == "swift" else '"%s"' % md5)])
        if self.m == "DELETE":
            S.pop(p, None)
            return self.rep(200 if kind == "rest" else 204)
        if p not in S:
            return self.rep(404, "<Error><Code>NoSuchKey</Code></Error>" if kind == "s3" else b"")
        data, part = S[p], self.headers.get("Range")
        if self.m == "HEAD":
            return self.rep(200, b"", [("Content-Length", str(len(data)))])
        if not part:
            return self.rep(200, data)
        first, last = part[6:].split("-")
        first, last = int(first), min(int(last or len(data) - 1), len(data) - 1)
        return self.rep(206, data[first:last + 1], [("Content-Range", "bytes %d-%d/%d" % (first, last, len(data)))])


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *a):
        pass


if len(sys.argv) > 2:
    exec(sys.argv[2], H)
server = Server(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + "~", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[1] + "~", sys.argv[1])
server.serve_forever()
