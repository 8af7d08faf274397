#!/usr/bin/env python3
"""forward.py HOST PORT TO ELSEWHERE FLAG: a port that leads to 127.0.0.1:TO and, from the moment on
when the file FLAG is there, to ELSEWHERE: no connection outlives that."""

import os
import select
import socket
import sys
import threading

host, port, to, elsewhere = sys.argv[1], *(int(a) for a in sys.argv[2:5])
flag = sys.argv[5]


def carry(here):
    before = os.path.exists(flag)
    there = socket.create_connection(("127.0.0.1", elsewhere if before else to))
    way = {here: there, there: here}
    while os.path.exists(flag) == before:
        for s in select.select(list(way), [], [], 0.005)[0]:
            data = s.recv(65536)
            if not data:
                here.close()
                there.close()
                return
            way[s].sendall(data)
    here.close()
    there.close()


def quiet(here):
    try:
        carry(here)
    except OSError:
        here.close()


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((host, port))
listener.listen(64)
while True:
    threading.Thread(target=quiet, args=(listener.accept()[0],), daemon=True).start()
