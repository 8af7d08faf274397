#!/usr/bin/python3
"""rest_store.py PORT_FILE RULES_FILE [DIR]: restic's REST server in memory, which obeys rules. Each
repository begins as a copy of the local one DIR, if given.

A rule is a line "METHOD PART SECONDS [STATUS [TIMES]]": a request with this method ("*": any) whose
path contains PART waits SECONDS and is then done, or answered with
STATUS (not 0) instead; only the first TIMES such requests (0: all). The file is read again at each
request, so rules come and go while it runs.
GET /seen answers with one line a request, "METHOD PATH"; GET /files with one line a file.
"""
import http.server
import json
import os
import socketserver
import sys
import threading
import time

PORT_FILE, RULES = sys.argv[1:3]
lock = threading.Lock()
files, seen, used, repos = {}, [], {}, set()


def make(repo):
    """What the first request for a repository finds."""
    with lock:
        if repo in repos:
            return
        repos.add(repo)
    for top, _, names in os.walk(sys.argv[3]) if len(sys.argv) > 3 else ():
        for n in names:
            kind = os.path.relpath(top, sys.argv[3]).split("/")[0]
            with open(f"{top}/{n}", "rb") as f:
                files[f"/{repo}/" + ("" if kind == "." else kind + "/") + n] = f.read()


def rule_for(method, path):
    for line in open(RULES):
        w = line.split()
        if len(w) < 3 or w[0] not in ("*", method) or w[1] not in path:
            continue
        times = int(w[4]) if len(w) > 4 else 0
        with lock:
            used[line] = used.get(line, 0) + 1
            if times and used[line] > times:
                continue
        return float(w[2]), int(w[3]) if len(w) > 3 else 0
    return 0, 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *a):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do(self):
        path = self.path.split("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if path in ("/seen", "/files"):
            return self.answer(200, "".join(s + "\n" for s in list(seen if path == "/seen" else files)).encode())
        seen.append(f"{self.command} {self.path}")
        make(path.split("/")[1])
        wait, status = rule_for(self.command, path)
        time.sleep(wait)
        if status:
            return self.answer(status)
        try:
            self.act(path, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def act(self, path, body):
        if self.command == "POST":
            if not path.endswith("/"):
                files[path] = body
            return self.answer(200)
        if self.command == "DELETE":
            return self.answer(200 if files.pop(path, None) is not None else 404)
        if path.endswith("/"):
            names = [{"name": k.rsplit("/", 1)[1], "size": len(v)} for k, v in list(files.items()) if k.startswith(path)]
            return self.answer(200, json.dumps(names).encode(), [("Content-Type", "application/vnd.x.restic.rest.v2")])
        if path not in files:
            return self.answer(404)
        data = files[path]
        if self.command == "HEAD":
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            return self.end_headers()
        r = self.headers.get("Range")
        if not r:
            return self.answer(200, data)
        first, last = r[6:].split("-")
        first, last = int(first), int(last) if last else len(data) - 1
        return self.answer(206, data[first : last + 1], [("Content-Range", f"bytes {first}-{last}/{len(data)}")])

    do_GET = do_POST = do_HEAD = do_DELETE = do


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
