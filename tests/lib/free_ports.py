#!/usr/bin/env python3
"""free_ports.py N: so many ports of 127.0.0.1 that nobody listens on, for servers that are started
a moment later.

Below the range from which the system takes ports for outgoing connections: a port of that range may
be somebody's connection by the time the server wants it, and another test
makes many of them.
"""

import random
import socket
import sys


def first_ephemeral():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
            return int(f.readline().split()[0])
    except OSError:
        return 32768


def main():
    end = first_ephemeral()
    if end < 12000:  # an unusual range: better the system's choice than none
        end = 65536
    found = []
    while len(found) < int(sys.argv[1]):
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", random.randrange(10000, end)))
            found.append(s)
        except OSError:
            s.close()
    print(*(s.getsockname()[1] for s in found))


main()
