#!/usr/bin/python3
"""TLS before a store on loopback; now and then one connection meets something else.

Usage: tls_front.py PORTFILE PORT CERT KEY NEXT Writes its port to PORTFILE, gives what it decrypts
to PORT.  When the file NEXT is there, the next connection takes it away and meets what it says:
`plain`, an HTTP page without TLS; `cut`, an end in the handshake; or the name of a pair NAME.crt,
NAME.key to be shown instead.
"""
import os
import socket
import ssl
import sys
import threading

port_file, back, cert, key, next_file = sys.argv[1:]
lock = threading.Lock()


def context(crt, k):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(crt, k)
    return c


good = context(cert, key)


def pipe(a, b):
    try:
        while True:
            d = a.recv(65536)
            if not d:
                break
            b.sendall(d)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def oddity():
    with lock:
        try:
            with open(next_file, encoding="ascii") as f:
                what = f.read().strip()
            os.unlink(next_file)
            return what
        except OSError:
            return ""


def one(c):
    odd = oddity()
    try:
        if odd in ("plain", "cut"):
            c.recv(1000)
            if odd == "plain":
                c.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            c.close()
            return
        t = (context(odd + ".crt", odd + ".key") if odd else good).wrap_socket(c, server_side=True)
    except OSError:  # ssl's errors are such
        c.close()
        return
    s = socket.create_connection(("127.0.0.1", int(back)))
    threading.Thread(target=pipe, args=(s, t), daemon=True).start()
    pipe(t, s)


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(50)
with open(port_file + ".new", "w", encoding="ascii") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)
while True:
    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
