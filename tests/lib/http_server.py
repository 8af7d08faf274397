#!/usr/bin/python3
"""A server that behaves as its paths say, for the tests of src/backend/http.c.

Usage: http_server.py [CERT KEY] Prints its port. Ends when its standard input does. It counts
connections, requests under way and Expect headers.
"""
import http.server
import json
import os
import socket
import socketserver
import ssl
import sys
import threading
import time

lock = threading.Lock()
seen = {"connections": 0, "now": 0, "most": 0, "expect": 0}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fickle = False

    def setup(self):
        with lock:
            seen["connections"] += 1
        super().setup()

    def log_message(self, *a):
        pass

    def answer(self, body=b"", status=200, headers=(), length=None):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do(self):
        with lock:
            seen["now"] += 1
            seen["most"] = max(seen["most"], seen["now"])
            seen["expect"] += "Expect" in self.headers
        try:
            self.act()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with lock:
                seen["now"] -= 1

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do

    def odd(self):
        """A REST repository that does what rclone's does not, but others may: version 1 listings,
        416, whole objects for ranges, no second upload."""
        kind, _, name = self.path[len("/odd/"):].partition("/")
        self.body()
        if kind == "?create=true":
            return self.answer()
        if kind == "data" and not name:
            return self.answer(json.dumps([c * 64 for c in "abc"] + ["README"]).encode())
        if kind == "data":
            return self.answer(b"12345", 404 if name[0] == "b" else 200)
        if kind == "snapshots" and not name:
            return self.answer(b"no such folder", 404)
        if kind == "locks":
            return self.answer(b"over there", 301, [("Location", "http://elsewhere/x")])
        if kind == "keys":
            return self.answer(b"come back", 503, [("Retry-After", "7")])
        if self.command == "DELETE" and kind == "snapshots":
            return self.answer(b"<Error/>" if name[2] == "1" else b"", 200 + int(name[:2]))
        if self.command == "POST" and kind == "snapshots":
            return self.answer(b"no space", int(name[:1]) * 94 + 413)
        if self.command == "POST":
            return self.answer(b"it exists", 403)
        if self.command == "GET" and int(self.headers["Range"][6:].split("-")[0]) >= 10:
            return self.answer(b"no such range", 416)
        return self.answer(b"0123456789")

    def never_end(self, what, n):
        """Chunk after chunk of a refusal, bytes one by one of an answer, promises without an
        answer: n milliseconds apart."""
        if what != "continue":
            self.send_response(404 if what == "endless" else 200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
        piece = {"endless": b"4000\r\n" + b"x" * 0x4000 + b"\r\n", "dripping": b"1\r\n \r\n", "continue": b"HTTP/1.1 100 Continue\r\n\r\n"}[what]
        while True:
            self.wfile.write(piece)
            time.sleep(n / 1000)

    def act(self):
        if self.path.startswith("http://"):
            return self.answer(b"through the proxy")
        if self.path.startswith("/odd/"):
            return self.odd()
        if self.path.startswith("/rclone/"):
            # `rclone serve restic` whose own storage does not answer, but for one listing.
            self.body()
            self.version_string = lambda: "rclone/v1.60.1"
            if self.path == "/rclone/index/":
                return self.answer(json.dumps([{"name": "dd" + "0" * 62, "size": 5}]).encode())
            return self.answer(b"Not Found", 404)
        what, _, n = self.path[1:].partition("/")
        n = int(n or 0)
        if what == "early":
            self.answer(b"full", 507)
            self.close_connection = True
            return None
        body = self.body()
        if self.fickle:
            self.close_connection = True
            return None
        if what == "fickle":
            self.fickle = True
            return self.answer(b"once")
        if what == "seen":
            with lock:
                text = json.dumps(seen)
            return self.answer(text.encode())
        if what == "echo":
            h = self.headers
            own = [h.get("X-Own", "-"), h.get("Content-Type", "-"), h.get("User-Agent", "-"), h.get("Transfer-Encoding", "-")]
            return self.answer(" ".join([self.command, str(len(body)), str(sum(body))] + own).encode())
        if what == "bytes":
            return self.answer(bytes(i % 251 for i in range(n)))
        if what == "slow":
            time.sleep(n / 1000)
            return self.answer(b"slow")
        if what == "drip":
            # A byte every n ms: slow, but it moves.
            self.answer(b"", length=8)
            for _ in range(8):
                time.sleep(n / 1000)
                self.wfile.write(b".")
                self.wfile.flush()
            return None
        if what == "page":
            return self.answer(b"<html>please log in</html>", n, [("Content-Type", "text/html; charset=utf-8")])
        if what in ("endless", "dripping", "continue"):
            return self.never_end(what, n)
        if what == "stall":
            self.answer(b"ten bytes ", length=1000)
            time.sleep(20)
            return None
        if what == "cut":
            self.answer(b"ten bytes ", length=1000)
            self.close_connection = True
            return None
        if what == "headers":
            return self.answer(b"many", headers=[("X-%d" % i, "v" * 990) for i in range(n // 1000)])
        if what == "long":
            return self.answer(b"long", headers=[("X-Long", "v" * n)])
        if what == "status":
            return self.answer(b"<first>line\x1b[31m</first>\nsecond " + b"x" * 200, n, [("Retry-After", "7"), ("X-Two", " a b ")])
        if what == "drop":
            # The client keeps this connection for its next request, and finds it dead then.
            self.answer(b"good-bye")
            self.close_connection = True
            return None
        if what == "vanish":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        return self.answer(b"no such path", 404)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *a):
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    if len(sys.argv) > 3:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(sys.argv[3])
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
while os.read(0, 1):
    pass
